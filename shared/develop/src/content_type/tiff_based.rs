//! Formats with TIFF's signature: TIFF itself, and the camera RAW formats based on it. The directories of a file show
//! whether it is RAW, and name the maker, which determines the kind. The file name decides between the kinds of one
//! maker.

use domain::photo::FileType;

use crate::{
    ifd::{Directory, Structure},
    raw::directories::{DNG_VERSION, MAKE, all, is_of_sensor},
};

const TIFF: &str = "image/tiff";
const CR2: &str = "image/x-canon-cr2";
const DNG: &str = "image/x-adobe-dng";
const IIQ: &str = "image/x-phaseone-iiq";
const ORF: &str = "image/x-olympus-orf";
const RW2: &str = "image/x-panasonic-rw2";
const RWL: &str = "image/x-leica-rwl";
/// RAW of a kind without a type of its own in the shared MIME-info database.
const OTHER_RAW: &str = "image/x-dcraw";

/// Prefixes of makers' names in upper case, and their RAW formats, the usual one first. The content types are those of
/// the shared MIME-info database.
const MAKERS: [(&str, &[&str]); 20] = [
    // Canon's first cameras wrote RAW with the extension `tif`.
    ("CANON", &[OTHER_RAW, CR2]),
    ("NIKON", &["image/x-nikon-nef", "image/x-nikon-nrw"]),
    ("SONY", &["image/x-sony-arw", "image/x-sony-sr2", "image/x-sony-srf"]),
    ("PENTAX", &["image/x-pentax-pef"]),
    ("ASAHI", &["image/x-pentax-pef"]),
    ("RICOH", &["image/x-pentax-pef"]),
    ("SAMSUNG", &["image/x-samsung-srw", "image/x-pentax-pef"]),
    ("OLYMPUS", &[ORF]),
    ("OM DIGITAL", &[ORF]),
    ("HASSELBLAD", &["image/x-hasselblad-3fr", "image/x-hasselblad-fff"]),
    ("IMACON", &["image/x-hasselblad-fff"]),
    ("PHASE ONE", &[IIQ]),
    ("LEAF", &["image/x-leaf-mos", IIQ]),
    ("LEICA", &[RWL]),
    ("PANASONIC", &[RW2]),
    ("SEIKO EPSON", &["image/x-epson-erf"]),
    ("EPSON", &["image/x-epson-erf"]),
    ("MAMIYA", &["image/x-mamiya-mef"]),
    ("KODAK", &["image/x-kodak-dcr", "image/x-kodak-kdc"]),
    ("EASTMAN KODAK", &["image/x-kodak-dcr", "image/x-kodak-kdc"]),
];

/// Returns the content type of a file with TIFF's signature or a camera's variant of it; `None` for other files.
pub(super) fn content_type(file: &[u8], filename: &str) -> Option<&'static str> {
    match file {
        [b'I', b'I', b'R', b'O' | b'S', ..] | [b'M', b'M', b'O', b'R', ..] => return Some(ORF),
        [b'I', b'I', b'U', 0, ..] => {
            let structure = Structure::find(file)?;
            let make = structure.directory(structure.first()).map(|main| make(&main));
            return Some(if make.is_some_and(|make| make.starts_with("LEICA")) { RWL } else { RW2 });
        }
        _ => {}
    }
    let structure = Structure::new(file)?;
    match file.get(8..).unwrap_or_default() {
        [b'C', b'R', ..] => return Some(CR2),
        // The first EOS-1D.
        [0xBA, 0xB0, 0xAC, 0xBB, ..] => return Some(OTHER_RAW),
        // Phase One and Leaf, in either byte order.
        [b'I', b'I', b'I', b'I', _, b'w', b'a', b'R', ..] | [b'M', b'M', b'M', b'M', b'R', b'a', b'w', ..] => {
            return Some(IIQ);
        }
        _ => {}
    }
    let Some(main) = structure.directory(structure.first()) else { return Some(TIFF) };
    if main.values(DNG_VERSION).is_some() {
        return Some(DNG);
    }
    let make = make(&main);
    let kinds = MAKERS.iter().find(|(maker, _)| make.starts_with(maker)).map(|&(_, kinds)| kinds);
    let named = filename
        .rsplit_once('.')
        .and_then(|(_, extension)| FileType::of_extension(extension))
        .map(|file_type| file_type.content_type);
    let of_maker = kinds.and_then(|kinds| kinds.iter().copied().find(|&kind| Some(kind) == named));
    if !all(&structure).any(|directory| is_of_sensor(&directory, kinds.is_some())) {
        // The kind depends on maker and name: some RAW files do not describe the sensor in TIFF's fields.
        return Some(of_maker.unwrap_or(TIFF));
    }
    let of_any_maker = || {
        let is_named = |&kind: &&str| Some(kind) == named;
        MAKERS.iter().find_map(|(_, kinds)| kinds.iter().copied().find(is_named))
    };
    let usual = kinds.and_then(|kinds| kinds.first().copied());
    Some(of_maker.or(usual).or_else(of_any_maker).unwrap_or(OTHER_RAW))
}

/// Returns the maker's name in upper case.
fn make(main: &Directory<'_>) -> String {
    let text = main.values(MAKE).and_then(|values| values.text()).unwrap_or_default();
    String::from_utf8_lossy(&text[..text.len().min(64)]).trim_start().to_ascii_uppercase()
}
