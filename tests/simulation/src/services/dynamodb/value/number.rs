//! Numbers of up to 38 digits.

use std::{cmp::Ordering, fmt, str::FromStr};

/// DynamoDB: largest number of significant digits.
const MAX_DIGITS: usize = 38;
/// DynamoDB: numbers are less than 10^126.
const MAX_MAGNITUDE: i64 = 126;
/// DynamoDB: the smallest positive number is 10^-130.
const MIN_MAGNITUDE: i64 = -129;

/// Decimal number, in normal form: no exponent, no leading or trailing zeros, no sign of zero.
///
/// Numbers are ordered by value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number(String);

/// Error: the text is no number that DynamoDB stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberError {
    /// The text is not a number.
    Syntax(String),
    /// More significant digits than DynamoDB stores.
    Digits,
    /// Larger than DynamoDB stores.
    Overflow,
    /// Closer to zero than DynamoDB stores.
    Underflow,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(text) if text.is_empty() => {
                f.write_str("The parameter cannot be converted to a numeric value")
            }
            Self::Syntax(text) => write!(f, "The parameter cannot be converted to a numeric value: {text}"),
            Self::Digits => f.write_str("Attempting to store more than 38 significant digits in a Number"),
            Self::Overflow => {
                f.write_str("Number overflow. Attempting to store a number with magnitude larger than supported range")
            }
            Self::Underflow => f.write_str(
                "Number underflow. Attempting to store a number with magnitude smaller than supported range",
            ),
        }
    }
}

impl std::error::Error for NumberError {}

impl Number {
    /// Returns the normal form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the number as an integer, if it is one of this range.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// Returns the size in bytes by which DynamoDB bills: about one byte per two significant digits.
    pub fn size(&self) -> usize {
        let (negative, whole, fraction) = self.parts();
        let (whole_digits, fraction_digits) = if whole == "0" {
            (0, fraction.trim_start_matches('0').len())
        } else if fraction.is_empty() {
            (whole.trim_end_matches('0').len(), 0)
        } else {
            (whole.len(), fraction.len())
        };
        1 + usize::from(negative) + whole_digits.div_ceil(2) + fraction_digits.div_ceil(2)
    }

    /// Splits into sign, digits before and digits after the point.
    fn parts(&self) -> (bool, &str, &str) {
        let magnitude = self.0.strip_prefix('-');
        let (whole, fraction) =
            magnitude.unwrap_or(&self.0).split_once('.').unwrap_or((magnitude.unwrap_or(&self.0), ""));
        (magnitude.is_some(), whole, fraction)
    }

    /// Whether the text is an integer in normal form and short enough. The usual case, checked first.
    fn is_plain_integer(text: &str) -> bool {
        let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
        match digits {
            [b'0'] => text.len() == 1,
            [b'1'..=b'9', ..] => digits.len() <= MAX_DIGITS && digits.iter().all(u8::is_ascii_digit),
            _ => false,
        }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        if Self::is_plain_integer(text) {
            return Ok(Self(text.to_owned()));
        }
        let syntax = || NumberError::Syntax(text.to_owned());
        let (coefficient, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(a, b)| (a, Some(b)));
        let exponent: i64 = match exponent {
            None => 0,
            Some(exponent) => {
                let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
                if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err(syntax());
                }
                exponent.parse().map_err(|_| syntax())?
            }
        };
        let negative = coefficient.starts_with('-');
        let magnitude = coefficient.strip_prefix(['+', '-']).unwrap_or(coefficient);
        let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
        let all_digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if all_digits.is_empty() || !all_digits.iter().all(u8::is_ascii_digit) {
            return Err(syntax());
        }
        let zeros = all_digits.iter().take_while(|&&digit| digit == b'0').count();
        let digits = &all_digits[zeros..];
        let significant = digits.len() - digits.iter().rev().take_while(|&&digit| digit == b'0').count();
        let digits = &digits[..significant];
        // The value is 0.DIGITS * 10^magnitude. Zero counts as if its last digit were a 1.
        let before_point = i64::try_from(whole.len()).unwrap_or(i64::MAX);
        let skipped = i64::try_from(if digits.is_empty() { zeros - 1 } else { zeros }).unwrap_or(i64::MAX);
        let magnitude = before_point.saturating_sub(skipped).saturating_add(exponent);
        if digits.len() > MAX_DIGITS {
            return Err(NumberError::Digits);
        }
        if magnitude > MAX_MAGNITUDE {
            return Err(NumberError::Overflow);
        }
        if magnitude < MIN_MAGNITUDE {
            return Err(NumberError::Underflow);
        }
        Ok(Self(written(negative, digits, magnitude)))
    }
}

