//! Comparison of the archive with the originals: each equal byte for byte, none missing, none extra.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use zip::ZipArchive;

/// The manifest of the archive, in any folder. No photo has this name: the builder renames it.
const MANIFEST: &str = "manifest.json";

/// The bytes per comparison.
const CHUNK_BYTES: usize = 64 * 1024;

/// The fields of the manifest that match entries with originals.
#[derive(Deserialize)]
struct Manifest {
    photos: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    photo_id: String,
    /// The name of the entry, with its folder.
    name: String,
}

/// The findings of the comparison.
#[derive(Debug, Default)]
pub struct Findings {
    /// The number of entries in the archive, including the manifest.
    pub entries: usize,
    /// The number of photos that equal their originals.
    pub identical: usize,
    /// One sentence per fault.
    pub faults: Vec<String>,
}

impl Findings {
    /// Returns whether there are no faults.
    pub fn verified(&self) -> bool {
        self.faults.is_empty()
    }
}

/// Compares the archive at `path` with `originals`, which are files by photo id.
///
/// An unreadable archive is an error; everything else is a finding.
pub fn verify(path: &Path, originals: &BTreeMap<String, PathBuf>) -> Result<Findings> {
    let file = File::open(path).with_context(|| format!("Failed to open {}", path.display()))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).context("The archive is no ZIP")?;
    let names = archive.file_names().map(|name| name.map(std::borrow::Cow::into_owned));
    let names: Vec<String> = names.collect::<Result<_, _>>().context("An entry has no readable name")?;
    let mut manifests = names.iter().filter(|name| name.rsplit('/').next() == Some(MANIFEST));
    let (Some(manifest_name), None) = (manifests.next(), manifests.next()) else {
        bail!("The archive holds no manifest.json, or more than one");
    };
    let manifest: Manifest = {
        let mut entry = archive.by_name(manifest_name).context("Failed to open manifest.json")?;
        let mut text = Vec::new();
        entry.read_to_end(&mut text).context("Failed to read manifest.json")?;
        serde_json::from_slice(&text).context("manifest.json is not what was agreed")?
    };
    let mut findings = Findings { entries: archive.len(), ..Findings::default() };
    let mut ids: BTreeMap<&str, &str> = BTreeMap::new();
    for listed in &manifest.photos {
        if ids.insert(&listed.name, &listed.photo_id).is_some() {
            findings.faults.push(format!("The manifest lists {:?} twice", listed.name));
        }
    }
    let mut seen = BTreeSet::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).with_context(|| format!("Failed to read entry {index}"))?;
        let name = entry.name().context("An entry has no readable name")?.into_owned();
        if name == *manifest_name {
            continue;
        }
        let Some((id, original)) = ids.get(name.as_str()).and_then(|id| Some((*id, originals.get(*id)?))) else {
            findings.faults.push(format!("{name:?} in the archive is none of the ordered photos"));
            continue;
        };
        if !seen.insert(id) {
            findings.faults.push(format!("{name:?} is in the archive twice"));
            continue;
        }
        match same(&mut entry, original) {
            Ok(true) => findings.identical += 1,
            Ok(false) => findings.faults.push(format!("{name:?} differs from {}", original.display())),
            Err(error) => findings.faults.push(format!("{name:?} could not be compared: {error}")),
        }
    }
    for (id, original) in originals {
        if !seen.contains(id.as_str()) {
            findings.faults.push(format!("{} is missing from the archive", original.display()));
        }
    }
    Ok(findings)
}

/// Compares both to their ends: the entry's CRC-32 is checked at its end.
fn same(entry: &mut impl Read, original: &Path) -> std::io::Result<bool> {
    let mut original = File::open(original)?;
    let (mut left, mut right) = (Vec::with_capacity(CHUNK_BYTES), Vec::with_capacity(CHUNK_BYTES));
    loop {
        left.clear();
        right.clear();
        entry.take(CHUNK_BYTES as u64).read_to_end(&mut left)?;
        original.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut right)?;
        if left != right {
            return Ok(false);
        }
        if left.is_empty() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    struct Bed {
        folder: tempfile::TempDir,
        originals: BTreeMap<String, PathBuf>,
    }

    impl Bed {
        fn new(photos: &[(&str, &str)]) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let mut originals = BTreeMap::new();
            for (id, content) in photos {
                let path = folder.path().join(id);
                std::fs::write(&path, content).unwrap();
                originals.insert((*id).to_owned(), path);
            }
            Self { folder, originals }
        }

        fn verify(&self, manifest: &str, entries: &[(&str, &str)]) -> Findings {
            let path = self.folder.path().join("z.zip");
            let mut zip = ZipWriter::new(File::create(&path).unwrap());
            let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
            for (name, content) in entries.iter().chain([&("o/manifest.json", manifest)]) {
                zip.start_file(*name, stored).unwrap();
                zip.write_all(content.as_bytes()).unwrap();
            }
            zip.finish().unwrap();
            verify(&path, &self.originals).unwrap()
        }
    }

    const TWO: &str = r#"{"photos":[{"photo_id":"1","name":"o/a.jpg"},{"photo_id":"2","name":"o/b.jpg"}]}"#;

    #[test]
    fn archive_of_originals_is_verified() {
        let findings = Bed::new(&[("1", "one"), ("2", "two")]).verify(TWO, &[("o/a.jpg", "one"), ("o/b.jpg", "two")]);
        assert!(findings.verified(), "{findings:?}");
        assert_eq!((findings.entries, findings.identical), (3, 2));
    }

    #[test]
    fn changed_missing_and_extra_photos_are_found() {
        let findings = Bed::new(&[("1", "one"), ("2", "two")]).verify(TWO, &[("o/a.jpg", "onE"), ("o/c.jpg", "two")]);
        assert_eq!(findings.faults.len(), 3, "{findings:?}");
        assert!(findings.faults[0].contains("differs"));
        assert!(findings.faults[1].contains("none of the ordered"));
        assert!(findings.faults[2].contains("missing"));
    }

    #[test]
    fn cut_off_photo_is_found() {
        let findings = Bed::new(&[("1", "one"), ("2", "two")]).verify(TWO, &[("o/a.jpg", "one"), ("o/b.jpg", "tw")]);
        assert_eq!(findings.faults.len(), 1, "{findings:?}");
    }
}
