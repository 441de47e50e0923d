//! Entry points of the fuzzers in `fuzz/`, and of the test that replays their inputs. They are not in other builds.
//!
//! [`guard`](crate::guard) catches a panic in a library, which is no finding. A panic in this crate is one, even if it
//! is caught.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    panic::{self, PanicHookInfo},
    sync::{Mutex, Once},
};

use crate::{
    Limits, Original,
    bitmap::{Bitmap, DecodedBitmap, PixelFormat},
    colour::{self, Colour},
    content_type::{FORMATS, Format, detect},
    develop, metadata,
};

/// A fuzz target.
pub struct Target {
    /// The name of the target and of its folders of inputs.
    pub name: &'static str,
    work: Work,
}

/// The use of an input by a target.
enum Work {
    /// The input is arbitrary bytes.
    Any(fn(&[u8])),
    /// The input is a file of a container, which is decoded.
    Container {
        /// The content types; an input of another type gets one of their signatures.
        content_types: &'static [&'static str],
        signatures: &'static [&'static [u8]],
        filename: &'static str,
    },
}

/// All targets. A new container needs a row here, a file in `fuzz/fuzz_targets` and its name in `fuzz/Cargo.toml`.
pub static TARGETS: [Target; 15] = [
    Target { name: "content_type", work: Work::Any(any_content_type) },
    Target { name: "metadata", work: Work::Any(any_metadata) },
    Target { name: "profile", work: Work::Any(any_profile) },
    Target { name: "develop", work: Work::Any(any_file) },
    container("jpeg", &["image/jpeg"], &[b"\xFF\xD8\xFF"], "a.jpg"),
    container("png", &["image/png"], &[b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"], "a.png"),
    container(
        "tiff",
        &["image/tiff"],
        &[b"II\x2A\0\x08\0\0\0", b"MM\0\x2A\0\0\0\x08", b"II\x2B\0\x08\0\0\0\x10\0\0\0\0\0\0\0"],
        "a.tif",
    ),
    container("webp", &["image/webp"], &[b"RIFF\x40\0\0\0WEBPVP8 ", b"RIFF\x40\0\0\0WEBPVP8L"], "a.webp"),
    container("gif", &["image/gif"], &[b"GIF89a"], "a.gif"),
    container(
        "heif",
        &["image/heic", "image/heif", "image/avif"],
        &[b"\0\0\0\x18ftypheic", b"\0\0\0\x18ftypmif1", b"\0\0\0\x18ftypavif"],
        "a.heic",
    ),
    container(
        "raw",
        &["image/x-nikon-nef", "image/x-canon-cr3", "image/x-fuji-raf", "image/x-panasonic-rw2", "image/x-adobe-dng"],
        &[b"II\x2A\0\x08\0\0\0", b"\0\0\0\x18ftypcrx ", b"FUJIFILMCCD-RAW ", b"IIU\0\x08\0\0\0"],
        "a.nef",
    ),
    container("jxl", &["image/jxl"], &[b"\xFF\x0A", b"\0\0\0\x0CJXL \x0D\x0A\x87\x0A"], "a.jxl"),
    container("bmp", &["image/bmp"], &[b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0"], "a.bmp"),
    container("psd", &["image/vnd.adobe.photoshop"], &[b"8BPS\0\x01\0\0\0\0\0\0", b"8BPS\0\x02\0\0\0\0\0\0"], "a.psd"),
    container(
        "video",
        &["video/mp4", "video/quicktime", "video/x-matroska", "video/x-msvideo", "video/mp2t"],
        &[b"\0\0\0\x14ftypisom\0\0\0\0isom", b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", b"\x1A\x45\xDF\xA3"],
        "a.mp4",
    ),
];

const fn container(
    name: &'static str,
    content_types: &'static [&'static str],
    signatures: &'static [&'static [u8]],
    filename: &'static str,
) -> Target {
    Target { name, work: Work::Container { content_types, signatures, filename } }
}

/// Small limits, so that an input takes milliseconds.
const LIMITS: Limits = Limits { max_bytes: 1 << 20, max_pixels: 1_000_000, max_side: 65_000 };

/// Runs an input through the target of this name.
///
/// # Panics
///
/// Panics if this crate did, even if the guard caught it, and if a decoder did outside of the guard.
pub fn run(target: &str, input: &[u8]) {
    let target = TARGETS.iter().find(|known| known.name == target).expect("a target of this name");
    watch_panics();
    OWN_PANIC.take();
    match &target.work {
        Work::Any(work) => work(input),
        Work::Container { content_types, signatures, filename } => {
            let is_inside =
                |input: &[u8]| detect(input, filename).is_ok_and(|f| content_types.contains(&f.content_type));
            let mut file = input.to_vec();
            if !is_inside(&file) {
                let signature = signatures[input.len() % signatures.len()];
                file.resize(file.len().max(signature.len()), 0);
                file[..signature.len()].copy_from_slice(signature);
            }
            if let Ok(format) = detect(&file, filename) {
                repair_png(&mut file);
                decode(format, &file);
            }
        }
    }
    if let Some(own) = OWN_PANIC.take() {
        panic!("{own}");
    }
}

fn decode(format: &Format, bytes: &[u8]) {
    let metadata = metadata::read(format.metadata, bytes);
    let original = Original { bytes, limits: &LIMITS, metadata: &metadata };
    let Ok(decoded) = (format.decode)(&original) else { return };
    let Some(picture) = decoded.picture else { return };
    assert!(u64::from(picture.size.0) * u64::from(picture.size.1) <= LIMITS.max_pixels, "{:?}", picture.size);
    let (samples, width, height, format) = match &picture.bitmap {
        DecodedBitmap::Eight(bitmap) => (bitmap.samples.len(), bitmap.width, bitmap.height, bitmap.format),
        DecodedBitmap::Sixteen(bitmap) => (bitmap.samples.len(), bitmap.width, bitmap.height, bitmap.format),
    };
    assert_eq!(samples, width as usize * height as usize * format.channels());
}

/// File names, one for each RAW format that depends on it.
const NAMES: [&str; 5] = ["a.jpg", "a.nef", "a.dng", "a.orf", ""];

fn any_content_type(input: &[u8]) {
    for name in NAMES {
        let _ = detect(input, name);
    }
}

fn any_metadata(input: &[u8]) {
    let name = NAMES[input.len() % NAMES.len()];
    let format = detect(input, name).unwrap_or(&FORMATS[input.len() % FORMATS.len()]);
    metadata::read(format.metadata, input);
}

fn any_profile(input: &[u8]) {
    let colour = Colour::embedded(Some(input.to_vec()));
    for format in [PixelFormat::Gray, PixelFormat::Rgb, PixelFormat::Cmyk] {
        let samples: Vec<u8> = (0..16 * format.channels()).map(|at| u8::try_from(at * 4 % 256).unwrap_or(0)).collect();
        let sixteen = samples.iter().map(|&sample| u16::from(sample) * 257).collect();
        let eight = DecodedBitmap::Eight(Bitmap { width: 4, height: 4, format, samples });
        let sixteen = DecodedBitmap::Sixteen(Bitmap { width: 4, height: 4, format, samples: sixteen });
        for bitmap in [eight, sixteen] {
            assert_eq!(colour::to_srgb(bitmap, &colour).samples.len(), 4 * 4 * 3);
        }
    }
}

fn any_file(input: &[u8]) {
    let Ok(developed) = develop(input, NAMES[input.len() % NAMES.len()], &LIMITS) else { return };
    let numbers = [developed.exif.f_number, developed.exif.exposure_seconds, developed.exif.focal_length_mm];
    assert!(numbers.into_iter().flatten().all(f64::is_finite), "{numbers:?}");
    assert!((1..=8).contains(&developed.orientation));
}

/// Corrects the checksums of a PNG's chunks: mutations rarely do, and decoders stop at wrong ones.
fn repair_png(file: &mut [u8]) {
    let Some(mut rest) = file.strip_prefix(b"\x89PNG\r\n\x1A\n").map(<[u8]>::len).map(|length| {
        let start = file.len() - length;
        &mut file[start..]
    }) else {
        return;
    };
    while let Some(length) = rest.first_chunk::<4>().map(|length| u32::from_be_bytes(*length) as usize) {
        let Some((chunk, after)) = rest.split_at_mut_checked(length.saturating_add(12)) else { return };
        let (data, checksum) = chunk[4..].split_at_mut(length + 4);
        checksum.copy_from_slice(&crc32fast::hash(data).to_be_bytes());
        rest = after;
    }
}

thread_local! {
    /// The last panic in this crate.
    static OWN_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Records panics of this crate, and prints the place of others.
fn watch_panics() {
    static WATCHED: Once = Once::new();
    static FOREIGN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    WATCHED.call_once(|| {
        // The previous hook: libFuzzer's, which ends the process, or that of tests.
        let default = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            let is_own = is_own(panic);
            if is_own {
                OWN_PANIC.replace(Some(panic.to_string()));
            }
            if is_own || !cfg!(fuzzing) {
                default(panic);
            } else if FOREIGN.lock().is_ok_and(|mut seen| seen.insert(format!("{:?}", panic.location()))) {
                eprintln!("caught by the guard: {panic}");
            }
        }));
    });
}

fn is_own(panic: &PanicHookInfo<'_>) -> bool {
    let folder = file!().trim_end_matches("fuzzing.rs");
    panic.location().is_some_and(|location| location.file().starts_with(folder))
}
