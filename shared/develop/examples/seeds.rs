//! Writes the inputs that fuzzing begins with, by target:
//! `cargo run -p develop --example seeds -- shared/develop/fuzz/corpus`.

#[path = "../src/tests/samples.rs"]
#[expect(clippy::unwrap_used, reason = "shared with the tests")]
mod samples;
#[path = "../src/tests/seeds.rs"]
#[expect(clippy::unwrap_used, reason = "shared with the tests")]
mod seeds;

use std::path::Path;

use anyhow::bail;

fn main() -> anyhow::Result<()> {
    let Some(folder) = std::env::args().nth(1) else { bail!("Usage: seeds FOLDER") };
    for seed in seeds::all() {
        for target in seeds::ANY_FILE.iter().chain([&seed.target]) {
            let folder = Path::new(&folder).join(target);
            std::fs::create_dir_all(&folder)?;
            std::fs::write(folder.join(&seed.name), &seed.bytes)?;
        }
    }
    Ok(())
}
