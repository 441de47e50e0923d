//! The plan in which S3 moves the photos. An archive is G0 L1 G1 ... Ln Gn: L are bodies of 5 MiB and more, which can be
//! parts of their own, G is what lies between them: headers, small photos, at the end the central directory.
//!
//! A G of 5 MiB or more, and the last one, is uploaded. Every other is too short for a part and rides on a neighbouring
//! L in a work object: as its suffix, [copy L][upload G], since the last part of an upload may be short; or as its
//! prefix, [5 MiB that end in G][copy L], of which the archive then takes all but the padding in front.
//!
//! From left to right, a short G becomes the suffix of its left neighbour if that is in a work object already, else it
//! opens one at its right neighbour. So every second L is in a work object that carries two Gs, and the others are
//! copied as they are. For two photos that makes seven requests: create, prefix, body, suffix and complete, then a copy
//! of the work object and one of the photo beside it. No plan that moves no photo bytes makes do with fewer.
//!
//! ```text
//!  photos      L1          L2          L3          L4
//!  between  G0    G1          G2          G3          G4 + central directory
//!           └─ work 1 ─┘   copied      └─ work 3 ─┘   copied      uploaded
//!           [pad G0|L1|G1]    [L2]     [pad G2|L3|G3]    [L4]        [G4]
//! ```
//!
//! The prefixes would each be an upload of 5 MiB. Instead they are copied by ranges out of a pad object, which is 5 MiB
//! of zeros and all prefixes behind each other: every prefix is the end of some 5 MiB of it.

use std::ops::Range;

use archive::Layout;
use domain::object_key::WorkPiece;

use super::{Limits, Object, Origin, Part, Stretch, cut};

pub(super) struct Plan {
    pub pads: Vec<Object>,
    pub parts: Vec<Part>,
}

/// A body that can be a part, or a range of one that is copied in several.
struct Body {
    entry: usize,
    range: Range<u64>,
}

/// Which of its neighbours a body carries.
#[derive(Clone, Copy, Default)]
struct Carries {
    prefix: bool,
    suffix: bool,
}

pub(super) fn plan<S>(layout: &Layout<S>, limits: &Limits) -> Plan {
    let (bodies, gaps) = split(layout, limits);
    let last = bodies.len();
    let short = |n: usize| n < last && (1..limits.min_part).contains(&len(&gaps[n]));
    let carries = assign(last, short);
    let (pads, mut prefixes) = pads(&gaps, &carries, limits);
    let mut parts = Vec::new();
    for (n, gap) in gaps.iter().enumerate() {
        if !short(n) {
            parts.extend(uploads(gap, limits));
        }
        let Some(body) = bodies.get(n) else { break };
        let copied = Part::Copy { from: Origin::Entry(body.entry), range: body.range.clone() };
        let Carries { prefix, suffix } = carries[n];
        if !prefix && !suffix {
            parts.push(copied);
            continue;
        }
        let prefix = if prefix { prefixes.next() } else { None };
        let padding = if prefix.is_some() { limits.min_part - len(gap) } else { 0 };
        let suffix = suffix.then(|| Part::Upload(vec![Stretch::Archive(gaps[n + 1].clone())]));
        let name = WorkPiece::Body(u32::try_from(n).unwrap_or(u32::MAX));
        let object = Object::new(name, prefix.into_iter().chain([copied]).chain(suffix).collect());
        parts.push(Part::Copy { range: padding..object.size, from: Origin::Work(Box::new(object)) });
    }
    Plan { pads, parts }
}

fn len(range: &Range<u64>) -> u64 {
    range.end - range.start
}

