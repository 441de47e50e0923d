//! Runs the fuzz targets on seeds, on mutations of them by a fixed seed, and on inputs that fuzzing found.

use std::path::Path;

use super::seeds::{self, ANY_FILE};
use crate::fuzzing::{TARGETS, run};

/// Mutations per seed in its container's target; other targets get one.
const MUTATIONS: u32 = 12;

/// The most bytes of a mutated seed: larger ones take most of the time.
const MAX_MUTATED: usize = 24 << 10;

#[test]
fn seeds_and_their_mutations_do_not_panic() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for seed in seeds::all() {
        let any_file = ANY_FILE.iter().filter(|_| seed.target != "profile");
        for target in any_file.chain([&seed.target]) {
            run(target, &seed.bytes);
            let mutations = if *target == seed.target { MUTATIONS } else { 1 };
            for _ in (0..mutations).take_while(|_| seed.bytes.len() <= MAX_MUTATED) {
                run(target, &random.mutated(&seed.bytes));
            }
        }
    }
}

#[test]
fn fuzzing_regressions_do_not_panic() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions");
    for target in &TARGETS {
        let Ok(found) = folder.join(target.name).read_dir() else { continue };
        for input in found {
            run(target.name, &std::fs::read(input.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn each_fuzz_target_has_file_and_manifest_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for target in &TARGETS {
        let source = std::fs::read_to_string(folder.join(format!("fuzz_targets/{}.rs", target.name))).unwrap();
        assert!(source.contains(&format!("{:?}", target.name)), "{}", target.name);
        assert!(manifest.contains(&format!("name = {:?}", target.name)), "{}", target.name);
    }
}

/// A xorshift generator: the same numbers in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    /// Changes bytes, half of them among the first 512, where headers are; repeats or drops a part; cuts the end.
    fn mutated(&mut self, seed: &[u8]) -> Vec<u8> {
        const STRANGE: [u8; 8] = [0, 1, 0x7F, 0x80, 0xFF, 0xFE, 0xDA, 0x20];
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(6) {
            let end = if self.below(2) == 0 { bytes.len().min(512) } else { bytes.len() };
            let at = self.below(end);
            match self.below(3) {
                0 => bytes[at] ^= 1 << self.below(8),
                1 => bytes[at] = STRANGE[self.below(STRANGE.len())],
                _ => bytes[at] = u8::try_from(self.below(256)).unwrap(),
            }
        }
        let (from, length) = (self.below(bytes.len()), self.below(64));
        let part = from..(from + length).min(bytes.len());
        match self.below(8) {
            0 => {
                let copy = bytes[part.clone()].to_vec();
                bytes.splice(part.start..part.start, copy);
            }
            1 => {
                bytes.drain(part);
            }
            2 => bytes.truncate(from.max(1)),
            _ => {}
        }
        bytes
    }
}
