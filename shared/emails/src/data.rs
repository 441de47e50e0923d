//! Text of others in our emails. It is data: it can neither hide characters, nor reverse what stands around it, nor become
//! a link that a mail program makes of an address.

/// Zero-width space. Mail programs end an address at it, and people do not see it.
const BREAK: char = '\u{200b}';
/// First strong isolate, and its end.
const ISOLATE: [char; 2] = ['\u{2068}', '\u{2069}'];

/// Returns a customer's text, such as a name, as one line that no mail program makes a link of.
pub fn customer_text(text: &str) -> String {
    let visible: String = text.chars().map(|char| if is_line_end(char) { ' ' } else { char }).collect();
    let words: Vec<String> = visible_only(&visible).split_whitespace().map(unlinked).collect();
    isolated(words.join(" "))
}

/// Returns a studio's text, which may have several lines and addresses that become links.
pub fn studio_text(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let lines = text.split(is_line_end).map(|line| isolated(visible_only(line).trim_end().to_owned()));
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Breaks what a mail program would decode in a subject (RFC 2047, section 2): `=?utf-8?q?x?=` would be shown as `x`, and
/// could hide any of the characters that are removed here.
pub fn undecoded(text: &str) -> String {
    text.replace("=?", &format!("={BREAK}?"))
}

/// Shortens text to `most` characters, of which the last is an ellipsis.
pub fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    let open = kept.matches(ISOLATE[0]).count() > kept.matches(ISOLATE[1]).count();
    format!("{}…{}", kept.trim_end(), if open { "\u{2069}" } else { "" })
}

/// Removes control characters, and characters without a width, but for what shapes scripts and emoji.
fn visible_only(text: &str) -> String {
    let is_kept = |char: &char| *char == '\t' || !(char.is_control() || is_invisible(*char));
    let chars: Vec<char> = text.chars().filter(is_kept).collect();
    let shapes = |n: usize, char: char| {
        let beside = |n: Option<usize>| {
            n.and_then(|n| chars.get(n))
                .is_some_and(|char| !char.is_ascii() && !is_joiner(*char) && !is_selector(*char))
        };
        match char {
            joiner if is_joiner(joiner) => {
                let before = n.checked_sub(1).map(|n| if is_selector(chars[n]) { n.saturating_sub(1) } else { n });
                beside(before) && beside(Some(n + 1))
            }
            selector if is_selector(selector) => beside(n.checked_sub(1)),
            _ => true,
        }
    };
    chars.iter().enumerate().filter(|(n, char)| shapes(*n, **char)).map(|(_, char)| *char).collect()
}

/// Joiners, which shape Persian, Hindi and emoji.
fn is_joiner(char: char) -> bool {
    matches!(char, '\u{200c}' | '\u{200d}')
}

/// Selectors of text or picture behind an emoji.
fn is_selector(char: char) -> bool {
    matches!(char, '\u{fe0e}' | '\u{fe0f}')
}

