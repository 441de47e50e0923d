//! Story of a record: its job, the records that belong to it, and what happened to all of them.

use api_types::{JobStory, JobView, RecordKind, RecordSummary, Step};
use domain::{
    Studio,
    download::Download,
    email::{About, Email},
    event::Event,
    job_record::JobRecord,
    job_state::AttemptOutcome,
    operation::Operation,
    order::Order,
    photo::Photo,
    record::{ListIndex, Record},
    webhook::{Delivery, MAX_WEBHOOKS},
};
use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    problem::{ApiResult, Problem},
    state::State,
};

/// Largest number of downloads of an order, and of emails about each record.
const MAX_RELATED: usize = 20;

/// Returns the story of the record with this id, of any kind.
pub async fn story(state: &State, studio: &Studio, id: Uuid) -> ApiResult<JobStory> {
    let mut story = Story {
        state,
        studio,
        now: state.clock.now(),
        related: Vec::new(),
        timeline: Vec::new(),
        expected: Vec::new(),
    };
    let (record, job) = if let Some(photo) = state.photos.get(studio, id).await? {
        story.photo(&photo);
        (RecordSummary::from(&photo), Some(story.job(&photo)))
    } else if let Some(download) = state.downloads.get(studio, id).await? {
        story.download(&download);
        story.around_download(&download).await?;
        (RecordSummary::from(&download), Some(story.job(&download)))
    } else if let Some(email) = state.emails.get(studio, id).await? {
        story.email(&email);
        story.around_email(&email).await?;
        (RecordSummary::from(&email), Some(story.job(&email)))
    } else if let Some(order) = state.orders.get(studio, id).await? {
        story.order(&order);
        story.around_order(&order).await?;
        (RecordSummary::from(&order), None)
    } else if let Some(delivery) = state.deliveries.get(studio, id).await? {
        story.delivery(&delivery);
        (RecordSummary::from(&delivery), Some(story.job(&delivery)))
    } else if let Some(operation) = operation(state, studio, id).await? {
        story.operation(&operation);
        (RecordSummary::from(&operation), Some(story.job(&operation)))
    } else {
        return Err(Problem::not_found("record").into());
    };
    story.events().await?;
    let Story { related, mut timeline, .. } = story;
    timeline.sort_by_key(|step| step.at);
    Ok(JobStory { studio: studio.to_string(), record, job, related, timeline })
}

/// Returns the operation. Its table has items of other kinds too, under ids of other versions.
async fn operation(state: &State, studio: &Studio, id: Uuid) -> ApiResult<Option<Operation>> {
    if id.get_version() != Some(uuid::Version::SortRand) {
        return Ok(None);
    }
    Ok(state.operations.get(studio, id).await?)
}

struct Story<'a> {
    state: &'a State,
    studio: &'a Studio,
    now: Timestamp,
    related: Vec<RecordSummary>,
    timeline: Vec<Step>,
    /// Events that follow from the records.
    expected: Vec<Event>,
}

