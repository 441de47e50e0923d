//! Groups of parts. An upload has at most 10,000 parts. For a longer archive, runs of its parts are assembled first, as
//! group objects, from which the archive is made.

use domain::object_key::WorkPiece;

use super::{Limits, Object, Origin, Part, PlanError};

/// Groups runs of parts, so that one upload can contain them.
pub(super) fn group(parts: Vec<Part>, limits: &Limits) -> Result<Vec<Part>, PlanError> {
    if parts.len() <= limits.max_parts {
        return Ok(parts);
    }
    let sizes: Vec<u64> = parts.iter().map(Part::len).collect();
    // Short runs are faster: S3 copies a group at about 75 MB/s, and many groups concurrently.
    let longest = (2..=limits.max_parts)
        .find(|&longest| runs(&sizes, longest, limits).count() <= limits.max_parts)
        .ok_or(PlanError::TooLarge)?;
    let mut excess = parts.len() - limits.max_parts;
    let mut rest = parts.into_iter();
    let mut grouped = Vec::with_capacity(limits.max_parts);
    for (number, run) in (0..).zip(runs(&sizes, longest, limits)) {
        // No more groups than necessary: the remaining parts stay in the archive itself.
        let len = run.min(excess + 1);
        let mut run: Vec<Part> = rest.by_ref().take(run).collect();
        let left_over = run.split_off(len);
        excess -= len - 1;
        match len {
            1 => grouped.extend(run),
            _ => grouped.push(whole(Object::new(WorkPiece::Group(number), run))),
        }
        grouped.extend(left_over);
    }
    Ok(grouped)
}

/// Returns the lengths of runs of at most `longest` parts, each of which one request can copy.
fn runs(sizes: &[u64], longest: usize, limits: &Limits) -> impl Iterator<Item = usize> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |&&size: &&u64| {
            bytes += size;
            bytes <= limits.max_part
        };
        let run = sizes.get(at..)?.iter().take(longest).take_while(fits).count();
        at += run;
        (run > 0).then_some(run)
    })
}

fn whole(object: Object) -> Part {
    Part::Copy { range: 0..object.size, from: Origin::Work(Box::new(object)) }
}
