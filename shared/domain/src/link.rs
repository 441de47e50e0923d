//! Customer links: an unforgeable token that names a download, and its URL.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::{download::Download, email_address::EmailAddress, studio::Studio};

/// Secret that signs links, with a version for rotation.
#[derive(Clone)]
pub struct LinkSecret {
    version: u8,
    key: Vec<u8>,
}

/// Size of an HMAC-SHA256, untruncated.
pub(crate) const MAC_BYTES: usize = 32;
/// Size of the fields before the studio's name: version (1), generation (4), download (16). The MAC follows the name.
const HEAD_BYTES: usize = 1 + 4 + 16;

/// Content of a genuine token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkToken {
    /// Studio of the download.
    pub studio: Studio,
    /// Id of the download.
    pub download: Uuid,
    /// Generation of the download when the link was created. A link with an older generation than the record's is
    /// revoked.
    pub generation: u32,
}

impl LinkToken {
    /// Returns the current token of a download.
    pub fn of(download: &Download) -> Self {
        Self { studio: download.studio.clone(), download: download.id, generation: download.generation }
    }

    /// Returns generation (4), download (16), and the studio's name.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.generation.to_be_bytes().to_vec();
        bytes.extend(self.download.as_bytes());
        bytes.extend(self.studio.as_str().as_bytes());
        bytes
    }
}

impl LinkSecret {
    /// Creates a secret. Every token signed with `key` contains `version`.
    pub fn new(version: u8, key: impl Into<Vec<u8>>) -> Self {
        Self { version, key: key.into() }
    }

    /// Returns the HMAC of a message. The purpose keeps a message of one kind from being taken for one of another.
    pub(crate) fn mac(&self, purpose: &str, message: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
        mac.update(b"darkroom ");
        mac.update(purpose.as_bytes());
        mac.update(b"\0");
        mac.update(message);
        mac
    }

    /// Returns a pseudonym of a customer's address in a studio: key version, then HMAC-SHA256 in hexadecimal digits.
    /// Addresses that differ in case only have the same pseudonym.
    pub fn name_of(&self, studio: &Studio, address: &EmailAddress) -> String {
        let mut mac = self.mac("address", studio.as_str().as_bytes());
        mac.update(b"\0");
        mac.update(address.as_str().to_ascii_lowercase().as_bytes());
        format!("{}:{}", self.version, hex::encode(mac.finalize().into_bytes()))
    }

    /// Returns whether [`Self::name_of`] created this name with this version of the secret.
    pub fn named(&self, name: &str) -> bool {
        name.split_once(':').is_some_and(|(version, _)| version == self.version.to_string())
    }

    /// Returns the signed token: base64url(key version, generation, download, studio, HMAC over these).
    pub fn sign(&self, token: &LinkToken) -> String {
        let mut bytes = vec![self.version];
        bytes.extend(token.to_bytes());
        let mac = self.mac("link", &bytes).finalize().into_bytes();
        bytes.extend(mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns the content of a genuine token, otherwise `None`, without a reason that could help a forger.
    pub fn verify(&self, token: &str) -> Option<LinkToken> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (message, mac) = bytes.split_at_checked(bytes.len().checked_sub(MAC_BYTES)?)?;
        self.mac("link", message).verify_slice(mac).ok()?;
        let (head, studio) = message.split_at_checked(HEAD_BYTES)?;
        let (version, rest) = head.split_first()?;
        let (generation, download) = rest.split_first_chunk::<4>()?;
        (*version == self.version).then_some(())?;
        Some(LinkToken {
            studio: std::str::from_utf8(studio).ok()?.parse().ok()?,
            download: Uuid::from_slice(download).ok()?,
            generation: u32::from_be_bytes(*generation),
        })
    }

    /// Returns the customer's link. `public_url` comes from the configuration, never from a Host header.
    pub fn url(&self, public_url: &str, download: &Download) -> String {
        format!("{}/d/{}", public_url.trim_end_matches('/'), self.sign(&LinkToken::of(download)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        download::DownloadStatus,
        samples::{address, download},
    };

    fn token() -> LinkToken {
        LinkToken { studio: "anna".parse().expect("valid"), download: Uuid::from_u128(7), generation: 3 }
    }

    #[test]
    fn token_verifies_only_under_its_own_secret() {
        let secret = LinkSecret::new(1, *b"one");
        let text = secret.sign(&token());
        assert_eq!(secret.verify(&text), Some(token()));
        assert_eq!(LinkSecret::new(1, *b"two").verify(&text), None);
        assert_eq!(LinkSecret::new(2, *b"one").verify(&text), None);
    }

    #[test]
    fn address_name_depends_on_key_and_studio() {
        let (secret, other) = (LinkSecret::new(1, *b"one"), LinkSecret::new(2, *b"two"));
        let (anna, berta): (Studio, Studio) = ("anna".parse().expect("valid"), "berta".parse().expect("valid"));
        let address = |text: &str| text.parse::<EmailAddress>().expect("valid");
        let name = secret.name_of(&anna, &address("Eva@Example.com"));
        assert_eq!(name, secret.name_of(&anna, &address("eva@example.com")));
        assert_ne!(name, secret.name_of(&anna, &address("eve@example.com")));
        assert_ne!(name, secret.name_of(&berta, &address("eva@example.com")));
        assert_ne!(name, other.name_of(&anna, &address("eva@example.com")));
        assert!(!name.to_lowercase().contains("eva") && secret.named(&name) && !other.named(&name));
    }

    proptest! {
        #[test]
        fn one_changed_character_opens_nothing(at in 0usize..100, to in "[A-Za-z0-9_-]") {
            let secret = LinkSecret::new(1, *b"one");
            let genuine = secret.sign(&token());
            let at = at % genuine.len();
            let mut forged = genuine.clone();
            forged.replace_range(at..=at, &to);
            prop_assert!(forged == genuine || secret.verify(&forged).is_none());
        }

        #[test]
        fn any_text_is_refused_without_a_panic(text in ".{0,200}") {
            prop_assert!(LinkSecret::new(1, *b"one").verify(&text).is_none());
        }
    }

    #[test]
    fn link_is_below_public_url() {
        let (secret, download) = (LinkSecret::new(1, *b"one"), download(DownloadStatus::Ready));
        for public_url in ["https://shop.example/photos", "https://shop.example/photos//"] {
            let url = secret.url(public_url, &download);
            let token = url.strip_prefix("https://shop.example/photos/d/").expect("below the public URL");
            assert_eq!(secret.verify(token), Some(LinkToken::of(&download)));
        }
    }

    #[test]
    fn link_names_current_generation() {
        let mut download = download(DownloadStatus::Ready);
        let before = LinkToken::of(&download);
        download.revoke(crate::samples::at(0));
        let after = LinkToken::of(&download);
        assert_eq!((&after.studio, after.download), (&before.studio, before.download));
        assert!(after.generation > before.generation && after.generation == download.generation);
    }

    #[test]
    fn rotated_secret_makes_other_names_and_tokens() {
        let (old, new) = (LinkSecret::new(1, *b"one"), LinkSecret::new(2, *b"one"));
        let name = old.name_of(&token().studio, &address());
        assert!(old.named(&name) && !new.named(&name) && !old.named("1") && !old.named(""));
        assert_ne!(old.sign(&token()), new.sign(&token()));
    }
}
