//! The notification configuration of a bucket.

#![allow(clippy::wildcard_imports, reason = "every call of S3 has two types of its own; test builds do not lint this")]

use s3s::{S3Error, S3Result, dto::*, s3_error};

use super::super::{
    Api,
    notify::{self, Rule},
};
use crate::sqs;

impl Api {
    /// Sets which queues receive events of new objects. A queue that was not configured before receives a test event.
    pub(super) fn set_notifications(
        &self,
        input: PutBucketNotificationConfigurationInput,
    ) -> S3Result<PutBucketNotificationConfigurationOutput> {
        let bucket = input.bucket;
        let configurations = input.notification_configuration.queue_configurations.unwrap_or_default();
        let rules: Vec<Rule> =
            configurations.into_iter().enumerate().map(|(number, rule)| Rule::of(rule, number)).collect();
        if !rules.iter().all(Rule::is_valid) {
            return Err(s3_error!(InvalidArgument, "A specified event is not supported for notifications."));
        }
        if rules.iter().enumerate().any(|(number, rule)| rules[..number].iter().any(|other| rule.overlaps(other))) {
            return Err(s3_error!(
                InvalidArgument,
                "Configurations overlap. Configurations on the same bucket cannot share a common event type."
            ));
        }
        let known = self.0.queues.names();
        if rules.iter().any(|rule| !known.iter().any(|name| name == sqs::name_of_arn(&rule.queue_arn))) {
            return Err(s3_error!(InvalidArgument, "Unable to validate the following destination configurations"));
        }
        let old = self.0.store.index().bucket(&bucket)?.record.notifications.clone();
        let mut fresh: Vec<&str> = rules
            .iter()
            .map(|rule| rule.queue_arn.as_str())
            .filter(|arn| !old.iter().any(|old| old.queue_arn == *arn))
            .collect();
        fresh.sort_unstable();
        fresh.dedup();
        for arn in fresh {
            let message = notify::test_event(&bucket).to_string();
            self.0.queues.send(sqs::name_of_arn(arn), message).map_err(S3Error::internal_error)?;
        }
        self.0.store.configure(&bucket, |record| record.notifications = rules)?;
        Ok(PutBucketNotificationConfigurationOutput::default())
    }

    /// Returns which queues receive events of new objects.
    pub(super) fn notifications(&self, bucket: &str) -> S3Result<GetBucketNotificationConfigurationOutput> {
        let index = self.0.store.index();
        let rules = &index.bucket(bucket)?.record.notifications;
        Ok(GetBucketNotificationConfigurationOutput {
            queue_configurations: Some(rules.iter().map(Rule::to_configuration).collect()),
            ..GetBucketNotificationConfigurationOutput::default()
        })
    }
}
