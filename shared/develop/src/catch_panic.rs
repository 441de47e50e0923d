//! Catches panics of decoders.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; `None` if it panicked. A decoder's failed assertion is an error of the file, not of the process:
/// without this, one crafted original would end a worker and fail all its other messages.
///
/// If `work` panicked, its captured values may be inconsistent: callers let it capture shared references, and values
/// that they do not use afterwards.
/// do not use afterwards.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
