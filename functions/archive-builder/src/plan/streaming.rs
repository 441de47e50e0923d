//! Plan in which every byte passes through the function, in few requests as large as memory allows.

use archive::Layout;

use super::{Limits, Part, Stretch, cut, limits::Buffers};

/// Returns the memory limits for this layout.
///
/// Pieces of the usual size are filled and sent concurrently. If they would exceed the number of parts of an upload,
/// they grow up to twice that size before any are grouped: a group costs three more requests, a larger piece only time.
pub(super) fn buffers<S>(layout: &Layout<S>, limits: &Limits) -> Buffers {
    let Buffers { largest, total } = limits.few_large;
    let needed = layout.size().div_ceil(limits.max_parts as u64);
    Buffers { largest: needed.clamp(largest, 2 * largest).min(total).min(limits.max_part), total }
}

pub(super) fn parts<S>(layout: &Layout<S>, buffers: Buffers) -> Vec<Part> {
    cut(0..layout.size(), buffers.largest).map(|range| Part::Upload(vec![Stretch::Archive(range)])).collect()
}