impl Story<'_> {
    fn job<R: JobRecord>(&self, record: &R) -> JobView {
        JobView::of(record, self.now, |attempt| self.state.logs.of(R::QUEUE, attempt))
    }

    /// Adds a step, if it has a time.
    fn step(&mut self, kind: RecordKind, id: Uuid, step: &str, at: Option<Timestamp>, detail: Option<String>) {
        if let Some(at) = at {
            self.timeline.push(Step { at, kind, id, step: step.to_owned(), detail });
        }
    }

    /// Adds creation and attempts.
    fn attempts<R: JobRecord>(&mut self, kind: RecordKind, record: &R, created_at: Timestamp) {
        let id = record.id();
        self.step(kind, id, "created", Some(created_at), None);
        for attempt in record.work().history.attempts() {
            self.step(kind, id, "attempt_started", Some(attempt.started_at), attempt.request_id.clone());
            let outcome = attempt.outcome.map(AttemptOutcome::as_str);
            let detail = match (outcome, &attempt.cause) {
                (Some(outcome), Some(cause)) => Some(format!("{outcome}: {cause}")),
                (outcome, _) => outcome.map(str::to_owned),
            };
            self.step(kind, id, "attempt_ended", attempt.ended_at, detail);
        }
    }

    fn photo(&mut self, photo: &Photo) {
        self.attempts(RecordKind::Photo, photo, photo.created_at);
        self.step(RecordKind::Photo, photo.id, "uploaded", photo.uploaded_at, None);
        self.step(RecordKind::Photo, photo.id, photo.status.as_str(), photo.processed_at, None);
        self.expected.extend(Event::of_photo(photo));
    }

    fn order(&mut self, order: &Order) {
        self.step(RecordKind::Order, order.id, "created", Some(order.created_at), None);
        self.step(RecordKind::Order, order.id, "erased", order.erased_at, None);
    }

    fn download(&mut self, download: &Download) {
        let (kind, id) = (RecordKind::Download, download.id);
        self.attempts(kind, download, download.created_at);
        self.step(kind, id, "ready", download.ready_at, None);
        self.step(kind, id, "undelivered", download.undelivered_at, None);
        self.step(kind, id, "renewal_requested", download.renewal_asked_at, None);
        self.step(kind, id, "expires", download.expires_at, None);
        for fetch in download.fetches.iter() {
            self.step(kind, id, "fetched", Some(fetch.at), None);
        }
        self.expected.extend(Event::of_build(download));
        self.expected.extend(Event::of_fetch(download));
        self.expected.extend(Event::of_undelivered(download));
    }

    fn email(&mut self, email: &Email) {
        let (kind, id) = (RecordKind::Email, email.id);
        self.attempts(kind, email, email.created_at);
        let template = email.message.template();
        self.step(kind, id, "sent", email.sent_at, Some(template.to_owned()));
        self.step(kind, id, "delivered", email.reported.delivered_at, None);
        self.step(kind, id, "bounced", email.reported.bounced_at, None);
        self.step(kind, id, "complained", email.reported.complained_at, None);
        self.step(kind, id, "erased", email.erased_at, None);
        self.expected.extend(Event::of_email(email));
    }

    fn delivery(&mut self, delivery: &Delivery) {
        let (kind, id) = (RecordKind::Delivery, delivery.id);
        self.attempts(kind, delivery, delivery.created_at);
        let answer = delivery.last.as_ref().map(|last| match (&last.answer.status, &last.answer.error) {
            (_, Some(error)) => error.code.clone(),
            (status, None) => status.map_or_else(String::new, |status| format!("the shop answered {status}")),
        });
        self.step(kind, id, delivery.status.as_str(), delivery.ended_at, answer);
    }

    fn operation(&mut self, operation: &Operation) {
        self.attempts(RecordKind::Operation, operation, operation.created_at);
        let done = Some(format!("{} records", operation.done));
        self.step(RecordKind::Operation, operation.id, "ended", operation.ended_at, done);
    }

    async fn around_order(&mut self, order: &Order) -> ApiResult<()> {
        let id = order.id.to_string();
        let keep = |download: &Download| download.order == order.id;
        let found = self.state.downloads.list_by(self.studio, (ListIndex::Order, &id), None, MAX_RELATED, keep).await?;
        for download in &found.items {
            self.related.push(download.into());
            self.download(download);
            self.emails_about(download.id, None).await?;
        }
        self.emails_about(order.id, None).await
    }

    async fn around_download(&mut self, download: &Download) -> ApiResult<()> {
        self.with_order(download.order).await?;
        self.emails_about(download.id, None).await
    }

    async fn around_email(&mut self, email: &Email) -> ApiResult<()> {
        match email.message.about() {
            About::Order(order) => self.with_order(order).await,
            About::Download(id) => {
                let Some(download) = self.state.downloads.get(self.studio, id).await? else { return Ok(()) };
                self.related.push((&download).into());
                self.download(&download);
                self.with_order(download.order).await?;
                self.emails_about(id, Some(email.id)).await
            }
            About::Webhook(_) => Ok(()),
        }
    }

    async fn with_order(&mut self, id: Uuid) -> ApiResult<()> {
        if let Some(order) = self.state.orders.get(self.studio, id).await? {
            self.related.push((&order).into());
            self.order(&order);
        }
        Ok(())
    }

    /// Adds the emails about a record, except for one.
    async fn emails_about(&mut self, id: Uuid, except: Option<Uuid>) -> ApiResult<()> {
        let about = id.to_string();
        let keep = |email: &Email| email.message.about().id() == id && Some(email.id) != except;
        let found = self.state.emails.list_by(self.studio, (ListIndex::About, &about), None, MAX_RELATED, keep).await?;
        for email in &found.items {
            self.related.push(email.into());
            self.email(email);
        }
        Ok(())
    }

    /// Adds the events of all these records, and their deliveries.
    async fn events(&mut self) -> ApiResult<()> {
        let ids: Vec<Uuid> = self.expected.iter().map(Record::id).collect();
        let written = self.state.events.table().get_many(self.studio, &ids).await?;
        let webhooks = self.state.webhooks.list(self.studio, None, MAX_WEBHOOKS, |_| true).await?.items;
        let sent: Vec<Uuid> =
            written.keys().flat_map(|event| webhooks.iter().map(|webhook| Delivery::id(*event, webhook.id))).collect();
        let deliveries = self.state.deliveries.get_many(self.studio, &sent).await?;
        for event in written.values() {
            let record = [
                (RecordKind::Email, event.subject.email),
                (RecordKind::Download, event.subject.download),
                (RecordKind::Photo, event.subject.photo),
            ];
            let record = record.into_iter().find_map(|(kind, id)| Some((kind, id?)));
            if let Some((kind, id)) = record {
                self.step(kind, id, event.kind.as_str(), Some(event.created_at), None);
            }
        }
        for delivery in deliveries.values() {
            self.related.push(delivery.into());
            self.delivery(delivery);
        }
        Ok(())
    }
}