fn is_line_end(char: char) -> bool {
    matches!(char, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Returns whether a character is ignored where it is shown (Unicode: `Default_Ignorable_Code_Point`), or is shown as nothing.
fn is_invisible(char: char) -> bool {
    !is_joiner(char)
        && matches!(
            char,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0d}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Breaks a word that mail programs would make a link of, behind each sign that holds an address together. A reference such
/// as `2026.17`, initials, and a dot at the end are none.
fn unlinked(word: &str) -> String {
    let chars: Vec<char> = word.chars().collect();
    let digits = chars.iter().filter(|char| char.is_ascii_digit()).count();
    let is_number = chars.iter().all(|char| char.is_ascii_digit() || *char == '.') && digits + 1 >= chars.len();
    let are_initials = word.split('.').all(|part| part.chars().count() <= 1);
    if is_number || are_initials {
        return word.to_owned();
    }
    let mut broken = String::with_capacity(word.len() * 2);
    for (n, char) in chars.iter().enumerate() {
        if *char == '@' && n > 0 {
            broken.push(BREAK);
        }
        broken.push(*char);
        if n + 1 < chars.len() && matches!(char, '.' | ':' | '/' | '\\' | '@' | '。' | '．' | '｡' | '․' | '：' | '／')
        {
            broken.push(BREAK);
        }
    }
    broken
}

/// Isolates text with letters that run from right to left, so that it does not reverse what stands around it.
fn isolated(text: String) -> String {
    let [begin, end] = ISOLATE;
    if text.chars().any(runs_left) { format!("{begin}{text}{end}") } else { text }
}

fn runs_left(char: char) -> bool {
    matches!(
        char,
        '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn encoded_words_of_others_stay_as_written() {
        assert_eq!(undecoded("=?utf-8?q?x?="), "=\u{200b}?utf-8?q?x?=");
        assert_eq!(undecoded("a = b? c"), "a = b? c");
    }

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in [
            "Eva Müller",
            "Dr. E. Meyer-Lüdenscheidt",
            "J.R.R. Tolkien",
            "O’Neill",
            "東京 太郎",
            "👩‍👩‍👧 Family",
            "❤️‍🔥 Eva",
            "A-17",
            "2026.17",
        ] {
            assert_eq!(customer_text(name), name);
        }
    }

    #[test]
    fn addresses_are_broken() {
        for (address, sent) in [
            ("http://evil.example/login", "http:\u{200b}/\u{200b}/\u{200b}evil.\u{200b}example/\u{200b}login"),
            ("evil.example", "evil.\u{200b}example"),
            ("www.evil.example", "www.\u{200b}evil.\u{200b}example"),
            ("eva@example.com", "eva\u{200b}@\u{200b}example.\u{200b}com"),
            ("//evil", "/\u{200b}/\u{200b}evil"),
            ("mailto:eva", "mailto:\u{200b}eva"),
            ("tel:+49900", "tel:\u{200b}+49900"),
            (r"\\evil\x", "\\\u{200b}\\\u{200b}evil\\\u{200b}x"),
            ("💩.la", "💩.\u{200b}la"),
            ("evil｡com", "evil｡\u{200b}com"),
            ("203.0.113.9:80/x", "203.\u{200b}0.\u{200b}113.\u{200b}9:\u{200b}80/\u{200b}x"),
            ("paypal\u{200b}\u{200d}\u{200b}.com", "paypal.\u{200b}com"),
            ("paypal\u{fe0f}.com", "paypal.\u{200b}com"),
            ("\u{3164}\u{115f}", ""),
        ] {
            assert_eq!(customer_text(address), sent);
        }
    }

    #[test]
    fn right_to_left_text_is_isolated() {
        assert_eq!(customer_text("\u{202e}דנה\u{202c}"), "\u{2068}דנה\u{2069}");
        assert_eq!(customer_text("می\u{200c}خواهم"), "\u{2068}می\u{200c}خواهم\u{2069}");
        assert_eq!(shortened(&customer_text("דנה כהן"), 6), "\u{2068}דנה…\u{2069}");
    }

    #[test]
    fn studio_keeps_its_lines_and_addresses() {
        assert_eq!(studio_text("Foto Anna\r\nhttps://anna.example\u{7}\n\n"), "Foto Anna\nhttps://anna.example");
    }

    proptest! {
        #[test]
        fn customers_text_is_one_visible_line(text in "\\PC{0,20}[\\r\\n\u{2028}\u{202e}\u{200b}\u{0}]?[a-z@:/. ]{0,20}") {
            let sent = customer_text(&text);
            prop_assert!(!sent.contains(['\r', '\n', '\u{2028}', '\u{202e}', '\0']), "{sent:?}");
            prop_assert!(!sent.contains("//") && !sent.contains(r"\\\\"), "{sent:?}");
        }
    }
}
