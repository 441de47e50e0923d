//! Tests with forms of XMP, and with text that is not XMP.

use proptest::prelude::*;

use super::*;

const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";

/// Returns a packet with `inside` in its RDF.
fn packet(inside: &str) -> String {
    format!(
        "<?xpacket begin='\u{feff}' id='W5M0MpCehiHzreSzNTczkc9d'?><x:xmpmeta xmlns:x='adobe:ns:meta/'>\
         <rdf:RDF xmlns:rdf='{RDF}'>{inside}</rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
    )
}

fn read(inside: &str) -> Xmp {
    Xmp::parse(packet(inside).as_bytes())
}

#[test]
fn attributes_and_elements_read_the_same() {
    let attributes =
        read("<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' tiff:Make='A &amp; B' tiff:Model=\"C\"/>");
    let elements = read(
        "<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/'>\
         <tiff:Make>A &amp; B</tiff:Make><tiff:Model><![CDATA[C]]></tiff:Model></rdf:Description>",
    );
    for xmp in [attributes, elements] {
        assert_eq!((xmp.get(Property::Make), xmp.get(Property::Model)), (Some("A & B"), Some("C")));
    }
}

#[test]
fn default_language_comes_first() {
    let xmp = read(
        "<rdf:Description><dc:title>\n <rdf:Alt>\n <rdf:li xml:lang='de'>Abend</rdf:li>\
         <rdf:li xml:lang='x-default'>Evening &#233;</rdf:li></rdf:Alt></dc:title></rdf:Description>",
    );
    assert_eq!(xmp.get(Property::Title), Some("Evening é"));
}

#[test]
fn lists_are_joined() {
    let list = "<rdf:Description><dc:creator><rdf:Seq><rdf:li>Ann</rdf:li><rdf:li>Bob</rdf:li></rdf:Seq></dc:creator>";
    assert_eq!(read(list).joined(Property::Creator).as_deref(), Some("Ann, Bob"));
}

#[test]
fn namespaces_count_and_not_prefixes() {
    let xmp = read(
        "<rdf:Description xmlns:t='http://ns.adobe.com/tiff/1.0/' xmlns:dc='urn:other' t:Make='M' dc:title='none'/>",
    );
    assert_eq!((xmp.get(Property::Make), xmp.get(Property::Title)), (Some("M"), None));
}

#[test]
fn properties_of_structures_are_not_the_photos() {
    let xmp = read(
        "<rdf:Description><xmpMM:DerivedFrom rdf:parseType='Resource'><tiff:Make>no</tiff:Make></xmpMM:DerivedFrom>\
         <xmpMM:History><rdf:Seq><rdf:li><rdf:Description tiff:Make='no'/></rdf:li></rdf:Seq></xmpMM:History>\
         <tiff:Model>yes</tiff:Model></rdf:Description>",
    );
    assert_eq!((xmp.get(Property::Make), xmp.get(Property::Model)), (None, Some("yes")));
}

#[test]
fn values_before_an_error_are_kept() {
    let xmp = read("<rdf:Description><xmp:Rating>4</xmp:Rating><tiff:Make>M</tiff:Mak");
    assert_eq!(xmp.number(Property::Rating), Some(4.0));
}

#[test]
fn utf_16_is_read() {
    let units: Vec<u8> = packet("<rdf:Description dc:title='é'/>").encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(Xmp::parse(&units).get(Property::Title), Some("é"));
    assert_eq!(Xmp::parse(&[&[0xFE, 0xFF][..], &units].concat()).get(Property::Title), Some("é"));
}

#[test]
fn entities_do_not_expand() {
    let bomb = "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]>";
    let xmp = Xmp::parse(
        [bomb, &packet("<rdf:Description tiff:Model='&b;'><tiff:Make>x&b;y</tiff:Make></rdf:Description>")]
            .concat()
            .as_bytes(),
    );
    assert_eq!((xmp.get(Property::Make), xmp.get(Property::Model)), (Some("xy"), None));
}

#[test]
fn hostile_sizes_take_linear_time() {
    let declared: Vec<String> = (0..200_000).map(|n| format!(" xmlns:a{n}='b'")).collect();
    let declared = declared.concat();
    let deep = "<a>".repeat(500_000);
    let items = "<rdf:li>x</rdf:li>".repeat(200_000);
    let many = format!(
        "<rdf:Description{declared}><tiff:Make>{}</tiff:Make><dc:creator><rdf:Seq>{items}</rdf:Seq></dc:creator>",
        "m&#65;".repeat(500_000)
    );
    let started = std::time::Instant::now();
    assert_eq!(read(&many).0[&Property::Creator].len(), MAX_ITEMS);
    assert!(read(&format!("<rdf:Description>{deep}")).0.is_empty());
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}

#[test]
fn rationals_and_positions_are_numbers() {
    let xmp = read(
        "<rdf:Description exif:FNumber='28/10' exif:FocalLength='1/0' exif:GPSLatitude='48,8.5N' \
         exif:GPSLongitude='11,34.2W' exif:GPSAltitude='7/2' exif:GPSAltitudeRef='1'/>",
    );
    assert_eq!((xmp.number(Property::FNumber), xmp.number(Property::FocalLength)), (Some(2.8), None));
    let gps = xmp.gps().unwrap();
    assert!((gps.latitude - 48.141_666).abs() < 1e-5 && (gps.longitude + 11.57).abs() < 1e-9);
    assert_eq!(gps.altitude_m, Some(-3.5));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        Xmp::parse(&bytes);
    }

    #[test]
    fn any_markup_is_read_without_panic(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "<rdf:RDF>", "<rdf:Description ", "<rdf:Description>", "tiff:Make='", "'", "/>", ">", "<dc:title>",
                "<rdf:Alt>", "<rdf:li xml:lang='x-default'>", "</rdf:li>", "</", "&#x41;", "&lt;", "&", "xmlns:a=\"\"", "é",
            ]),
            0..40,
        ),
    ) {
        let xmp = Xmp::parse(parts.concat().as_bytes());
        let _ = (xmp.taken_at(), xmp.gps(), xmp.number(Property::Rating));
    }
}
