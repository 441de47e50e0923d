//! Colours of the customer's page, and their contrast.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// WCAG 2.2, success criterion 1.4.3: smallest contrast of text with its background.
pub const MIN_CONTRAST: f64 = 4.5;

/// Background of the page in dark mode, lightest place.
const DARK_BACKGROUND: Color = Color { red: 0x22, green: 0x22, blue: 0x22 };

/// An opaque colour in sRGB, written `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

/// Error: the text is not a colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a colour is # and six hexadecimal digits, such as #b3421b")]
pub struct InvalidColor;

impl Color {
    /// Black.
    pub const BLACK: Self = Self::new(0, 0, 0);
    /// White.
    pub const WHITE: Self = Self::new(255, 255, 255);

    /// Creates a colour of its sRGB components.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// Returns the contrast ratio with another colour, 1 to 21, by the formula of WCAG 2.2.
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Returns the colour of text on this background: black or white, whichever has the higher contrast. It is at least
    /// [`MIN_CONTRAST`], because no colour has less than 4.58 with both.
    pub fn text(self) -> Self {
        if self.contrast(Self::BLACK) > self.contrast(Self::WHITE) { Self::BLACK } else { Self::WHITE }
    }

    /// Returns the colour for text and controls in light mode, on a white background: the colour itself, or a darker one
    /// with [`MIN_CONTRAST`].
    pub fn in_light_mode(self) -> Self {
        self.legible_on(Self::WHITE)
    }

    /// Returns the colour for text and controls in dark mode, on a background of at most `#222222`: the colour itself, or
    /// a lighter one with [`MIN_CONTRAST`].
    pub fn in_dark_mode(self) -> Self {
        self.legible_on(DARK_BACKGROUND)
    }

    /// Mixes the colour with as little black or white as gives it [`MIN_CONTRAST`] on the background.
    fn legible_on(self, background: Self) -> Self {
        let towards = background.text();
        let mixed = (0..u8::MAX).map(|share| self.mix(towards, share));
        mixed.into_iter().find(|mixed| mixed.contrast(background) >= MIN_CONTRAST).unwrap_or(towards)
    }

    /// Mixes in `share` 255ths of another colour.
    fn mix(self, other: Self, share: u8) -> Self {
        let component = |own: u8, other: u8| {
            let (own, other, share, whole) = (u32::from(own), u32::from(other), u32::from(share), u32::from(u8::MAX));
            u8::try_from((own * (whole - share) + other * share) / whole).unwrap_or(u8::MAX)
        };
        Self::new(component(self.red, other.red), component(self.green, other.green), component(self.blue, other.blue))
    }

    /// Returns the relative luminance, 0 to 1.
    fn luminance(self) -> f64 {
        let linear = |component: u8| {
            let value = f64::from(component) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

impl FromStr for Color {
    type Err = InvalidColor;

    fn from_str(text: &str) -> Result<Self, InvalidColor> {
        let mut bytes = [0; 3];
        hex::decode_to_slice(text.strip_prefix('#').ok_or(InvalidColor)?, &mut bytes).map_err(|_| InvalidColor)?;
        let [red, green, blue] = bytes;
        Ok(Self { red, green, blue })
    }
}

impl TryFrom<String> for Color {
    type Error = InvalidColor;

    fn try_from(text: String) -> Result<Self, InvalidColor> {
        text.parse()
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.to_string()
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn color(text: &str) -> Color {
        text.parse().expect("a colour")
    }

    fn any_color() -> impl Strategy<Value = Color> {
        any::<[u8; 3]>().prop_map(|[red, green, blue]| Color::new(red, green, blue))
    }

    #[test]
    fn color_is_read_and_written_as_hexadecimal_digits() {
        assert_eq!(color("#B3421b").to_string(), "#b3421b");
        assert_eq!(serde_json::to_value(color("#0a0b0c")).expect("writes"), "#0a0b0c");
        for bad in ["", "#", "b3421b", "#fff", "#b3421b00", "#b3421g", "#b3421", "#+3421b", "red", "#ä3421", " #b3421b"]
        {
            assert_eq!(bad.parse::<Color>(), Err(InvalidColor), "{bad:?}");
            assert!(serde_json::from_value::<Color>(bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn contrast_agrees_with_known_values() {
        let rounded = |a: &str, b: &str| format!("{:.2}", color(a).contrast(color(b)));
        assert_eq!(rounded("#000000", "#ffffff"), "21.00");
        assert_eq!(rounded("#777777", "#ffffff"), "4.48");
        assert_eq!(rounded("#767676", "#ffffff"), "4.54");
        assert_eq!(rounded("#ff0000", "#ffffff"), "4.00");
        assert_eq!(rounded("#0000ff", "#ffffff"), "8.59");
        assert_eq!(rounded("#123456", "#123456"), "1.00");
    }

    #[test]
    fn legible_color_is_kept() {
        assert_eq!(color("#b3421b").in_light_mode(), color("#b3421b"));
        assert_eq!(color("#ff8a5c").in_dark_mode(), color("#ff8a5c"));
        assert_eq!((Color::WHITE.text(), Color::BLACK.text()), (Color::BLACK, Color::WHITE));
        assert_eq!(color("#ffff00").text(), Color::BLACK);
        assert_eq!(color("#0000ff").text(), Color::WHITE);
    }

    #[test]
    fn every_gray_is_legible() {
        for gray in 0..=u8::MAX {
            assert_legible(Color::new(gray, gray, gray));
        }
    }

    /// Asserts that text on the colour, and the colour in both modes, have sufficient contrast, and change little.
    fn assert_legible(accent: Color) {
        assert!(accent.contrast(accent.text()) >= MIN_CONTRAST, "text on {accent}");
        let (light, dark) = (accent.in_light_mode(), accent.in_dark_mode());
        assert!(light.contrast(Color::WHITE) >= MIN_CONTRAST, "{accent} in light mode: {light}");
        assert!(dark.contrast(DARK_BACKGROUND) >= MIN_CONTRAST, "{accent} in dark mode: {dark}");
        assert!(
            light == accent || light.contrast(Color::WHITE) < MIN_CONTRAST + 0.2,
            "{accent} is darkened to {light}"
        );
        assert!(
            dark == accent || dark.contrast(DARK_BACKGROUND) < MIN_CONTRAST + 0.2,
            "{accent} is lightened to {dark}"
        );
    }

    proptest! {
        #[test]
        fn every_color_is_legible(accent in any_color()) {
            assert_legible(accent);
            assert_legible(accent.text());
        }

        #[test]
        fn contrast_is_symmetric_and_bounded(a in any_color(), b in any_color()) {
            let contrast = a.contrast(b);
            prop_assert!((contrast - b.contrast(a)).abs() < 1e-9);
            prop_assert!((1.0..=21.0 + 1e-9).contains(&contrast));
        }

        #[test]
        fn written_color_is_read_back(color in any_color()) {
            prop_assert_eq!(color.to_string().parse(), Ok(color));
        }
    }
}
