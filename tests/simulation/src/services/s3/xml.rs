//! XML of S3: a writer for responses and a reader for the two request bodies.

use std::fmt::Write as _;

use bytes::Bytes;
use quick_xml::{
    Reader,
    escape::{partial_escape, resolve_xml_entity},
    events::Event,
};

/// Namespace of S3's documents.
const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// Writer of one document.
pub struct Writer {
    xml: String,
    root: &'static str,
}

impl Writer {
    /// Begins a document with this root element. Errors are in no namespace.
    pub fn document(root: &'static str) -> Self {
        let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        xml.push('<');
        xml.push_str(root);
        if root != "Error" {
            let _ = write!(xml, " xmlns=\"{NAMESPACE}\"");
        }
        xml.push('>');
        Self { xml, root }
    }

    /// Writes an element with text.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        let value = partial_escape(value);
        // A carriage return would be read as a line feed.
        let _ = write!(self.xml, "<{name}>{}</{name}>", value.replace('\r', "&#13;"));
        self
    }

    /// Writes an element with a number or truth value.
    pub fn value(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        let _ = write!(self.xml, "<{name}>{value}</{name}>");
        self
    }

    /// Writes an element, unless there is no value.
    pub fn optional(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    /// Writes an element around others.
    pub fn element(&mut self, name: &str, write: impl FnOnce(&mut Self)) -> &mut Self {
        let _ = write!(self.xml, "<{name}>");
        write(self);
        let _ = write!(self.xml, "</{name}>");
        self
    }

    /// Ends the document.
    pub fn finish(mut self) -> Bytes {
        let _ = write!(self.xml, "</{}>", self.root);
        self.xml.into()
    }
}

/// Element of a request body.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Name without a namespace prefix.
    pub name: String,
    /// Text, without that of the children.
    pub text: String,
    /// Elements inside.
    pub children: Vec<Element>,
}

impl Element {
    /// Parses a document whose root must have this name. Returns `None` if the body is not such a document.
    pub fn parse(body: &[u8], root: &str) -> Option<Self> {
        Self::read(body).filter(|element| element.name == root)
    }

    fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(body);
        let mut open: Vec<Self> = Vec::new();
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => open.push(Self::named(start.local_name().as_ref())?),
                Event::Empty(empty) => {
                    let element = Self::named(empty.local_name().as_ref())?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => return Some(element),
                    }
                }
                Event::End(_) => {
                    let element = open.pop()?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(element),
                        None => return Some(element),
                    }
                }
                Event::Text(text) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(std::str::from_utf8(&text).ok()?);
                    }
                }
                Event::CData(text) => open.last_mut()?.text.push_str(std::str::from_utf8(&text).ok()?),
                Event::GeneralRef(reference) => {
                    let text = &mut open.last_mut()?.text;
                    if let Some(character) = reference.resolve_char_ref().ok()? {
                        text.push(character);
                    } else {
                        text.push_str(resolve_xml_entity(std::str::from_utf8(&reference).ok()?)?);
                    }
                }
                Event::Eof => return None,
                _ => {}
            }
        }
    }

    fn named(name: &[u8]) -> Option<Self> {
        Some(Self { name: String::from_utf8(name.to_vec()).ok()?, ..Self::default() })
    }

    /// Returns the children with this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Returns the text of the first child with this name.
    pub fn child(&self, name: &str) -> Option<&str> {
        self.children.iter().find(|child| child.name == name).map(|child| child.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_text_is_read_again() {
        let text = "a<b>&\"c'\r\n ü\u{1f600}";
        let mut xml = Writer::document("Delete");
        xml.element("Object", |xml| {
            xml.text("Key", text).optional("None", None).value("Size", 7);
        });
        let read = Element::parse(&xml.finish(), "Delete").unwrap();
        let object = read.all("Object").next().unwrap();
        assert_eq!((object.child("Key"), object.child("Size"), object.child("None")), (Some(text), Some("7"), None));
    }

    #[test]
    fn broken_document_is_malformed() {
        for body in ["", "text", "<Delete>", "<Delete><a></Delete>", "<Other/>", "<Delete>&nothing;</Delete>"] {
            assert_eq!(Element::parse(body.as_bytes(), "Delete"), None, "{body}");
        }
    }
}
