//! The number of AWS requests of one complete run. The costs in README.md are computed from these numbers, so a change
//! of them must be deliberate.

use std::collections::BTreeMap;

use tests::campaigns::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn typical_order_costs_the_expected_requests() {
    let rig = Rig::start(None).await.unwrap();
    rig.net.begin(Vec::new());
    let findings = rig.walk(0).await;
    assert!(findings.violations.is_empty(), "{findings:?}");
    let mut counts = BTreeMap::new();
    for answered in rig.net.log() {
        let call = answered.site.to_string();
        let call = call.split('#').next().unwrap_or_default().to_owned();
        // Once a minute, and free of charge.
        if !call.ends_with("Ses.GetAccount") {
            *counts.entry(call).or_insert(0_u32) += 1;
        }
    }
    let counted: Vec<String> = counts.iter().map(|(call, count)| format!("{call} {count}")).collect();
    assert_eq!(counted, EXPECTED, "{counted:#?}");
}

/// Requests by function, service and operation. The three objects of `api` are two uploads by its URLs, and an index.
const EXPECTED: [&str; 35] = [
    "api/DynamoDb.BatchGetItem 3",
    "api/DynamoDb.BatchWriteItem 1",
    "api/DynamoDb.GetItem 27",
    "api/DynamoDb.PutItem 16",
    "api/DynamoDb.Query 1",
    "api/S3.PutObject 3",
    "api/Sqs.SendMessage 6",
    "api/Ssm.GetParameter 1",
    "archive-builder/DynamoDb.BatchGetItem 1",
    "archive-builder/DynamoDb.GetItem 6",
    "archive-builder/DynamoDb.PutItem 5",
    "archive-builder/S3.GetObject 2",
    "archive-builder/S3.PutObject 2",
    "archive-builder/Sqs.ChangeMessageVisibility 1",
    "archive-builder/Sqs.SendMessage 2",
    "email-sender/DynamoDb.GetItem 20",
    "email-sender/DynamoDb.PutItem 12",
    "email-sender/Ses.SendEmail 3",
    "email-sender/Sqs.ChangeMessageVisibility 3",
    "email-sender/Sqs.SendMessage 3",
    "email-sender/Ssm.GetParameter 1",
    "housekeeper/Sqs.ChangeMessageVisibility 2",
    "housekeeper/Sqs.SendMessage 2",
    "photo-processor/DynamoDb.GetItem 4",
    "photo-processor/DynamoDb.PutItem 6",
    "photo-processor/DynamoDb.Query 2",
    "photo-processor/S3.GetObject 2",
    "photo-processor/S3.HeadObject 2",
    "photo-processor/S3.PutObject 4",
    "photo-processor/Sqs.ChangeMessageVisibility 2",
    "photo-processor/Sqs.SendMessage 2",
    "webhook-sender/DynamoDb.GetItem 14",
    "webhook-sender/DynamoDb.PutItem 7",
    "webhook-sender/DynamoDb.Query 7",
    "webhook-sender/Sqs.ChangeMessageVisibility 7",
];
