//! What is developed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use demo_photos::{Format, RECIPES, Recipe, camera::Orientation};

/// Photos that are to be drawn.
pub struct Drawn {
    pub name: &'static str,
    size: (u32, u32),
    format: Format,
}

/// As cameras have them; 24 megapixels is what most have, 45 what the larger ones.
pub const ALL: [Drawn; 3] = [
    Drawn { name: "24MP", size: (6000, 4000), format: Format::Baseline },
    Drawn { name: "24MP-progressive", size: (6000, 4000), format: Format::Progressive },
    Drawn { name: "45MP", size: (8192, 5464), format: Format::Baseline },
];

/// How cameras are held.
const HELD: [(&str, Orientation); 4] = [
    ("1.jpg", Orientation::Upright),
    ("2.jpg", Orientation::QuarterRight),
    ("3.jpg", Orientation::Upright),
    ("4.jpg", Orientation::QuarterLeft),
];

/// Files on disk.
pub struct Case {
    pub name: String,
    pub files: Vec<PathBuf>,
    /// Of all files.
    pub bytes: u64,
}

impl Drawn {
    /// Draws them below `folder`.
    pub fn draw(&self, folder: &Path) -> Result<Case> {
        let folder = folder.join(self.name);
        std::fs::create_dir_all(&folder)?;
        for (filename, orientation) in HELD {
            let (width, height) = self.size;
            let recipe = Recipe { filename, width, height, orientation, format: self.format, ..RECIPES[0] };
            std::fs::write(folder.join(filename), recipe.encode()?)?;
        }
        Ok(Case { name: self.name.to_owned(), ..Case::of(&folder)? })
    }
}

impl Case {
    /// The JPEGs of a folder.
    pub fn of(folder: &Path) -> Result<Self> {
        let entries = std::fs::read_dir(folder).with_context(|| format!("Failed to read {}", folder.display()))?;
        let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        let is_jpeg =
            |ending: &std::ffi::OsStr| ending.eq_ignore_ascii_case("jpg") || ending.eq_ignore_ascii_case("jpeg");
        files.retain(|file| file.extension().is_some_and(is_jpeg));
        files.sort();
        ensure!(!files.is_empty(), "{} has no JPEGs", folder.display());
        let bytes = files.iter().map(|file| Ok(file.metadata()?.len())).sum::<Result<u64>>()?;
        Ok(Self { name: "folder".to_owned(), files, bytes })
    }
}
