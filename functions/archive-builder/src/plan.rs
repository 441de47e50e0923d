//! Part plans: how S3 assembles an archive. A layout becomes parts of multipart uploads. S3 copies most parts itself,
//! so that photo bytes do not pass through the function. The module is pure.
//!
//! [`limits`] contains S3's limits and Darkroom's own. [`copying`] plans without moving photo bytes, [`streaming`]
//! moves all bytes in few requests, and [`groups`] keeps both below 10,000 parts. [`cost`] estimates a plan.
//!
//! An object of a plan is an upload of parts. A part consists of uploaded bytes, or of a range of another object, which
//! may have to be assembled first. So a plan is a tree, and execution proceeds from the leaves to the root.

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

/// Version of the planner. A change of its results increments it, so that no attempt resumes a different plan.
const VERSION: u32 = 2;

/// Resource to save.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preference {
    /// Saves time: S3 copies.
    #[default]
    Fast,
    /// Saves money: the cheaper of copying and of streaming with large parts.
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

/// Consecutive bytes to upload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Stretch {
    /// Zeros that are not part of the archive. They extend a prefix to the smallest size of a part.
    Zeros(u64),
    /// A range of the archive.
    Archive(Range<u64>),
}

impl Stretch {
    /// Returns the number of bytes, never 0.
    #[expect(clippy::len_without_is_empty, reason = "a stretch is never empty")]
    pub fn len(&self) -> u64 {
        match self {
            Self::Zeros(len) => *len,
            Self::Archive(range) => range.end - range.start,
        }
    }
}

/// Source of a copied part.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// Object of an entry, by its index in the layout.
    Entry(usize),
    /// Object in [`PartPlan::pads`], by its index.
    Pad(usize),
    /// Object that is assembled for this part only.
    Work(Box<Object>),
}

/// A part of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Bytes that the function uploads.
    Upload(Vec<Stretch>),
    /// Bytes that S3 copies from another object.
    Copy {
        /// Object to copy from.
        from: Origin,
        /// Range of the object.
        range: Range<u64>,
    },
}

impl Part {
    /// Returns the number of bytes, never 0.
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
    /// Name of the object in the plan.
    pub name: WorkPiece,
    /// Parts of the object.
    pub parts: Vec<Part>,
    /// Size in bytes.
    pub size: u64,
}

impl Object {
    fn new(name: WorkPiece, parts: Vec<Part>) -> Self {
        let size = parts.iter().map(Part::len).sum();
        Self { name, parts, size }
    }
}

/// Reason why an archive cannot be planned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The archive exceeds the largest object of S3: 10,000 parts of 5 GiB.
    #[error("the archive is larger than S3 can hold in one object")]
    TooLarge,
}

/// Plan of an archive's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPlan {
    /// Objects of zeros and prefixes, from which parts of work objects are copied.
    pub pads: Vec<Object>,
    /// Parts of the archive.
    pub parts: Vec<Part>,
    /// Memory limits of the uploads.
    pub buffers: Buffers,
}

impl PartPlan {
    /// Plans the archive of this layout within S3's limits.
    pub fn new<S>(layout: &Layout<S>, preference: Preference, costs: &Costs) -> Result<Self, PlanError> {
        let copying = Self::copying(layout, &Limits::S3)?;
        if preference == Preference::Fast {
            return Ok(copying);
        }
        let streaming = Self::streaming(layout, &Limits::S3)?;
        let dollars = |plan: &Self| Estimate::of(plan, layout, costs).dollars;
        Ok(if dollars(&streaming) < dollars(&copying) { streaming } else { copying })
    }

    /// Plans the archive so that S3 copies all photos of 5 MiB or more.
    pub(crate) fn copying<S>(layout: &Layout<S>, limits: &Limits) -> Result<Self, PlanError> {
        let copying::Plan { pads, parts } = copying::plan(layout, limits);
        Ok(Self { pads, parts: groups::group(parts, limits)?, buffers: limits.many_small })
    }

    /// Plans the archive so that every byte passes through the function, in large parts.
    pub(crate) fn streaming<S>(layout: &Layout<S>, limits: &Limits) -> Result<Self, PlanError> {
        let buffers = streaming::buffers(layout, limits);
        let parts = streaming::parts(layout, buffers);
        Ok(Self { pads: Vec::new(), parts: groups::group(parts, limits)?, buffers })
    }

    /// Returns the fingerprint of this plan for this layout. An attempt continues only work of the same fingerprint.
    pub fn fingerprint<S>(&self, layout: &Layout<S>, etag: impl Fn(&S) -> &str) -> u64 {
        let mut hash = Fingerprint(Sha256::new());
        (VERSION, layout.size(), layout.crc32(), &self.pads, &self.parts).hash(&mut hash);
        layout.entries().iter().filter_map(|entry| entry.source()).for_each(|source| etag(source).hash(&mut hash));
        hash.finish()
    }
}

/// SHA-256 as a `Hasher`, for derived hashing; returns its first 64 bits.
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

/// Cuts a range into near-equal ranges of at most `most` bytes. None is shorter than half of `most`, unless it is the
/// only one.
fn cut(range: Range<u64>, most: u64) -> impl Iterator<Item = Range<u64>> {
    let len = range.end - range.start;
    let count = len.div_ceil(most);
    // Computed with 128 bits, because the product for a long archive with many pieces exceeds 64.
    let at = move |n: u64| {
        range.start + u64::try_from(u128::from(len) * u128::from(n) / u128::from(count.max(1))).unwrap_or(len)
    };
    (0..count).map(move |n| at(n)..at(n + 1))
}
