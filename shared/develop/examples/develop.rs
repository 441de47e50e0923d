//! Develops one file and says what came of it:
//! `cargo run --release -p develop --example develop -- photo.jpg [folder]`.
//! With a folder, preview and thumbnail are written there.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, bail};
use develop::{Derivatives, Limits, develop};
use serde_json::json;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(path) = arguments.next() else { bail!("Usage: develop PHOTO [FOLDER]") };
    let folder = arguments.next();
    let original = std::fs::read(&path).with_context(|| format!("Failed to read {path}"))?;
    let filename = Path::new(&path).file_name().and_then(|name| name.to_str()).unwrap_or_default();

    let started = Instant::now();
    let result = develop(&original, filename, &Limits::default());
    let duration_ms = started.elapsed().as_millis();
    let facts = match &result {
        Ok(developed) => json!({
            "file": filename,
            "duration_ms": duration_ms,
            "content_type": developed.content_type,
            "sha256": hex::encode(developed.sha256),
            "crc32": format!("{:08x}", developed.crc32),
            "dimensions": developed.dimensions,
            "orientation": developed.orientation,
            "exif": developed.exif,
            "derivatives": match &developed.derivatives {
                Derivatives::Made { preview, thumb, thumbhash } => json!({
                    "preview": { "width": preview.width, "height": preview.height, "bytes": preview.bytes.len() },
                    "thumb": { "width": thumb.width, "height": thumb.height, "bytes": thumb.bytes.len() },
                    "thumbhash": hex::encode(thumbhash),
                }),
                Derivatives::UnsupportedFormat => json!("unsupported_format"),
            },
        }),
        Err(error) => json!({
            "file": filename,
            "duration_ms": duration_ms,
            "refused": { "code": error.code(), "message": error.to_string() },
        }),
    };
    #[expect(clippy::print_stdout, reason = "a command line program's answer")]
    {
        println!("{facts:#}");
    }
    if let (Some(folder), Ok(Derivatives::Made { preview, thumb, .. })) =
        (folder, result.map(|developed| developed.derivatives))
    {
        let folder = Path::new(&folder);
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join(format!("{filename}.preview.jpg")), preview.bytes)?;
        std::fs::write(folder.join(format!("{filename}.thumb.jpg")), thumb.bytes)?;
    }
    Ok(())
}
