//! Brief histories of the first seeds. The long run is a bench: `cargo bench -p benches --bench simulation`.

use simulation::history::{Options, run};

/// Histories of the fast tests, which play them in two halves at the same time.
const SEEDS: u64 = 50;

fn brief(seed: u64) -> Options {
    Options { seed, brief: true, ..Options::default() }
}

fn violate_nothing(seeds: impl Iterator<Item = u64>) {
    for seed in seeds {
        let report = run(&brief(seed));
        let repeat = "cargo run --release -p simulation -- --brief --seed";
        assert!(report.violations.is_empty(), "{:#?}\nRepeat it: {repeat} {seed}", report.violations);
    }
}

#[test]
fn even_seeds_violate_nothing() {
    violate_nothing((0..SEEDS).step_by(2));
}

#[test]
fn odd_seeds_violate_nothing() {
    violate_nothing((1..SEEDS).step_by(2));
}

#[test]
fn same_seed_makes_the_same_calls() {
    for seed in 0..3 {
        let digests = [(); 2].map(|()| run(&brief(seed)).digest);
        assert_eq!(digests[0], digests[1], "seed {seed}");
    }
}
