//! XMP sidecars, as editors write them.

use domain::photo::Exif;

use crate::read_sidecar;

/// As Lightroom Classic writes it, shortened.
const LIGHTROOM: &str = r#"<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmp:Rating="4">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">The kiss</rdf:li></rdf:Alt></dc:title>
<dc:subject><rdf:Bag><rdf:li>wedding</rdf:li><rdf:li> church </rdf:li><rdf:li>wedding</rdf:li><rdf:li/></rdf:Bag></dc:subject>
</rdf:Description></rdf:RDF></x:xmpmeta>"#;

#[test]
fn sidecar_has_rating_title_and_keywords() {
    let read = read_sidecar(LIGHTROOM.as_bytes());
    assert_eq!((read.rating, read.title.as_deref()), (Some(4), Some("The kiss")));
    assert_eq!(read.keywords, ["wedding", "church"]);
}

#[test]
fn file_that_is_no_xmp_has_no_metadata() {
    for text in ["", "milk, eggs", "<a><b>", "\0\0\0"] {
        assert_eq!(read_sidecar(text.as_bytes()), Exif::default(), "{text:?}");
    }
}

#[test]
fn keywords_are_limited() {
    let many: Vec<_> = (0..500).map(|n| format!("<rdf:li>{n}{}</rdf:li>", "x".repeat(200))).collect();
    let read = read_sidecar(LIGHTROOM.replace("<rdf:li>wedding</rdf:li>", &many.concat()).as_bytes());
    assert_eq!((read.keywords.len(), read.keywords[0].chars().count()), (100, 64));
}
