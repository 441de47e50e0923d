//! Tables, functions and metrics.

use super::Bed;
use crate::lambda;

#[tokio::test]
async fn tables_are_served() {
    let bed = Bed::new().await;
    let config = bed.config.to_builder().endpoint_url(bed.stand_ins.dynamodb_endpoint()).build();
    let tables = aws_sdk_dynamodb::Client::new(&config).list_tables().send().await.unwrap();
    assert!(tables.table_names().is_empty());
}

#[tokio::test]
async fn signature_scope_selects_lambda_or_cloudwatch() {
    let bed = Bed::new().await;
    bed.stand_ins.run_functions(std::sync::Arc::new(|name, event, _| {
        (name == "echo").then(|| Box::pin(async move { Ok(event) }) as lambda::Running)
    }));
    let queue = bed.sqs.create_queue().queue_name("jobs").send().await.unwrap().queue_url.unwrap();
    bed.sqs.send_message().queue_url(&queue).message_body("x").send().await.unwrap();
    let http = reqwest::Client::new();
    let post = async |service: &str, path: &str, target: &str, body: serde_json::Value| {
        let scope = format!("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request");
        let request = http.post(format!("{}{path}", bed.stand_ins.endpoint())).header("authorization", scope);
        let answer = request.header("x-amz-target", target).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap())
    };
    let invoke = async |name: &str| {
        let path = format!("/2015-03-31/functions/{name}/invocations");
        post("lambda", &path, "", serde_json::json!({ "a": 1 })).await
    };
    assert_eq!(invoke("echo").await, (200, serde_json::json!({ "a": 1 })));
    assert_eq!(invoke("none").await.0, 404);
    let now = jiff::Timestamp::now().as_second();
    let metric = serde_json::json!({
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateAgeOfOldestMessage",
        "Dimensions": [{ "Name": "QueueName", "Value": "jobs" }],
    });
    let query = serde_json::json!({ "Id": "q0", "MetricStat": { "Metric": metric, "Period": 60, "Stat": "Maximum" } });
    let body = serde_json::json!({ "StartTime": now - 300, "EndTime": now + 60, "MetricDataQueries": [query] });
    let target = "GraniteServiceVersion20100801.GetMetricData";
    let (status, answer) = post("monitoring", "/", target, body).await;
    assert_eq!(status, 200);
    assert!(answer["MetricDataResults"][0]["Values"][0].as_f64().is_some_and(|age| age < 60.0), "{answer}");
}
