//! Failed and running photos of many studios, as copies of two records.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, Result, anyhow, bail};
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Put, TransactWriteItem},
};
use domain::{
    job_record::JobRecord,
    job_state::{AttemptId, Claim},
    photo::{Photo, PhotoStatus},
    record::Record as _,
};
use jiff::{SignedDuration, Timestamp};
use runtime::{
    aws::{self, Patience},
    store::Table,
};
use tests::TestApp;
use uuid::Uuid;

/// DynamoDB: at most 100 items per transaction. One transaction is one write to the stand-in's disk.
const MAX_ITEMS: usize = 100;
/// Number of studios.
const STUDIOS: usize = 50;
/// Number of errors.
const ERRORS: usize = 12;

type Item = HashMap<String, AttributeValue>;

/// Fills the table of photos. Returns the ids of a failed photo and its studio, as `studio/id`.
pub async fn fill(app: &TestApp, failed: usize, running: usize) -> Result<String> {
    let env = app.env();
    let dynamodb = aws::dynamodb(&env, &aws::config(&env, Patience::Job)?);
    let table = Table::<Photo>::new(dynamodb.clone(), "photos", env.world());
    let photo = broken_photo(app, &table).await?;
    let template = item(&dynamodb, &photo).await?;
    let now = Timestamp::now();
    let every = Duration::from_hours(24) / u32::try_from(failed)?.max(1);
    let failed_photo = |n: usize| {
        let mut copy = copied(&template, n);
        let error = [("code", format!("damaged_{}", n % ERRORS)), ("message", "The file is damaged.".to_owned())];
        let error = error.map(|(name, text)| (name.to_owned(), AttributeValue::S(text)));
        copy.insert("error".into(), AttributeValue::M(error.into()));
        // One after the other, over the last day.
        let failed_at = now.saturating_sub(every * u32::try_from(n).unwrap_or(u32::MAX)).unwrap_or(now);
        copy.insert("failed_at".into(), AttributeValue::N(failed_at.as_millisecond().to_string()));
        copy
    };
    write(&dynamodb, failed, failed_photo).await?;
    let template = running_photo(&dynamodb, &table, &photo).await?;
    write(&dynamodb, running.saturating_sub(1), |n| copied(&template, n)).await?;
    Ok(format!("{}/{}", photo.studio(), photo.id()))
}

/// Uploads a file that is no photo, and returns its failed record.
async fn broken_photo(app: &TestApp, table: &Table<Photo>) -> Result<Photo> {
    let studio = "anna".parse()?;
    let id = app.upload("anna", "a.jpg", "image/jpeg", b"no photo").await?.parse()?;
    for _ in 0..600 {
        if let Some(photo) = table.get(&studio, id).await?.filter(|photo| photo.status == PhotoStatus::Failed) {
            return Ok(photo);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the photo does not fail")
}

/// Returns the record of the photo as if a worker were processing it.
async fn running_photo(dynamodb: &Client, table: &Table<Photo>, photo: &Photo) -> Result<Item> {
    let now = Timestamp::now();
    // The longest lease.
    let until = now.checked_add(SignedDuration::from_mins(15))?;
    let claimed = table.update(photo.studio(), photo.id(), |photo: &mut Photo| {
        photo.restart(now, None).map_err(|error| format!("{error}"))?;
        match JobRecord::claim(photo, AttemptId(Uuid::new_v4()), now, until) {
            Claim::Claimed => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let (_, outcome) = claimed.await?.context("the photo is there")?;
    outcome.map_err(|refusal| anyhow!(refusal))?;
    item(dynamodb, photo).await
}

async fn item(dynamodb: &Client, photo: &Photo) -> Result<Item> {
    let text = |text: String| AttributeValue::S(text);
    let get = dynamodb.get_item().table_name("photos").consistent_read(true);
    let get = get.key("studio", text(photo.studio().to_string())).key("id", text(photo.id().to_string()));
    get.send().await?.item.context("no such item")
}

/// Returns the item as that of the n-th other photo.
fn copied(item: &Item, n: usize) -> Item {
    let mut copy = item.clone();
    copy.insert("studio".into(), AttributeValue::S(format!("studio-{}", n % STUDIOS)));
    copy.insert("id".into(), AttributeValue::S(Uuid::now_v7().to_string()));
    copy
}

/// Writes items.
async fn write(dynamodb: &Client, count: usize, item: impl Fn(usize) -> Item) -> Result<()> {
    for first in (0..count).step_by(MAX_ITEMS) {
        let puts = (first..count.min(first + MAX_ITEMS)).map(|n| {
            let put = Put::builder().table_name("photos").set_item(Some(item(n))).build()?;
            anyhow::Ok(TransactWriteItem::builder().put(put).build())
        });
        let puts = puts.collect::<Result<Vec<_>>>()?;
        dynamodb.transact_write_items().set_transact_items(Some(puts)).send().await?;
    }
    Ok(())
}
