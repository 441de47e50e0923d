//! Brief histories of the first seeds. The long run is a bench: `cargo bench -p benches --bench simulation`.

use std::{collections::BTreeMap, sync::Mutex};

use simulation::history::{Options, run};

/// Histories of the fast tests, which play them in two halves at the same time.
const SEEDS: u64 = 50;

/// Histories that begin with what an earlier release left: one for each recording.
const UPGRADES: u64 = 4;

fn brief(seed: u64) -> Options {
    Options { seed, brief: true, ..Options::default() }
}

/// Requests that had their effect, by kind, of the halves that have been played.
static EFFECTS: Mutex<(usize, BTreeMap<&str, usize>)> = Mutex::new((0, BTreeMap::new()));

/// Plays histories. Both halves together must do everything that clients do: a client that does not find what it asked for
/// does nothing from then on, and violates nothing either.
fn violate_nothing(seeds: impl Iterator<Item = u64>) {
    let mut effects = BTreeMap::new();
    for seed in seeds {
        let report = run(&brief(seed));
        for (kind, count) in &report.effects {
            *effects.entry(*kind).or_insert(0) += count;
        }
        let repeat = "cargo run --release -p simulation -- --brief --seed";
        assert!(report.violations.is_empty(), "{:#?}\nRepeat it: {repeat} {seed}", report.violations);
    }
    let mut all = EFFECTS.lock().expect("nobody panics with it");
    all.0 += 1;
    for (kind, count) in effects {
        *all.1.entry(kind).or_insert(0) += count;
    }
    let (halves, effects) = &*all;
    assert!(*halves < 2 || effects.values().all(|count| *count > 0), "{effects:?}");
}

#[test]
fn even_seeds_violate_nothing() {
    violate_nothing((0..SEEDS).step_by(2));
}

#[test]
fn odd_seeds_violate_nothing() {
    violate_nothing((1..SEEDS).step_by(2));
}

/// The state that an earlier release left is worked on by this one.
#[test]
fn upgrades_violate_nothing() {
    for seed in 0..UPGRADES {
        let report = run(&Options { upgrade: true, ..brief(seed) });
        let repeat = "cargo run --release -p simulation -- --brief --upgrade --seed";
        assert!(report.violations.is_empty(), "{:#?}\nRepeat it: {repeat} {seed}", report.violations);
    }
}

#[test]
fn same_seed_makes_the_same_calls() {
    for seed in 0..3 {
        let digests = [(); 2].map(|()| run(&brief(seed)).digest);
        assert_eq!(digests[0], digests[1], "seed {seed}");
    }
}
