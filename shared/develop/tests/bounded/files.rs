//! The files, drawn by code.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use image::{DynamicImage, ImageFormat, RgbImage};
use mozjpeg::{ColorSpace, Compress};

fn picture(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| image::Rgb([x, y, x ^ y].map(|level| u8::try_from(level % 256).unwrap())))
}

pub(super) fn encoded(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    DynamicImage::from(picture(width, height)).write_to(&mut file, format).unwrap();
    file.into_inner()
}

pub(super) fn jpeg(width: u32, height: u32) -> Vec<u8> {
    written(width, height, false)
}

fn written(width: u32, height: u32, progressive: bool) -> Vec<u8> {
    let mut encoder = Compress::new(ColorSpace::JCS_RGB);
    encoder.set_size(width as usize, height as usize);
    encoder.set_fastest_defaults();
    if progressive {
        encoder.set_progressive_mode();
    }
    let mut started = encoder.start_compress(Vec::new()).unwrap();
    started.write_scanlines(picture(width, height).as_raw()).unwrap();
    started.finish().unwrap()
}

fn position(file: &[u8], requested: &[u8]) -> usize {
    file.windows(requested.len()).position(|bytes| bytes == requested).unwrap()
}

/// Repeats segments behind the start of a JPEG.
fn with_segments(segment: &[u8], count: usize) -> Vec<u8> {
    let whole = jpeg(64, 64);
    [&whole[..2], &segment.repeat(count), &whole[2..]].concat()
}

pub(super) fn jpeg_of_no_blocks() -> Vec<u8> {
    let mut file = jpeg(64, 64);
    let frame = position(&file, b"\xFF\xC0");
    for component in 0..3 {
        file[frame + 11 + 3 * component] = 0;
    }
    file
}

pub(super) fn jpeg_in_three_scans() -> Vec<u8> {
    let mut file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/cases/jpeg_noninterleaved.jpg")).unwrap();
    let frame = position(&file, b"\xFF\xC0");
    file[frame + 5..frame + 9].copy_from_slice(&[15_800_u16.to_be_bytes(), 15_800_u16.to_be_bytes()].concat());
    for component in 0..3 {
        file[frame + 11 + 3 * component] = 0x11;
    }
    file
}

pub(super) fn arithmetic_jpeg() -> Vec<u8> {
    let mut file = jpeg(64, 64);
    let frame = position(&file, b"\xFF\xC0");
    file[frame + 1] = 0xC9;
    file
}

pub(super) fn jpeg_of_profile_parts() -> Vec<u8> {
    with_segments(b"\xFF\xE2\0\x10ICC_PROFILE\0\x01\x01", 4_000_000)
}

pub(super) fn jpeg_of_segments() -> Vec<u8> {
    let segment = [b"\xFF\xE1\xFF\xFF", &vec![b'x'; 65_533][..]].concat();
    with_segments(&segment, 3_200)
}

pub(super) fn jpeg_of_scans() -> Vec<u8> {
    let whole = written(64, 64, true);
    let last = whole.windows(2).rposition(|bytes| bytes == b"\xFF\xDA").unwrap();
    [&whole[..whole.len() - 2], &whole[last..whole.len() - 2].repeat(1000), b"\xFF\xD9"].concat()
}

