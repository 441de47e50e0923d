//! This project's tool as a process: the photo worker's processing of an original, without its records and queue.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use develop::{Derivatives, Limits, develop as develop_photo};

use crate::picture;

/// Develops these files one after the other.
pub fn develop(out: &Path, files: &[PathBuf]) -> Result<()> {
    for (number, file) in files.iter().enumerate() {
        let original = std::fs::read(file)?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let developed = develop_photo(&original, &name, &Limits::default())?;
        let Derivatives::Made { preview, thumb, .. } = developed.derivatives else {
            bail!("{name} is of an unsupported format")
        };
        std::fs::write(picture(out, number, "preview"), preview.bytes)?;
        std::fs::write(picture(out, number, "thumb"), thumb.bytes)?;
    }
    Ok(())
}
