//! In-memory execution of a plan, by a model of S3's rules.

use archive::{Layout, Piece};

use super::{Limits, Object, Origin, Part, PartPlan, Stretch};

/// Checks that every object of the plan follows S3's rules and the memory limits.
pub fn check<S>(plan: &PartPlan, layout: &Layout<S>, limits: &Limits) {
    plan.pads.iter().for_each(|pad| check_object(pad, plan, layout, limits));
    check_parts(&plan.parts, plan, layout, limits);
    let size: u64 = plan.parts.iter().map(Part::len).sum();
    assert_eq!(size, layout.size(), "the parts are as long as the archive");
}

fn check_object<S>(object: &Object, plan: &PartPlan, layout: &Layout<S>, limits: &Limits) {
    assert_eq!(object.size, object.parts.iter().map(Part::len).sum::<u64>());
    check_parts(&object.parts, plan, layout, limits);
}

fn check_parts<S>(parts: &[Part], plan: &PartPlan, layout: &Layout<S>, limits: &Limits) {
    assert!((1..=limits.max_parts).contains(&parts.len()), "{} parts", parts.len());
    for (n, part) in parts.iter().enumerate() {
        let (len, is_last) = (part.len(), n + 1 == parts.len());
        assert!(len <= limits.max_part, "part {n} of {len} bytes is longer than S3 takes");
        assert!(len >= limits.min_part || (is_last && len > 0), "part {n} of {len} bytes is short and not the last");
        match part {
            Part::Upload(_) => assert!(len <= plan.buffers.largest, "an upload of {len} bytes is held in memory"),
            Part::Copy { from, range } => {
                let size = match from {
                    Origin::Entry(entry) => layout.entries()[*entry].size(),
                    Origin::Pad(pad) => plan.pads[*pad].size,
                    Origin::Work(object) => {
                        check_object(object, plan, layout, limits);
                        object.size
                    }
                };
                assert!(range.end <= size, "{range:?} of {size} bytes");
                assert!(size > limits.min_part || *range == (0..size), "a range of a source of {size} bytes");
            }
        }
    }
}

/// Returns the bytes that the plan produces.
pub fn assemble(plan: &PartPlan, layout: &Layout<Vec<u8>>) -> Vec<u8> {
    let pads: Vec<Vec<u8>> = plan.pads.iter().map(|pad| join(&pad.parts, &[], layout)).collect();
    join(&plan.parts, &pads, layout)
}

fn join(parts: &[Part], pads: &[Vec<u8>], layout: &Layout<Vec<u8>>) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        match part {
            Part::Upload(stretches) => stretches.iter().for_each(|stretch| upload(stretch, layout, &mut out)),
            Part::Copy { from, range } => {
                let source = match from {
                    Origin::Entry(entry) => layout.entries()[*entry].source().expect("has a source").clone(),
                    Origin::Pad(pad) => pads[*pad].clone(),
                    Origin::Work(object) => join(&object.parts, pads, layout),
                };
                out.extend(&source[index(range.start)..index(range.end)]);
            }
        }
    }
    out
}

fn upload(stretch: &Stretch, layout: &Layout<Vec<u8>>, out: &mut Vec<u8>) {
    match stretch {
        Stretch::Zeros(len) => out.extend(std::iter::repeat_n(0, index(*len))),
        Stretch::Archive(range) => {
            for piece in layout.pieces(range.clone()) {
                match piece {
                    Piece::Bytes(bytes) => out.extend(bytes),
                    Piece::Body { entry, range } => {
                        let source = layout.entries()[entry].source().expect("has a source");
                        out.extend(&source[index(range.start)..index(range.end)]);
                    }
                }
            }
        }
    }
}

fn index(at: u64) -> usize {
    usize::try_from(at).expect("small")
}
