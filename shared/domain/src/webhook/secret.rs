//! Secrets of webhooks, and signatures by Standard Webhooks (<https://www.standardwebhooks.com>).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use uuid::Uuid;

use crate::studio::Studio;

/// Prefix of a secret as the shop gets it.
pub const PREFIX: &str = "whsec_";

/// Key from which the secrets of all webhooks are derived.
#[derive(Clone)]
pub struct WebhookKey(Vec<u8>);

/// Secret of one webhook. The specification asks for 24 to 64 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

impl WebhookKey {
    /// Creates a key from the parameter's value.
    pub fn new(key: impl Into<Vec<u8>>) -> Self {
        Self(key.into())
    }

    /// Returns the secret of this generation of a webhook.
    pub fn secret(&self, studio: &Studio, webhook: Uuid, generation: u32) -> WebhookSecret {
        let mut mac = hmac(&self.0);
        mac.update(b"darkroom webhook\0");
        mac.update(&generation.to_be_bytes());
        mac.update(webhook.as_bytes());
        mac.update(studio.as_str().as_bytes());
        WebhookSecret(mac.finalize().into_bytes().to_vec())
    }
}

impl WebhookSecret {
    /// Reads a secret as the shop has it; `None` if it is malformed.
    pub fn parse(text: &str) -> Option<Self> {
        STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok().map(Self)
    }

    /// Returns the secret as the shop gets it: `whsec_`, and the bytes in base64.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// Returns the signature of a message: `v1,` and the HMAC-SHA256 of id, time in seconds and body in base64.
    pub fn sign(&self, id: &str, at: Timestamp, body: &str) -> String {
        let mut mac = hmac(&self.0);
        mac.update(format!("{id}.{}.", at.as_second()).as_bytes());
        mac.update(body.as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{at, studio};

    /// Test vector of the specification's own libraries.
    #[test]
    fn signature_is_that_of_the_specification() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at(1_614_265_330), r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_differ_by_studio_webhook_and_generation() {
        let key = WebhookKey::new("secret");
        let secret = |key: &WebhookKey, studio: &Studio, id, generation| {
            key.secret(studio, Uuid::from_u128(id), generation).reveal()
        };
        let first = secret(&key, &studio(), 1, 1);
        assert_eq!(first, secret(&key, &studio(), 1, 1));
        assert_eq!(WebhookSecret::parse(&first).map(|secret| secret.reveal()), Some(first.clone()));
        for other in [
            secret(&key, &studio(), 2, 1),
            secret(&key, &studio(), 1, 2),
            secret(&key, &"berta".parse().expect("valid"), 1, 1),
            secret(&WebhookKey::new("other"), &studio(), 1, 1),
        ] {
            assert_ne!(first, other);
        }
    }
}
