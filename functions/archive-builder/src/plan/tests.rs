use archive::{Entry, Modified};
use proptest::{collection::vec, prelude::*};

use super::{cost::Requests, interpreter, *};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn modified() -> Modified {
    Modified::taken("2024-06-15T14:30:05", Some("+02:00")).expect("a time")
}

/// Returns the layout of an archive with photos of these sizes and an inline manifest at the end.
fn layout<S>(sizes: impl IntoIterator<Item = u64>, mut source: impl FnMut(usize, u64) -> (u32, S)) -> Layout<S> {
    let photo = |(n, size)| {
        let (crc32, source) = source(n, size);
        Entry::stored(format!("Order-2026-17/IMG_{n:04}.jpg"), modified(), size, crc32, source)
    };
    let mut entries: Vec<_> = sizes.into_iter().enumerate().map(photo).collect();
    entries.push(Entry::inline("Order-2026-17/manifest.json", modified(), "[]"));
    Layout::new(entries).expect("a layout")
}

/// Returns a layout without bytes.
fn sizes(sizes: impl IntoIterator<Item = u64>) -> Layout<()> {
    layout(sizes, |_, _| (7, ()))
}

/// Returns a layout with bytes.
fn photos(sizes: &[u64]) -> Layout<Vec<u8>> {
    layout(sizes.iter().copied(), |n, size| {
        let content: Vec<u8> = (0..size).map(|at| (at * 31 + n as u64 * 7 + 1).to_le_bytes()[0]).collect();
        (crc32fast::hash(&content), content)
    })
}

fn fast(layout: &Layout<()>) -> PartPlan {
    PartPlan::new(layout, Preference::Fast, &Costs::AWS).expect("a plan")
}

/// Limits small enough to check plans byte by byte.
fn small_limits() -> impl Strategy<Value = Limits> {
    (60_u64..200, 2_u64..6, 0_u64..4, 3_usize..40, 2_u64..8).prop_map(|(min_part, most, more, max_parts, copy)| {
        let buffers = Buffers { largest: 2 * min_part + more, total: 8 * min_part };
        Limits {
            min_part,
            max_part: (copy + most) * min_part,
            max_parts,
            copy: copy * min_part,
            pad: 3 * min_part,
            many_small: buffers,
            few_large: Buffers { largest: 3 * min_part, ..buffers },
        }
    })
}

/// Photo sizes: empty, smaller than a header, about the smallest part, and many parts long.
fn any_sizes() -> impl Strategy<Value = Vec<u64>> {
    vec(prop_oneof![Just(0), 0_u64..20, 50_u64..220, 200_u64..3_000], 1..40)
}

/// Checks that a refused layout uses at least half of what the limits allow, because two consecutive runs can fill one
/// part only.
fn check_refusal<S>(layout: &Layout<S>, limits: &Limits) {
    let most = limits.max_parts as u64;
    let by_size = layout.size() > most / 2 * limits.max_part;
    let by_count = layout.size() > most * most / 2 * limits.min_part;
    assert!(by_size || by_count, "{} bytes refused by {limits:?}", layout.size());
}

