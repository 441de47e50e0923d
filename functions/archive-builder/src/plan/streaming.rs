//! The plan that moves every byte through the function: few requests, as large as memory allows.

use archive::Layout;

use super::{Limits, Part, Stretch, cut, limits::Buffers};

/// Pieces of the usual size go on filling and sending side by side. Where there would be more of them than an upload has
/// parts, they grow to twice that before any are grouped: a group costs three requests more, a larger piece only time.
pub(super) fn buffers<S>(layout: &Layout<S>, limits: &Limits) -> Buffers {
    let Buffers { largest, total } = limits.few_large;
    let needed = layout.size().div_ceil(limits.max_parts as u64);
    Buffers { largest: needed.clamp(largest, 2 * largest).min(total).min(limits.max_part), total }
}

pub(super) fn parts<S>(layout: &Layout<S>, buffers: Buffers) -> Vec<Part> {
    cut(0..layout.size(), buffers.largest).map(|range| Part::Upload(vec![Stretch::Archive(range)])).collect()
}
