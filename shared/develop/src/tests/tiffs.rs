//! TIFF layouts, pages, and files that are crafted to break a decoder.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use flate2::{Compression, write::ZlibEncoder};
use proptest::prelude::*;

use super::{assert_near, develop_as, made, pixels};
use crate::{Derivatives, Error};

/// A little-endian TIFF of one page. Values of `fields` are SHORTs where they fit, LONGs otherwise.
pub(super) struct Tiff {
    fields: Vec<(u16, Vec<u32>)>,
    icc: Option<Vec<u8>>,
    data: Vec<u8>,
}

const WIDTH: u32 = 24;
const HEIGHT: u32 = 16;

impl Tiff {
    /// Returns a page of 24 x 16 pixels in one strip.
    pub(super) fn new(photometric: u32, bits: u32, samples: u32, data: Vec<u8>) -> Self {
        let fields = vec![
            (256, vec![WIDTH]),
            (257, vec![HEIGHT]),
            (258, vec![bits; samples as usize]),
            (259, vec![1]),
            (262, vec![photometric]),
            (273, vec![8]),
            (277, vec![samples]),
            (278, vec![HEIGHT]),
            (279, vec![u32::try_from(data.len()).unwrap()]),
        ];
        Self { fields, icc: None, data }
    }

    /// Adds or replaces a field.
    pub(super) fn with(mut self, tag: u16, values: &[u32]) -> Self {
        self.fields.retain(|(other, _)| *other != tag);
        self.fields.push((tag, values.to_vec()));
        self.fields.sort();
        self
    }

    pub(super) fn with_icc(mut self, icc: Vec<u8>) -> Self {
        self.icc = Some(icc);
        self
    }

    fn deflated(mut self) -> Self {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&self.data).unwrap();
        self.data = encoder.finish().unwrap();
        let length = u32::try_from(self.data.len()).unwrap();
        self.with(259, &[8]).with(279, &[length])
    }

    /// Returns the file: the data, then the directory, then values that do not fit into it.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let count = self.fields.len() + usize::from(self.icc.is_some());
        let start = 8 + self.data.len() + self.data.len() % 2;
        let mut later_at = start + 2 + 12 * count + 4;
        let (mut directory, mut later) = (u16::try_from(count).unwrap().to_le_bytes().to_vec(), Vec::new());
        let mut entry = |tag: u16, kind: u16, count: usize, data: Vec<u8>| {
            directory.extend(tag.to_le_bytes());
            directory.extend(kind.to_le_bytes());
            directory.extend(u32::try_from(count).unwrap().to_le_bytes());
            if data.len() <= 4 {
                directory.extend(&data);
                directory.resize(directory.len() + 4 - data.len(), 0);
            } else {
                directory.extend(u32::try_from(later_at).unwrap().to_le_bytes());
                later_at += data.len();
                later.extend(data);
            }
        };
        for (tag, values) in &self.fields {
            if values.iter().all(|&value| value <= 65_535) {
                let shorts = values.iter().flat_map(|&value| u16::try_from(value).unwrap().to_le_bytes());
                entry(*tag, 3, values.len(), shorts.collect());
            } else {
                entry(*tag, 4, values.len(), values.iter().flat_map(|value| value.to_le_bytes()).collect());
            }
        }
        if let Some(icc) = &self.icc {
            entry(34_675, 7, icc.len(), icc.clone());
        }
        let mut file = [&b"II\x2A\0"[..], &u32::try_from(start).unwrap().to_le_bytes(), &self.data].concat();
        file.resize(start, 0);
        [file, directory, vec![0; 4], later].concat()
    }
}

/// Returns samples of one colour.
fn flat(pixel: &[u8]) -> Vec<u8> {
    pixel.repeat((WIDTH * HEIGHT) as usize)
}

fn middle(file: &[u8]) -> [u8; 3] {
    let developed = develop_as(file, "a.tif").unwrap();
    pixels(made(&developed).0).get_pixel(WIDTH / 2, HEIGHT / 2).0
}