// Longer run: `PROPTEST_CASES=20000 cargo test --release -p archive-builder plan`.
proptest! {
    #[test]
    fn parts_concatenate_to_the_exact_archive(sizes in any_sizes(), limits in small_limits()) {
        let layout = photos(&sizes);
        for plan in [PartPlan::copying(&layout, &limits), PartPlan::streaming(&layout, &limits)] {
            let Ok(plan) = plan else {
                check_refusal(&layout, &limits);
                continue;
            };
            interpreter::check(&plan, &layout, &limits);
            let archive = interpreter::assemble(&plan, &layout);
            prop_assert_eq!(archive.len() as u64, layout.size());
            prop_assert_eq!(crc32fast::hash(&archive), layout.crc32());
        }
    }

    #[test]
    fn any_fitting_order_is_planned_within_s3_limits(
        count in 1_usize..60,
        seed in vec(prop_oneof![
            Just(0), 0..6 * MIB, Just(5 * MIB), Just(5 * MIB - 1), Just(5 * MIB + 1), 5 * MIB..60 * MIB, 0..6 * GIB,
        ], 1..12),
        cheap in any::<bool>(),
    ) {
        let layout = sizes((0..count * 7).map(|n| seed[n % seed.len()]));
        let preference = if cheap { Preference::Cheap } else { Preference::Fast };
        let plan = PartPlan::new(&layout, preference, &Costs::AWS).expect("it fits");
        interpreter::check(&plan, &layout, &Limits::S3);
        prop_assert!(plan.buffers.total <= 39 * MIB);
    }

    #[test]
    fn cut_has_no_short_piece(start in 0_u64..1 << 50, len in 0_u64..1 << 46, most in 2_u64..1 << 33) {
        prop_assume!(len / most < 100_000);
        let mut at = start;
        for piece in cut(start..start + len, most) {
            prop_assert_eq!(piece.start, at);
            at = piece.end;
            let size = piece.end - piece.start;
            prop_assert!(size <= most && (size >= most / 2 || size == len), "{size} of {most}");
        }
        prop_assert_eq!(at, start + len);
    }
}

#[test]
fn photo_pair_costs_seven_requests_and_archive_four() {
    for pairs in [10, 20, 50] {
        let layout = sizes((0..2 * pairs).map(|_| 25_000_000));
        let Estimate { requests, bytes_in, bytes_out, .. } = Estimate::of(&fast(&layout), &layout, &Costs::AWS);
        // A pad object, and the archive's creation, last part and completion.
        assert_eq!(requests.put_class(), 7 * pairs + 4);
        assert_eq!(
            requests,
            Requests { get: 0, put: pairs + 2, copy: 4 * pairs, create: pairs + 1, complete: pairs + 1 }
        );
        assert_eq!(bytes_in, 0, "no byte of a photo comes in");
        assert!(bytes_out < 5 * MIB + 200 * 2 * pairs + 2_000, "5 MiB of zeros and the records go out: {bytes_out}");
    }
}

#[test]
fn small_order_takes_one_put() {
    let layout = sizes([400_000; 20]);
    let estimate = Estimate::of(&fast(&layout), &layout, &Costs::AWS);
    assert_eq!(estimate.requests, Requests { get: 20, put: 1, ..Requests::default() });
}

#[test]
fn small_photos_are_packed_into_bounded_uploads() {
    let layout = sizes([400_000; 2_000]);
    let plan = fast(&layout);
    interpreter::check(&plan, &layout, &Limits::S3);
    assert!(plan.pads.is_empty());
    assert!(plan.parts.iter().all(|part| matches!(part, Part::Upload(_)) && part.len() <= 10 * MIB));
    assert_eq!(plan.parts.len() as u64, layout.size().div_ceil(10 * MIB));
}

#[test]
fn five_mebibyte_photo_is_copied_whole() {
    // The second of two photos is copied directly.
    let layout = sizes([5 * MIB, 5 * MIB, 5 * MIB, 5 * MIB]);
    let plan = fast(&layout);
    interpreter::check(&plan, &layout, &Limits::S3);
    assert_eq!(plan.parts[1], Part::Copy { from: Origin::Entry(1), range: 0..5 * MIB });
}

#[test]
fn parts_beyond_ten_thousand_are_grouped() {
    for count in [9_998, 9_999, 10_000, 10_001, 25_000, 100_000] {
        let layout = sizes((0..count).map(|_| 25_000_000));
        let plan = fast(&layout);
        interpreter::check(&plan, &layout, &Limits::S3);
        assert_eq!(plan.parts.len(), usize::min(10_000, count + 1), "{count} photos and the last part");
        let grouped = plan.parts.iter().filter(|part| is_group(part)).count();
        assert_eq!(grouped > 0, count + 1 > 10_000, "{count} photos");
    }
}

fn is_group(part: &Part) -> bool {
    matches!(part, Part::Copy { from: Origin::Work(object), .. } if matches!(object.name, WorkPiece::Group(_)))
}

