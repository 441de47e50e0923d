//! Signed URLs of CloudFront.
//!
//! A canned policy names one URL and the time until which it works. CloudFront builds the policy again from the request, so
//! the URL carries only time, signature and key. Custom policies can name wildcards, a start and IP addresses. No URL of
//! Darkroom needs them.
//!
//! The signature covers scheme, host, path and query string, except for CloudFront's own parameters. Neither the file name
//! in `response-content-disposition` nor the object can be exchanged. It does not cover the method: HEAD works with the URL
//! of a GET.
//!
//! Source: "Create a signed URL using a canned policy" in the CloudFront Developer Guide.

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};

/// Error of a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The text has no PKCS#8 key.
    #[error("the text is no private key as PKCS#8 PEM (BEGIN PRIVATE KEY)")]
    NotPem,
    /// The key is of another kind, or damaged.
    #[error("the key is no ECDSA key of the curve P-256 with its public key")]
    NotP256,
}

/// Signer of URLs with one private key.
pub struct Signer {
    key_id: String,
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    /// Creates a signer from the id of the public key in CloudFront, and the private key as PKCS#8 PEM.
    pub fn new(key_id: impl Into<String>, pem: &str) -> Result<Self, KeyError> {
        // The error of the parser can contain a line of the key.
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| KeyError::NotPem)?;
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der.secret_pkcs8_der(), &random)
            .map_err(|_| KeyError::NotP256)?;
        Ok(Self { key_id: key_id.into(), key, random })
    }

    /// Returns the URL with the parameters that make it work until `expires`. `url` is absolute, without fragment, and
    /// percent-encoded.
    pub fn sign(&self, url: &str, expires: Timestamp) -> anyhow::Result<String> {
        let policy = canned_policy(url, expires);
        let signature = self.key.sign(&self.random, policy.as_bytes());
        let signature = signature.map_err(|_| anyhow::anyhow!("The machine has no random numbers"))?;
        let separator = if url.contains('?') { '&' } else { '?' };
        Ok(format!(
            "{url}{separator}Expires={}&Signature={}&Key-Pair-Id={}&Hash-Algorithm=SHA256",
            expires.as_second(),
            url_safe(signature.as_ref()),
            self.key_id
        ))
    }
}