/// Writes 0.DIGITS * 10^magnitude without an exponent.
fn written(negative: bool, digits: &[u8], magnitude: i64) -> String {
    if digits.is_empty() {
        return "0".to_owned();
    }
    let mut text = String::from(if negative { "-" } else { "" });
    let push = |text: &mut String, digits: &[u8]| text.extend(digits.iter().map(|&digit| char::from(digit)));
    let zeros = |text: &mut String, count: usize| text.extend(std::iter::repeat_n('0', count));
    let whole = usize::try_from(magnitude).unwrap_or(0);
    if whole == 0 {
        text.push_str("0.");
        zeros(&mut text, usize::try_from(-magnitude).unwrap_or(0));
        push(&mut text, digits);
    } else if whole >= digits.len() {
        push(&mut text, digits);
        zeros(&mut text, whole - digits.len());
    } else {
        push(&mut text, &digits[..whole]);
        text.push('.');
        push(&mut text, &digits[whole..]);
    }
    text
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let (negative, whole, fraction) = self.parts();
        let (other_negative, other_whole, other_fraction) = other.parts();
        if negative != other_negative {
            return other_negative.cmp(&negative);
        }
        let magnitude = (whole.len(), whole, fraction).cmp(&(other_whole.len(), other_whole, other_fraction));
        if negative { magnitude.reverse() } else { magnitude }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self(number.to_string())
    }
}

impl From<usize> for Number {
    fn from(number: usize) -> Self {
        Self(number.to_string())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Result<String, NumberError> {
        text.parse::<Number>().map(|number| number.to_string())
    }

    #[test]
    fn numbers_are_normalized() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("0.00", "0"),
            ("007", "7"),
            ("+.50", "0.5"),
            ("5.", "5"),
            ("1.50e1", "15"),
            ("-12.3400", "-12.34"),
            ("1E-3", "0.001"),
            ("100", "100"),
            ("12e3", "12000"),
        ] {
            assert_eq!(normal(text).as_deref(), Ok(expected), "{text}");
        }
        assert_eq!(normal("1e125").unwrap().len(), 126);
        assert_eq!(normal(&"9".repeat(38)).unwrap(), "9".repeat(38));
    }

    #[test]
    fn texts_out_of_range_are_refused() {
        for text in ["", "e1", "1e", ".", "1.2.3", "--1", " 1", "1 ", "0x1", "NaN", "1e+-2", "1_0"] {
            assert!(matches!(normal(text), Err(NumberError::Syntax(_))), "{text}");
        }
        assert_eq!(normal(&"1".repeat(39)), Err(NumberError::Digits));
        assert_eq!(normal("1e126"), Err(NumberError::Overflow));
        assert_eq!(normal("1e-131"), Err(NumberError::Underflow));
        assert_eq!(normal("0e126"), Err(NumberError::Overflow));
        assert!(normal("1e-130").is_ok());
    }

    #[test]
    fn order_is_by_value() {
        let ordered =
            ["-1e20", "-10", "-9.5", "-9", "-0.1", "-0.01", "0", "0.01", "0.1", "0.11", "1", "9", "10", "1e20"];
        let numbers: Vec<Number> = ordered.iter().map(|text| text.parse().unwrap()).collect();
        assert!(numbers.is_sorted());
        let mut random = fastrand::Rng::with_seed(1);
        for _ in 0..2000 {
            let (a, b) = (random.i32(-3000..3000), random.i32(-3000..3000));
            let number = |n: i32| (f64::from(n) / 16.0).to_string().parse::<Number>().unwrap();
            assert_eq!(number(a).cmp(&number(b)), a.cmp(&b), "{a} {b}");
        }
    }

    #[test]
    fn sizes_count_pairs_of_digits() {
        for (text, size) in [("0", 1), ("42", 2), ("-42", 3), ("100", 2), ("12345", 4), ("0.001", 2), ("1.5", 3)] {
            assert_eq!(text.parse::<Number>().unwrap().size(), size, "{text}");
        }
    }
}
