//! Checks the pictures that a tool made.

use std::path::Path;

use anyhow::{Result, ensure};
use develop::{Limits, develop};

use crate::picture;

/// The longer edges of preview and thumbnail, in pixels, as the photo worker makes them.
pub const EDGES: [(&str, u32); 2] = [("preview", 2048), ("thumb", 400)];

/// Checks that both pictures exist, are upright and have the right size.
pub fn pictures(out: &Path, number: usize, (width, height): (u32, u32)) -> Result<()> {
    for (kind, edge) in EDGES {
        let file = picture(out, number, kind);
        let made = image::image_dimensions(&file)?;
        let scale = f64::from(edge.min(width.max(height))) / f64::from(width.max(height));
        let near = |made: u32, original: u32| (f64::from(made) - f64::from(original) * scale).abs() <= 1.0;
        let what = file.display();
        ensure!(near(made.0, width) && near(made.1, height), "{what} is {made:?}, of {:?}", (width, height));
    }
    Ok(())
}

/// Returns width and height of an original, upright.
pub fn size(file: &Path) -> Result<(u32, u32)> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let developed = develop(&std::fs::read(file)?, &name, &Limits::default())?;
    developed.dimensions.ok_or_else(|| anyhow::anyhow!("{name} has no size"))
}
