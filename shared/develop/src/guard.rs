//! Catches panics of decoders.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; `None` if it panicked. A decoder's failed assertion is a fact about the file, not about the process:
/// without this, one crafted original would end a worker and all its other messages with it.
///
/// Captures of `work` must not be used after `None`; callers capture shared references, and values that end with it.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
