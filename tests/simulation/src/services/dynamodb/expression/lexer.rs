//! Tokens of expressions.

/// Token, with its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token<'a> {
    /// Attribute name or function name.
    Word(&'a str),
    /// Placeholder of a name, with `#`.
    Name(&'a str),
    /// Placeholder of a value, with `:`.
    Value(&'a str),
    /// Number of a list index.
    Number(&'a str),
    /// Operator or bracket.
    Symbol(&'a str),
    And,
    Or,
    Not,
    Between,
    In,
}

impl<'a> Token<'a> {
    /// Returns the text of the token in messages.
    pub fn text(self) -> &'a str {
        match self {
            Self::Word(text) | Self::Name(text) | Self::Value(text) | Self::Number(text) | Self::Symbol(text) => text,
            Self::And => "AND",
            Self::Or => "OR",
            Self::Not => "NOT",
            Self::Between => "BETWEEN",
            Self::In => "IN",
        }
    }
}

/// Splits an expression into tokens.
pub fn tokens(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = name_length(rest);
                (word(&rest[..length]), length)
            }
            '0'..='9' => {
                let length = rest.bytes().take_while(u8::is_ascii_digit).count();
                (Token::Number(&rest[..length]), length)
            }
            '#' | ':' => {
                let length = 1 + name_length(&rest[1..]);
                if length == 1 {
                    return Err(format!("Syntax error; token: \"{first}\""));
                }
                let text = &rest[..length];
                (if first == '#' { Token::Name(text) } else { Token::Value(text) }, length)
            }
            '<' | '>' => {
                let length = if ["<>", "<=", ">="].iter().any(|symbol| rest.starts_with(symbol)) { 2 } else { 1 };
                (Token::Symbol(&rest[..length]), length)
            }
            '=' | '(' | ')' | '[' | ']' | '.' | ',' => (Token::Symbol(&rest[..1]), 1),
            other => return Err(format!("Syntax error; token: \"{other}\"")),
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

fn name_length(text: &str) -> usize {
    text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count()
}

fn word(text: &str) -> Token<'_> {
    let keywords =
        [("AND", Token::And), ("OR", Token::Or), ("NOT", Token::Not), ("BETWEEN", Token::Between), ("IN", Token::In)];
    let keyword = keywords.into_iter().find(|(keyword, _)| text.eq_ignore_ascii_case(keyword));
    keyword.map_or(Token::Word(text), |(_, token)| token)
}
