//! XMP (ISO 16684-1), which is RDF in XML: reads the simple properties and the plain lists that the record uses.

use std::collections::BTreeMap;

use domain::photo::{Gps, TakenAt};
use quick_xml::{
    Reader, XmlVersion,
    escape::resolve_predefined_entity,
    events::{BytesStart, Event, attributes::Attribute},
};

use super::{gps, text, time::Time};

/// The most nested elements. The properties that are read need seven.
const MAX_DEPTH: usize = 64;
/// The most items of one property.
const MAX_ITEMS: usize = 128;
/// The most bytes of one value. The rest is dropped.
const MAX_VALUE: usize = 64 << 10;

/// The properties that are read, by namespace and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Property {
    Make,
    Model,
    LensModel,
    Lens,
    Iso,
    PhotographicSensitivity,
    FNumber,
    ExposureTime,
    FocalLength,
    DateTimeOriginal,
    DateTimeDigitized,
    DateCreated,
    CreateDate,
    Latitude,
    Longitude,
    Altitude,
    AltitudeRef,
    Rating,
    Title,
    Description,
    Rights,
    Creator,
    Credit,
    Subject,
}

/// Namespaces of XMP, named by the ends of their addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Namespace {
    Rdf,
    Dc,
    Xmp,
    Photoshop,
    Tiff,
    Exif,
    ExifEx,
    Aux,
}

