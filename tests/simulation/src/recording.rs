//! Records, objects and messages that an earlier release left: the beginning of a history of this release.
//!
//! `recorded/` has them of releases before this one, taken from histories of their own builds with [`Recording::take`].

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::{
    cloud::State,
    services::{
        Moment,
        dynamodb::{Item, to_plain},
        ses::Accepted,
    },
    story::Action,
    truth::{Facts, KnownDownload, KnownPhoto},
};

/// Number of the first photo, order and download of a recording. Those of a history's own story are smaller.
pub const FIRST: usize = 100;

/// Recordings in `recorded/`.
const RECORDED: [&str; 4] = [
    include_str!("../recorded/calm.json"),
    include_str!("../recorded/outages.json"),
    include_str!("../recorded/kills.json"),
    include_str!("../recorded/kills_in_ses.json"),
];

/// State that a release left at one time.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Recording {
    /// Virtual time from the beginning of its history in seconds.
    pub after_s: u64,
    /// Items by table.
    tables: BTreeMap<String, Vec<Item>>,
    /// Objects by bucket and key, in Base64.
    objects: BTreeMap<String, BTreeMap<String, String>>,
    /// Bodies of messages by queue.
    messages: BTreeMap<String, Vec<String>>,
    /// Emails that SES accepted.
    sent: Vec<Sent>,
    photos: Vec<RecordedPhoto>,
    orders: Vec<RecordedOrder>,
    downloads: Vec<RecordedDownload>,
    operations: BTreeSet<Uuid>,
    /// Photos whose deletion was requested, and those of which it was confirmed.
    deletions: BTreeSet<Uuid>,
    deleted: BTreeSet<Uuid>,
    /// Orders whose erasure was requested.
    erasures: BTreeSet<Uuid>,
    /// Downloads whose revocation was requested.
    revocations: BTreeSet<Uuid>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Sent {
    at: Timestamp,
    to: String,
    email: Option<Uuid>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RecordedPhoto {
    id: Uuid,
    /// File in Base64.
    file: String,
    uploaded: bool,
    is_wrong: bool,
}

#[derive(Debug, Serialize, Deserialize)]
struct RecordedOrder {
    id: Uuid,
    photos: Vec<Uuid>,
    customer: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct RecordedDownload {
    id: Uuid,
    order: Uuid,
    /// Photos that it contains; none for all of the order.
    chosen: Option<Vec<Uuid>>,
    /// Path of the link.
    link: String,
    fetches: Vec<Timestamp>,
}

impl Recording {
    /// Reads the recording that a seed chooses.
    ///
    /// # Errors
    ///
    /// If the file is no recording.
    pub fn of_seed(seed: u64) -> Result<Self> {
        let chosen = usize::try_from(seed % RECORDED.len() as u64)?;
        serde_json::from_str(RECORDED[chosen]).with_context(|| format!("Recording {chosen} is unreadable"))
    }

    /// Takes the state of a history. Open multipart uploads are not part of it.
    pub fn take(state: &State, after_s: u64) -> Self {
        let tables = state.dynamodb.tables().map(str::to_owned);
        let items = |table: &str| state.dynamodb.items(table).map(|item| Item::clone(item)).collect();
        let objects = |bucket: &str| {
            let stored = state.s3.objects(bucket).into_iter();
            let read = stored.filter_map(|object| Some((state.s3.read(bucket, &object.key)?, object.key)));
            read.map(|(bytes, key)| (key, BASE64_STANDARD.encode(bytes))).collect()
        };
        let queues = state.sqs.queues();
        let facts = state.truth.facts();
        let photos = facts.photos.values().map(|photo| RecordedPhoto {
            id: photo.id,
            file: BASE64_STANDARD.encode(&photo.file),
            uploaded: photo.uploaded,
            is_wrong: photo.is_wrong,
        });
        let orders = facts.orders.values().map(|(id, photos)| RecordedOrder {
            id: *id,
            photos: photos.clone(),
            customer: facts.customers.get(id).copied().unwrap_or_default(),
        });
        let downloads = facts.downloads.values().map(|known| RecordedDownload {
            id: known.id,
            order: known.order,
            chosen: known.chosen.clone(),
            link: known.link.clone(),
            fetches: facts.fetches.get(&known.id).cloned().unwrap_or_default(),
        });
        let sent = |accepted: &Accepted| Sent { at: accepted.at, to: accepted.to.clone(), email: accepted.email };
        Self {
            after_s,
            tables: tables.map(|table| (table.clone(), items(&table))).collect(),
            objects: ["photos", "downloads"].map(|bucket| (bucket.to_owned(), objects(bucket))).into(),
            messages: queues
                .map(|(name, queue)| {
                    (name.to_owned(), queue.messages().iter().map(|message| message.body.clone()).collect())
                })
                .collect(),
            sent: state.ses.accepted.iter().map(sent).collect(),
            photos: photos.collect(),
            orders: orders.collect(),
            downloads: downloads.collect(),
            operations: facts.operations.clone(),
            deletions: facts.deletions.clone(),
            deleted: facts.deleted.clone(),
            erasures: facts.erasures.clone(),
            revocations: facts.revocations.clone(),
        }
    }

    /// Puts everything into the services, and tells the clients what they knew.
    ///
    /// # Errors
    ///
    /// If a file is no Base64.
    pub fn plant(&self, state: &mut State, now: Timestamp) -> Result<()> {
        for (table, items) in &self.tables {
            for item in items {
                let plain = to_plain(item);
                if plain["work"]["gave_up"] == true {
                    state.gave_up.extend(plain["id"].as_str().and_then(|id| id.parse::<Uuid>().ok()));
                }
                state.dynamodb.put_raw(table, item.clone());
            }
        }
        let mut moment = Moment { now, random: &mut state.random };
        for (bucket, objects) in &self.objects {
            for (key, text) in objects {
                state.s3.put(bucket, key, BASE64_STANDARD.decode(text)?.into(), &mut moment);
            }
        }
        // Their events went to the earlier release.
        state.s3.take_events();
        for (queue, bodies) in &self.messages {
            for body in bodies {
                state.sqs.send(queue, body.clone(), 0, &mut moment);
            }
        }
        let accepted = self.sent.iter().map(|sent| Accepted {
            at: sent.at,
            message_id: Uuid::nil(),
            to: sent.to.clone(),
            email: sent.email,
            request: Json::Null,
        });
        state.ses.accepted.extend(accepted);
        state.planted_at = Some(now);
        self.tell(&mut state.truth.facts())
    }

    /// Redirects about half of the actions to photos, orders and downloads of the recording.
    pub fn redirect(&self, action: &mut Action, random: &mut fastrand::Rng) {
        let mut to = |number: &mut usize, count: usize| {
            if random.bool() {
                *number = FIRST + *number % count.max(1);
            }
        };
        match action {
            Action::Order { photos, .. } => photos.iter_mut().for_each(|photo| to(photo, self.photos.len())),
            Action::Delete { photo } | Action::Process { photo, .. } => to(photo, self.photos.len()),
            Action::Download { order, .. } | Action::EraseOrder { order } | Action::Email { order, .. } => {
                to(order, self.orders.len());
            }
            Action::Fetch { download, .. }
            | Action::Rebuild { download }
            | Action::Revoke { download }
            | Action::Notify { download, .. } => to(download, self.downloads.len()),
            _ => {}
        }
    }

    fn tell(&self, facts: &mut Facts) -> Result<()> {
        for (number, photo) in (FIRST..).zip(&self.photos) {
            let file = Bytes::from(BASE64_STANDARD.decode(&photo.file)?);
            let known = KnownPhoto { id: photo.id, file, uploaded: photo.uploaded, is_wrong: photo.is_wrong };
            facts.photos.insert(number, known);
        }
        for (number, order) in (FIRST..).zip(&self.orders) {
            facts.orders.insert(number, (order.id, order.photos.clone()));
            facts.customers.insert(order.id, order.customer);
        }
        for (number, download) in (FIRST..).zip(&self.downloads) {
            let RecordedDownload { id, order, chosen, link, fetches } = download;
            let (chosen, link) = (chosen.clone(), link.clone());
            facts.downloads.insert(number, KnownDownload { id: *id, order: *order, chosen, link, pin: None });
            facts.fetches.insert(*id, fetches.clone());
        }
        facts.operations.extend(&self.operations);
        facts.deletions.extend(&self.deletions);
        facts.deleted.extend(&self.deleted);
        facts.erasures.extend(&self.erasures);
        facts.revocations.extend(&self.revocations);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{faults::Faults, setup, time::Time};

    fn recordings() -> Vec<Recording> {
        (0..RECORDED.len() as u64).map(|seed| Recording::of_seed(seed).unwrap()).collect()
    }

    /// A new recording must not lose a state that an upgrade can meet.
    #[test]
    fn records_have_all_states_that_an_upgrade_meets() {
        let states = |table: &str| -> BTreeSet<String> {
            let recordings = recordings();
            let items = recordings.iter().flat_map(|recording| &recording.tables[table]).map(to_plain);
            items.filter_map(|item| Some(item["status"].as_str()?.to_owned())).collect()
        };
        let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(states("photos"), all(&["awaiting_upload", "deleting", "pending", "processing", "ready"]));
        assert_eq!(states("downloads"), all(&["pending", "processing", "ready", "revoked"]));
        assert_eq!(states("emails"), all(&["queued", "sending", "sent"]));
        assert!(states("requests").is_superset(&all(&["done", "pending", "processing"])));
        let queues: BTreeSet<_> =
            recordings().into_iter().flat_map(|it| it.messages).filter(|(_, all)| !all.is_empty()).collect();
        let names: BTreeSet<_> = queues.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.is_superset(&["default", "downloads", "emails", "photos"].into()), "{names:?}");
    }

    #[test]
    fn planted_state_is_the_recorded_one() {
        for recording in recordings() {
            let mut state = State::new(fastrand::Rng::with_seed(1), Faults::default());
            setup::create(&mut state);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let now = runtime.block_on(async { Time::begin().now() });
            recording.plant(&mut state, now).unwrap();
            let again = Recording::take(&state, recording.after_s);
            assert_eq!(again.objects, recording.objects);
            for (table, items) in &recording.tables {
                assert_eq!(again.tables[table].len(), items.len(), "{table}");
                assert!(items.iter().all(|item| again.tables[table].contains(item)), "{table}");
            }
            assert_eq!(again.messages.values().flatten().count(), recording.messages.values().flatten().count());
            assert_eq!(again.downloads.len(), recording.downloads.len());
        }
    }
}
