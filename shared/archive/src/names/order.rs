//! Names of an order's archives, and of the folder in them.

use domain::language::Language;

use super::{
    length::{self, MAX_REFERENCE_BYTES, MAX_REFERENCE_UNITS, units},
    safe,
};

/// Names of an order's archives, and of the folder in them, in the customer's language.
///
/// The names follow the rules of [`file_name`](super::file_name). At most 50 UTF-16 code units and 134 bytes of the reference are kept, since
/// the path of an extracted file contains it twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNames {
    language: Language,
    stem: String,
    folder: String,
}

impl OrderNames {
    /// Names the archives of the order with this reference.
    pub fn new(reference: &str, language: Language) -> Self {
        let word = match language {
            Language::English => "Order",
            Language::German => "Bestellung",
            Language::French => "Commande",
        };
        let stem = safe::part(reference, MAX_REFERENCE_BYTES, MAX_REFERENCE_UNITS);
        if stem.is_empty() {
            return Self { language, stem: word.to_owned(), folder: word.to_owned() };
        }
        let folder = format!("{word}-{reference}");
        let more = units(word) + 1;
        let folder = safe::part(&folder, more + MAX_REFERENCE_BYTES, more + MAX_REFERENCE_UNITS);
        Self { language, stem, folder }
    }

    /// Returns the folder that contains all files of an archive: `Order-A-17`, `Bestellung-A-17`, `Commande-A-17`.
    pub fn folder(&self) -> &str {
        &self.folder
    }

    /// Returns the file name of the order's only archive: `A-17.zip`.
    pub fn archive(&self) -> String {
        format!("{}.zip", self.stem)
    }

    /// Returns the file name of one of several archives, from 1: `A-17 1 of 3.zip`.
    pub fn volume(&self, number: usize, volumes: usize) -> String {
        format!("{}.zip", self.volume_stem(number, volumes))
    }

    /// Returns the longest name of a file in one of this many archives, in UTF-16 code units.
    pub(super) fn room_for_files(&self, volumes: usize) -> usize {
        let last = self.volume_stem(volumes, volumes);
        length::room_for_files(if volumes > 1 { &last } else { &self.stem }, &self.folder)
    }

    fn volume_stem(&self, number: usize, volumes: usize) -> String {
        let of = match self.language {
            Language::English => "of",
            Language::German => "von",
            Language::French => "sur",
        };
        format!("{} {number} {of} {volumes}", self.stem)
    }
}
