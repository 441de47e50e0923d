//! This project and its peers, each by the first example of its documentation.

use std::path::{Path, PathBuf};

use anyhow::Result;
use benches::peers::Folder;
use tokio::process::Command;

use crate::cases::Files;

/// A tool that makes previews and thumbnails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// This project's photo worker, which also reads EXIF and computes hashes and thumbhash.
    Ours,
    /// sharp (npm): both pictures from the original, in parallel.
    Sharp,
    /// sharp (npm): the thumbnail from the preview.
    SharpChained,
    /// pyvips (PyPI), with its own libvips: `thumbnail` twice.
    Pyvips,
    /// Pillow (PyPI): draft mode, the thumbnail from the preview; HEIC by pillow-heif, JPEG XL by pillow-jxl-plugin.
    Pillow,
    /// libvips by its command line, from Debian's package `libvips-tools`, with libheif and libjxl, which sharp's own
    /// build lacks.
    Vipsthumbnail,
}

impl Tool {
    pub const ALL: [Self; 6] =
        [Self::Ours, Self::Sharp, Self::SharpChained, Self::Pyvips, Self::Pillow, Self::Vipsthumbnail];

    pub fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Sharp => "sharp",
            Self::SharpChained => "sharp-chained",
            Self::Pyvips => "pyvips",
            Self::Pillow => "Pillow",
            Self::Vipsthumbnail => "vipsthumbnail",
        }
    }

    /// Returns the process that develops one photo after the other.
    pub fn command(self, case: &Files, out: &Path, installed: &Folder) -> Result<Command> {
        let peers = &installed.path;
        let script = |program: PathBuf, script: &str| {
            let mut command = Command::new(program);
            command.arg(peers.join(script));
            command
        };
        let mut command = match self {
            Self::Ours => {
                let mut command = Command::new(std::env::current_exe()?);
                command.arg("--develop");
                command
            }
            Self::Sharp => script("node".into(), "sharp.mjs"),
            Self::SharpChained => script("node".into(), "sharp_chained.mjs"),
            Self::Pyvips => script(peers.join("venv/bin/python"), "with_pyvips.py"),
            Self::Pillow => script(peers.join("venv/bin/python"), "with_pillow.py"),
            Self::Vipsthumbnail => script("sh".into(), "with_vipsthumbnail.sh"),
        };
        command.arg(out).args(&case.paths);
        Ok(command)
    }
}

/// Installs the selected peers that are missing.
pub async fn install(tools: &[Tool], folder: Option<PathBuf>) -> Result<Folder> {
    let folder = Folder::new(folder)?;
    for (name, script) in [
        ("sharp.mjs", include_str!("peers/sharp.mjs")),
        ("sharp_chained.mjs", include_str!("peers/sharp_chained.mjs")),
        ("with_pyvips.py", include_str!("peers/with_pyvips.py")),
        ("with_pillow.py", include_str!("peers/with_pillow.py")),
        ("with_vipsthumbnail.sh", include_str!("peers/with_vipsthumbnail.sh")),
    ] {
        std::fs::write(folder.path.join(name), script)?;
    }
    if (tools.contains(&Tool::Sharp) || tools.contains(&Tool::SharpChained)) && !folder.has("node_modules/sharp") {
        folder.npm(&["sharp@0.34"]).await?;
    }
    if tools.contains(&Tool::Pyvips) || tools.contains(&Tool::Pillow) {
        folder
            .pip(&["pyvips[binary]==3.0.0", "Pillow==11.3.0", "pillow-heif==1.8.1", "pillow-jxl-plugin==1.3.8"])
            .await?;
    }
    Ok(folder)
}