/// The address of each namespace, and its usual prefix.
const NAMESPACES: [(Namespace, &str, &str); 8] = [
    (Namespace::Rdf, "rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    (Namespace::Dc, "dc", "http://purl.org/dc/elements/1.1/"),
    (Namespace::Xmp, "xmp", "http://ns.adobe.com/xap/1.0/"),
    (Namespace::Photoshop, "photoshop", "http://ns.adobe.com/photoshop/1.0/"),
    (Namespace::Tiff, "tiff", "http://ns.adobe.com/tiff/1.0/"),
    (Namespace::Exif, "exif", "http://ns.adobe.com/exif/1.0/"),
    (Namespace::ExifEx, "exifEX", "http://cipa.jp/exif/1.0/"),
    (Namespace::Aux, "aux", "http://ns.adobe.com/exif/1.0/aux/"),
];

const PROPERTIES: [(Namespace, &str, Property); 24] = [
    (Namespace::Tiff, "Make", Property::Make),
    (Namespace::Tiff, "Model", Property::Model),
    (Namespace::ExifEx, "LensModel", Property::LensModel),
    (Namespace::Aux, "Lens", Property::Lens),
    (Namespace::Exif, "ISOSpeedRatings", Property::Iso),
    (Namespace::ExifEx, "PhotographicSensitivity", Property::PhotographicSensitivity),
    (Namespace::Exif, "FNumber", Property::FNumber),
    (Namespace::Exif, "ExposureTime", Property::ExposureTime),
    (Namespace::Exif, "FocalLength", Property::FocalLength),
    (Namespace::Exif, "DateTimeOriginal", Property::DateTimeOriginal),
    (Namespace::Exif, "DateTimeDigitized", Property::DateTimeDigitized),
    (Namespace::Photoshop, "DateCreated", Property::DateCreated),
    (Namespace::Xmp, "CreateDate", Property::CreateDate),
    (Namespace::Exif, "GPSLatitude", Property::Latitude),
    (Namespace::Exif, "GPSLongitude", Property::Longitude),
    (Namespace::Exif, "GPSAltitude", Property::Altitude),
    (Namespace::Exif, "GPSAltitudeRef", Property::AltitudeRef),
    (Namespace::Xmp, "Rating", Property::Rating),
    (Namespace::Dc, "title", Property::Title),
    (Namespace::Dc, "description", Property::Description),
    (Namespace::Dc, "rights", Property::Rights),
    (Namespace::Dc, "creator", Property::Creator),
    (Namespace::Photoshop, "Credit", Property::Credit),
    (Namespace::Dc, "subject", Property::Subject),
];

/// The properties of a packet, except those in structures.
#[derive(Debug, Default)]
pub(super) struct Xmp(BTreeMap<Property, Vec<String>>);

impl Xmp {
    /// Reads a packet up to its end or its first error. Entities other than XML's own are dropped.
    pub(super) fn parse(packet: &[u8]) -> Self {
        match packet {
            // UTF-16 is allowed too, with or without a byte order mark.
            [0xFE, 0xFF, ..] | [0, b'<', ..] => Self::parse_utf8(utf16(packet, u16::from_be_bytes).as_bytes()),
            [0xFF, 0xFE, ..] | [b'<', 0, ..] => Self::parse_utf8(utf16(packet, u16::from_le_bytes).as_bytes()),
            _ => Self::parse_utf8(packet),
        }
    }

    fn parse_utf8(packet: &[u8]) -> Self {
        let mut reader = Reader::from_reader(packet);
        reader.config_mut().check_end_names = false;
        reader.config_mut().allow_dangling_amp = true;
        let mut parser = Parser::default();
        loop {
            match reader.read_event() {
                Ok(Event::Start(element)) => {
                    if parser.elements.len() >= MAX_DEPTH {
                        break;
                    }
                    parser.open(&element);
                }
                Ok(Event::Empty(element)) => {
                    parser.open(&element);
                    parser.close();
                }
                Ok(Event::End(_)) => parser.close(),
                Ok(Event::Text(text)) => parser.text(&text::decode(&text)),
                Ok(Event::CData(text)) => parser.text(&text::decode(&text)),
                Ok(Event::GeneralRef(reference)) => {
                    let character = reference.resolve_char_ref().ok().flatten().map(String::from);
                    let entity = || resolve_predefined_entity(std::str::from_utf8(&reference).ok()?).map(str::to_owned);
                    parser.text(&character.or_else(entity).unwrap_or_default());
                }
                Ok(Event::Eof) | Err(_) => break,
                Ok(_) => {}
            }
        }
        Self(parser.values)
    }

    /// Returns a property, or its first item; of alternatives the default language's.
    pub(super) fn get(&self, property: Property) -> Option<&str> {
        self.0.get(&property)?.iter().map(|value| value.trim()).find(|value| !value.is_empty())
    }

    /// Returns the items of a list, joined.
    pub(super) fn joined(&self, property: Property) -> Option<String> {
        self.0.get(&property).map(|items| items.join(", "))
    }

    /// Returns the items of a list.
    pub(super) fn items(&self, property: Property) -> &[String] {
        self.0.get(&property).map_or(&[], Vec::as_slice)
    }

    /// Returns a number in decimal digits, or a fraction in EXIF's form.
    pub(super) fn number(&self, property: Property) -> Option<f64> {
        let text = self.get(property)?;
        let number = match text.split_once('/') {
            Some((numerator, denominator)) => {
                numerator.trim().parse::<f64>().ok()? / denominator.trim().parse::<f64>().ok()?
            }
            None => text.parse().ok()?,
        };
        number.is_finite().then_some(number)
    }

    pub(super) fn taken_at(&self) -> Option<TakenAt> {
        use Property::{CreateDate, DateCreated, DateTimeDigitized, DateTimeOriginal};
        let times = [DateTimeOriginal, DateCreated, DateTimeDigitized, CreateDate];
        times.into_iter().find_map(|property| Time::parse(self.get(property)?)).map(TakenAt::from)
    }

    pub(super) fn gps(&self) -> Option<Gps> {
        let latitude = gps::xmp_degrees(self.get(Property::Latitude)?, *b"NS")?;
        let longitude = gps::xmp_degrees(self.get(Property::Longitude)?, *b"EW")?;
        let below = self.get(Property::AltitudeRef) == Some("1");
        let altitude = self.number(Property::Altitude).map(|metres| if below { -metres } else { metres });
        gps::position(latitude, longitude, altitude)
    }
}

/// The kind of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Rdf,
    Description,
    Property(Property),
    /// `Alt`, `Seq` or `Bag` of a property.
    List(Property),
    Item {
        property: Property,
        default_language: bool,
    },
    Other,
}

#[derive(Default)]
struct Parser {
    /// Prefixes without their usual meaning. Files declare each once, at the outermost element.
    prefixes: BTreeMap<Vec<u8>, Option<Namespace>>,
    elements: Vec<Element>,
    text: String,
    values: BTreeMap<Property, Vec<String>>,
}

/// The most prefixes with another meaning.
const MAX_PREFIXES: usize = 64;

