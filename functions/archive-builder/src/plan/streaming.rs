//! The plan that moves every byte through the function: few requests, as large as memory allows.

use shared::zip::Layout;

use super::{Limits, Part, Stretch, cut};

pub(super) fn parts<S>(layout: &Layout<S>, limits: &Limits) -> Vec<Part> {
    cut(0..layout.size(), limits.few_large.largest).map(|range| Part::Upload(vec![Stretch::Archive(range)])).collect()
}
