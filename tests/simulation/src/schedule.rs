//! EventBridge Scheduler and other services that act by themselves: sweeps, expiry, lifecycle rules.

use std::time::Duration;

use domain::{Job, queue_config::QueueName, queue_switch::QueueSwitch};

use crate::{
    clients::ALWAYS_DUE,
    cloud::Cloud,
    config::JOB_TABLES,
    services::{Moment, dynamodb::to_plain},
};

/// Interval of the schedule, as in `infra/schedules.tf`.
const EVERY: Duration = Duration::from_secs(300);
/// Longest time without a sweep if nothing is due. Sweeps in between would find nothing.
const IDLE: Duration = Duration::from_secs(24 * 3600);
/// Time from the beginning after which sweeps are rarer, because they repeat themselves in a long outage.
const BUSY: Duration = Duration::from_secs(3 * 3600);
/// Interval of the schedule after that.
const RARELY: Duration = Duration::from_secs(3600);
/// Interval of copies of the tables, and their number: a history restores a table in its first hours.
const HOURLY: Duration = Duration::from_secs(3600);
const COPIES: u32 = 3;
/// Time from the beginning after which only announced photos are left, and interval of sweeps without anything due after it.
const AT_REST: Duration = Duration::from_secs(5 * 24 * 3600);
const SELDOM: Duration = Duration::from_secs(4 * 24 * 3600);
/// Interval of expiry.
const DAILY: Duration = Duration::from_secs(24 * 3600);

/// Starts the schedules. They end with the runtime.
pub fn start(cloud: &Cloud) {
    tokio::spawn(sweep(cloud.clone()));
    let copied = cloud.clone();
    tokio::spawn(async move {
        for _ in 0..COPIES {
            let copy = copied.state().dynamodb.snapshot();
            copied.state().snapshot = Some(copy);
            tokio::time::sleep(HOURLY).await;
        }
    });
    let cloud = cloud.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(DAILY).await;
            cloud.expire();
        }
    });
}

async fn sweep(cloud: Cloud) {
    let mut idle = Duration::ZERO;
    loop {
        let wait = if cloud.time.elapsed() < BUSY { EVERY } else { RARELY };
        tokio::time::sleep(wait).await;
        idle += wait;
        let longest = if cloud.time.elapsed() < AT_REST { IDLE } else { SELDOM };
        if idle < longest && !is_anything_due(&cloud) {
            continue;
        }
        idle = Duration::ZERO;
        let now = cloud.time.now();
        {
            let mut state = cloud.state();
            let state = &mut *state;
            let mut moment = Moment { now, random: &mut state.random };
            state.sqs.send(QueueName::Default.as_str(), Job::Sweep.encode(now), 0, &mut moment);
        }
        cloud.messages.notify_waiters();
    }
}

/// Buckets, and the days after which S3 aborts their multipart uploads, as in `infra/storage.tf`.
const UPLOAD_DAYS: [(&str, u32); 2] = [("photos", 7), ("downloads", 1)];

/// Prefixes whose objects S3 deletes after some days, as in `infra/storage.tf`.
const EXPIRATIONS: [(&str, &str, u32); 1] = [("downloads", "work/", 1)];

/// Returns whether a sweep may find a pause that is over, or a due record that it can read. Those of a newer release are
/// always due.
fn is_anything_due(cloud: &Cloud) -> bool {
    let now = cloud.time.now().as_millisecond();
    let state = cloud.state();
    let switches = state.dynamodb.items("studios").filter_map(|item| serde_json::from_value(to_plain(item)).ok());
    let is_over = |switch: QueueSwitch| {
        switch.unapplied || switch.paused.is_some_and(|paused| paused.until.as_millisecond() <= now)
    };
    switches.into_iter().any(is_over)
        || JOB_TABLES.iter().any(|(_, table)| {
            state.dynamodb.items(table).any(|item| {
                let due_at = item.get("due_at").and_then(|due_at| due_at.as_n()?.as_i64());
                due_at.is_some_and(|due_at| due_at <= now && due_at != ALWAYS_DUE)
            })
        })
}

impl Cloud {
    /// Ends all faults.
    pub fn end_faults(&self) {
        let mut state = self.state();
        state.faults.end();
        let faults = state.faults.clone();
        state.set_faults(&faults);
    }

    /// Lets records, messages and uploads expire, as DynamoDB, SQS and S3's lifecycle rules do.
    pub fn expire(&self) {
        let now = self.time.now();
        let mut state = self.state();
        let state = &mut *state;
        state.dynamodb.expire_all(now, &mut state.random);
        state.sqs.expire(now);
        for (bucket, days) in UPLOAD_DAYS {
            let before = now.saturating_sub(DAILY * days).unwrap_or(now);
            state.s3.abort_uploads_older_than(bucket, before);
        }
        for (bucket, prefix, days) in EXPIRATIONS {
            let before = now.saturating_sub(DAILY * days).unwrap_or(now);
            state.s3.expire(bucket, prefix, before);
        }
    }
}
