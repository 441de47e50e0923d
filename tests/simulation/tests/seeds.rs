//! Histories of the first seeds. The long run is a bench: `cargo bench -p benches --bench simulation`.

use simulation::history::{Options, run};

/// Histories of the fast test.
const SEEDS: u64 = 50;

#[test]
fn histories_of_fifty_seeds_violate_nothing() {
    for seed in 0..SEEDS {
        let report = run(&Options { seed, ..Options::default() });
        let repeat = "cargo bench -p benches --bench simulation -- --seed";
        assert!(report.violations.is_empty(), "{:#?}\nRepeat it: {repeat} {seed}", report.violations);
    }
}

#[test]
fn same_seed_makes_the_same_calls() {
    for seed in 0..3 {
        let digests = [(); 2].map(|()| run(&Options { seed, ..Options::default() }).digest);
        assert_eq!(digests[0], digests[1], "seed {seed}");
    }
}