/// Returns the policy that CloudFront builds from a request: this text, without a space.
fn canned_policy(url: &str, expires: Timestamp) -> String {
    let seconds = expires.as_second();
    format!(r#"{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{seconds}}}}}}}]}}"#)
}

/// Encodes bytes as CloudFront does: base64 with `-`, `_` and `~` in place of `+`, `=` and `/`.
fn url_safe(bytes: &[u8]) -> String {
    STANDARD.encode(bytes).replace('+', "-").replace('=', "_").replace('/', "~")
}

/// Encodes a value of a query string. Nothing that is a wildcard in a policy, or a space as `+`, remains.
pub fn query_value(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
pub mod tests {
    use std::{io::Write as _, process::Command};

    use proptest::{collection, prelude::*};
    use ring::signature::{ECDSA_P256_SHA256_ASN1, KeyPair as _, UnparsedPublicKey};

    use super::*;

    const URL: &str = "https://d111111abcdef8.cloudfront.net/horizon.jpg?size=large&license=yes";

    /// Returns a new private key as PKCS#8 PEM.
    pub fn private_key() -> String {
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new()).unwrap();
        let lines = STANDARD.encode(der.as_ref());
        format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n")
    }

    /// Checks a URL as CloudFront does, and returns the URL that it was made from and the second at which it expires.
    pub fn verify(public_key: &[u8], key_id: &str, signed: &str) -> Option<(String, i64)> {
        let (resource, ours) = signed.split_at(signed.rfind("Expires=")?);
        let fields: Vec<_> = ours.split('&').map(|field| field.split_once('=')).collect::<Option<_>>()?;
        let [("Expires", expires), ("Signature", signature), ("Key-Pair-Id", id), ("Hash-Algorithm", "SHA256")] =
            fields[..]
        else {
            return None;
        };
        let resource = &resource[..resource.len() - 1];
        let signature = signature.replace('-', "+").replace('_', "=").replace('~', "/");
        let policy = serde_json::json!({ "Statement": [{
            "Resource": resource,
            "Condition": { "DateLessThan": { "AWS:EpochTime": expires.parse::<i64>().ok()? } },
        }] });
        // The members of an object are sorted in `policy`, but not in CloudFront's.
        let condition = policy["Statement"][0]["Condition"].to_string();
        let policy = format!(r#"{{"Statement":[{{"Resource":"{resource}","Condition":{condition}}}]}}"#);
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public_key);
        key.verify(policy.as_bytes(), &STANDARD.decode(signature).ok()?).ok()?;
        (id == key_id).then(|| (resource.to_owned(), expires.parse().unwrap_or_default()))
    }

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// The example of the Developer Guide, signed by `openssl dgst -sha256 -sign`.
    #[test]
    fn documented_policy_has_the_signature_of_openssl() {
        let policy = canned_policy(URL, second(1_767_290_400));
        assert_eq!(
            policy,
            r#"{"Statement":[{"Resource":"https://d111111abcdef8.cloudfront.net/horizon.jpg?size=large&license=yes","Condition":{"DateLessThan":{"AWS:EpochTime":1767290400}}}]}"#
        );
        let public_key = hex_bytes(
            "04b1476938a8faf50d17e35a332f12fe34553229a61f8ffcc2d9046101115e188f14ddd6e7f86a82940e4524cc88e7627a15585d8988\
             ce29114c254a1ef0ccd694",
        );
        let signed = format!(
            "{URL}&Expires=1767290400&Signature=MEQCIDD0erDWYCmT5gac23NWQGMX6om~NxKJmuFiyJkah4zsAiBeFUXautD4H1jrYELcH4~sRGs\
             ytvY0BR9wG9svTrBO2Q__&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256"
        );
        assert_eq!(verify(&public_key, "K2JCJMDEHXQW5F", &signed), Some((URL.to_owned(), 1_767_290_400)));
    }

    fn hex_bytes(text: &str) -> Vec<u8> {
        let pair = |n| u8::from_str_radix(&text[n..n + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(pair).collect()
    }

    #[test]
    fn base64_is_that_of_cloudfront() {
        assert_eq!(url_safe(&[0xfb, 0xef, 0xff, 0xff]), "--~~~w__");
        assert_eq!(
            query_value("attachment; filename=\"a *+ü.zip\""),
            "attachment%3B%20filename%3D%22a%20%2A%2B%C3%BC.zip%22"
        );
    }

    #[test]
    fn unusable_key_is_named_without_its_text() {
        let error = |pem: &str| Signer::new("K1", pem).err().map(|error| error.to_string());
        let good = private_key();
        assert_eq!(error(&good), None);
        assert_eq!(error(&good.replace('\n', "\r\n")), None);
        let not_pem = Some(KeyError::NotPem.to_string());
        let not_p256 = Some(KeyError::NotP256.to_string());
        assert_eq!(error(""), not_pem);
        assert_eq!(error("1:secret"), not_pem);
        assert_eq!(error(&good.replace("PRIVATE", "PUBLIC")), not_pem);
        assert_eq!(error(&good.replace("PRIVATE", "EC PRIVATE")), not_pem);
        assert_eq!(error(&good[..good.len() / 2]), not_pem);
        assert_eq!(error(&good.replace("MIGHAgEAMBMGByqGSM49", "MIGHAgEAMBMGByqGSM48")), not_p256);
    }

    proptest! {
        #[test]
        fn any_signed_url_verifies_and_no_changed_one(
            name in "\\PC{0,40}",
            at in 0_i64..4_000_000_000,
            position in any::<prop::sample::Index>(),
            bytes in collection::vec(any::<u8>(), 0..200),
        ) {
            let signer = Signer::new("K1", &private_key()).unwrap();
            let public_key = signer.key.public_key().as_ref().to_vec();
            let url = format!("https://cdn.test/originals/anna/1?response-content-disposition={}", query_value(&name));
            let signed = signer.sign(&url, second(at)).unwrap();
            prop_assert!(signed.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"\\*<>".contains(&byte)), "{}", signed);
            prop_assert_eq!(verify(&public_key, "K1", &signed), Some((url.clone(), at)));

            let n = position.index(url.len());
            let mut changed = signed.into_bytes();
            changed[n] = if changed[n] == b'x' { b'y' } else { b'x' };
            prop_assert_eq!(verify(&public_key, "K1", &String::from_utf8(changed).unwrap()), None);

            let text = url_safe(&bytes);
            let ours = text.replace('-', "+").replace('_', "=").replace('~', "/");
            prop_assert_eq!(STANDARD.decode(ours).unwrap(), bytes);
        }
    }

    /// A key pair of `openssl`, as the documentation has it made, and its verification.
    #[test]
    #[ignore = "needs the command openssl"]
    fn openssl_makes_keys_and_verifies_signatures() {
        let folder = tempfile::tempdir().unwrap();
        let openssl = |arguments: &str| {
            let mut command = Command::new("openssl");
            let done = command.current_dir(folder.path()).args(arguments.split(' ')).output().expect("openssl runs");
            assert!(done.status.success(), "openssl {arguments}: {done:?}");
        };
        openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem");
        openssl("pkey -in key.pem -pubout -out key.pub");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let signed = Signer::new("K1", &read("key.pem")).unwrap().sign(URL, second(1_767_290_400)).unwrap();
        let (_, behind) = signed.split_once("&Signature=").unwrap();
        let (signature, _) = behind.split_once('&').unwrap();
        let signature = STANDARD.decode(signature.replace('-', "+").replace('_', "=").replace('~', "/")).unwrap();
        let write = |name: &str, bytes: &[u8]| {
            std::fs::File::create(folder.path().join(name)).unwrap().write_all(bytes).unwrap();
        };
        write("signature", &signature);
        write("policy", canned_policy(URL, second(1_767_290_400)).as_bytes());
        openssl("dgst -sha256 -verify key.pub -signature signature policy");
    }
}
