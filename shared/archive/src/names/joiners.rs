//! Invisible characters that shape the visible ones beside them.
//!
//! Persian and Hindi are misspelt without their joiners, and a family of emoji falls apart. Elsewhere such a character
//! only makes two names that look the same different, so it is removed. The rules follow RFC 5892 (appendix A), UAX #31
//! (section 2.3) and UAX #29 (rule GB11), and keep joiners in a few more places: where Persian is written with them after
//! a letter that never joins, and where Bengali and Kannada have them before a virama.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        CanonicalCombiningClass, Emoji, EmojiModifier, ExtendedPictographic, IndicSyllabicCategory, JoiningType, Script,
    },
};

/// ZERO WIDTH NON-JOINER.
const ZWNJ: char = '\u{200C}';
/// ZERO WIDTH JOINER.
const ZWJ: char = '\u{200D}';
/// Variation selectors that show an emoji as text, and a symbol as emoji.
const TEXT_STYLE: char = '\u{FE0E}';
const EMOJI_STYLE: char = '\u{FE0F}';
/// COMBINING ENCLOSING KEYCAP.
const KEYCAP: char = '\u{20E3}';

/// Flags of England, Scotland and Wales: a black flag and tags, which are invisible. No other sequence of tags is
/// recommended for interchange (UTS #51), and tags can hide text.
const FLAGS: [&str; 3] = [
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}",
    "\u{1F3F4}\u{E0067}\u{E0062}\u{E0077}\u{E006C}\u{E0073}\u{E007F}",
];

/// Scripts whose letters join: ArabicShaping.txt of the Unicode Character Database.
const CURSIVE: [Script; 10] = [
    Script::Adlam,
    Script::Arabic,
    Script::HanifiRohingya,
    Script::Mandaic,
    Script::Manichaean,
    Script::Mongolian,
    Script::Nko,
    Script::PhagsPa,
    Script::Sogdian,
    Script::Syriac,
];

/// Returns whether the character is invisible, and may shape those beside it.
pub(super) fn is_joiner(c: char) -> bool {
    matches!(c, ZWNJ | ZWJ | TEXT_STYLE | EMOJI_STYLE | '\u{E0020}'..='\u{E007F}')
}

/// Removes the joiners that shape nothing.
pub(super) fn without_strays(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(flag) = FLAGS.iter().find(|flag| rest.starts_with(**flag)) {
            kept.push_str(flag);
            rest = &rest[flag.len()..];
            continue;
        }
        rest = &rest[c.len_utf8()..];
        if !is_joiner(c) || shapes(c, &kept, rest) {
            kept.push(c);
        }
    }
    kept
}

/// Returns whether a joiner shapes the text before or after it.
fn shapes(joiner: char, before: &str, after: &str) -> bool {
    let next = after.chars().find(|c| !is_joiner(*c));
    match joiner {
        ZWNJ => separates_letters(before, next, after) || shapes_syllable(before, next),
        ZWJ => {
            joins_letters(before, after)
                || joins_emoji(before, next)
                || shapes_syllable(before, next)
                || before.ends_with(is_virama)
        }
        TEXT_STYLE | EMOJI_STYLE => before.chars().next_back().is_some_and(|symbol| {
            has_styles(symbol) && (!symbol.is_ascii() || joiner == EMOJI_STYLE && next == Some(KEYCAP))
        }),
        _ => false,
    }
}

/// Returns whether a non-joiner is between two letters of cursive scripts.
fn separates_letters(before: &str, next: Option<char>, after: &str) -> bool {
    let is_letter = |c: char| c.is_alphabetic() && CURSIVE.contains(&CodePointMapData::<Script>::new().get(c));
    // A letter follows, not its own mark: a mark would lose its letter.
    last_base(before).is_some_and(is_letter)
        && next.is_some_and(|next| !is_transparent(next))
        && first_base(after).is_some_and(is_letter)
}

/// Returns whether a joiner gives a cursive letter beside it the form of a joined one.
fn joins_letters(before: &str, after: &str) -> bool {
    let joining = CodePointMapData::<JoiningType>::new();
    last_base(before).is_some_and(|c| matches!(joining.get(c), JoiningType::DualJoining | JoiningType::LeftJoining))
        || !before.ends_with(is_joiner)
            && first_base(after)
                .is_some_and(|c| matches!(joining.get(c), JoiningType::DualJoining | JoiningType::RightJoining))
}

