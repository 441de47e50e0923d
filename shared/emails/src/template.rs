//! Templates: files compiled in, split into their parts.

use anyhow::{Context as _, Result, ensure};
use domain::language::Language;
use include_dir::{Dir, include_dir};

/// Folder of each template, with one file per language.
static TEMPLATES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// Parts of a template, without values.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// Subject, one line.
    pub subject: &'static str,
    /// Preheader, one line.
    pub preheader: &'static str,
    /// Parts of the body, from top to bottom.
    pub parts: Vec<Part<&'static str>>,
}

/// Part of an email's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part<T> {
    /// Heading.
    Heading(T),
    /// Paragraph.
    Paragraph(T),
    /// Button that opens the link.
    Button(T),
}

impl Template {
    /// Returns a template in a language.
    pub fn find(name: &str, language: Language) -> Result<Self> {
        let path = format!("{name}/{}.txt", language.tag());
        let file = TEMPLATES.get_file(&path).and_then(include_dir::File::contents_utf8);
        Self::parse(file.with_context(|| format!("There is no template {path}"))?).with_context(|| path)
    }

    fn parse(source: &'static str) -> Result<Self> {
        let mut blocks = source.split("\n\n").map(str::trim).filter(|block| !block.is_empty());
        let mut head = blocks.next().unwrap_or_default().lines();
        let mut line = |name: &str| {
            let line = head.next().and_then(|line| line.strip_prefix(name)?.strip_prefix(": "));
            line.with_context(|| format!("The line {name} is missing"))
        };
        let (subject, preheader) = (line("Subject")?, line("Preheader")?);
        ensure!(head.next().is_none(), "A line too many above the paragraphs");
        let part = |block: &'static str| {
            let button = block.strip_prefix('[').and_then(|label| label.strip_suffix(']'));
            match (block.strip_prefix("# "), button) {
                (Some(heading), _) => Part::Heading(heading),
                (_, Some(label)) => Part::Button(label),
                _ => Part::Paragraph(block),
            }
        };
        Ok(Self { subject, preheader, parts: blocks.map(part).collect() })
    }
}

/// Returns the names of all templates.
#[cfg(test)]
pub fn names() -> impl Iterator<Item = &'static str> {
    TEMPLATES.dirs().filter_map(|dir| dir.path().to_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_split_into_its_parts() {
        let template =
            Template::parse("Subject: S {{ x }}\nPreheader: P\n\n# H\n\nOne\ntwo.\n\n[Open]\n").expect("parses");
        let parts = vec![Part::Heading("H"), Part::Paragraph("One\ntwo."), Part::Button("Open")];
        assert_eq!(template, Template { subject: "S {{ x }}", preheader: "P", parts });
        assert!(Template::parse("Subject: S\n\nText").is_err());
    }

    #[test]
    fn each_template_is_there_in_each_language() {
        for name in names() {
            let kinds = Language::ALL.map(|language| {
                let parts = Template::find(name, language).expect(name).parts;
                parts.iter().map(std::mem::discriminant).collect::<Vec<_>>()
            });
            assert!(kinds.iter().all(|parts| *parts == kinds[0]), "{name} has the same parts in each language");
        }
    }
}
