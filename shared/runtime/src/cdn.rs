//! Delivery through CloudFront: signed URLs of objects in the buckets behind it.
//!
//! `infra/cdn.tf` makes the distribution. It reads the buckets by origin access control, accepts only signed URLs, and
//! forwards `response-content-disposition` and `response-content-type` to S3. Requests that it signs itself may have these
//! parameters.
//!
//! Whenever no URL can be signed here, the caller signs one of S3. A missing or damaged key stops no download.

mod signature;

use std::{collections::HashMap, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use aws_types::SdkConfig;
use domain::object_key::ObjectKey;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tracing::error;

use self::signature::{Signer, query_value};
use crate::{
    clock::Clock,
    env::{Env, EnvError},
    objects::ResponseHeaders,
    ssm::Parameters,
};

/// CloudFront: largest response to a GET, in bytes ("Maximum cacheable file size per HTTP GET response: 50 GB" in its
/// quotas).
pub const LARGEST_RESPONSE: u64 = 50_000_000_000;

/// Seconds for which a page's URLs of pictures stay the same, so that browsers find the pictures in their cache.
const PICTURE_URLS_STAY: i64 = 600;
/// Shortest lifetime of a picture's URL in seconds. The longest is an hour, with the time above.
const PICTURE_URL_LIVES: i64 = 3000;
/// Most URLs of pictures that are kept, about a megabyte.
const PICTURE_URLS_KEPT: usize = 2_000;
/// Time after which a key that could not be used is read again: a page has a hundred pictures.
const NEXT_READING: SignedDuration = SignedDuration::from_mins(1);

/// Signer of the URLs of one distribution.
pub struct Cdn {
    domain: String,
    /// Id of the public key in CloudFront.
    key_id: String,
    /// Name of the parameter with the private key.
    parameter: String,
    parameters: Parameters,
    clock: Clock,
    key: Mutex<Key>,
    pictures: Mutex<Pictures>,
}

/// State of the private key, which is read at its first use.
enum Key {
    Unread,
    Usable(Arc<Signer>),
    Unusable { until: Timestamp },
}

/// URLs of pictures that expire at the same time. Two signatures of one URL differ, since ECDSA is randomised.
#[derive(Default)]
struct Pictures {
    expires: Timestamp,
    urls: HashMap<String, String>,
}

impl Cdn {
    /// Reads the function's environment; `None` without a CDN. If some of its variables are set, the error names one that is
    /// missing.
    pub fn from_env(env: &Env, config: &SdkConfig) -> Result<Option<Self>> {
        let given = [env.optional("CDN_DOMAIN"), env.optional("CDN_KEY_ID"), env.optional("CDN_KEY_PARAMETER")];
        if given.iter().all(Option::is_none) {
            return Ok(None);
        }
        let domain = env.required("CDN_DOMAIN")?;
        let key_id = env.required("CDN_KEY_ID")?;
        plain("CDN_DOMAIN", &domain, ".-")?;
        plain("CDN_KEY_ID", &key_id, "")?;
        Ok(Some(Self {
            domain,
            key_id,
            parameter: env.required("CDN_KEY_PARAMETER")?,
            parameters: Parameters::new(config)?,
            clock: env.clock(),
            key: Mutex::new(Key::Unread),
            pictures: Mutex::default(),
        }))
    }

    /// Returns a URL for GET and HEAD requests of an object with this size in bytes, whose response has these headers;
    /// `None` if CloudFront can't deliver the object, or the key can't be used.
    pub async fn url(
        &self,
        key: &ObjectKey,
        size: u64,
        headers: ResponseHeaders<'_>,
        lives: Duration,
    ) -> Option<String> {
        if size > LARGEST_RESPONSE {
            return None;
        }
        let lives = SignedDuration::try_from(lives).ok()?;
        let expires = self.clock.signing_time().checked_add(lives).ok()?;
        let (disposition, content_type) = (query_value(headers.disposition), query_value(headers.content_type));
        let query = format!("?response-content-disposition={disposition}&response-content-type={content_type}");
        self.signed(&format!("{key}{query}"), expires).await
    }

    /// Returns a URL of a picture, which works for 50 minutes to an hour and stays the same for 10 minutes in this process;
    /// `None` if the key can't be used.
    pub async fn picture_url(&self, key: &ObjectKey) -> Option<String> {
        let expires = picture_expires(self.clock.signing_time());
        let path = key.to_string();
        let mut pictures = self.pictures.lock().await;
        if pictures.expires != expires || pictures.urls.len() >= PICTURE_URLS_KEPT {
            *pictures = Pictures { expires, urls: HashMap::new() };
        }
        if let Some(url) = pictures.urls.get(&path) {
            return Some(url.clone());
        }
        let url = self.signed(&path, expires).await?;
        pictures.urls.insert(path, url.clone());
        Some(url)
    }

    async fn signed(&self, path: &str, expires: Timestamp) -> Option<String> {
        let signer = self.signer().await?;
        let url = signer.sign(&format!("https://{}/{path}", self.domain), expires);
        url.inspect_err(|error| error!(error = format!("{error:#}"), "Failed to sign a URL of the CDN")).ok()
    }

    async fn signer(&self) -> Option<Arc<Signer>> {
        let mut key = self.key.lock().await;
        let now = self.clock.signing_time();
        match &*key {
            Key::Usable(signer) => return Some(signer.clone()),
            Key::Unusable { until } if now < *until => return None,
            Key::Unread | Key::Unusable { .. } => {}
        }
        match self.read().await {
            Ok(signer) => {
                let signer = Arc::new(signer);
                *key = Key::Usable(signer.clone());
                Some(signer)
            }
            Err(error) => {
                let error = format!("{error:#}");
                error!(parameter = self.parameter, error, "The CDN's key can't be used; files are delivered by S3");
                *key = Key::Unusable { until: now.saturating_add(NEXT_READING).unwrap_or(now) };
                None
            }
        }
    }

    async fn read(&self) -> Result<Signer> {
        let pem = self.parameters.get(&self.parameter).await?;
        Signer::new(&self.key_id, &pem).context("Failed to parse the parameter")
    }
}

/// Returns the second at which URLs of pictures signed at `now` expire: full ten minutes, so that it is the same for all of
/// them.
fn picture_expires(now: Timestamp) -> Timestamp {
    let earliest = now.as_second() + PICTURE_URL_LIVES;
    let steps = earliest.div_euclid(PICTURE_URLS_STAY) + i64::from(earliest.rem_euclid(PICTURE_URLS_STAY) > 0);
    Timestamp::from_second(steps * PICTURE_URLS_STAY).unwrap_or(now)
}

/// Checks that a value is part of a URL as it is.
fn plain(name: &str, value: &str, others: &str) -> Result<(), EnvError> {
    if value.chars().all(|c| c.is_ascii_alphanumeric() || others.contains(c)) {
        return Ok(());
    }
    let reason = format!("{value:?} has other characters than letters, digits and {others:?}");
    Err(EnvError::Invalid { name: name.to_owned(), reason })
}

#[cfg(test)]
mod tests {
    use domain::object_key::Picture;
    use proptest::prelude::*;

    use super::*;
    use crate::aws::{Patience, config};

    const VARIABLES: [(&str, &str); 6] = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("CDN_DOMAIN", "d111111abcdef8.cloudfront.net"),
        ("CDN_KEY_ID", "K2JCJMDEHXQW5F"),
        ("CDN_KEY_PARAMETER", "/darkroom/cdn-key-1"),
    ];

    /// Returns the CDN of these variables, with the changed one.
    fn cdn(change: Option<(&str, &str)>) -> Result<Option<Cdn>> {
        let mut variables: HashMap<_, _> = VARIABLES.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        variables.extend(change.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let env = Env::of(variables).with_clock(Clock::simulated(|| Timestamp::from_second(1_767_290_401).unwrap()));
        Cdn::from_env(&env, &config(&env, Patience::Request)?)
    }

    fn usable() -> Cdn {
        let cdn = cdn(None).unwrap().unwrap();
        let signer = Signer::new(&cdn.key_id, &signature::tests::private_key()).unwrap();
        Cdn { key: Mutex::new(Key::Usable(Arc::new(signer))), ..cdn }
    }

    fn key() -> ObjectKey {
        let studio = "anna".parse().unwrap();
        ObjectKey::Derivative { studio, photo: uuid::Uuid::nil(), version: 1, picture: Picture::Thumb }
    }

    #[test]
    fn incomplete_or_malformed_configuration_names_the_variable() {
        for name in ["CDN_DOMAIN", "CDN_KEY_ID", "CDN_KEY_PARAMETER"] {
            let error = cdn(Some((name, ""))).err().map(|error| error.to_string());
            assert_eq!(error, Some(format!("environment variable {name} is required but not set")));
        }
        for (name, value) in [("CDN_DOMAIN", "https://cdn.test"), ("CDN_DOMAIN", "cdn.test/x"), ("CDN_KEY_ID", "K&1")] {
            let error = cdn(Some((name, value))).err().map(|error| error.to_string());
            assert!(error.is_some_and(|error| error.contains(name)), "{value}");
        }
    }

    #[tokio::test]
    async fn file_has_its_name_and_lifetime() {
        let headers = ResponseHeaders { disposition: "attachment; filename=\"a b.jpg\"", content_type: "image/jpeg" };
        let url = usable().url(&key(), 1, headers, Duration::from_secs(900)).await.unwrap();
        let expected = format!(
            "https://d111111abcdef8.cloudfront.net/{}?response-content-disposition=attachment%3B%20filename%3D%22a%20b.jpg%22\
             &response-content-type=image%2Fjpeg&Expires=1767291301&Signature=",
            key()
        );
        assert!(url.starts_with(&expected), "{url}");
        assert!(url.ends_with("&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256"), "{url}");
    }

    #[tokio::test]
    async fn object_above_the_largest_response_has_no_url() {
        let (cdn, lives) = (usable(), Duration::from_secs(3600));
        let headers = ResponseHeaders { disposition: "attachment", content_type: "application/zip" };
        assert!(cdn.url(&key(), LARGEST_RESPONSE, headers, lives).await.is_some());
        assert!(cdn.url(&key(), LARGEST_RESPONSE + 1, headers, lives).await.is_none());
    }

    #[tokio::test]
    async fn picture_keeps_its_url() {
        let cdn = usable();
        let first = cdn.picture_url(&key()).await.unwrap();
        assert!(first.contains("/thumb.jpg?Expires=1767294000&Signature="), "{first}");
        assert_eq!(cdn.picture_url(&key()).await, Some(first));
    }

    proptest! {
        #[test]
        fn picture_lives_fifty_minutes_to_an_hour(now in 0_i64..4_000_000_000) {
            let expires = picture_expires(Timestamp::from_second(now).unwrap()).as_second();
            prop_assert!((3000..3600).contains(&(expires - now)) && expires % 600 == 0);
        }
    }
}
