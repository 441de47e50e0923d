//! Erasure of many orders, in three passes over the studio's orders, downloads and emails.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use domain::{
    JobError, Studio,
    download::Download,
    email::Email,
    email_address::EmailAddress,
    link::LinkSecret,
    operation::{ErasureScope, Operation},
    order::Order,
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use runtime::{
    erasure::{Pass, Position},
    failed_jobs::CONCURRENCY,
    lease::Lease,
};
use uuid::Uuid;

use super::paging::{PAGE, end, pause_in_time};
use crate::state::State;

/// Erases the orders of this scope, with their downloads and emails.
pub async fn erase(state: &State, lease: &Arc<Lease<Operation>>, scope: &ErasureScope) -> Result<Operation, JobError> {
    if let ErasureScope::Order { order } = scope {
        let erased = state.erasure().order(&lease.record.studio, *order, lease.now()).await?;
        return end(lease, u64::from(erased)).await;
    }
    let secret = state.links.current().await.context("Failed to read the key that addresses are named with")?;
    let chosen = Chosen { operation: &lease.record, scope, secret };
    if let ErasureScope::Customer { address } = scope
        && !secret.named(address)
    {
        let reason = "The link secret has changed since. Request the erasure again.";
        return Err(JobError::reject("secret_changed", reason));
    }
    pass_by_pass(state, lease, &chosen).await?;
    let now = lease.now();
    lease.change(|operation| operation.complete(lease.by, now)).await
}

async fn pass_by_pass(state: &State, lease: &Arc<Lease<Operation>>, chosen: &Chosen<'_>) -> Result<(), JobError> {
    let mut position = match lease.record.position.as_deref() {
        Some(text) => text.parse()?,
        None => Position::BEGINNING,
    };
    loop {
        let (erased, next) = match position.pass {
            Pass::Orders => orders(state, lease, chosen, position.after).await?,
            Pass::Downloads => (0, downloads(state, lease, chosen, position.after).await?),
            Pass::Emails => (0, emails(state, lease, chosen, position.after).await?),
        };
        let Some(next) = position.behind(next) else { return Ok(()) };
        lease.change(|operation| operation.advance(lease.by, erased, Some(next.to_string()))).await?;
        position = next;
        pause_in_time(lease)?;
    }
}

/// Selection of orders and emails to erase.
struct Chosen<'a> {
    operation: &'a Operation,
    scope: &'a ErasureScope,
    secret: &'a LinkSecret,
}

impl Chosen<'_> {
    fn takes_order(&self, order: &Order) -> bool {
        let in_scope = match self.scope {
            ErasureScope::Order { order: id } => order.id == *id,
            ErasureScope::Customer { .. } => self.is_address(&order.customer.email),
            ErasureScope::Older { before } => order.created_at < *before,
        };
        in_scope && !order.is_erased() && order.created_at <= self.operation.created_at
    }

    fn takes_recipient(&self, download: &Download) -> bool {
        download.recipient.as_ref().is_some_and(|address| self.is_address(address))
            && download.addressed_at.is_some_and(|at| at <= self.operation.created_at)
    }

    fn takes_email(&self, email: &Email) -> bool {
        self.is_address(&email.to) && email.created_at <= self.operation.created_at
    }

    fn is_address(&self, address: &EmailAddress) -> bool {
        let ErasureScope::Customer { address: name } = self.scope else { return false };
        self.secret.name_of(&self.operation.studio, address) == *name
    }
}

/// Marks the orders of one page. Returns their number, and where the next page begins.
async fn orders(
    state: &State,
    lease: &Lease<Operation>,
    chosen: &Chosen<'_>,
    after: Option<Uuid>,
) -> Result<(u64, Option<Uuid>)> {
    let studio = &lease.record.studio;
    let page = state.orders.list(studio, after, PAGE, |order| chosen.takes_order(order)).await?;
    let erased: Vec<_> = page.items.iter().map(|order| state.orders.erase(studio, order.id, lease.now())).collect();
    stream::iter(erased).buffer_unordered(CONCURRENCY).try_for_each(async |_| Ok(())).await?;
    Ok((page.items.len() as u64, page.next))
}

/// Erases the downloads of one page whose order was erased, and removes the address from others that the shop had sent to
/// it.
async fn downloads(
    state: &State,
    lease: &Lease<Operation>,
    chosen: &Chosen<'_>,
    after: Option<Uuid>,
) -> Result<Option<Uuid>> {
    let studio = &lease.record.studio;
    let not_erased = |download: &Download| download.erased_at.is_none();
    let page = state.downloads.list(studio, after, PAGE, not_erased).await?;
    let orders = distinct(page.items.iter().map(|download| download.order));
    let orders = state.orders.get_many(studio, &orders).await?;
    let erasure = state.erasure();
    let is_erased = |download: &&Download| orders.get(&download.order).is_some_and(Order::is_erased);
    let taken = page.items.iter().filter(is_erased);
    let erased: Vec<_> = taken.map(|download| erasure.download(studio, download.id, lease.now())).collect();
    stream::iter(erased).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
    for download in page.items.iter().filter(|download| chosen.takes_recipient(download)) {
        let forget = |download: &mut Download| {
            download.recipient = None;
            Ok::<_, std::convert::Infallible>(())
        };
        state.downloads.update(studio, download.id, forget).await?;
    }
    Ok(page.next)
}

/// Erases the emails of one page that go to the address, or are about erased records.
async fn emails(
    state: &State,
    lease: &Lease<Operation>,
    chosen: &Chosen<'_>,
    after: Option<Uuid>,
) -> Result<Option<Uuid>> {
    let studio = &lease.record.studio;
    let page = state.emails.list(studio, after, PAGE, |email| email.erased_at.is_none()).await?;
    let erased = of_erased(state, studio, &page.items).await?;
    let erasure = state.erasure();
    let taken = page.items.iter().filter(|email| chosen.takes_email(email) || erased.contains(&email.id));
    let erased: Vec<_> = taken.map(|email| erasure.email(studio, email.id, lease.now())).collect();
    stream::iter(erased).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
    Ok(page.next)
}

/// Returns the emails about an erased order, or about a download of one.
async fn of_erased(state: &State, studio: &Studio, emails: &[Email]) -> Result<Vec<Uuid>> {
    let orders = distinct(emails.iter().filter_map(|email| email.message.order()));
    let downloads = distinct(emails.iter().filter_map(|email| email.message.download()));
    let orders = state.orders.get_many(studio, &orders).await?;
    let downloads = state.downloads.get_many(studio, &downloads).await?;
    let is_erased = |email: &&Email| {
        let order = email.message.order().and_then(|id| orders.get(&id));
        let download = email.message.download().and_then(|id| downloads.get(&id));
        order.is_some_and(Order::is_erased) || download.is_some_and(|download| download.erased_at.is_some())
    };
    Ok(emails.iter().filter(is_erased).map(|email| email.id).collect())
}

/// Removes duplicates, because a batch of reads accepts each key once.
fn distinct(ids: impl Iterator<Item = Uuid>) -> Vec<Uuid> {
    let mut ids: Vec<_> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
