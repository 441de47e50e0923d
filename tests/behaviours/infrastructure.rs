//! Checks that the Terraform plan agrees with the code and with AWS's documentation, which no checker of Terraform
//! covers. `.ci/deployment` writes the plan, and the examples' plans beside it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use domain::{
    object_key::{INCOMING, LOGOS, ORIGINALS},
    queue_config::{QueueName, queue_configs},
};
use local::WORKERS;
use runtime::{env::Env, metrics};
use serde_json::{Value, json};

/// The environment variable with the path of the plan, as `terraform show -json` writes it.
const PLAN: &str = "DARKROOM_PLAN";
/// Variables that the functions do not require: they have defaults.
const OPTIONAL: [&str; 8] = [
    "ARCHIVE_CHECKSUMS",
    "ARCHIVE_PREFERENCE",
    "IMPORT_SOURCES",
    "MACHINE_CLIENTS",
    "PERSONAL_DATA_RETENTION_DAYS",
    "RETRY_BACKOFF_SECONDS",
    "RUST_LOG",
    "SES_CONFIGURATION_SET",
];
/// AWS's own metrics on the dashboard and in alarms.
const OF_AWS: [(&str, &[&str]); 5] = [
    ("AWS/SQS", &["ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"]),
    ("AWS/Lambda", &["Errors", "Throttles", "ConcurrentExecutions"]),
    ("AWS/Scheduler", &["InvocationAttemptCount", "InvocationDroppedCount"]),
    ("AWS/ApiGateway", &["Count", "4xx", "5xx", "Latency"]),
    ("AWS/SES", &["Send", "Delivery", "Bounce", "Complaint", "Reputation.BounceRate", "Reputation.ComplaintRate"]),
];
/// Actions that IAM does not restrict to a resource.
const ON_ANYTHING: [&str; 8] = [
    "cloudwatch:GetMetricData",
    "lambda:ListEventSourceMappings",
    "ses:DeleteSuppressedDestination",
    "ses:GetAccount",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
];

struct Resource {
    address: String,
    kind: String,
    values: Value,
}

fn plan() -> Vec<Resource> {
    plan_at(&plan_file())
}

/// Returns the plan of `infra/examples/complete`, before anything is created: values that AWS chooses are missing.
fn plan_of_complete_example() -> Vec<Resource> {
    plan_at(&plan_file().with_extension("complete.json"))
}

fn plan_file() -> PathBuf {
    let default = || concat!(env!("CARGO_MANIFEST_DIR"), "/../target/plan.json").into();
    std::env::var_os(PLAN).map_or_else(default, PathBuf::from)
}

fn plan_at(path: &Path) -> Vec<Resource> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let plan: Value = serde_json::from_str(&text).unwrap();
    let mut found = Vec::new();
    collect(&plan["planned_values"]["root_module"], &mut found);
    assert!(found.len() > 50, "{} resources are no deployment", found.len());
    found
}

fn collect(module: &Value, found: &mut Vec<Resource>) {
    for resource in module["resources"].as_array().into_iter().flatten() {
        found.push(Resource {
            address: resource["address"].as_str().unwrap().to_owned(),
            kind: resource["type"].as_str().unwrap().to_owned(),
            values: resource["values"].clone(),
        });
    }
    for child in module["child_modules"].as_array().into_iter().flatten() {
        collect(child, found);
    }
}

fn of_kind<'a>(plan: &'a [Resource], kind: &str) -> Vec<&'a Resource> {
    let found: Vec<_> = plan.iter().filter(|resource| resource.kind == kind).collect();
    assert!(!found.is_empty(), "no {kind}");
    found
}

/// Returns the only resource of a kind whose field ends with `ends`.
fn one<'a>(plan: &'a [Resource], kind: &str, field: &str, ends: &str) -> &'a Value {
    let mut found = of_kind(plan, kind).into_iter().filter(|r| r.values[field].as_str().unwrap().ends_with(ends));
    let first = found.next().unwrap_or_else(|| panic!("no {kind} whose {field} ends in {ends}"));
    assert!(found.next().is_none(), "more than one {kind} whose {field} ends in {ends}");
    &first.values
}