/// Returns whether a joiner is between two emoji, the first of which may have a skin tone or a style.
fn joins_emoji(before: &str, next: Option<char>) -> bool {
    let pictographic = CodePointSetData::new::<ExtendedPictographic>();
    let modifier = CodePointSetData::new::<EmojiModifier>();
    let first = before.chars().rev().find(|c| *c != EMOJI_STYLE && !modifier.contains(*c));
    first.is_some_and(|c| pictographic.contains(c)) && next.is_some_and(|c| pictographic.contains(c))
}

/// Returns whether a joiner is within a syllable of an Indic script: after a virama, or between a consonant and a virama
/// or vowel sign.
fn shapes_syllable(before: &str, next: Option<char>) -> bool {
    let category = |c: char| CodePointMapData::<IndicSyllabicCategory>::new().get(c);
    let after_consonant = before
        .chars()
        .next_back()
        .is_some_and(|c| matches!(category(c), IndicSyllabicCategory::Consonant | IndicSyllabicCategory::Nukta));
    let before_sign = next.is_some_and(|c| is_virama(c) || category(c) == IndicSyllabicCategory::VowelDependent);
    let before_letter = next.is_some_and(char::is_alphabetic);
    before.ends_with(is_virama) && before_letter || after_consonant && before_sign
}

fn is_virama(c: char) -> bool {
    CodePointMapData::<CanonicalCombiningClass>::new().get(c) == CanonicalCombiningClass::Virama
}

fn has_styles(c: char) -> bool {
    CodePointSetData::new::<Emoji>().contains(c)
}

fn is_transparent(c: char) -> bool {
    CodePointMapData::<JoiningType>::new().get(c) == JoiningType::Transparent
}

/// Returns the last character that is no mark; `None` if it is a joiner.
fn last_base(text: &str) -> Option<char> {
    text.chars().rev().find(|c| is_joiner(*c) || !is_transparent(*c)).filter(|c| !is_joiner(*c))
}

/// Returns the first character that is neither a mark nor a joiner.
fn first_base(text: &str) -> Option<char> {
    text.chars().find(|c| !is_joiner(*c) && !is_transparent(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joiners_that_shape_are_kept() {
        for text in [
            "می\u{200C}خواهم",
            "خانه\u{200C}ها",
            "کار\u{200C}ها",
            "سوء\u{200C}تفاهم",
            "ه\u{200D}",
            "ه\u{200D}.ش",
            "क्\u{200D}ष",
            "क्\u{200C}ष",
            "र्\u{200D}य",
            "শ্রদ্ধা র\u{200D}্যাব",
            "ක්\u{200D}රි",
            "ನ್\u{200C}ನ",
            "അവന്\u{200D}",
            "👨\u{200D}👩\u{200D}👧",
            "👩🏽\u{200D}🚀",
            "❤\u{FE0F}\u{200D}🔥",
            "🏳\u{FE0F}\u{200D}🌈",
            "🧔🏻\u{200D}♂\u{FE0F}",
            "❤\u{FE0F}",
            "❤\u{FE0E}",
            "1\u{FE0F}\u{20E3}",
            FLAGS[0],
            FLAGS[1],
            FLAGS[2],
        ] {
            assert_eq!(without_strays(text), text, "{}", text.escape_unicode());
        }
    }

    #[test]
    fn joiners_that_shape_nothing_are_removed() {
        for (text, expected) in [
            ("a\u{200D}b", "ab"),
            ("a\u{200C}b", "ab"),
            ("1\u{FE0F}2", "12"),
            ("a\u{FE0F}", "a"),
            ("東\u{200D}京", "東京"),
            ("Ω\u{200C}", "Ω"),
            ("ком\u{200D}на", "комна"),
            ("می\u{200C}", "می"),
            ("\u{200C}می", "می"),
            ("می\u{200C}\u{200C}خواهم", "می\u{200C}خواهم"),
            ("می\u{200C} خواهم", "می خواهم"),
            ("कम\u{200D}ल", "कमल"),
            ("👨\u{200D}a", "👨a"),
            ("👨\u{200D}", "👨"),
            ("👨\u{200D}\u{200D}👩", "👨\u{200D}👩"),
            ("👨\u{200C}👩", "👨👩"),
            ("❤\u{FE0F}\u{FE0F}", "❤\u{FE0F}"),
            ("🏴\u{E0067}\u{E0062}", "🏴"),
            ("a\u{E0067}\u{E0062}\u{E007F}", "a"),
        ] {
            assert_eq!(without_strays(text), expected, "{}", text.escape_unicode());
        }
    }
}
