//! Addresses of webhooks, as the shop states them.

use std::{net::IpAddr, str::FromStr};

use url::{Host, Url};

use super::is_public;

/// Longest address in characters.
pub const MAX_URL: usize = 2_000;

/// Names that mean this machine or this network, with all names below them.
const LOCAL_NAMES: [&str; 8] =
    ["localhost", "local", "internal", "intranet", "lan", "home.arpa", "localdomain", "onion"];

/// Places to which webhooks may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// Public addresses, by HTTPS.
    Public,
    /// Any address, also by plain HTTP. For the system on one machine.
    Any,
}

impl FromStr for Targets {
    type Err = UnknownTargets;

    fn from_str(text: &str) -> Result<Self, UnknownTargets> {
        match text {
            "public" => Ok(Self::Public),
            "any" => Ok(Self::Any),
            _ => Err(UnknownTargets),
        }
    }
}

/// Error: the text names no targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be public or any")]
pub struct UnknownTargets;

/// Reason why an address cannot be one of a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The text is no URL, or too long.
    #[error("It must be a URL of at most {MAX_URL} characters, such as https://shop.example.com/hook.")]
    NoUrl,
    /// The scheme is not `https`.
    #[error("It must begin with https://.")]
    NotHttps,
    /// User name or password.
    #[error("It must not contain a user name or a password. The signature proves the sender.")]
    Credentials,
    /// A host that is not public.
    #[error("Its host must be public: no private, local or reserved address.")]
    NotPublic,
}

/// Reads an address of a webhook, and returns it in its normal form. Addresses that its host name resolves to are checked
/// when it is resolved.
pub fn checked_url(text: &str, targets: Targets) -> Result<String, TargetError> {
    if text.chars().count() > MAX_URL {
        return Err(TargetError::NoUrl);
    }
    let mut url = Url::parse(text).map_err(|_| TargetError::NoUrl)?;
    match (url.scheme(), targets) {
        ("https", _) | ("http", Targets::Any) => {}
        _ => return Err(TargetError::NotHttps),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TargetError::Credentials);
    }
    let is_allowed = match url.host().ok_or(TargetError::NoUrl)? {
        Host::Ipv4(address) => is_public(IpAddr::V4(address)),
        Host::Ipv6(address) => is_public(IpAddr::V6(address)),
        Host::Domain(name) => is_public_name(name),
    };
    if !is_allowed && targets == Targets::Public {
        return Err(TargetError::NotPublic);
    }
    url.set_fragment(None);
    let url = String::from(url);
    // The normal form writes each letter outside of ASCII in up to twelve characters.
    if url.len() > MAX_URL { Err(TargetError::NoUrl) } else { Ok(url) }
}

/// Returns whether a name can be one of the Internet.
fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_below = |local: &str| name.strip_suffix(local).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    name.contains('.') && !LOCAL_NAMES.into_iter().any(is_below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_https_addresses_are_accepted() {
        for url in [
            "https://shop.example.com/hook",
            "https://shop.example.com:8443/hook?shop=1",
            "https://müller.example/",
            "https://8.8.8.8/hook",
            "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
        ] {
            assert!(checked_url(url, Targets::Public).is_ok(), "{url}");
        }
        for (url, error) in [
            ("", TargetError::NoUrl),
            ("shop.example.com", TargetError::NoUrl),
            ("https://", TargetError::NoUrl),
            ("http://shop.example.com/", TargetError::NotHttps),
            ("ftp://shop.example.com/", TargetError::NotHttps),
            ("file:///etc/passwd", TargetError::NotHttps),
            ("https://user@shop.example.com/", TargetError::Credentials),
            ("https://user:password@shop.example.com/", TargetError::Credentials),
            ("https://127.0.0.1/", TargetError::NotPublic),
            // Other spellings of 127.0.0.1 and 169.254.169.254.
            ("https://127.1/", TargetError::NotPublic),
            ("https://2130706433/", TargetError::NotPublic),
            ("https://0x7f000001/", TargetError::NotPublic),
            ("https://0177.0.0.1/", TargetError::NotPublic),
            ("https://①②⑦.0.0.1/", TargetError::NotPublic),
            ("https://169.254.169.254/latest/meta-data", TargetError::NotPublic),
            ("https://[::1]/", TargetError::NotPublic),
            ("https://[::ffff:169.254.169.254]/", TargetError::NotPublic),
            ("https://[64:ff9b::a9fe:a9fe]/", TargetError::NotPublic),
            ("https://[fd00:ec2::254]/", TargetError::NotPublic),
            ("https://localhost/", TargetError::NotPublic),
            ("https://LOCALHOST./", TargetError::NotPublic),
            ("https://shop.localhost/", TargetError::NotPublic),
            ("https://router/", TargetError::NotPublic),
            ("https://printer.local/", TargetError::NotPublic),
            ("https://metadata.google.internal/", TargetError::NotPublic),
            ("https://ip-10-0-0-1.eu-central-1.compute.internal/", TargetError::NotPublic),
        ] {
            assert_eq!(checked_url(url, Targets::Public), Err(error), "{url}");
        }
        assert_eq!(
            checked_url(&format!("https://a.example/{}", "x".repeat(2_000)), Targets::Public),
            Err(TargetError::NoUrl)
        );
        // 430 characters, and six for each ü in the normal form.
        assert_eq!(
            checked_url(&format!("https://a.example/{}", "ü".repeat(400)), Targets::Public),
            Err(TargetError::NoUrl)
        );
    }

    #[test]
    fn one_machine_takes_plain_http_and_loopback() {
        for url in ["http://localhost:3000/hook", "http://127.0.0.1:1/", "http://[::1]/"] {
            assert!(checked_url(url, Targets::Any).is_ok(), "{url}");
        }
        assert_eq!(checked_url("ftp://localhost/", Targets::Any), Err(TargetError::NotHttps));
    }

    #[test]
    fn address_is_stored_in_its_normal_form() {
        let url = |url| checked_url(url, Targets::Public).expect("an address");
        assert_eq!(url("https://Shop.example.com/a#b"), "https://shop.example.com/a");
        assert_eq!(url("https://0x08080808/"), "https://8.8.8.8/");
    }
}
