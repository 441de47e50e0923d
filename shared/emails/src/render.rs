//! Rendering: values filled into a template, and the result as text and HTML.

use std::sync::LazyLock;

use anyhow::{Context as _, Result, anyhow};
use domain::{
    color::Color,
    download::Download,
    email::{EmailSubject, Message},
    language::Language,
    order::Order,
    studio_face::{Accent, Face, Logo},
    studio_profile::StudioProfile,
};
use jiff::{Timestamp, tz::TimeZone};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, value::Serde};
use serde::Serialize;

use crate::{
    data::{customer_text, shortened, studio_text, undecoded},
    template::{Part, Template},
};

/// Layout of all HTML bodies.
const LAYOUT: &str = include_str!("../layout.html");
/// Largest number of characters of a value in a subject. Mail programs show about 60 on a phone.
const MAX_IN_SUBJECT: usize = 60;
/// Largest number of characters in a subject and a preheader.
const MAX_SUBJECT: usize = 150;
/// Largest width of a logo in emails, in CSS pixels.
const MAX_LOGO_WIDTH: u32 = 240;
/// Accent colour of a studio that has chosen none, as on its page.
const ACCENT: Color = Color::new(0xb3, 0x42, 0x1b);

/// Facts that an email tells.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Order, for all emails but those about a webhook.
    pub order: Option<Order>,
    /// Delivery, for emails about a download.
    pub delivery: Option<Delivery>,
    /// Customer's link of the download.
    pub link: Option<String>,
    /// Address of the webhook, for emails about one.
    pub webhook: Option<String>,
    /// Profile of the studio.
    pub studio: StudioProfile,
    /// Public base URL of the deployment, where logos are.
    pub public_url: String,
}

impl Facts {
    /// Returns the facts of an email about these records, in the name of the studio.
    pub fn new(subject: EmailSubject, studio: StudioProfile, public_url: String) -> Self {
        let (order, delivery, link, webhook) = match subject {
            EmailSubject::Order(order) => (Some(order), None, None, None),
            EmailSubject::Download(order, download, link) => {
                (Some(order), Some(Delivery::from(&*download)), Some(link), None)
            }
            EmailSubject::Webhook(url, _) => (None, None, None, Some(url)),
        };
        Self { order, delivery, link, webhook, studio, public_url }
    }
}

/// Photos and size that a download delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivery {
    /// Number of its photos.
    pub photo_count: u32,
    /// Bytes of all files; `None` while not known.
    pub bytes: Option<u64>,
    /// Time at which the link expires; `None` while it is not ready.
    pub expires_at: Option<Timestamp>,
}

impl From<&Download> for Delivery {
    fn from(download: &Download) -> Self {
        Self { photo_count: download.photo_count, bytes: download.size(), expires_at: download.expires_at }
    }
}

/// A rendered email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Subject, one line.
    pub subject: String,
    /// Body in plain text.
    pub text: String,
    /// Body in HTML.
    pub html: String,
}

/// Part of the body, as the layout takes it.
#[derive(Serialize)]
struct Line {
    kind: &'static str,
    text: String,
}

