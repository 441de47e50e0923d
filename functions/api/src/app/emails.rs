//! Previews of emails.

use anyhow::Context as _;
use domain::{
    Studio,
    email::{About, Message},
    language::Language,
};
use emails::{Facts, Rendered, sample};
use runtime::email_subjects::EmailSubjects;

use crate::{
    problem::{ApiResult, Problem},
    state::State,
};

/// Renders an email of the studio. Without a message it is about made-up records.
pub async fn preview(
    state: &State,
    studio: Studio,
    template: &str,
    message: Option<Message>,
    language: Language,
) -> ApiResult<Rendered> {
    let profile = state.studios.profile(&studio).await?;
    let public_url = state.public_url.clone();
    let Some(message) = message else {
        let sample = sample::messages().into_iter().find(|message| message.template() == template);
        let facts = sample::facts(profile, public_url, state.clock.now())?;
        return Ok(emails::render(&sample.context("A template has no sample")?, language, &facts)?);
    };
    let subjects = EmailSubjects {
        orders: &state.orders,
        downloads: &state.downloads,
        webhooks: &state.webhooks,
        links: &state.links,
        public_url: &state.public_url,
    };
    let subject = subjects.load(&studio, message.about()).await?.filter(|subject| !subject.is_erased());
    let subject = subject.ok_or_else(|| match message.about() {
        About::Download(_) => {
            Problem::invalid("data.download_id", "There is no such download, or its order was erased.")
        }
        About::Order(_) | About::Webhook(_) => {
            Problem::invalid("data.order_id", "There is no such order, or it was erased.")
        }
    })?;
    let facts = Facts::new(subject, profile, public_url);
    Ok(emails::render(&message, language, &facts)?)
}
