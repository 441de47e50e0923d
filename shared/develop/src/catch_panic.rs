//! Catches panics of decoders.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; `None` if it panicked. A decoder's failed assertion is a fact about the file, not about the process:
/// without this, one crafted original would end a worker and all its other messages with it.
///
/// If `work` panicked, what it captured may be inconsistent: callers let it capture shared references, and values that they
/// do not use afterwards.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
