//! Previews of emails.

use anyhow::Context as _;
use domain::{
    Studio,
    email::{About, Message},
    language::Language,
};
use emails::{Delivery, Facts, Rendered, sample};

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
    let (order, download) = match message.about() {
        About::Order(id) => (id, None),
        About::Download(id) => {
            let download = state.downloads.get(&studio, id).await?;
            let download =
                download.ok_or_else(|| Problem::invalid("data.download_id", "There is no such download."))?;
            (download.order, Some(download))
        }
    };
    let order = state.orders.get(&studio, order).await?.filter(|order| !order.is_erased());
    let order = order.ok_or_else(|| Problem::invalid("data.order_id", "There is no such order, or it was erased."))?;
    let link = match &download {
        Some(download) => Some(state.links.current().await?.url(&state.public_url, download)),
        None => None,
    };
    let delivery = download.as_ref().map(Delivery::from);
    let facts = Facts { order, delivery, link, studio: profile, public_url };
    Ok(emails::render(&message, language, &facts)?)
}
