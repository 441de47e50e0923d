//! Addresses of emails.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// RFC 5321, section 4.5.3.1.3: a path has at most 256 octets, including its angle brackets.
const MAX_ADDRESS: usize = 254;
/// RFC 5321, section 4.5.3.1.1: a local part has at most 64 octets.
const MAX_LOCAL_PART: usize = 64;

/// An address that SES accepts: `local@domain`, ASCII, without display name, comment or quoting. A domain in other
/// scripts is stored in punycode (`müller.example` as `xn--mller-kva.example`).
///
/// The address contains no line breaks or separators, so it cannot inject a second recipient or header into a message.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// Error: the text is not a valid address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address of the form name@example.com")]
pub struct InvalidEmailAddress;

impl EmailAddress {
    /// Returns the whole address. Logs use [`EmailAddress::masked`].
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the address that replaces an erased one. No email reaches it, because RFC 2606 reserves `.invalid`.
    /// Builds without erasure read it like any other address.
    pub fn erased() -> Self {
        Self("erased@erased.invalid".to_owned())
    }

    /// Returns the address with its local part masked, for logs: `a***@example.com`.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or(("", &self.0));
        format!("{}***@{domain}", local.chars().next().unwrap_or('*'))
    }
}

fn is_atom(text: &str) -> bool {
    // RFC 5322 atext, joined by single dots.
    !text.is_empty()
        && text.split('.').all(|atom| {
            !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b))
        })
}

fn is_domain(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmailAddress)?;
        // Also converts to lower case.
        let domain = idna::domain_to_ascii(domain).map_err(|_| InvalidEmailAddress)?;
        let address = format!("{local}@{domain}");
        if address.len() <= MAX_ADDRESS && local.len() <= MAX_LOCAL_PART && is_atom(local) && is_domain(&domain) {
            Ok(Self(address))
        } else {
            Err(InvalidEmailAddress)
        }
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmailAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Debug for EmailAddress {
    /// Masks the address, so that a record in a log does not leak it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_with_injected_header_or_recipient_is_refused() {
        for bad in [
            "",
            "a",
            "a@b",
            "a@b.c,d@e.f",
            "a b@c.de",
            "a@c.de\r\nBcc: x@y.zz",
            "<a@c.de>",
            "a@-c.de",
            ".a@c.de",
            "a@c..de",
        ] {
            assert_eq!(bad.parse::<EmailAddress>(), Err(InvalidEmailAddress), "{bad:?}");
        }
    }

    #[test]
    fn logs_never_see_the_local_part() {
        let address: EmailAddress = "anna.b+shop@Example.COM".parse().expect("valid");
        assert_eq!(address.as_str(), "anna.b+shop@example.com");
        assert_eq!(address.masked(), "a***@example.com");
        assert_eq!(format!("{address:?}"), "EmailAddress(a***@example.com)");
    }

    #[test]
    fn international_domains_become_punycode() {
        for (written, kept) in
            [("eva@Müller.example", "eva@xn--mller-kva.example"), ("eva@例え.テスト", "eva@xn--r8jz45g.xn--zckzah")]
        {
            assert_eq!(written.parse::<EmailAddress>().map(|address| address.as_str().to_owned()), Ok(kept.to_owned()));
        }
        assert!("éva@example.com".parse::<EmailAddress>().is_err(), "SES takes no such local part");
    }

    #[test]
    fn lengths_are_limited_as_in_rfc_5321() {
        let local = |length| format!("{}@c.de", "a".repeat(length)).parse::<EmailAddress>().is_ok();
        assert_eq!([64, 65].map(local), [true, false]);
        let label = |length| format!("a@{}.de", "b".repeat(length)).parse::<EmailAddress>().is_ok();
        assert_eq!([63, 64].map(label), [true, false]);
        let domain = |length: usize| {
            format!("{}.{}.{}.{}", "b".repeat(63), "c".repeat(63), "d".repeat(54), "e".repeat(length - 183))
        };
        let whole =
            |length: usize| format!("{}@{}", "a".repeat(60), domain(length - 61)).parse::<EmailAddress>().is_ok();
        assert_eq!([254, 255].map(whole), [true, false]);
    }

    #[test]
    fn only_unquoted_ascii_characters_are_accepted() {
        for good in ["!#$%&'*+/=?^_`{|}~-@c.de", "a.b-1@c-d.e2.fr", "1@2.de"] {
            assert_eq!(good.parse::<EmailAddress>().map(String::from), Ok(good.to_owned()));
        }
        for bad in ["\"a\"@c.de", "a@b@c.de", "@c.de", "a.@c.de", "a@c-.de", "a@c_d.de", "a@.de", "a@c.de."] {
            assert_eq!(bad.to_owned().try_into(), Err::<EmailAddress, _>(InvalidEmailAddress), "{bad:?}");
        }
    }

    #[test]
    fn erased_address_is_read_like_any_other() {
        let erased = EmailAddress::erased();
        assert!(erased.as_str().ends_with(".invalid"), "RFC 2606: no email reaches it");
        assert_eq!(erased.as_str().parse(), Ok(erased));
    }
}