/// Zeros, deflated.
pub(super) fn bomb(bytes: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

/// A PNG with a chunk behind its header.
pub(super) fn png_with(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let whole = encoded(64, 64, ImageFormat::Png);
    let typed = [&kind, body].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    let checksum = crc32fast::hash(&typed).to_be_bytes();
    [&whole[..33], &length, &typed, &checksum, &whole[33..]].concat()
}

const BYTE: u16 = 1;
const LONG: u16 = 4;

/// A TIFF of one page: tag, type, count, and the value or its offset. `data` begins at 1024.
fn tiff(fields: &[(u16, u16, u32, u32)], data: &[u8]) -> Vec<u8> {
    let mut file = b"II\x2A\0\x08\0\0\0".to_vec();
    file.extend(u16::try_from(fields.len()).unwrap().to_le_bytes());
    for (tag, kind, count, value) in fields {
        file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
        file.extend([count.to_le_bytes(), value.to_le_bytes()].concat());
    }
    file.resize(1024, 0);
    [&file, data].concat()
}

/// Width, height, bits, compression, photometric, samples: all but the places of strips and tiles.
fn page(
    width: u32,
    height: u32,
    bits: u32,
    compression: u32,
    photometric: u32,
    samples: u32,
) -> Vec<(u16, u16, u32, u32)> {
    [(256, width), (257, height), (258, bits), (259, compression), (262, photometric), (277, samples)]
        .map(|(tag, value)| (tag, LONG, 1, value))
        .to_vec()
}

pub(super) fn tiff_of_pixels() -> Vec<u8> {
    let tiles = 4000 * 4000;
    let places = [(322, LONG, 1, 1), (323, LONG, 1, 1), (324, BYTE, tiles, 1024), (325, BYTE, tiles, 1024)];
    tiff(&[page(4000, 4000, 8, 8, 1, 1), places.to_vec()].concat(), &vec![200; 16_000_000])
}

/// Offsets and counts of 60,000 strips, each `data` whole, and the file.
fn tiff_of_strips(mut fields: Vec<(u16, u16, u32, u32)>, data: &[u8]) -> Vec<u8> {
    const STRIPS: u32 = 60_000;
    let length = u32::try_from(data.len()).unwrap();
    fields.extend([(273, LONG, STRIPS, 1024), (278, LONG, 1, 1), (279, LONG, STRIPS, 1024 + 4 * STRIPS)]);
    let offsets = (1024 + 8 * STRIPS).to_le_bytes().repeat(STRIPS as usize);
    let counts = length.to_le_bytes().repeat(STRIPS as usize);
    tiff(&fields, &[&offsets, &counts, data].concat())
}

/// PackBits' byte for nothing, and one row at the end.
pub(super) fn tiff_of_overlapping_strips() -> Vec<u8> {
    let data = [vec![0x80; 64 << 20], vec![0xC1, 7, 0xC1, 7]].concat();
    tiff_of_strips(page(64, 60_000, 8, 32_773, 1, 1), &data)
}

pub(super) fn tiff_of_tables() -> Vec<u8> {
    let table = [&b"\xFF\xDB\0\x43\0"[..], &[1; 64]].concat().repeat(200_000);
    let strip = jpeg(64, 1);
    let mut fields = page(64, 60_000, 8, 7, 6, 3);
    let tables_at = 1024 + 8 * 60_000 + u32::try_from(strip.len()).unwrap();
    fields.push((347, 7, u32::try_from(table.len()).unwrap(), tables_at));
    let mut file = tiff_of_strips(fields, &strip);
    file.extend(table);
    file
}

pub(super) fn tiff_of_progressive_jpeg() -> Vec<u8> {
    let mut strip = written(64, 64, true);
    let frame = position(&strip, b"\xFF\xC2");
    strip[frame + 5..frame + 9].copy_from_slice(&[65_000_u16.to_be_bytes(), 65_000_u16.to_be_bytes()].concat());
    let places = [(273, LONG, 1, 1024), (278, LONG, 1, 64), (279, LONG, 1, u32::try_from(strip.len()).unwrap())];
    tiff(&[page(65_000, 64, 8, 7, 6, 3), places.to_vec()].concat(), &strip)
}

/// Each strip has one row, and a progressive JPEG of 640.
pub(super) fn tiff_of_tall_jpegs() -> Vec<u8> {
    tiff_of_strips(page(64, 60_000, 8, 7, 6, 3), &written(64, 640, true))
}

/// Camera RAW whose places of tiles are bytes, as many as the file has.
pub(super) fn raw_of_tiles() -> Vec<u8> {
    const TILES: u32 = 64 << 20;
    let places = [(322, LONG, 1, 64), (323, LONG, 1, 64), (324, BYTE, TILES, 1024), (325, BYTE, TILES, 1024)];
    tiff(&[page(64, 64, 16, 7, 32_803, 1), places.to_vec()].concat(), &vec![200; TILES as usize])
}

/// The band of tiles fits, and so does the decoded tile; both do not.
pub(super) fn tiff_of_one_tile() -> Vec<u8> {
    let mut tile = jpeg(64, 64);
    let frame = position(&tile, b"\xFF\xC0");
    tile[frame + 5..frame + 9].copy_from_slice(&[15_008_u16.to_be_bytes(), 15_008_u16.to_be_bytes()].concat());
    let length = u32::try_from(tile.len()).unwrap();
    let places = [(322, LONG, 1, 15_008), (323, LONG, 1, 15_008), (324, LONG, 1, 1024), (325, LONG, 1, length)];
    tiff(&[page(15_000, 15_000, 8, 7, 6, 3), places.to_vec()].concat(), &tile)
}

/// A window of 2 TB, and runs of 128 KB in four bytes.
pub(super) fn tiff_of_zstandard() -> Vec<u8> {
    let block = |last: u32| ((128 << 10) << 3 | 1 << 1 | last).to_le_bytes()[..3].to_vec();
    let runs = [block(0), vec![7]].concat().repeat(6000);
    let data = [&b"\x28\xB5\x2F\xFD\0\xF8"[..], &runs, &block(1), &[7]].concat();
    let places = [(273, LONG, 1, 1024), (278, LONG, 1, 15_800), (279, LONG, 1, u32::try_from(data.len()).unwrap())];
    tiff(&[page(15_800, 15_800, 8, 50_000, 2, 3), places.to_vec()].concat(), &data)
}

/// Group 4's horizontal mode with runs of no pixels: two changes in 21 bits, as often as one likes.
pub(super) fn tiff_of_changes() -> Vec<u8> {
    let bits: String = ["001", "00110101", "0000110111"].concat().repeat(8);
    let bytes: Vec<u8> =
        bits.as_bytes().chunks(8).map(|byte| byte.iter().fold(0, |all, bit| all << 1 | (bit & 1))).collect();
    let data = bytes.repeat(1_500_000);
    let places = [(273, LONG, 1, 1024), (278, LONG, 1, 64), (279, LONG, 1, u32::try_from(data.len()).unwrap())];
    tiff(&[page(64, 64, 1, 4, 0, 1), places.to_vec()].concat(), &data)
}

pub(super) fn gif(width: u16, height: u16) -> Vec<u8> {
    let mut file = encoded(64, 64, ImageFormat::Gif);
    file[6..10].copy_from_slice(&[width.to_le_bytes(), height.to_le_bytes()].concat());
    file
}

/// The frame's descriptor: left, top, width and height behind the comma.
pub(super) fn gif_of_large_frame() -> Vec<u8> {
    let mut file = gif(8000, 8000);
    let frame = position(&file, b",\0\0\0\0\x40\0\x40\0");
    file[frame + 5..frame + 9].copy_from_slice(&[0xFF; 4]);
    file
}

pub(super) fn gif_of_frames() -> Vec<u8> {
    let file = encoded(64, 64, ImageFormat::Gif);
    let (frames, end) = file.split_at(file.len() - 1);
    let at = position(frames, b",\0\0\0\0\x40\0\x40\0");
    let first = &frames[at..];
    [frames, &first.repeat((200 << 20) / first.len()), end].concat()
}

pub(super) fn webp_of(width: u32, height: u32) -> Vec<u8> {
    let mut file = encoded(64, 64, ImageFormat::WebP);
    let at = position(&file, b"VP8L") + 9;
    let sides = (width - 1) | (height - 1) << 14;
    file[at..at + 4].copy_from_slice(&sides.to_le_bytes());
    file
}

/// 4 x 4 pixels in one block, which names group 0xFFFF. The codes themselves are not there.
pub(super) fn webp_of_code_groups() -> Vec<u8> {
    let data = b"\x2F\x03\xC0\x00\x00\x84\xFE\xF7\xBF\x00\x05\x28\x00";
    let length = u32::try_from(data.len()).unwrap();
    let riff = [&(12 + length).to_le_bytes()[..], b"WEBPVP8L", &length.to_le_bytes(), data].concat();
    [b"RIFF", &riff[..]].concat()
}

/// Alpha of 225 megapixels behind 8,000 predictor transforms, each of 27 bits: a code of one symbol takes no bits.
pub(super) fn webp_of_transforms() -> Vec<u8> {
    let chunk =
        |kind: &[u8; 4], body: &[u8]| [kind, &u32::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat();
    let side = 14_999_u32.to_le_bytes();
    let canvas = [&[0x10, 0, 0, 0], &side[..3], &side[..3]].concat();
    // Another transform, predictor, blocks of 4, no cache; five codes of the symbol 0. The least significant bit is first.
    let bits = ["1000000", &"1000".repeat(5)].concat().repeat(8);
    let byte = |bits: &[u8]| bits.iter().rev().fold(0, |all, bit| all << 1 | (bit & 1));
    let transforms: Vec<u8> = bits.as_bytes().chunks(8).map(byte).collect();
    let alpha = [vec![1], transforms.repeat(1000), vec![0]].concat();
    let body = [b"WEBP".to_vec(), chunk(b"VP8X", &canvas), chunk(b"ALPH", &alpha), chunk(b"VP8 ", &[0; 10])].concat();
    chunk(b"RIFF", &body)
}

/// A canvas of 12,000 x 12,000 in an animation of one frame.
pub(super) fn animated_webp() -> Vec<u8> {
    let still = encoded(64, 64, ImageFormat::WebP);
    let chunk =
        |kind: &[u8; 4], body: &[u8]| [kind, &u32::try_from(body.len()).unwrap().to_le_bytes()[..], body].concat();
    let three = |number: u32| number.to_le_bytes()[..3].to_vec();
    let canvas = [vec![0x12, 0, 0, 0], three(11_999), three(11_999)].concat();
    let frame = [three(0), three(0), three(63), three(63), three(100), vec![0], still[12..].to_vec()].concat();
    let body = [b"WEBP".to_vec(), chunk(b"VP8X", &canvas), chunk(b"ANIM", &[0; 6]), chunk(b"ANMF", &frame)].concat();
    chunk(b"RIFF", &body)
}

/// A box of an ISO base media file.
fn base_media_box(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    [&u32::try_from(8 + body.len()).unwrap().to_be_bytes()[..], &kind, body].concat()
}

pub(super) fn heic_of_items() -> Vec<u8> {
    let mut items = vec![0, 0, 0, 0, 0xFF, 0xFF];
    let mut references = vec![1, 0, 0, 0];
    for id in 0..3_000_000_u32 {
        items.extend([&[0, 0, 0, 22][..], b"infe\x03\0\0\0", &id.to_be_bytes(), &[0, 0], b"Exif"].concat());
        references.extend([&[0, 0, 0, 18][..], b"cdsc", &id.to_be_bytes(), &[0, 1, 0, 0, 0, 1]].concat());
    }
    let meta = [
        vec![0; 4],
        base_media_box(*b"pitm", &[0, 0, 0, 0, 0, 1]),
        base_media_box(*b"iinf", &items),
        base_media_box(*b"iref", &references),
        base_media_box(*b"iloc", &[0; 8]),
    ]
    .concat();
    [base_media_box(*b"ftyp", b"heic\0\0\0\0mif1heic"), base_media_box(*b"meta", &meta)].concat()
}

/// A picture that 60,000 items accompany, which share one kind of 4 MB without an end.
pub(super) fn heic_of_auxiliaries() -> Vec<u8> {
    const ITEMS: u32 = 60_000;
    let whole = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/cases/plain.heic")).unwrap();
    let property = |kind: &[u8; 4]| {
        let at = position(&whole, kind) - 4;
        whole[at..][..u32::from_be_bytes(*whole[at..].first_chunk().unwrap()) as usize].to_vec()
    };
    let kind = base_media_box(*b"auxC", &[&[0; 4][..], &vec![b'x'; 4 << 20]].concat());
    let properties = base_media_box(*b"ipco", &[property(b"ispe"), property(b"hvcC"), kind].concat());
    let mut items = [&[0; 4][..], &(ITEMS + 1).to_be_bytes()].concat();
    items[0] = 1;
    let mut references = vec![1, 0, 0, 0];
    // Identifiers of four bytes; one to three properties for each item.
    let mut associations = [&[1, 0, 0, 0][..], &(ITEMS + 1).to_be_bytes()].concat();
    associations.extend([0, 0, 0, 1, 2, 1, 2]);
    items.extend(base_media_box(*b"infe", b"\x03\0\0\0\0\0\0\x01\0\0hvc1\0"));
    for id in 2..ITEMS + 2 {
        let id = id.to_be_bytes();
        items.extend(base_media_box(*b"infe", &[b"\x03\0\0\0", &id[..], b"\0\0hvc1\0"].concat()));
        references.extend(base_media_box(*b"auxl", &[&id[..], &[0, 1, 0, 0, 0, 1]].concat()));
        associations.extend([&id[..], &[1, 3]].concat());
    }
    let meta = [
        vec![0; 4],
        base_media_box(*b"pitm", &[0, 0, 0, 0, 0, 1]),
        base_media_box(*b"iinf", &items),
        base_media_box(*b"iref", &references),
        base_media_box(*b"iprp", &[properties, base_media_box(*b"ipma", &associations)].concat()),
        base_media_box(*b"iloc", &[0; 8]),
    ]
    .concat();
    [base_media_box(*b"ftyp", b"heic\0\0\0\0mif1heic"), base_media_box(*b"meta", &meta)].concat()
}

/// Fields of a JPEG XL codestream, the least significant bit first (ISO/IEC 18181-1, annex B).
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        self.0.extend((0..count).map(|bit| value >> bit & 1 == 1));
    }

    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(8), false);
    }

    fn into_bytes(self) -> Vec<u8> {
        let byte = |bits: &[bool]| bits.iter().rev().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
        self.0.chunks(8).map(byte).collect()
    }
}

