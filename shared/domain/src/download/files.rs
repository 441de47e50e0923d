//! Files of a download, and their stored form.

use serde::{Deserialize, Serialize};

/// A file of a download.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuiltFile {
    /// Object key of the file.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// CRC-32 (IEEE) of the whole file.
    pub crc32: u32,
}

/// Files of a download: unknown, planned or built.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredFiles", into = "StoredFiles")]
pub enum Files {
    /// The files are unknown: operators or SQS's redrive started the build, and it is not planned yet.
    #[default]
    Unknown,
    /// Planned archives, at least one.
    Planned(Vec<BuiltFile>),
    /// Built files, at least one.
    Built(Vec<BuiltFile>),
}

/// Attributes of a stored record's files, unchanged since the first release.
#[derive(Clone, Serialize, Deserialize)]
struct StoredFiles {
    #[serde(default)]
    planned: Vec<BuiltFile>,
    #[serde(default)]
    file: Option<BuiltFile>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    more_files: Vec<BuiltFile>,
}

impl From<StoredFiles> for Files {
    fn from(StoredFiles { planned, file, more_files }: StoredFiles) -> Self {
        match file {
            Some(file) => Self::Built(std::iter::once(file).chain(more_files).collect()),
            None if planned.is_empty() => Self::Unknown,
            None => Self::Planned(planned),
        }
    }
}

impl From<Files> for StoredFiles {
    fn from(files: Files) -> Self {
        let none = Self { planned: Vec::new(), file: None, more_files: Vec::new() };
        match files {
            Files::Unknown => none,
            Files::Planned(planned) => Self { planned, ..none },
            Files::Built(files) => {
                let mut files = files.into_iter();
                Self { file: files.next(), more_files: files.collect(), ..none }
            }
        }
    }
}

impl Files {
    /// Returns the built files.
    pub fn built(&self) -> &[BuiltFile] {
        match self {
            Self::Built(files) => files,
            Self::Unknown | Self::Planned(_) => &[],
        }
    }

    /// Returns the built files, or the planned ones before they are built.
    pub fn known(&self) -> &[BuiltFile] {
        match self {
            Self::Built(files) | Self::Planned(files) => files,
            Self::Unknown => &[],
        }
    }
}
