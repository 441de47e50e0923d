//! The cases: photos to be developed.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use benches::peers::{self, Folder};
use demo_photos::camera::Orientation;

use crate::draw::{Coding, draw};

/// The source of a case's photos.
enum Source {
    /// Drawn photos: width, height, coding.
    Drawn(u32, u32, Coding),
    /// Drawn photos, converted to another format by pillow-heif or pillow-jxl-plugin (PyPI): width, height, extension.
    Converted(u32, u32, &'static str),
    /// JPEGs from Debian packages, fetched and unpacked without root.
    Wallpapers,
}

/// A case and its name.
pub struct Case {
    pub name: &'static str,
    source: Source,
}

/// The sizes of cameras: a phone's 12 megapixels, the usual 24, a larger camera's 45, and the largest available.
pub const ALL: [Case; 10] = [
    Case { name: "24MP", source: Source::Drawn(6000, 4000, Coding::Baseline) },
    Case { name: "24MP-progressive", source: Source::Drawn(6000, 4000, Coding::Progressive) },
    Case { name: "12MP-P3", source: Source::Drawn(4032, 3024, Coding::Phone) },
    Case { name: "45MP", source: Source::Drawn(8192, 5464, Coding::Baseline) },
    Case { name: "100MP", source: Source::Drawn(11_648, 8736, Coding::Baseline) },
    Case { name: "24MP-TIFF16", source: Source::Drawn(6000, 4000, Coding::SixteenBit) },
    Case { name: "12MP-HEIC", source: Source::Converted(4032, 3024, "heic") },
    Case { name: "12MP-AVIF", source: Source::Converted(4032, 3024, "avif") },
    Case { name: "24MP-JXL", source: Source::Converted(6000, 4000, "jxl") },
    Case { name: "wallpapers", source: Source::Wallpapers },
];

/// The orientations in which cameras are held.
const HELD: [Orientation; 4] =
    [Orientation::Upright, Orientation::QuarterRight, Orientation::Upright, Orientation::QuarterLeft];
/// The JPEGs of 8 megapixels and more in two Debian packages, one per motif.
const WALLPAPERS: [(&str, &str); 6] = [
    ("mate-backgrounds", "mate/abstract/Elephants_5640x3172.jpg"),
    ("ukui-wallpapers", "the-mouse.jpg"),
    ("ukui-wallpapers", "firstgeneration.jpg"),
    ("ukui-wallpapers", "2004default.jpg"),
    ("ukui-wallpapers", "string.jpg"),
    ("ukui-wallpapers", "rhythm.jpg"),
];

/// The files of a case.
pub struct Files {
    pub name: String,
    pub paths: Vec<PathBuf>,
    /// The size of all files.
    pub bytes: u64,
    /// The size of the largest file.
    pub largest: u64,
}

impl Case {
    /// Draws or fetches the files that are missing below `cache`.
    pub async fn files(&self, cache: &Path, peers: &Folder) -> Result<Files> {
        let folder = cache.join(self.name);
        if !folder.exists() {
            let begun = cache.join(format!("{}.part", self.name));
            std::fs::create_dir_all(&begun)?;
            self.make(&begun, peers).await.with_context(|| format!("Failed to make {}", self.name))?;
            std::fs::rename(begun, &folder)?;
        }
        Ok(Files { name: self.name.to_owned(), ..Files::of(&folder)? })
    }

    async fn make(&self, folder: &Path, peers: &Folder) -> Result<()> {
        match self.source {
            Source::Drawn(width, height, coding) => {
                // Two photos of the largest sizes are enough.
                let photos = if width * height > 50_000_000 || coding == Coding::SixteenBit { 2 } else { HELD.len() };
                let ending = if coding == Coding::SixteenBit { "tif" } else { "jpg" };
                for (seed, orientation) in (1..).zip(HELD).take(photos) {
                    draw(&folder.join(format!("{seed}.{ending}")), (width, height), orientation, seed, coding)?;
                }
                Ok(())
            }
            Source::Converted(width, height, extension) => {
                peers.pip(&["Pillow==11.3.0", "pillow-heif==1.8.1", "pillow-jxl-plugin==1.3.8"]).await?;
                std::fs::write(peers.path.join("convert.py"), include_str!("peers/convert.py"))?;
                for (seed, orientation) in (1..).zip(HELD) {
                    let drawn = folder.join(format!("{seed}.jpg"));
                    draw(&drawn, (width, height), orientation, seed, Coding::Phone)?;
                    let paths =
                        [&drawn, &drawn.with_extension(extension)].map(|path| path.to_string_lossy().into_owned());
                    peers::run("venv/bin/python", &["convert.py", &paths[0], &paths[1]], &peers.path).await?;
                    std::fs::remove_file(drawn)?;
                }
                Ok(())
            }
            Source::Wallpapers => wallpapers(folder).await,
        }
    }
}

async fn wallpapers(folder: &Path) -> Result<()> {
    let packages = tempfile::tempdir()?;
    for package in ["mate-backgrounds", "ukui-wallpapers"] {
        peers::run("apt-get", &["-qq", "download", package], packages.path()).await?;
    }
    let unpacked = packages.path().join("unpacked");
    for entry in std::fs::read_dir(packages.path())? {
        let package = entry?.path();
        let (package, unpacked) = (package.to_string_lossy(), unpacked.to_string_lossy());
        if package.ends_with(".deb") {
            peers::run("dpkg", &["-x", &package, &unpacked], packages.path()).await?;
        }
    }
    for (package, name) in WALLPAPERS {
        let from = unpacked.join("usr/share/backgrounds").join(name);
        let to = folder.join(Path::new(name).file_name().unwrap_or_default());
        std::fs::copy(&from, to).with_context(|| format!("{package} has no {name}"))?;
    }
    Ok(())
}

impl Files {
    /// Returns the files of a folder.
    pub fn of(folder: &Path) -> Result<Self> {
        let entries = std::fs::read_dir(folder).with_context(|| format!("Failed to read {}", folder.display()))?;
        let mut paths: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        paths.retain(|path| path.is_file());
        paths.sort();
        ensure!(!paths.is_empty(), "{} has no files", folder.display());
        let sizes = paths.iter().map(|path| Ok(path.metadata()?.len())).collect::<Result<Vec<_>>>()?;
        let largest = sizes.iter().copied().max().unwrap_or(0);
        Ok(Self { name: "folder".to_owned(), paths, bytes: sizes.iter().sum(), largest })
    }
}
