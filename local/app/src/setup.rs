//! Creates locally what `terraform apply` creates in AWS: buckets, queues, tables, the notification, the link secret.
//! Idempotent.

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
    GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
    TimeToLiveSpecification,
};
use aws_sdk_s3::types::{
    BucketVersioningStatus, CorsConfiguration, CorsRule, Event, FilterRule, FilterRuleName, NotificationConfiguration,
    NotificationConfigurationFilter, QueueConfiguration, S3KeyFilter, VersioningConfiguration,
};
use aws_sdk_sqs::types::QueueAttributeName;
use domain::{
    download::Download,
    email::Email,
    job_record::JobRecord,
    object_key::{INCOMING, LOGOS, ORIGINALS},
    operation::{Filled, Operation},
    photo::Photo,
    queue_config::QueueConfigs,
    record::POSITION,
    webhook::Delivery,
};
use jiff::Timestamp;
use local_aws::StandIns;
use runtime::{
    aws,
    env::Env,
    fill,
    store::{Table, Unreadable},
};
use serde_json::json;
use tracing::warn;

/// SQS: at most 14 days of retention. A dead-letter queue has the maximum, its source queue 4 days.
const DLQ_RETENTION_SECONDS: &str = "1209600";
const RETENTION_SECONDS: &str = "345600";

/// A sparse index, as in `infra/tables.tf`.
struct Index {
    /// The index's name.
    name: &'static str,
    /// The hash key.
    hash: &'static str,
    /// The range key: a time in milliseconds, or the record's id or position.
    range: (&'static str, ScalarAttributeType),
    /// The attributes that the index copies besides the keys.
    included: &'static [&'static str],
}

/// The index of records by `due_at`.
const DUE: Index =
    Index { name: "due_at", hash: "due_shard", range: ("due_at", ScalarAttributeType::N), included: &[] };
/// The index of failed records, with the attributes that the list of failed jobs shows.
const FAILED: Index = Index {
    name: "failed_at",
    hash: "failed_shard",
    range: ("failed_at", ScalarAttributeType::N),
    included: &["error", "work"],
};
/// The index for lists by status.
const STATUS: Index = list("list_status");
/// The index for lists by order.
const ORDER: Index = list("list_order");
/// The index for lists by folder.
const FOLDER: Index = list("list_folder");
/// The index of originals by their SHA-256.
const SHA256: Index = list("list_sha256");
/// The index of photos by folder and name without extension.
const STEM: Index = list("list_stem");
/// The index for lists by the shop's reference.
const REFERENCE: Index = list("list_reference");
/// The index for lists of emails by status.
const EMAIL_STATUS: Index = in_order_of_creation("list_email_status");
/// The index for lists of emails by the record that they are about.
const ABOUT: Index = in_order_of_creation("list_about");
/// The index for lists of events.
const EVENTS: Index = in_order_of_creation("list_events");
/// The index for lists of deliveries by webhook.
const WEBHOOK: Index = in_order_of_creation("list_webhook");

const fn list(name: &'static str) -> Index {
    Index { name, hash: name, range: ("id", ScalarAttributeType::S), included: &[] }
}

const fn in_order_of_creation(name: &'static str) -> Index {
    Index { name, hash: name, range: (POSITION, ScalarAttributeType::S), included: &[] }
}

/// The tables, by the variables that name them, as in `infra/tables.tf`.
const TABLES: [(&str, &[Index]); 9] = [
    ("PHOTOS_TABLE", &[DUE, FAILED, STATUS, FOLDER, SHA256, STEM]),
    ("ORDERS_TABLE", &[REFERENCE]),
    ("DOWNLOADS_TABLE", &[DUE, FAILED, STATUS, ORDER]),
    ("EMAILS_TABLE", &[DUE, FAILED, EMAIL_STATUS, ABOUT]),
    ("REQUESTS_TABLE", &[DUE, FAILED]),
    ("STUDIOS_TABLE", &[]),
    ("EVENTS_TABLE", &[DUE, EVENTS]),
    ("WEBHOOKS_TABLE", &[DUE]),
    ("DELIVERIES_TABLE", &[DUE, FAILED, WEBHOOK]),
];