/// 20,000 boxes of EXIF that inflate to 17 MB each.
pub(super) fn jxl_of_boxes() -> Vec<u8> {
    // 17 MB of zeros in Brotli.
    let zeros = b"\xCB\xFF\xFF\x3F\x00\x24\x00\xE2\xB1\x40\x72\xEF\xFF\xF8\xFF\xFF\x07\x80\x04\x40\x1C\x16\x80\xEE\xFD\x5F\xFD\xFF\x3F\x00\x09\x80\x38\x2C\x00\xDD\xFB\x07";
    let compressed = base_media_box(*b"brob", &[b"Exif", &zeros[..]].concat());
    let whole = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/cases/jxl_exif6_upright.jxl")).unwrap();
    let at = position(&whole, b"brob") - 4;
    [&whole[..at], &compressed.repeat(20_000), &whole[at..]].concat()
}

/// A picture of 64 x 64 in frames of `side` x `side`, laid over one another, whose sections have no bytes.
pub(super) fn jxl_of_layers(side: u32, layers: u32) -> Vec<u8> {
    jxl_of(side, layers, &[(0, 2)])
}

/// The same in one frame that has patches.
pub(super) fn jxl_of_patches() -> Vec<u8> {
    jxl_of(4000, 1, &[(1, 2), (1, 4)])
}