#[test]
#[ignore = "long: .ci/run runs it"]
fn million_photos_or_one_terabyte_photo_are_planned() {
    for layout in [sizes((0..1_000_000).map(|_| 400_000)), sizes([5_000 * GIB, 1, 7 * GIB])] {
        for preference in [Preference::Fast, Preference::Cheap] {
            let plan = PartPlan::new(&layout, preference, &Costs::AWS).expect("a plan");
            interpreter::check(&plan, &layout, &Limits::S3);
        }
    }
}

#[test]
#[ignore = "long: .ci/run runs it"]
fn archive_larger_than_s3_allows_is_refused() {
    let too_many = sizes((0..50).map(|_| 1_000 * GIB));
    assert_eq!(PartPlan::new(&too_many, Preference::Fast, &Costs::AWS), Err(PlanError::TooLarge));
}

#[test]
fn cheap_never_costs_more_than_fast() {
    for (count, size, cheaper) in
        [(40, 25_000_000, true), (400, 8_000_000, true), (2_000, 400_000, true), (3, 100, false)]
    {
        let layout = sizes((0..count).map(|_| size));
        let [fast, cheap] = [Preference::Fast, Preference::Cheap].map(|preference| {
            let plan = PartPlan::new(&layout, preference, &Costs::AWS).expect("a plan");
            Estimate::of(&plan, &layout, &Costs::AWS)
        });
        assert!(cheap.dollars <= fast.dollars);
        assert_eq!(cheap.dollars < fast.dollars, cheaper, "{count} photos of {size} bytes");
    }
}

#[test]
fn model_matches_a_published_run() {
    // amazon-s3-tar-tool: 14,400 objects, 73 GB. Each has a header, a copy into a work object, and a copy of that
    // object.
    let costs = Costs { at_once: 100.0, ..Costs::AWS };
    let bytes = 73e9 / 14_400.0;
    let each = 3.0 * costs.small_request + 2.0 * (costs.copy_request + bytes / costs.copy_speed);
    let seconds = 14_400.0 * each / costs.at_once;
    assert!((seconds - 135.0).abs() < 2.0, "{seconds}");
}

#[test]
fn quarter_terabyte_is_modelled_within_two_minutes() {
    let layout = sizes((0..10_000).map(|_| 25_000_000));
    let estimate = Estimate::of(&fast(&layout), &layout, &Costs::AWS);
    assert!(estimate.seconds <= 120.0, "{estimate:?}");
    let moved = estimate.bytes_in + estimate.bytes_out;
    assert!(moved * 1_000 <= layout.size(), "{estimate:?}");
}

#[test]
fn different_plans_have_different_fingerprints() {
    let etags = |etag: &'static str| layout([6 * MIB, 7 * MIB], move |_, _| (7, etag));
    let print = |layout: &Layout<&'static str>, preference| {
        let plan = PartPlan::new(layout, preference, &Costs::AWS).expect("a plan");
        plan.fingerprint(layout, |etag| etag)
    };
    assert_eq!(print(&etags("a"), Preference::Fast), print(&etags("a"), Preference::Fast));
    assert_ne!(print(&etags("a"), Preference::Fast), print(&etags("b"), Preference::Fast));
    assert_ne!(print(&etags("a"), Preference::Fast), print(&etags("a"), Preference::Cheap));
}

#[test]
fn long_stream_takes_larger_pieces_before_groups() {
    let plan = |photos: usize| PartPlan::streaming(&sizes(vec![25_000_000; photos]), &Limits::S3).expect("a plan");
    let usual = Limits::S3.few_large;
    assert_eq!(plan(400).buffers, usual);
    let long = plan(10_000);
    assert!(long.buffers.largest <= 2 * usual.largest && long.buffers.total == usual.total, "{:?}", long.buffers);
    assert!(long.parts.len() <= 10_000 && long.parts.iter().all(|part| matches!(part, Part::Upload(_))));
    // Groups are necessary beyond what the largest pieces can fill.
    assert!(plan(20_000).parts.iter().any(|part| matches!(part, Part::Copy { .. })));
}