/// The new objects of the photos bucket about which S3 notifies the uploads queue, by prefix. A copy to `originals/` is
/// not reported: the job that made it goes on.
const NOTIFICATIONS: [(&str, &[Event]); 3] = [
    (INCOMING, &[Event::S3ObjectCreated]),
    (ORIGINALS, &[Event::S3ObjectCreatedPut, Event::S3ObjectCreatedCompleteMultipartUpload]),
    (LOGOS, &[Event::S3ObjectCreatedPut]),
];

/// Creates what is missing.
pub async fn set_up(stand_ins: &StandIns, env: &Env, configs: &QueueConfigs, cors_origins: &[String]) -> Result<()> {
    let config = aws::config(env, aws::Patience::Job)?;
    stand_ins
        .parameters()
        .get_or_create(&env.required("LINK_SECRET_PARAMETER")?, || format!("1:{}{}", random(), random()))?;
    stand_ins
        .parameters()
        .get_or_create(&env.required("WEBHOOK_SECRET_PARAMETER")?, || format!("{}{}", random(), random()))?;
    queues(&aws::sqs(&config), configs).await?;
    let s3 = runtime::aws::s3(env, &config);
    buckets(&s3, env).await?;
    cors(&s3, env, cors_origins).await?;
    tables(&runtime::aws::dynamodb(env, &config), env).await
}

fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

async fn queues(sqs: &aws_sdk_sqs::Client, configs: &QueueConfigs) -> Result<()> {
    for (queue, config) in configs {
        sqs.create_queue()
            .queue_name(queue.dlq())
            .attributes(QueueAttributeName::MessageRetentionPeriod, DLQ_RETENTION_SECONDS)
            .send()
            .await
            .context("Failed to create a dead-letter queue")?;
        let dlq_arn = format!("arn:aws:sqs:us-east-1:000000000000:{}", queue.dlq());
        let redrive = json!({ "deadLetterTargetArn": dlq_arn, "maxReceiveCount": config.max_receives });
        sqs.create_queue()
            .queue_name(queue.as_str())
            .attributes(QueueAttributeName::VisibilityTimeout, config.visibility().as_secs().to_string())
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
    let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let versioning = s3.put_bucket_versioning().bucket(&photos).versioning_configuration(versions);
    versioning.send().await.context("Failed to enable versions")?;
    let mut notifications = NotificationConfiguration::builder();
    for (prefix, events) in NOTIFICATIONS {
        let prefix = FilterRule::builder().name(FilterRuleName::Prefix).value(prefix).build();
        let filter = S3KeyFilter::builder().filter_rules(prefix).build();
        let to_uploads = QueueConfiguration::builder()
            .queue_arn("arn:aws:sqs:us-east-1:000000000000:uploads")
            .set_events(Some(events.to_vec()))
            .filter(NotificationConfigurationFilter::builder().key(filter).build());
        notifications = notifications.queue_configurations(to_uploads.build()?);
    }
    s3.put_bucket_notification_configuration()
        .bucket(photos)
        .notification_configuration(notifications.build())
        .send()
        .await
        .context("Failed to configure the notification")?;
    Ok(())
}

/// Sets the CORS rules of the photos bucket: browsers upload photos by presigned URLs, so the bucket must allow the
/// same origins as the API. The customer's page reads photos.
async fn cors(s3: &aws_sdk_s3::Client, env: &Env, origins: &[String]) -> Result<()> {
    let photos = env.required("PHOTOS_BUCKET")?;
    let strings = |values: &[&str]| Some(values.iter().map(|&value| value.to_owned()).collect());
    let page = CorsRule::builder()
        .allowed_methods("GET")
        .allowed_origins(env.required("PUBLIC_URL")?)
        .max_age_seconds(3600)
        .build()?;
    let shop = CorsRule::builder()
        .set_allowed_methods(strings(&["GET", "PUT", "POST", "DELETE"]))
        .set_allowed_origins(Some(origins.to_vec()))
        .set_allowed_headers(strings(&[
            "content-type",
            "if-none-match",
            "x-amz-checksum-*",
            "x-amz-mp-object-size",
            "x-amz-sdk-checksum-algorithm",
        ]))
        .set_expose_headers(strings(&["ETag"]))
        .max_age_seconds(3600);
    let mut rules = CorsConfiguration::builder();
    if !origins.is_empty() {
        rules = rules.cors_rules(shop.build()?);
    }
    s3.put_bucket_cors()
        .bucket(photos)
        .cors_configuration(rules.cors_rules(page).build()?)
        .send()
        .await
        .context("Failed to set a bucket's CORS")?;
    Ok(())
}

async fn tables(dynamodb: &aws_sdk_dynamodb::Client, env: &Env) -> Result<()> {
    let mut made = Vec::new();
    for (variable, indexes) in TABLES {
        let name = env.required(variable)?;
        let found = dynamodb.describe_table().table_name(&name).send().await.ok().and_then(|found| found.table);
        let Some(found) = found else {
            create_table(dynamodb, &name, indexes).await?;
            made.push(variable);
            continue;
        };
        let has =
            |index: &&Index| found.global_secondary_indexes().iter().any(|it| it.index_name() == Some(index.name));
        // An earlier release created the table. On AWS too, indexes are added one at a time.
        for index in indexes.iter().filter(|index| !has(index)) {
            add_index(dynamodb, &name, index).await.context("Failed to add an index to a table")?;
        }
    }
    // A new table needs no migration of older items.
    let operations = Table::new(dynamodb.clone(), env.required("REQUESTS_TABLE")?, env.world());
    for (variable, table) in [
        ("PHOTOS_TABLE", Filled::Photos),
        ("DOWNLOADS_TABLE", Filled::Downloads),
        ("ORDERS_TABLE", Filled::Orders),
        ("EMAILS_TABLE", Filled::Emails),
    ] {
        if made.contains(&variable) {
            fill::is_new(&operations, table, env.clock().now()).await?;
        }
    }
    Ok(())
}

async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str, indexes: &[Index]) -> Result<()> {
    let mut create = dynamodb
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .attribute_definitions(attribute("studio", ScalarAttributeType::S)?)
        .attribute_definitions(attribute("id", ScalarAttributeType::S)?)
        .key_schema(key("studio", KeyType::Hash)?)
        .key_schema(key("id", KeyType::Range)?);
    let mut defined = vec!["studio", "id"];
    for index in indexes {
        for attribute in index.attributes()? {
            let name = if attribute.attribute_name() == index.hash { index.hash } else { index.range.0 };
            if !defined.contains(&name) {
                defined.push(name);
                create = create.attribute_definitions(attribute);
            }
        }
        create = create.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(index.name)
                .set_key_schema(Some(index.keys()?))
                .projection(index.projection())
                .build()?,
        );
    }
    create.send().await.context("Failed to create a table")?;
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name("ttl").build()?;
    dynamodb
        .update_time_to_live()
        .table_name(name)
        .time_to_live_specification(ttl)
        .send()
        .await
        .context("Failed to set a table's time to live")?;
    Ok(())
}