impl Parser {
    fn open(&mut self, element: &BytesStart) {
        let attributes = || {
            let mut attributes = element.attributes();
            // The parser's check for duplicates compares each attribute with all others.
            attributes.with_checks(false);
            attributes.flatten()
        };
        for attribute in attributes() {
            self.declare(&attribute);
        }
        let qualified = element.name();
        let (namespace, name) = self.resolve(qualified.as_ref());
        let opened = match (self.elements.last(), namespace, name) {
            (_, Some(Namespace::Rdf), b"RDF") => Element::Rdf,
            (Some(Element::Rdf), Some(Namespace::Rdf), b"Description") => {
                for attribute in attributes() {
                    if let Some(property) = self.property(attribute.key.as_ref())
                        && let Some(value) = value_of(&attribute)
                    {
                        self.keep(property, value, false);
                    }
                }
                Element::Description
            }
            (Some(Element::Description), ..) => {
                self.property(qualified.as_ref()).map_or(Element::Other, Element::Property)
            }
            (Some(&Element::Property(property)), Some(Namespace::Rdf), b"Alt" | b"Seq" | b"Bag") => {
                Element::List(property)
            }
            (Some(&Element::List(property)), Some(Namespace::Rdf), b"li") => {
                let language = attributes().find(|attribute| attribute.key.as_ref() == b"xml:lang");
                let default_language =
                    language.is_some_and(|language| language.value.eq_ignore_ascii_case(b"x-default"));
                Element::Item { property, default_language }
            }
            _ => Element::Other,
        };
        if matches!(opened, Element::Property(_) | Element::Item { .. }) {
            self.text.clear();
        }
        self.elements.push(opened);
    }

    fn close(&mut self) {
        match self.elements.pop() {
            Some(Element::Item { property, default_language }) => {
                let text = std::mem::take(&mut self.text);
                self.keep(property, text, default_language);
            }
            Some(Element::Property(property)) if !self.text.trim().is_empty() => {
                let text = std::mem::take(&mut self.text);
                self.keep(property, text, false);
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        let is_value = matches!(self.elements.last(), Some(Element::Property(_) | Element::Item { .. }));
        if is_value && self.text.len() + text.len() <= MAX_VALUE {
            self.text.push_str(text);
        }
    }

    fn keep(&mut self, property: Property, value: String, first: bool) {
        let values = self.values.entry(property).or_default();
        if first {
            values.insert(0, value);
            values.truncate(MAX_ITEMS);
        } else if values.len() < MAX_ITEMS {
            values.push(value);
        }
    }

    fn declare(&mut self, attribute: &Attribute) {
        let Some(prefix) = attribute.key.as_ref().strip_prefix(b"xmlns:") else { return };
        let address = attribute.value.as_ref();
        let meaning = NAMESPACES.iter().find(|(_, _, known)| known.as_bytes() == address).map(|&(meaning, ..)| meaning);
        let is_usual = NAMESPACES.iter().any(|(_, usual, _)| usual.as_bytes() == prefix);
        if (meaning.is_some() || is_usual) && self.prefixes.len() < MAX_PREFIXES {
            self.prefixes.insert(prefix.to_vec(), meaning);
        }
    }

    fn resolve<'a>(&self, name: &'a [u8]) -> (Option<Namespace>, &'a [u8]) {
        let Some(colon) = name.iter().position(|&byte| byte == b':') else { return (None, name) };
        let (prefix, local) = (&name[..colon], &name[colon + 1..]);
        let usual = || NAMESPACES.iter().find(|(_, usual, _)| usual.as_bytes() == prefix).map(|&(meaning, ..)| meaning);
        (self.prefixes.get(prefix).copied().unwrap_or_else(usual), local)
    }

    fn property(&self, name: &[u8]) -> Option<Property> {
        let (namespace, local) = self.resolve(name);
        let found = PROPERTIES.iter().find(|(of, name, _)| Some(*of) == namespace && name.as_bytes() == local);
        found.map(|&(.., property)| property)
    }
}

fn value_of(attribute: &Attribute) -> Option<String> {
    let value = attribute.normalized_value(XmlVersion::Implicit1_0).ok()?;
    (value.len() <= MAX_VALUE).then(|| value.into_owned())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests;
