//! The customer's page. Its templates are compiled in, and it works without its script.

pub mod response;
mod view;

use std::sync::LazyLock;

use anyhow::anyhow;
use minijinja::{Environment, UndefinedBehavior, Value, context, value::Serde};

pub use domain::studio_face::Face;

pub use self::view::{Page, Photo, Picture, PinRefused, Ready, Started, State, Tile, Volume, days, minutes};

/// Files of the page template, and of its texts in each language.
const TEMPLATES: [(&str, &str); 4] = [
    ("page.html", include_str!("../templates/page.html")),
    ("words/en.html", include_str!("../templates/words/en.html")),
    ("words/de.html", include_str!("../templates/words/de.html")),
    ("words/fr.html", include_str!("../templates/words/fr.html")),
];
const STYLE: &str = include_str!("../templates/page.css");
/// The script. The page's Content-Security-Policy allows it by its hash.
pub const SCRIPT: &str = include_str!("../templates/page.js");

impl Page {
    /// Renders the page as HTML.
    pub fn render(&self) -> String {
        let rendered = self.try_render();
        // The templates are compiled in, and a test renders each state in each language.
        rendered.unwrap_or_else(|error| {
            tracing::error!(error = format!("{error:#}"), "The page could not be rendered");
            "<!doctype html><title>Download</title><form method=post><button>Download</button></form>".into()
        })
    }

    fn try_render(&self) -> anyhow::Result<String> {
        // Parsed once: a waiting page is read again every few seconds.
        static ENVIRONMENT: LazyLock<Result<Environment<'static>, minijinja::Error>> = LazyLock::new(environment);
        let environment = ENVIRONMENT.as_ref().map_err(|error| anyhow!("{error:#}"))?;
        let (style, script) = (Value::from_safe_string(STYLE.into()), Value::from_safe_string(SCRIPT.into()));
        Ok(environment.get_template("page.html")?.render(context! { page => Serde(self), style, script })?)
    }
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

#[cfg(test)]
mod tests;
