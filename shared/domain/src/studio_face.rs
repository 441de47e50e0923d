//! The studio as its customers see it.

use serde::Serialize;

use crate::{color::Color, studio_profile::StudioProfile};

/// The studio on the page and in emails. A studio that has set nothing gets neutral ones.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Face {
    /// Name.
    pub name: Option<String>,
    /// Logo.
    pub logo: Option<Logo>,
    /// Colours of buttons.
    pub accent: Option<Accent>,
    /// How customers reach the studio.
    pub contact: Option<String>,
    /// Text above the photos.
    pub message: Option<String>,
    /// Text at the end of the page.
    pub footer: Option<String>,
}

/// Logo of a studio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Logo {
    /// URL of the PNG.
    pub url: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Colours in CSS notation, and those of text on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Accent {
    /// On light pages.
    pub light: String,
    /// Of text on `light`.
    pub on_light: String,
    /// On dark pages.
    pub dark: String,
    /// Of text on `dark`.
    pub on_dark: String,
}

impl Face {
    /// Returns what the page shows of this profile. `public_url` is the base of the logo's URL.
    pub fn of(profile: &StudioProfile, public_url: &str) -> Self {
        let logo = profile.logo.as_ref().map(|logo| Logo {
            url: format!("{}/logos/{}/{}.png", public_url.trim_end_matches('/'), profile.studio, logo.hash),
            width: logo.width,
            height: logo.height,
        });
        Self {
            name: profile.name.clone(),
            logo,
            accent: profile.accent_color.map(Accent::of),
            contact: profile.contact.clone(),
            message: profile.message.clone(),
            footer: profile.footer.clone(),
        }
    }
}

impl Accent {
    /// Returns the legible variants of a colour.
    pub fn of(color: Color) -> Self {
        let (light, dark) = (color.in_light_mode(), color.in_dark_mode());
        Self {
            light: light.to_string(),
            on_light: light.text().to_string(),
            dark: dark.to_string(),
            on_dark: dark.text().to_string(),
        }
    }
}