/// The Ls, and the Gs around them: one more. Between two ranges of one body lies an empty G.
fn split<S>(layout: &Layout<S>, limits: &Limits) -> (Vec<Body>, Vec<Range<u64>>) {
    let (mut bodies, mut gaps, mut at) = (Vec::new(), Vec::new(), 0);
    for (entry, content) in layout.entries().iter().enumerate() {
        if content.source().is_none() || content.size() < limits.min_part {
            continue;
        }
        let place = layout.body_range(entry);
        for range in cut(0..content.size(), limits.copy) {
            gaps.push(at..place.start + range.start);
            at = place.start + range.end;
            bodies.push(Body { entry, range });
        }
    }
    gaps.push(at..layout.size());
    (bodies, gaps)
}

fn assign(bodies: usize, short: impl Fn(usize) -> bool) -> Vec<Carries> {
    let mut carries = vec![Carries::default(); bodies];
    for gap in (0..bodies).filter(|&gap| short(gap)) {
        match gap.checked_sub(1) {
            Some(left) if carries[left].prefix || carries[left].suffix => carries[left].suffix = true,
            _ => carries[gap].prefix = true,
        }
    }
    carries
}

fn uploads(gap: &Range<u64>, limits: &Limits) -> impl Iterator<Item = Part> {
    cut(gap.clone(), limits.many_small.largest).map(|range| Part::Upload(vec![Stretch::Archive(range)]))
}

/// The pad objects, and in order the part that is each prefix.
fn pads(gaps: &[Range<u64>], carries: &[Carries], limits: &Limits) -> (Vec<Object>, impl Iterator<Item = Part>) {
    let short: Vec<&Range<u64>> =
        gaps.iter().zip(carries).filter(|(_, body)| body.prefix).map(|(gap, _)| gap).collect();
    if let [only] = short[..] {
        // A pad object for one prefix would be a request more, and no byte less.
        let stretches = vec![Stretch::Zeros(limits.min_part - len(only)), Stretch::Archive(only.clone())];
        return (Vec::new(), vec![Part::Upload(stretches)].into_iter());
    }
    let (mut contents, mut prefixes): (Vec<Vec<Stretch>>, _) = (Vec::new(), Vec::with_capacity(short.len()));
    let mut size = limits.pad;
    for gap in short {
        if size >= limits.pad {
            contents.push(vec![Stretch::Zeros(limits.min_part)]);
            size = limits.min_part;
        }
        if let Some(content) = contents.last_mut() {
            content.push(Stretch::Archive(gap.clone()));
        }
        size += len(gap);
        prefixes.push(Part::Copy { from: Origin::Pad(contents.len() - 1), range: size - limits.min_part..size });
    }
    let pads = (0..).zip(contents).map(|(number, content)| {
        Object::new(WorkPiece::Pad(number), cut_stretches(&content, limits.many_small.largest))
    });
    (pads.collect(), prefixes.into_iter())
}

/// Uploads of near-equal size that hold these stretches.
fn cut_stretches(stretches: &[Stretch], most: u64) -> Vec<Part> {
    let total = stretches.iter().map(Stretch::len).sum();
    let mut rest = stretches.iter().cloned();
    let mut current = rest.next();
    let uploads = cut(0..total, most).map(|piece| {
        let (mut missing, mut taken) = (len(&piece), Vec::new());
        while let Some(stretch) = current.take() {
            let (front, back) = split_stretch(stretch, missing);
            missing -= front.len();
            taken.push(front);
            current = back.or_else(|| rest.next());
            if missing == 0 {
                break;
            }
        }
        Part::Upload(taken)
    });
    uploads.collect()
}

/// The first `at` bytes at most, and what is left.
fn split_stretch(stretch: Stretch, at: u64) -> (Stretch, Option<Stretch>) {
    if stretch.len() <= at {
        return (stretch, None);
    }
    match stretch {
        Stretch::Zeros(len) => (Stretch::Zeros(at), Some(Stretch::Zeros(len - at))),
        Stretch::Archive(Range { start, end }) => {
            (Stretch::Archive(start..start + at), Some(Stretch::Archive(start + at..end)))
        }
    }
}