fn jxl_of(side: u32, layers: u32, flags: &[(u32, u32)]) -> Vec<u8> {
    /// Of one section, by `group_size_shift`.
    const GROUP: u32 = 1024;
    let mut bits = Bits::default();
    bits.push(0x0A_FF, 16);
    // A small size, 8 x 8 of 8, in the ratio 1:1; all metadata and all transforms by default.
    for (value, count) in [(1, 1), (7, 5), (1, 3), (1, 1), (1, 1)] {
        bits.push(value, count);
    }
    bits.align();
    for layer in 1..=layers {
        // Regular, modular; no upsampling, large groups, one pass, cropped at 0, 0.
        let before = [(0, 1), (0, 2), (1, 1)];
        let behind = [(0, 2), (3, 2), (0, 2), (1, 1), (0, 10), (0, 10)];
        for (value, count) in [&before[..], flags, &behind].concat() {
            bits.push(value, count);
        }
        for _ in 0..2 {
            let (selector, from, count) = if side < 18_688 { (2, 2304, 14) } else { (3, 18_688, 30) };
            bits.push(selector, 2);
            bits.push(side - from, count);
        }
        // Replaces what is below; the last.
        bits.push(0, 2);
        bits.push(u32::from(layer == layers), 1);
        if layer < layers {
            // Is not kept for others to refer to.
            bits.push(0, 2);
            bits.push(0, 1);
        }
        // No name, filters by default, no extensions.
        bits.push(0, 2);
        bits.push(1, 1);
        bits.push(0, 2);
        // Sections in their order, of no bytes.
        bits.push(0, 1);
        bits.align();
        let sections = 2 + side.div_ceil(GROUP).pow(2) + side.div_ceil(8 * GROUP).pow(2);
        (0..sections).for_each(|_| bits.push(0, 12));
        bits.align();
    }
    bits.into_bytes()
}