async fn add_index(dynamodb: &aws_sdk_dynamodb::Client, table: &str, index: &Index) -> Result<()> {
    let create = CreateGlobalSecondaryIndexAction::builder()
        .index_name(index.name)
        .set_key_schema(Some(index.keys()?))
        .projection(index.projection())
        .build()?;
    dynamodb
        .update_table()
        .table_name(table)
        .set_attribute_definitions(Some(index.attributes()?.into()))
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build())
        .send()
        .await?;
    Ok(())
}

impl Index {
    fn attributes(&self) -> Result<[AttributeDefinition; 2]> {
        Ok([attribute(self.hash, ScalarAttributeType::S)?, attribute(self.range.0, self.range.1.clone())?])
    }

    fn keys(&self) -> Result<Vec<KeySchemaElement>> {
        Ok(vec![key(self.hash, KeyType::Hash)?, key(self.range.0, KeyType::Range)?])
    }

    fn projection(&self) -> Projection {
        let projection = Projection::builder();
        if self.included.is_empty() {
            return projection.projection_type(ProjectionType::KeysOnly).build();
        }
        let included = self.included.iter().map(|&name| name.to_owned()).collect();
        projection.projection_type(ProjectionType::Include).set_non_key_attributes(Some(included)).build()
    }
}

fn attribute(name: &str, kind: ScalarAttributeType) -> Result<AttributeDefinition> {
    Ok(AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build()?)
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement> {
    Ok(KeySchemaElement::builder().attribute_name(name).key_type(kind).build()?)
}

/// Ends the leases of the system's previous process immediately instead of at their deadlines: that process no longer
/// runs.
pub async fn free_dead_leases(env: &Env) -> Result<()> {
    let dynamodb = runtime::aws::dynamodb(env, &aws::config(env, aws::Patience::Job)?);
    let now = env.clock().now();
    free(&Table::<Photo>::new(dynamodb.clone(), env.required("PHOTOS_TABLE")?, env.world()), now).await?;
    free(&Table::<Download>::new(dynamodb.clone(), env.required("DOWNLOADS_TABLE")?, env.world()), now).await?;
    free(&Table::<Email>::new(dynamodb.clone(), env.required("EMAILS_TABLE")?, env.world()), now).await?;
    free(&Table::<Delivery>::new(dynamodb.clone(), env.required("DELIVERIES_TABLE")?, env.world()), now).await?;
    free(&Table::<Operation>::new(dynamodb, env.required("REQUESTS_TABLE")?, env.world()), now).await
}

async fn free<R: JobRecord>(table: &Table<R>, now: Timestamp) -> Result<()> {
    for (studio, id) in table.all_due().await? {
        let free = |record: &mut R| {
            record.work_mut().free(now);
            // The record is due now: if its message was lost with the process, the first sweep sends it again.
            record.work_mut().due_at = record.work().due_at.map(|_| now);
            Ok::<_, ()>(())
        };
        match table.update(&studio, id, free).await {
            Err(error) if error.downcast_ref::<Unreadable>().is_some() => {
                warn!(%studio, %id, error = format!("{error:#}"), "Left a {} alone", R::NAME);
            }
            freed => drop(freed?),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    #[tokio::test]
    async fn older_table_gets_its_missing_index() {
        let data = tempfile::tempdir().unwrap();
        let options =
            local_aws::Options { data: data.path().to_owned(), port: 0, now: std::sync::Arc::new(Timestamp::now) };
        let stand_ins = StandIns::start(options).await.unwrap();
        let tables_of = TABLES.map(|(variable, _)| (variable.to_owned(), variable.to_lowercase()));
        let of_aws = [
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", stand_ins.dynamodb_endpoint()),
        ];
        let of_aws = of_aws.map(|(name, value)| (name.to_owned(), value));
        let env = Env::of(tables_of.into_iter().chain(of_aws).collect());
        let dynamodb = runtime::aws::dynamodb(&env, &aws::config(&env, aws::Patience::Job).unwrap());
        create_table(&dynamodb, "photos_table", &[DUE]).await.unwrap();
        let text = |text: &str| AttributeValue::S(text.to_owned());
        let number = |number: &str| AttributeValue::N(number.to_owned());
        let mut put = dynamodb.put_item().table_name("photos_table");
        for (name, value) in [
            ("studio", text("anna")),
            ("id", text("1")),
            ("failed_shard", text("0")),
            ("failed_at", number("5")),
            ("error", text("damaged")),
            ("filename", text("a.jpg")),
        ] {
            put = put.item(name, value);
        }
        put.send().await.unwrap();

        for _ in 0..2 {
            tables(&dynamodb, &env).await.unwrap();
        }
        let found = dynamodb
            .query()
            .table_name("photos_table")
            .index_name("failed_at")
            .key_condition_expression("failed_shard = :shard AND failed_at <= :now")
            .expression_attribute_values(":shard", text("0"))
            .expression_attribute_values(":now", number("9"))
            .send()
            .await
            .unwrap();
        let mut names: Vec<_> = found.items()[0].keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["error", "failed_at", "failed_shard", "id", "studio"], "what had failed before is in it");
        for (variable, indexes) in TABLES {
            let table = dynamodb.describe_table().table_name(variable.to_lowercase()).send().await.unwrap();
            let table = table.table.unwrap();
            let found: Vec<_> = table.global_secondary_indexes().iter().filter_map(|it| it.index_name()).collect();
            assert_eq!(found, indexes.iter().map(|index| index.name).collect::<Vec<_>>(), "{variable}");
        }
    }
}