fn json(text: &Value) -> Value {
    serde_json::from_str(text.as_str().unwrap()).unwrap()
}

/// Returns a statement's field, which is one string or a list.
fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map_or_else(|| vec![value.as_str().unwrap()], |many| many.iter().filter_map(Value::as_str).collect())
}

fn queue_of<'a>(plan: &'a [Resource], queue: QueueName, suffix: &str) -> &'a Value {
    one(plan, "aws_sqs_queue", "name", &format!("-{queue}{suffix}"))
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn queues_and_functions_are_as_the_table_says() {
    let plan = plan();
    for (name, worker) in queue_configs().unwrap() {
        let function = &worker.function;
        let (queue, dlq) = (queue_of(&plan, name, ""), queue_of(&plan, name, "-dlq"));
        let visibility = queue["visibility_timeout_seconds"].as_u64().unwrap();
        assert!(visibility >= 6 * u64::from(worker.timeout_seconds), "{function}: {visibility}");
        let retention = |queue: &Value| queue["message_retention_seconds"].as_u64().unwrap();
        assert!(retention(dlq) > retention(queue), "{function}: the DLQ expires messages first");
        let redrive = json(&queue["redrive_policy"]);
        assert_eq!(redrive["maxReceiveCount"], worker.max_receives, "{function}");
        assert_eq!(redrive["deadLetterTargetArn"], dlq["arn"], "{function}");

        let built = one(&plan, "aws_lambda_function", "function_name", &format!("-{function}"));
        assert_eq!(built["timeout"], worker.timeout_seconds, "{function}");
        assert_eq!(built["memory_size"], worker.memory_mb, "{function}");
        let reserved = built["reserved_concurrent_executions"].as_i64().unwrap();
        assert!(reserved == -1 || reserved >= i64::from(worker.max_concurrency), "{function}: {reserved}");

        let mapping = one(&plan, "aws_lambda_event_source_mapping", "event_source_arn", &format!("-{name}"));
        assert_eq!(mapping["function_response_types"], serde_json::json!(["ReportBatchItemFailures"]), "{function}");
        assert_eq!(mapping["batch_size"], worker.batch_size, "{function}");
        let concurrency = mapping["scaling_config"][0]["maximum_concurrency"].as_u64().unwrap();
        assert_eq!(concurrency, u64::from(worker.max_concurrency), "{function}");
        assert!(concurrency >= 2, "{function}: AWS: at least 2");
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn queue_alarms_match_the_table() {
    let plan = plan();
    for (queue, worker) in queue_configs().unwrap() {
        let function = &worker.function;
        let alarm = |of: &str| one(&plan, "aws_cloudwatch_metric_alarm", "alarm_name", &format!("-{queue}-{of}"));
        assert_eq!(alarm("oldest-message")["threshold"], worker.healthy.oldest_seconds, "{function}");
        if worker.secondary {
            continue;
        }
        assert_eq!(alarm("failed")["threshold"], worker.tolerated_failures, "{function}");
        assert_eq!(alarm("waiting-jobs")["threshold"], worker.healthy.oldest_seconds * 1000, "{function}");
        assert_eq!(alarm("unreadable-records")["threshold"], 0, "{function}");
        // After a crash a message is visible again only after this time, which is not a fault.
        assert!(worker.healthy.oldest_seconds >= worker.visibility().as_secs(), "{function}");
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn uploads_notify_the_queue_and_copies_do_not() {
    let plan = plan();
    let mut found = BTreeMap::new();
    for notification in of_kind(&plan, "aws_s3_bucket_notification") {
        for queue in notification.values["queue"].as_array().unwrap() {
            let events: BTreeSet<_> = strings(&queue["events"]).into_iter().map(str::to_owned).collect();
            found.insert(queue["filter_prefix"].as_str().unwrap().to_owned(), events);
        }
    }
    let events = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    let expected = BTreeMap::from([
        (INCOMING.to_owned(), events(&["s3:ObjectCreated:*"])),
        (ORIGINALS.to_owned(), events(&["s3:ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"])),
        (LOGOS.to_owned(), events(&["s3:ObjectCreated:Put"])),
    ]);
    assert_eq!(found, expected);
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn buckets_and_queues_refuse_requests_without_tls() {
    let plan = plan();
    let policies: Vec<_> = of_kind(&plan, "aws_s3_bucket_policy")
        .into_iter()
        .chain(of_kind(&plan, "aws_sqs_queue_policy"))
        .map(|policy| json(&policy.values["policy"]))
        .collect();
    for kept in of_kind(&plan, "aws_s3_bucket").into_iter().chain(of_kind(&plan, "aws_sqs_queue")) {
        let arn = kept.values["arn"].as_str().unwrap();
        let refuses = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap()).any(|statement| {
            statement["Effect"] == "Deny"
                && statement["Condition"]["Bool"]["aws:SecureTransport"] == "false"
                && strings(&statement["Resource"]).contains(&arn)
        });
        assert!(refuses, "{}", kept.address);
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn roles_name_their_actions_and_resources() {
    let plan = plan();
    for policy in of_kind(&plan, "aws_iam_role_policy") {
        for statement in json(&policy.values["policy"])["Statement"].as_array().unwrap() {
            let actions = strings(&statement["Action"]);
            assert!(actions.iter().all(|action| !action.contains('*')), "{}: {statement}", policy.address);
            let anything = strings(&statement["Resource"]).contains(&"*");
            assert!(!anything || actions.iter().all(|a| ON_ANYTHING.contains(a)), "{}: {statement}", policy.address);
        }
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn logs_are_not_kept_for_ever() {
    for group in of_kind(&plan(), "aws_cloudwatch_log_group") {
        assert!(group.values["retention_in_days"].as_u64().is_some_and(|days| days > 0), "{}", group.address);
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn required_variables_are_set_and_no_others() {
    let plan = plan();
    for function in WORKERS.map(|(name, _)| name).into_iter().chain(["api"]) {
        let built = one(&plan, "aws_lambda_function", "function_name", &format!("-{function}"));
        let set: HashMap<String, String> =
            serde_json::from_value(built["environment"][0]["variables"].clone()).unwrap();
        starts(function, set.clone()).unwrap_or_else(|error| panic!("{function}: {error:#}"));
        for name in set.keys().filter(|name| !OPTIONAL.contains(&name.as_str())) {
            let mut others = set.clone();
            others.remove(name);
            let error = starts(function, others).expect_err(&format!("{function} does not need {name}"));
            assert!(format!("{error:#}").contains(name.as_str()), "{function} without {name}: {error:#}");
        }
    }
}

/// Returns an error unless the function starts with these variables and those that Lambda sets.
fn starts(function: &str, mut variables: HashMap<String, String>) -> anyhow::Result<()> {
    for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        variables.insert(name.to_owned(), "us-east-1".to_owned());
    }
    let env = Env::of(variables);
    if function == "api" {
        return api::State::from_env(&env).map(drop);
    }
    let worker = WORKERS.into_iter().find(|(name, _)| *name == function);
    worker.with_context(|| format!("{function} is no function"))?.1(&env).map(drop)
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn dashboard_and_alarms_show_only_what_is_measured() {
    let plan = plan();
    let mut known: BTreeMap<&str, BTreeSet<&str>> =
        OF_AWS.into_iter().map(|(namespace, names)| (namespace, names.iter().copied().collect())).collect();
    known.insert(metrics::NAMESPACE, metrics::ALL.into_iter().map(|(name, _)| name).collect());
    let is_known = |namespace: &str, name: &str| known.get(namespace).is_some_and(|names| names.contains(name));
    let functions: Vec<&str> =
        of_kind(&plan, "aws_lambda_function").iter().map(|f| f.values["function_name"].as_str().unwrap()).collect();
    let mut ours = 0;
    for dashboard in of_kind(&plan, "aws_cloudwatch_dashboard") {
        for widget in json(&dashboard.values["dashboard_body"])["widgets"].as_array().unwrap() {
            for metric in widget["properties"]["metrics"].as_array().unwrap() {
                let [namespace, name, dimension, value] = [0, 1, 2, 3].map(|n| metric[n].as_str().unwrap());
                assert!(is_known(namespace, name), "{metric}");
                if namespace == metrics::NAMESPACE {
                    assert!(dimension == metrics::DIMENSION && functions.contains(&value), "{metric}");
                    ours += 1;
                }
            }
        }
    }
    assert!(ours > 0, "no metric of ours is shown");
    for alarm in of_kind(&plan, "aws_cloudwatch_metric_alarm") {
        let [namespace, name] = ["namespace", "metric_name"].map(|field| alarm.values[field].as_str().unwrap());
        assert!(is_known(namespace, name), "{}: {namespace} {name}", alarm.address);
        if namespace == metrics::NAMESPACE {
            let function = alarm.values["dimensions"][metrics::DIMENSION].as_str().unwrap();
            assert!(functions.contains(&function), "{}: {function}", alarm.address);
        }
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn only_workers_may_reach_themselves() {
    let plan = plan();
    let allowed: BTreeSet<&str> = of_kind(&plan, "aws_lambda_function_recursion_config")
        .into_iter()
        .filter(|config| config.values["recursive_loop"] == "Allow")
        .map(|config| config.values["function_name"].as_str().unwrap())
        .collect();
    for function in of_kind(&plan, "aws_lambda_function") {
        let name = function.values["function_name"].as_str().unwrap();
        assert_eq!(allowed.contains(name), !name.ends_with("-api"), "{name}");
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn emails_have_one_sender_and_any_recipient() {
    let plan = plan();
    let policies: Vec<Value> =
        of_kind(&plan, "aws_iam_role_policy").iter().map(|policy| json(&policy.values["policy"])).collect();
    let statements = policies.iter().flat_map(|policy| policy["Statement"].as_array().unwrap());
    let sending: Vec<&Value> =
        statements.filter(|statement| strings(&statement["Action"]).contains(&"ses:SendEmail")).collect();
    let [sending] = sending[..] else { panic!("{sending:?}") };
    // In the sandbox SES authorizes recipients too.
    assert!(strings(&sending["Resource"]).iter().any(|arn| arn.ends_with(":identity/*")), "{sending}");
    let sender = one(&plan, "aws_lambda_function", "function_name", "-email-sender");
    let sender = sender["environment"][0]["variables"]["MAIL_FROM"].as_str().unwrap();
    let allowed = sending["Condition"]["StringEquals"]["ses:FromAddress"].as_str().unwrap();
    assert!(sender.ends_with(&format!("<{allowed}>")), "{sender}: {sending}");
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn lambda_drops_no_line_at_any_level() {
    // The example sets log_level to WARN.
    let (plan, example) = (plan(), plan_of_complete_example());
    for function in [&plan, &example].into_iter().flat_map(|plan| of_kind(plan, "aws_lambda_function")) {
        let logging = &function.values["logging_config"][0];
        assert_eq!(logging["log_format"], "JSON", "{}", function.address);
        assert_eq!(logging["application_log_level"], "TRACE", "{}", function.address);
    }
    for function in of_kind(&plan, "aws_lambda_function") {
        let set = &function.values["environment"][0]["variables"]["RUST_LOG"];
        assert_eq!(set, "info", "{}", function.address);
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn names_that_are_global_carry_the_region() {
    let plan = plan();
    let queue = of_kind(&plan, "aws_sqs_queue")[0].values["arn"].as_str().unwrap();
    let region = queue.split(':').nth(3).unwrap();
    for (kind, field) in
        [("aws_cloudwatch_dashboard", "dashboard_name"), ("aws_iam_role", "name"), ("aws_s3_bucket", "bucket")]
    {
        for resource in of_kind(&plan, kind) {
            let name = resource.values[field].as_str().unwrap();
            assert!(name.ends_with(&format!("-{region}")), "{}: {name}", resource.address);
        }
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn route_metrics_are_off_while_unused() {
    for stage in of_kind(&plan(), "aws_apigatewayv2_stage") {
        let settings = ["default_route_settings", "route_settings"]
            .into_iter()
            .flat_map(|field| stage.values[field].as_array().unwrap());
        for setting in settings {
            assert_eq!(setting["detailed_metrics_enabled"], false, "{}: {setting}", stage.address);
        }
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn dead_letter_alarm_outlasts_missing_metrics() {
    let plan = plan();
    for queue in QueueName::ALL {
        let ends = format!("-{queue}-dlq-not-empty");
        let alarm = one(&plan, "aws_cloudwatch_metric_alarm", "alarm_name", &ends);
        assert_eq!(alarm["metric_name"], "ApproximateNumberOfMessagesVisible");
        assert_eq!(alarm["statistic"], "Maximum");
        assert_eq!(alarm["threshold"], 0);
        // SQS reports no value for an unused queue, and received messages are hidden for half a minute.
        assert_eq!(alarm["treat_missing_data"], "ignore");
        assert_eq!((&alarm["evaluation_periods"], &alarm["datapoints_to_alarm"]), (&json!(5), &json!(1)));
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn services_use_the_key_as_aws_documents() {
    let plan = plan_of_complete_example();
    let [key] = of_kind(&plan, "aws_kms_key")[..] else { panic!("one key") };
    let policy = json(&key.values["policy"]);
    let statements = policy["Statement"].as_array().unwrap();
    let of = |service: &str| {
        let mut found = statements.iter().filter(|s| s["Principal"]["Service"] == service);
        let first = found.next().unwrap_or_else(|| panic!("no statement of {service}"));
        assert!(found.next().is_none(), "{service} has several statements");
        &first["Condition"]
    };
    // S3 documents no condition on the sender; SQS names the queue in its encryption context.
    let s3 = of("s3.amazonaws.com");
    let queue = s3["StringEquals"]["kms:EncryptionContext:aws:sqs:arn"].as_str().unwrap();
    assert!(queue.ends_with("-uploads") && !s3.to_string().contains("aws:Source"), "{s3}");
    let cloudwatch = of("cloudwatch.amazonaws.com");
    let alarms = cloudwatch["ArnLike"]["aws:SourceArn"].as_str().unwrap().trim_end_matches('*');
    let account = cloudwatch["StringEquals"]["aws:SourceAccount"].as_str().unwrap();
    assert!(alarms.contains(&format!(":{account}:alarm:")), "{cloudwatch}");
    let prefix = alarms.rsplit(':').next().unwrap();
    for alarm in of_kind(&plan, "aws_cloudwatch_metric_alarm") {
        let name = alarm.values["alarm_name"].as_str().unwrap();
        assert!(name.starts_with(prefix), "{name} may not use the key");
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn concurrency_follows_the_variable_else_the_table() {
    let plan = plan_of_complete_example();
    for (queue, worker) in queue_configs().unwrap() {
        let function = worker.function;
        let requested = if function == "photo-processor" { 40 } else { worker.max_concurrency };
        let module = if worker.secondary {
            format!("module.queue[\"{queue}\"]")
        } else {
            format!("module.worker[\"{function}\"].module.queue")
        };
        let address = format!("module.darkroom.{module}.aws_lambda_event_source_mapping.this");
        let mapping = plan.iter().find(|resource| resource.address == address).unwrap_or_else(|| panic!("{address}"));
        assert_eq!(mapping.values["scaling_config"][0]["maximum_concurrency"], requested, "{function}");
    }
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn machine_clients_are_audiences_known_to_the_api() {
    let plan = plan();
    let api = one(&plan, "aws_lambda_function", "function_name", "-api");
    let known = json(&api["environment"][0]["variables"]["MACHINE_CLIENTS"]);
    let known = known.as_object().unwrap();
    assert!(!known.is_empty(), "the deployment test has none");
    let [authorizer] = of_kind(&plan, "aws_apigatewayv2_authorizer")[..] else { panic!("one authorizer") };
    // Access tokens of Cognito have no `aud`: API Gateway then compares `client_id`.
    let audience = strings(&authorizer.values["jwt_configuration"][0]["audience"]);
    assert!(known.keys().all(|client| audience.contains(&client.as_str())), "{audience:?}");
}

#[test]
#[ignore = "needs a plan, which .ci/deployment writes"]
fn price_table_counts_the_existing_alarms() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).unwrap();
    let alarms = of_kind(&plan(), "aws_cloudwatch_metric_alarm").len();
    assert!(readme.contains(&format!(" {alarms} alarms")), "README.md does not count {alarms} alarms");
}
