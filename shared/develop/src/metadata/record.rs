//! The record's metadata, from all blocks of a file: EXIF first, then XMP, then IPTC.

use domain::photo::Exif;

use super::{
    exif::{self, Directories},
    iptc::Iptc,
    text,
    xmp::{Property, Xmp},
};

/// The most characters of a title.
const MAX_TITLE: usize = 256;
/// The most characters of a description.
const MAX_DESCRIPTION: usize = 2000;
/// The most keywords, and characters of one. IPTC: at most 64 bytes.
const MAX_KEYWORDS: usize = 100;
const MAX_KEYWORD: usize = 64;
/// The most characters of a copyright notice, a creator or a credit line.
const MAX_RIGHTS: usize = 500;

/// A file's metadata in each of its formats.
pub(super) struct Sources<'a> {
    pub(super) exif: &'a Directories<'a>,
    pub(super) xmp: Vec<Xmp>,
    pub(super) iptc: Vec<Iptc>,
}

impl Sources<'_> {
    /// Returns the record. Blank, undefined and impossible values become `None`.
    pub(super) fn record(&self) -> Exif {
        use Property as P;
        Exif {
            make: self.name(exif::MAKE, &[P::Make]),
            model: self.name(exif::MODEL, &[P::Model]),
            lens: self.name(exif::LENS_MODEL, &[P::LensModel, P::Lens]),
            iso: self.iso().filter(|iso| (1..=10_000_000).contains(iso)),
            f_number: self.number(exif::F_NUMBER, P::FNumber, 0.1..=1000.0),
            // The range is from below the shortest shutter to above the longest night.
            exposure_seconds: self.number(exif::EXPOSURE_TIME, P::ExposureTime, 1e-7..=1e6),
            focal_length_mm: self.number(exif::FOCAL_LENGTH, P::FocalLength, 0.1..=100_000.0),
            taken_at: self
                .exif
                .taken_at()
                .or_else(|| self.xmp.iter().find_map(Xmp::taken_at))
                .or_else(|| self.iptc.iter().find_map(Iptc::taken_at)),
            gps: self.exif.gps().or_else(|| self.xmp.iter().find_map(Xmp::gps)),
            rating: self.rating(),
            title: first_line(
                MAX_TITLE,
                [
                    self.exif.text(exif::IMAGE_TITLE),
                    self.xmp(P::Title),
                    self.iptc(Iptc::title),
                    self.exif.windows_text(exif::XP_TITLE),
                ],
            ),
            description: first_line(
                MAX_DESCRIPTION,
                [self.exif.text(exif::IMAGE_DESCRIPTION), self.xmp(P::Description), self.iptc(Iptc::description)],
            ),
            keywords: self.keywords(),
            copyright: first_line(MAX_RIGHTS, [self.exif.copyright(), self.xmp(P::Rights), self.iptc(Iptc::copyright)]),
            creator: first_line(
                MAX_RIGHTS,
                [
                    self.exif.text(exif::ARTIST),
                    self.exif.text(exif::PHOTOGRAPHER),
                    self.xmp.iter().find_map(|xmp| xmp.joined(P::Creator)),
                    self.iptc(Iptc::creator),
                ],
            ),
            credit: first_line(MAX_RIGHTS, [self.xmp(P::Credit), self.iptc(Iptc::credit)]),
        }
    }

    fn xmp(&self, property: Property) -> Option<String> {
        self.xmp.iter().find_map(|xmp| xmp.get(property)).map(str::to_owned)
    }

    fn iptc(&self, read: impl Fn(&Iptc) -> Option<String>) -> Option<String> {
        self.iptc.iter().find_map(read)
    }

    /// Returns the keywords, each once, of the first block that has some.
    fn keywords(&self) -> Vec<String> {
        let of_xmp = self.xmp.iter().map(|xmp| xmp.items(Property::Subject).to_vec());
        let mut lists = of_xmp.chain(self.iptc.iter().map(Iptc::keywords));
        let written = lists.find(|keywords| !keywords.is_empty()).unwrap_or_default();
        let mut keywords: Vec<String> = Vec::new();
        for keyword in written.iter().filter_map(|keyword| text::line(keyword, MAX_KEYWORD)) {
            if keywords.len() < MAX_KEYWORDS && !keywords.contains(&keyword) {
                keywords.push(keyword);
            }
        }
        keywords
    }

    fn name(&self, tag: u16, properties: &[Property]) -> Option<String> {
        let written = self.exif.text(tag).and_then(|text| text::name(&text));
        written.or_else(|| properties.iter().find_map(|&property| text::name(&self.xmp(property)?)))
    }

    fn number(&self, tag: u16, property: Property, range: std::ops::RangeInclusive<f64>) -> Option<f64> {
        let in_range = |number: &f64| range.contains(number);
        let written = self.exif.number(tag).filter(in_range);
        written.or_else(|| self.xmp.iter().find_map(|xmp| xmp.number(property)).filter(in_range))
    }

    fn iso(&self) -> Option<u32> {
        let properties = [Property::PhotographicSensitivity, Property::Iso];
        self.exif
            .iso()
            .filter(|&iso| iso > 0)
            .or_else(|| properties.iter().find_map(|&property| self.xmp(property)?.parse().ok()))
    }

    /// Returns the rating in stars. Cameras write 0 to EXIF and editors write their rating to XMP, so XMP takes
    /// precedence (Metadata Working Group guidelines 2.0).
    fn rating(&self) -> Option<i8> {
        let written = self.xmp.iter().find_map(|xmp| xmp.number(Property::Rating));
        let number = written.or_else(|| self.exif.number(exif::RATING))?;
        #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
        (-1.0..=5.0).contains(&number).then_some(number.round() as i8)
    }
}

/// Returns the first text that is not blank, as one line.
fn first_line<const N: usize>(max_chars: usize, texts: [Option<String>; N]) -> Option<String> {
    texts.into_iter().flatten().find_map(|written| text::line(&written, max_chars))
}
