//! What S3 allows, and what we allow ourselves.

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// How much memory uploads may take, all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffers {
    /// The largest upload, in bytes: each is held in memory, so that it can be sent again. Twice the smallest part at
    /// least, or some lengths could not be cut.
    pub largest: u64,
    /// Bytes of all uploads under way, at most.
    pub total: u64,
}

/// The bounds of a plan. Tests plan with small ones, to see bytes instead of lengths.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The smallest part that may be followed by another, in bytes.
    pub min_part: u64,
    /// The largest part and the longest range of one copy, in bytes.
    pub max_part: u64,
    /// Parts of one upload.
    pub max_parts: usize,
    /// Longer bodies are copied in several ranges at the same time, in bytes: S3 takes about a second for 75 MB. Twice
    /// the smallest part at least.
    pub copy: u64,
    /// A pad object ends when it is this long, in bytes.
    pub pad: u64,
    /// Buffers of the plan that copies.
    pub many_small: Buffers,
    /// Buffers of the plan that streams.
    pub few_large: Buffers,
}

impl Limits {
    /// S3's: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>. Ours: the buffers of a function that
    /// is to stay 64 MiB above idle, connections and the allocator's gaps included (`benches/README.md` measures them).
    pub const S3: Self = Self {
        min_part: 5 * MIB,
        max_part: 5 * GIB,
        max_parts: 10_000,
        copy: 512 * MIB,
        pad: 4 * GIB,
        many_small: Buffers { largest: 10 * MIB, total: 30 * MIB },
        few_large: Buffers { largest: 13 * MIB, total: 39 * MIB },
    };
}
