//! Keys of pages with a PIN: permissions to open one link, which its customer gets for the right PIN.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac as _};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use uuid::Uuid;

use crate::{
    link::{LinkSecret, LinkToken},
    studio::Studio,
};

/// Time for which a page stays open after its PIN was entered.
pub const KEY_LIVES: SignedDuration = SignedDuration::from_hours(24);

impl LinkSecret {
    /// Returns the keyed hash of a PIN for downloads of an order in hexadecimal digits: HMAC-SHA256 over studio, order and
    /// PIN.
    pub fn hash_pin(&self, studio: &Studio, order: Uuid, pin: &str) -> String {
        hex::encode(self.pin_mac(studio, order, pin).finalize().into_bytes())
    }

    /// Returns whether a PIN has this hash, in a time that tells nothing of it.
    pub fn is_pin(&self, studio: &Studio, order: Uuid, pin: &str, hash: &str) -> bool {
        hex::decode(hash).is_ok_and(|hash| self.pin_mac(studio, order, pin).verify_slice(&hash).is_ok())
    }

    fn pin_mac(&self, studio: &Studio, order: Uuid, pin: &str) -> Hmac<Sha256> {
        let mut mac = self.mac("pin", studio.as_str().as_bytes());
        mac.update(b"\0");
        mac.update(order.as_bytes());
        mac.update(pin.as_bytes());
        mac
    }

    /// Returns the key that opens the page of a download with this PIN hash until then: base64url(expiry, HMAC over link,
    /// PIN hash and expiry). Another PIN makes it worthless.
    pub fn sign_key(&self, link: &LinkToken, hash: &str, until: Timestamp) -> String {
        let mut bytes = until.as_second().to_be_bytes().to_vec();
        let mac = self.key_mac(link, hash, &bytes).finalize().into_bytes();
        bytes.extend(mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Returns whether a key is genuine and has not expired at `now`.
    pub fn is_key(&self, link: &LinkToken, hash: &str, key: &str, now: Timestamp) -> bool {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(key) else { return false };
        let Some((expiry, mac)) = bytes.split_first_chunk::<8>() else { return false };
        let is_genuine = self.key_mac(link, hash, expiry).verify_slice(mac).is_ok();
        is_genuine && i64::from_be_bytes(*expiry) > now.as_second()
    }

    fn key_mac(&self, link: &LinkToken, hash: &str, expiry: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.mac("key", expiry);
        mac.update(hash.as_bytes());
        mac.update(b"\0");
        mac.update(&link.to_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, studio};

    fn link(download: u128, generation: u32) -> LinkToken {
        LinkToken { studio: studio(), download: Uuid::from_u128(download), generation }
    }

    fn secret() -> LinkSecret {
        LinkSecret::new(1, *b"one")
    }

    #[test]
    fn pin_matches_its_hash_only_in_its_order() {
        let (order, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let hash = secret().hash_pin(&studio(), order, "123456");
        assert!(secret().is_pin(&studio(), order, "123456", &hash));
        for (order, pin, hash) in
            [(order, "123457", hash.as_str()), (other, "123456", &hash), (order, "123456", ""), (order, "", "zz")]
        {
            assert!(!secret().is_pin(&studio(), order, pin, hash), "{pin} {hash}");
        }
    }

    #[test]
    fn key_opens_one_link_with_one_pin_until_it_expires() {
        let key = secret().sign_key(&link(7, 3), "hash", at(100));
        assert!(secret().is_key(&link(7, 3), "hash", &key, at(99)));
        assert!(!secret().is_key(&link(7, 3), "hash", &key, at(100)));
        assert!(!secret().is_key(&link(7, 3), "other", &key, at(99)));
        assert!(!secret().is_key(&link(8, 3), "hash", &key, at(99)));
        assert!(!secret().is_key(&link(7, 4), "hash", &key, at(99)));
        for forged in ["", "AAAA", &key[..key.len() - 3], "no base64"] {
            assert!(!secret().is_key(&link(7, 3), "hash", forged, at(0)), "{forged}");
        }
    }
}
