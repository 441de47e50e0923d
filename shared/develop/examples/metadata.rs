//! Prints the metadata of files as JSON, one line for each, with the size of those that can be developed or kept, as
//! stored:
//! `cargo run --example metadata -- photo.jpg photo.nef`.

use std::path::Path;

use anyhow::Context;
use develop::{Limits, develop, read_metadata};
use serde_json::json;

fn main() -> anyhow::Result<()> {
    for path in std::env::args().skip(1) {
        let original = std::fs::read(&path).with_context(|| format!("Failed to read {path}"))?;
        let filename = Path::new(&path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let line = match read_metadata(&original, filename) {
            Ok(exif) => json!({ "file": path, "exif": exif, "size": stored_size(&original, filename) }),
            Err(error) => json!({ "file": path, "refused": error.code() }),
        };
        #[expect(clippy::print_stdout, reason = "a command line program's answer")]
        {
            println!("{line}");
        }
    }
    Ok(())
}

/// Width and height before the picture is turned upright.
fn stored_size(original: &[u8], filename: &str) -> Option<(u32, u32)> {
    let developed = develop(original, filename, &Limits::default()).ok()?;
    let (width, height) = developed.dimensions?;
    Some(if developed.orientation < 5 { (width, height) } else { (height, width) })
}
