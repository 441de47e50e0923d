//! Where an email goes.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// RFC 5321 section 4.5.3.1.3: a path of 256 octets with its angle brackets.
const MAX_ADDRESS: usize = 254;
/// RFC 5321 section 4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;

/// One address that SES will take: `local@domain`, ASCII, without display name, comment or quoting. A domain in other letters
/// is kept as DNS has it, in punycode (`müller.example` as `xn--mller-kva.example`).
///
/// It holds no line break or separator, so it can't smuggle a second recipient or header into a message.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// The text is no address that an email can be sent to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address of the form name@example.com")]
pub struct InvalidEmailAddress;

impl EmailAddress {
    /// The whole address. For logs use [`EmailAddress::masked`].
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address that stands for an erased one. No email reaches it: RFC 2606 reserves `.invalid`. Builds that know no erasure
    /// read it as any other address.
    pub fn erased() -> Self {
        Self("erased@erased.invalid".to_owned())
    }

    /// The address with its local part hidden, for logs: `a***@example.com`.
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
        // In lower case, too.
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
    /// Masked: a `Debug` of a record in a log must not leak the customer's address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_could_smuggle_a_header_or_a_second_recipient_is_refused() {
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
        assert!(!format!("{address:?}").contains("anna"));
    }

    #[test]
    fn domains_in_other_letters_are_kept_as_dns_has_them() {
        for (written, kept) in
            [("eva@Müller.example", "eva@xn--mller-kva.example"), ("eva@例え.テスト", "eva@xn--r8jz45g.xn--zckzah")]
        {
            assert_eq!(written.parse::<EmailAddress>().map(|address| address.as_str().to_owned()), Ok(kept.to_owned()));
        }
        assert!("éva@example.com".parse::<EmailAddress>().is_err(), "SES takes no such local part");
    }
}
