//! What `terraform apply` does in AWS: buckets, queues, tables, the notification, the link secret. Idempotent.

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TimeToLiveSpecification,
};
use aws_sdk_s3::types::{
    Event, FilterRule, FilterRuleName, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};
use aws_sdk_sqs::types::QueueAttributeName;
use jiff::Timestamp;
use serde_json::json;
use shared::{
    download::Download, email::Email, env::Env, hold::Workable, object_key::ORIGINALS, photo::Photo, store::Table,
};

use crate::{stand_ins::StandIns, system::Workers};

/// A dead-letter queue keeps messages 14 days (SQS's longest), its source 4.
const DLQ_RETENTION_SECONDS: &str = "1209600";
const RETENTION_SECONDS: &str = "345600";

/// Makes what is missing.
pub async fn set_up(stand_ins: &StandIns, env: &Env, workers: &Workers) -> Result<()> {
    let config = shared::aws::config(env)?;
    stand_ins
        .parameters()
        .get_or_create(&env.required("LINK_SECRET_PARAMETER")?, || format!("1:{}{}", random(), random()))?;
    queues(&aws_sdk_sqs::Client::new(&config), workers).await?;
    buckets(&shared::aws::s3(env, &config), env).await?;
    tables(&shared::aws::dynamodb(env, &config), env).await
}

fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

async fn queues(sqs: &aws_sdk_sqs::Client, workers: &Workers) -> Result<()> {
    for worker in workers.values() {
        sqs.create_queue()
            .queue_name(worker.dlq())
            .attributes(QueueAttributeName::MessageRetentionPeriod, DLQ_RETENTION_SECONDS)
            .send()
            .await
            .context("Failed to create a dead-letter queue")?;
        let dlq_arn = format!("arn:aws:sqs:us-east-1:000000000000:{}", worker.dlq());
        let redrive = json!({ "deadLetterTargetArn": dlq_arn, "maxReceiveCount": worker.max_receives });
        sqs.create_queue()
            .queue_name(&worker.queue)
            .attributes(QueueAttributeName::VisibilityTimeout, worker.visibility().as_secs().to_string())
            .attributes(QueueAttributeName::MessageRetentionPeriod, RETENTION_SECONDS)
            .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string())
            .send()
            .await
            .context("Failed to create a queue")?;
    }
    Ok(())
}

async fn buckets(s3: &aws_sdk_s3::Client, env: &Env) -> Result<()> {
    let photos = env.required("PHOTOS_BUCKET")?;
    for bucket in [&photos, &env.required("DOWNLOADS_BUCKET")?] {
        if s3.head_bucket().bucket(bucket).send().await.is_err() {
            s3.create_bucket().bucket(bucket).send().await.context("Failed to create a bucket")?;
        }
    }
    let prefix = FilterRule::builder().name(FilterRuleName::Prefix).value(ORIGINALS).build();
    let filter = NotificationConfigurationFilter::builder().key(S3KeyFilter::builder().filter_rules(prefix).build());
    let to_photos = QueueConfiguration::builder()
        .queue_arn("arn:aws:sqs:us-east-1:000000000000:photos")
        .events(Event::S3ObjectCreated)
        .filter(filter.build())
        .build()?;
    s3.put_bucket_notification_configuration()
        .bucket(photos)
        .notification_configuration(NotificationConfiguration::builder().queue_configurations(to_photos).build())
        .send()
        .await
        .context("Failed to configure the notification")?;
    Ok(())
}

async fn tables(dynamodb: &aws_sdk_dynamodb::Client, env: &Env) -> Result<()> {
    for variable in ["PHOTOS_TABLE", "ORDERS_TABLE", "DOWNLOADS_TABLE", "EMAILS_TABLE"] {
        let name = env.required(variable)?;
        if dynamodb.describe_table().table_name(&name).send().await.is_ok() {
            continue;
        }
        let attribute =
            |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build();
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let due_at = GlobalSecondaryIndex::builder()
            .index_name("due_at")
            .key_schema(key("due_shard", KeyType::Hash)?)
            .key_schema(key("due_at", KeyType::Range)?)
            .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
            .build()?;
        dynamodb
            .create_table()
            .table_name(&name)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute("studio", ScalarAttributeType::S)?)
            .attribute_definitions(attribute("id", ScalarAttributeType::S)?)
            .attribute_definitions(attribute("due_shard", ScalarAttributeType::S)?)
            .attribute_definitions(attribute("due_at", ScalarAttributeType::N)?)
            .key_schema(key("studio", KeyType::Hash)?)
            .key_schema(key("id", KeyType::Range)?)
            .global_secondary_indexes(due_at)
            .send()
            .await
            .context("Failed to create a table")?;
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build()?;
        dynamodb
            .update_time_to_live()
            .table_name(&name)
            .time_to_live_specification(ttl)
            .send()
            .await
            .context("Failed to set a table's time to live")?;
    }
    Ok(())
}

/// The process that held them was this system's last one, and it is dead: its leases end now, not at their deadline.
pub async fn free_dead_leases(env: &Env) -> Result<()> {
    let dynamodb = shared::aws::dynamodb(env, &shared::aws::config(env)?);
    let now = env.clock().now();
    free(&Table::<Photo>::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?), now).await?;
    free(&Table::<Download>::new(dynamodb.clone(), env.required("DOWNLOADS_TABLE")?), now).await?;
    free(&Table::<Email>::new(dynamodb, env.required("EMAILS_TABLE")?), now).await
}

async fn free<R: Workable>(table: &Table<R>, now: Timestamp) -> Result<()> {
    for (studio, id) in table.all_due().await? {
        let free = |record: &mut R| {
            record.work_mut().free(now);
            // Due now: if its message died with the process, the first sweep sends it again.
            record.work_mut().due_at = record.work().due_at.map(|_| now);
            Ok::<_, ()>(())
        };
        table.update(&studio, id, free).await?;
    }
    Ok(())
}
