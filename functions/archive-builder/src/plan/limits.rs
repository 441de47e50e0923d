//! Limits of S3, and Darkroom's own.

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Memory limits of all uploads together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffers {
    /// Largest upload in bytes. Each upload is in memory, so that it can be retried. At least twice the smallest part;
    /// otherwise some lengths could not be cut.
    pub largest: u64,
    /// Largest total of all uploads in progress, in bytes.
    pub total: u64,
}

/// Limits of a plan. Tests use small ones, to compare bytes instead of lengths.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Smallest part in bytes, except for the last part of an upload.
    pub min_part: u64,
    /// Largest part, and longest range of one copy, in bytes.
    pub max_part: u64,
    /// Largest number of parts of one upload.
    pub max_parts: usize,
    /// Size in bytes above which a body is copied in several concurrent ranges: S3 takes about a second for 75 MB. At
    /// least twice the smallest part.
    pub copy: u64,
    /// Size in bytes at which a pad object ends.
    pub pad: u64,
    /// Memory limits of a copying plan.
    pub many_small: Buffers,
    /// Memory limits of a streaming plan.
    pub few_large: Buffers,
}

impl Limits {
    /// S3's limits: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>. The buffers are for a function
    /// that stays within 64 MiB above idle, including connections and the allocator's gaps (measured in
    /// `benches/README.md`).
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
