//! Plan in which S3 copies the photos. An archive is G0 L1 G1 ... Ln Gn. Ls are bodies of 5 MiB and more, which can be
//! parts of their own. Gs are the bytes between them: headers, small photos, and at the end the central directory.
//!
//! A G of 5 MiB or more is uploaded, and so is the last one. Every other G is too short for a part, and joins a
//! neighbouring L in a work object. It can be its suffix, [copy L][upload G], because the last part of an upload may be
//! short. Or it can be its prefix, [5 MiB that end in G][copy L], of which the archive then copies all but the padding
//! in front.
//!
//! From left to right, a short G becomes the suffix of its left neighbour if that is already in a work object;
//! otherwise it opens one at its right neighbour. So every second L is in a work object with two Gs, and the others are
//! copied directly. Two photos take seven requests: create, prefix, body, suffix and complete, then a copy of the work
//! object and one of the photo beside it. No plan without moving photo bytes needs fewer.
//!
//! ```text
//!  photos      L1          L2          L3          L4
//!  between  G0    G1          G2          G3          G4 + central directory
//!           └─ work 1 ─┘   copied      └─ work 3 ─┘   copied      uploaded
//!           [pad G0|L1|G1]    [L2]     [pad G2|L3|G3]    [L4]        [G4]
//! ```
//!
//! Each prefix would be an upload of 5 MiB. Instead, prefixes are copied as ranges of a pad object, which consists of 5
//! MiB of zeros followed by all prefixes. Every prefix is the end of a range of 5 MiB in it.

use std::ops::Range;

use archive::Layout;
use domain::object_key::WorkPiece;

use super::{Limits, Object, Origin, Part, Stretch, cut};

pub(super) struct Plan {
    pub pads: Vec<Object>,
    pub parts: Vec<Part>,
}

/// A body that can be a part, or a range of a body that is copied in several parts.
struct Body {
    entry: usize,
    range: Range<u64>,
}

/// Neighbours that a body carries.
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

/// Splits the layout into Ls and the Gs around them, one more than Ls. An empty G separates two ranges of one body.
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

/// Returns the pad objects, and for each prefix in order the part that contains it.
fn pads(gaps: &[Range<u64>], carries: &[Carries], limits: &Limits) -> (Vec<Object>, impl Iterator<Item = Part>) {
    let short: Vec<&Range<u64>> =
        gaps.iter().zip(carries).filter(|(_, body)| body.prefix).map(|(gap, _)| gap).collect();
    if let [only] = short[..] {
        // A pad object for a single prefix would cost one more request and save no bytes.
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

/// Cuts the stretches into uploads of near-equal size.
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

/// Splits a stretch after at most `at` bytes. Returns both pieces.
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