fn code(file: &[u8]) -> &'static str {
    match develop_as(file, "a.tif") {
        Ok(developed) if developed.derivatives == Derivatives::UnsupportedFormat => "unsupported",
        Ok(_) => "made",
        Err(error) => error.code(),
    }
}

#[test]
fn saved_selections_are_ignored_under_a_predictor() {
    // Differences to the previous pixel: the first one is the colour, all others are 0.
    let mut row = vec![0; (WIDTH * 5) as usize];
    row[..5].copy_from_slice(&[200, 100, 50, 255, 77]);
    let data = row.repeat(HEIGHT as usize);
    for extra in [&[0, 0][..], &[2, 0]] {
        let file = Tiff::new(2, 8, 5, data.clone()).with(317, &[2]).with(338, extra).deflated().bytes();
        assert_near(middle(&file), [200, 100, 50], 5);
    }
}

#[test]
fn each_kind_of_alpha_is_laid_over_white() {
    let pixel = [100, 50, 0, 128];
    let straight = Tiff::new(2, 8, 4, flat(&pixel)).with(338, &[2]).bytes();
    assert_near(middle(&straight), [177, 152, 127], 4);
    let premultiplied = Tiff::new(2, 8, 4, flat(&pixel)).with(338, &[1]).bytes();
    assert_near(middle(&premultiplied), [227, 177, 127], 4);
    let selection = Tiff::new(2, 8, 4, flat(&pixel)).with(338, &[0]).bytes();
    assert_near(middle(&selection), [100, 50, 0], 4);
    let ink = Tiff::new(5, 8, 5, flat(&[255, 0, 0, 0, 128])).with(338, &[2]).bytes();
    assert_near(middle(&ink), [127, 255, 255], 4);
}

#[test]
fn palette_indices_out_of_range_do_no_harm() {
    let map: Vec<u32> = (0..3 * 16).map(|n| n * 1000).collect();
    let file = Tiff::new(3, 4, 1, flat(&[0xFF])).with(320, &map).bytes();
    assert_near(middle(&file), [58, 121, 183], 6);
    assert_eq!(code(&Tiff::new(3, 8, 1, flat(&[255])).with(320, &map).bytes()), "unsupported");
    assert_eq!(code(&Tiff::new(3, 8, 1, flat(&[255])).bytes()), "unsupported");
}

#[test]
fn missing_rows_are_refused() {
    let data = flat(&[1, 2, 3]);
    for keep in [0, 1, 500, data.len() - 1] {
        let mut file = Tiff::new(2, 8, 3, Vec::new()).with(273, &[1 << 16]).bytes();
        file.resize(1 << 16, 0);
        file.extend(&data[..keep]);
        assert_eq!(code(&file), "truncated", "{keep} bytes");
    }
    let deflated = Tiff::new(2, 8, 3, data[..data.len() - 1].to_vec()).deflated().bytes();
    assert_eq!(code(&deflated), "truncated");
}

#[test]
fn hostile_directories_are_refused_within_half_a_second() {
    let data = || flat(&[1, 2, 3]);
    let plain = || Tiff::new(2, 8, 3, data());
    let side = 65_000;
    let cases = [
        ("a thumbnail that points to itself", plain().with(254, &[1]).with(330, &[8; 1000])),
        ("no rows per strip", plain().with(278, &[0])),
        ("one row per strip, one strip", plain().with(278, &[1])),
        ("all rows elsewhere", plain().with(273, &[u32::MAX])),
        ("sides", plain().with(256, &[u32::MAX]).with(257, &[u32::MAX])),
        ("no width", plain().with(256, &[0])),
        ("samples", plain().with(277, &[65_535])),
        ("bits", plain().with(258, &[65_535])),
        ("a tile of all memory", plain().with(322, &[u32::MAX]).with(323, &[u32::MAX])),
        ("large tiles", plain().with(322, &[131_072]).with(323, &[131_072])),
        ("small tiles", plain().with(256, &[3000]).with(257, &[3000]).with(322, &[1]).with(323, &[1])),
        ("a bomb of rows", plain().deflated().with(256, &[side]).with(257, &[3800]).with(278, &[3800])),
        ("many samples of a bomb", {
            let many = plain().deflated().with(256, &[side]).with(257, &[3800]);
            many.with(277, &[60]).with(258, &[32; 60])
        }),
    ];
    for (case, tiff) in cases {
        let start = Instant::now();
        let code = code(&tiff.bytes());
        assert!(start.elapsed() < Duration::from_millis(500), "{case} took {:?}", start.elapsed());
        let may_be_made = case.starts_with("a thumbnail");
        assert!(code != "made" || may_be_made, "{case}");
    }
}

