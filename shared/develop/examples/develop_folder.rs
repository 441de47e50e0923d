//! Develops every file of a folder, for tests that compare many:
//! `cargo run -p develop --example develop_folder -- originals previews`.
//! Writes `previews/NAME.jpg`, and one line per file to standard output: the name and `made`, `unsupported` or
//! `refused:CODE`.

use std::{fs, path::Path};

use anyhow::bail;
use develop::{Derivatives, Limits, develop};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [originals, previews] = arguments.as_slice() else { bail!("Usage: develop_folder ORIGINALS PREVIEWS") };
    fs::create_dir_all(previews)?;
    for entry in fs::read_dir(originals)? {
        let name = entry?.file_name().into_string().unwrap_or_default();
        let original = fs::read(Path::new(originals).join(&name))?;
        let outcome = match develop(&original, &name, &Limits::default()) {
            Ok(developed) => match developed.derivatives {
                Derivatives::Made { preview, .. } => {
                    fs::write(Path::new(previews).join(format!("{name}.jpg")), preview.bytes)?;
                    "made".to_owned()
                }
                Derivatives::UnsupportedFormat => "unsupported".to_owned(),
            },
            Err(error) => format!("refused:{}", error.code()),
        };
        #[expect(clippy::print_stdout, reason = "a command line program's answer")]
        {
            println!("{name}\t{outcome}");
        }
    }
    Ok(())
}