/// Renders the email for a message in a language.
pub fn render(message: &Message, language: Language, facts: &Facts) -> Result<Rendered> {
    let environment = environment()?;
    let template = Template::find(message.template(), language)?;
    let delivery = facts.delivery.as_ref();
    let zone: TimeZone = facts.studio.zone();
    let order = facts.order.as_ref();
    let photo_count =
        delivery.map(|delivery| delivery.photo_count).or(order.map(|order| order.photo_count)).unwrap_or(0);
    let (subject, text) = match message {
        Message::Written { subject, text, .. } => (Some(studio_text(subject)), Some(studio_text(text))),
        _ => (None, None),
    };
    let name = order.map(|order| customer_text(&order.customer.name));
    let reference = order.map(|order| customer_text(&order.reference));
    let webhook = facts.webhook.as_deref().map(studio_text);
    let values = |most: usize| {
        let known = |text: &Option<String>| text.as_ref().map_or(Value::UNDEFINED, |text| shortened(text, most).into());
        context! {
            name => known(&name),
            reference => known(&reference),
            webhook => known(&webhook),
            photo_count,
            photos => photos(language, photo_count),
            size => delivery.and_then(|delivery| delivery.bytes).map(|bytes| language.size(bytes)),
            expires => delivery.and_then(|delivery| delivery.expires_at).map(|at| language.date(at, &zone)),
            id => message.about().id().to_string(),
            subject => subject.as_deref(),
            text => text.as_deref(),
        }
    };
    let (short, whole) = (values(MAX_IN_SUBJECT), values(usize::MAX));
    let fill = |source: &str, values| {
        environment.render_named_str("part", source, values).with_context(|| format!("Failed to render {source:?}"))
    };
    let one_line = |filled: String| shortened(&filled.split_whitespace().collect::<Vec<_>>().join(" "), MAX_SUBJECT);
    let (subject, preheader) = (one_line(fill(template.subject, &short)?), one_line(fill(template.preheader, &short)?));
    let subject = undecoded(&subject);
    let mut parts = Vec::new();
    for part in template.parts {
        let (kind, source) = match part {
            Part::Heading(source) => ("heading", source),
            Part::Paragraph(source) => ("paragraph", source),
            Part::Button(source) => ("button", source),
        };
        let text = fill(source, &whole)?.trim().to_owned();
        // A paragraph whose values are not known is empty.
        if !text.is_empty() {
            parts.push(Line { kind, text });
        }
    }
    let link = facts.link.as_deref();
    let face = Face::of(&facts.studio, &facts.public_url);
    let (contact, footer) = (face.contact.as_deref().map(studio_text), face.footer.as_deref().map(studio_text));
    let text = plain(&parts, link, [contact.as_deref(), footer.as_deref()])?;
    let Accent { light, on_light, dark, on_dark } = face.accent.unwrap_or_else(|| Accent::of(ACCENT));
    let layout = environment.get_template("layout.html")?;
    let html = layout.render(context! {
        language => language.tag(),
        subject => &subject,
        preheader,
        studio => face.name.as_deref().map(customer_text),
        logo_width => face.logo.as_ref().map(logo_width),
        logo => face.logo.map(Serde),
        parts => Serde(parts),
        link,
        copy_hint => copy_hint(language),
        contact,
        footer,
        light, on_light, dark, on_dark,
    });
    Ok(Rendered { subject, text, html: html.context("Failed to render the layout")? })
}

/// Returns the body in plain text: the same parts, the link below the label of its button.
fn plain(parts: &[Line], link: Option<&str>, closing: [Option<&str>; 2]) -> Result<String> {
    let mut blocks = Vec::new();
    for Line { kind, text } in parts {
        blocks.push(match *kind {
            "button" => format!("{text}:\n{}", link.context("The template has a button, and the email has no link")?),
            _ => text.clone(),
        });
    }
    if closing.iter().any(Option::is_some) {
        // RFC 3676, section 4.3: mail programs know by this line where a signature begins.
        let closing = closing.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        blocks.push(format!("-- \n{closing}"));
    }
    Ok(blocks.join("\n\n") + "\n")
}

fn photos(language: Language, count: u32) -> String {
    let noun = match (language, count) {
        (Language::English | Language::French, 1) => "photo",
        (Language::English | Language::French, _) => "photos",
        (Language::German, 1) => "Foto",
        (Language::German, _) => "Fotos",
    };
    format!("{count} {noun}")
}

fn copy_hint(language: Language) -> &'static str {
    match language {
        Language::English => "If the button does not work, copy this address into your browser:",
        Language::German => "Wenn der Knopf nicht geht, kopieren Sie diese Adresse in Ihren Browser:",
        Language::French => "Si le bouton ne fonctionne pas, copiez cette adresse dans votre navigateur :",
    }
}

fn logo_width(logo: &Logo) -> u32 {
    // Logos are made for displays of twice the resolution.
    (logo.width / 2).clamp(1, MAX_LOGO_WIDTH)
}

fn environment() -> Result<&'static Environment<'static>> {
    static ENVIRONMENT: LazyLock<Result<Environment<'static>, minijinja::Error>> =
        LazyLock::new(|| {
            let mut environment = Environment::new();
            // A template that uses a missing value must fail, not send an incomplete email.
            environment.set_undefined_behavior(UndefinedBehavior::Strict);
            environment.set_auto_escape_callback(|name| {
                if name == "layout.html" { AutoEscape::Html } else { AutoEscape::None }
            });
            environment.add_template("layout.html", LAYOUT)?;
            Ok(environment)
        });
    ENVIRONMENT.as_ref().map_err(|error| anyhow!("Failed to parse the layout: {error:#}"))
}

#[cfg(test)]
mod tests;
