//! How S3 puts an archive together: a layout becomes parts of multipart uploads, most of them copies that S3 makes by
//! itself, so that photo bytes don't pass through the function. Pure.
//!
//! [`limits`] are S3's rules and ours; [`copying`] is the plan that moves no photo bytes, [`streaming`] the one that
//! moves them all in few requests, [`groups`] keeps either below 10,000 parts; [`cost`] tells what a plan will take.
//!
//! An object of a plan is an upload of parts; a part is uploaded bytes, or a range of another object, which may be one
//! that has to be put together first. So a plan is a tree, and whoever carries it out works from its leaves to its root.

mod copying;
pub mod cost;
mod groups;
pub mod limits;
mod streaming;

#[cfg(test)]
mod interpreter;
#[cfg(test)]
mod tests;

use std::{
    hash::{Hash, Hasher},
    ops::Range,
    str::FromStr,
};

use archive::Layout;
use domain::object_key::WorkPiece;
use sha2::{Digest as _, Sha256};

use self::{cost::Costs, limits::Buffers};
pub use self::{cost::Estimate, limits::Limits};

/// Raised when the same layout makes another plan than before, so that nobody resumes by a plan that is not his.
const VERSION: u32 = 2;

/// What is to be saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// Time: S3 copies.
    #[default]
    Fast,
    /// Dollars: the cheaper of copying and of streaming with large parts.
    Cheap,
}

impl FromStr for Preference {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "fast" => Ok(Self::Fast),
            "cheap" => Ok(Self::Cheap),
            other => Err(format!("{other:?} is neither \"fast\" nor \"cheap\"")),
        }
    }
}

/// Bytes to upload, which follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stretch {
    /// So many zeros, which no archive will hold: they lengthen a prefix to what S3 takes for a part.
    Zeros(u64),
    /// These bytes of the archive.
    Archive(Range<u64>),
}

impl Stretch {
    /// Bytes; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a stretch is never empty")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Zeros(len) => *len,
            Self::Archive(range) => range.end - range.start,
        }
    }
}

/// What a part is copied from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An entry's own object, by its place in the layout.
    Entry(usize),
    /// One of [`PartPlan::pads`], by its place there.
    Pad(usize),
    /// An object that is put together for this part alone.
    Work(Box<Object>),
}

/// One part of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Bytes that pass through the function.
    Upload(Vec<Stretch>),
    /// Bytes that S3 takes from another object.
    Copy {
        /// Which object.
        from: Origin,
        /// Which of its bytes.
        range: Range<u64>,
    },
}

impl Part {
    /// Bytes; never 0.
    #[expect(clippy::len_without_is_empty, reason = "a part is never empty")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Upload(stretches) => stretches.iter().map(Stretch::len).sum(),
            Self::Copy { range, .. } => range.end - range.start,
        }
    }
}

/// An intermediate object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Object {
    /// Its name among the plan's objects.
    pub name: WorkPiece,
    /// What it is put together from.
    pub parts: Vec<Part>,
    /// Bytes.
    pub size: u64,
}

impl Object {
    fn new(name: WorkPiece, parts: Vec<Part>) -> Self {
        let size = parts.iter().map(Part::len).sum();
        Self { name, parts, size }
    }
}

/// Why an archive can't be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// S3 can't hold it: 10,000 parts of 5 GiB are the most.
    #[error("the archive is larger than S3 can hold in one object")]
    TooLarge,
}

/// The parts of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPlan {
    /// Objects of zeros and prefixes, from which parts of work objects are copied.
    pub pads: Vec<Object>,
    /// The archive's own parts.
    pub parts: Vec<Part>,
    /// How much memory its uploads may take.
    pub buffers: Buffers,
}

impl PartPlan {
    /// Plans the archive of this layout by S3's own limits.
    pub fn new<S>(layout: &Layout<S>, preference: Preference, costs: &Costs) -> Result<Self, PlanError> {
        let copying = Self::copying(layout, &Limits::S3)?;
        if preference == Preference::Fast {
            return Ok(copying);
        }
        let streaming = Self::streaming(layout, &Limits::S3)?;
        let dollars = |plan: &Self| Estimate::of(plan, layout, costs).dollars;
        Ok(if dollars(&streaming) < dollars(&copying) { streaming } else { copying })
    }

    /// The plan that moves no photo of 5 MiB or more.
    pub(crate) fn copying<S>(layout: &Layout<S>, limits: &Limits) -> Result<Self, PlanError> {
        let copying::Plan { pads, parts } = copying::plan(layout, limits);
        Ok(Self { pads, parts: groups::group(parts, limits)?, buffers: limits.many_small })
    }

    /// The plan that moves every byte, in large parts.
    pub(crate) fn streaming<S>(layout: &Layout<S>, limits: &Limits) -> Result<Self, PlanError> {
        let buffers = streaming::buffers(layout, limits);
        let parts = streaming::parts(layout, buffers);
        Ok(Self { pads: Vec::new(), parts: groups::group(parts, limits)?, buffers })
    }

    /// Tells this plan for this layout from any other: what was begun under one is not gone on with under another.
    pub fn fingerprint<S>(&self, layout: &Layout<S>, etag: impl Fn(&S) -> &str) -> u64 {
        let mut hash = Fingerprint(Sha256::new());
        (VERSION, layout.size(), layout.crc32(), &self.pads, &self.parts).hash(&mut hash);
        layout.entries().iter().filter_map(|entry| entry.source()).for_each(|source| etag(source).hash(&mut hash));
        hash.finish()
    }
}

/// SHA-256 behind the interface that derived hashing writes to; its first 64 bits.
struct Fingerprint(Sha256);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest = self.0.clone().finalize();
        digest.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
    }
}

/// Cuts a range into near-equal ones of `most` bytes at most. None is shorter than half of `most` unless it is alone.
fn cut(range: Range<u64>, most: u64) -> impl Iterator<Item = Range<u64>> {
    let len = range.end - range.start;
    let count = len.div_ceil(most);
    // 128 bits: the product of a long archive and many pieces does not fit into 64.
    let at = move |n: u64| {
        range.start + u64::try_from(u128::from(len) * u128::from(n) / u128::from(count.max(1))).unwrap_or(len)
    };
    (0..count).map(move |n| at(n)..at(n + 1))
}