#[test]
fn looping_chain_of_directories_ends() {
    let mut file = Tiff::new(2, 8, 3, flat(&[1, 2, 3])).with(254, &[1]).bytes();
    let directory = u32::from_le_bytes(file[4..8].try_into().unwrap());
    let next = directory as usize + 2 + 10 * 12;
    file[next..next + 4].copy_from_slice(&directory.to_le_bytes());
    assert_eq!(code(&file), "made", "the only page is a thumbnail");
    assert_eq!(develop_as(b"II\x2A\0\xFF\xFF\0\0", "a.tif"), Err(Error::Truncated));
}

/// Returns one small file of each kind of layout.
fn layouts() -> Vec<Vec<u8>> {
    let noise = |bytes: u32| (0..bytes).map(|n| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
    let area = WIDTH * HEIGHT;
    let map: Vec<u32> = (0..768).map(|n| n * 85).collect();
    let mut files = Vec::new();
    for (photometric, colours) in [(0, 1), (1, 1), (2, 3), (5, 4), (8, 3), (9, 3)] {
        for (bits, format) in [(1, 1), (8, 1), (12, 1), (16, 1), (32, 1), (16, 3), (32, 3), (64, 3)] {
            for extra in [&[][..], &[1], &[0, 2]] {
                let samples = colours + u32::try_from(extra.len()).unwrap();
                let tiff = Tiff::new(photometric, bits, samples, noise(area * samples * bits.div_ceil(8)));
                let tiff = tiff.with(339, &vec![format; samples as usize]).with(338, extra);
                files.push(tiff.with(284, &[1]).bytes());
            }
        }
    }
    files.push(Tiff::new(3, 8, 1, noise(area)).with(320, &map).bytes());
    for predictor in [2, 3] {
        let tiff = Tiff::new(2, 32, 4, noise(area * 16)).with(339, &[3; 4]).with(317, &[predictor]);
        files.push(tiff.deflated().bytes());
    }
    let tiled = Tiff::new(2, 8, 3, noise(4 * 16 * 16 * 3)).with(322, &[16]).with(323, &[16]);
    files.push(tiled.with(324, &[8, 776]).with(325, &[768, 768]).bytes());
    let separate = Tiff::new(2, 8, 3, noise(area * 3)).with(284, &[2]);
    files.push(separate.with(273, &[8, 8 + area, 8 + 2 * area]).with(279, &[area; 3]).bytes());
    for compression in [2, 3, 4, 5, 7, 8, 32_773, 50_000] {
        files.push(Tiff::new(0, 1, 1, noise(area)).with(259, &[compression]).bytes());
        files.push(Tiff::new(6, 8, 3, noise(area)).with(259, &[compression]).bytes());
    }
    files
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn changed_layouts_decode_without_panic(
        kind in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        in_directory in any::<bool>(),
    ) {
        let mut files = layouts();
        let kind = kind.index(files.len());
        let mut file = files.swap_remove(kind);
        let directory = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
        let from = if in_directory { directory } else { 0 };
        for (at, value) in changes {
            let at = from + at.index(file.len() - from);
            file[at] = value;
        }
        let start = Instant::now();
        // The call is outside of the guard that turns panics into errors.
        let _ = crate::tiff::decode(&file, &crate::Limits::default());
        prop_assert!(start.elapsed() < Duration::from_secs(5));
    }
}
