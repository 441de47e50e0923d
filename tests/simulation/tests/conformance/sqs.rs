//! The model of SQS compared with the stand-in of `local-aws`.
//!
//! Each case sends the same requests to both, at the same times of a clock that the cases move. The transcripts must be
//! equal, except for [`DIFFERENCES`].

mod attributes;
mod batches;
mod dead_letters;
mod groups;
mod limits;
mod messages;
mod session;
mod visibility;

use self::session::Session;
use crate::transcript::{Difference, Transcript, compare, difference};

/// Checks to which the stand-in responds differently.
const DIFFERENCES: &[Difference] = &[
    difference("delete: handle of another queue", BAD_HANDLE, FOREIGN),
    difference("change: handle of another queue", BAD_HANDLE, FOREIGN),
    difference("change batch: handle of another queue", "ok [] [(\"a\", \"ReceiptHandleIsInvalid\", true)]", FOREIGN),
    difference("delete batch: handle of another queue", "ok [] [(\"a\", \"ReceiptHandleIsInvalid\", true)]", FOREIGN),
    difference(
        "receive: attributes prefix",
        "ok a 0cc175b9 since=String:ü since.ms=Number:-1.5",
        "A name that ends in .* is a prefix (API_ReceiveMessage). The stand-in knows only .* itself.",
    ),
    difference(
        "dead letter",
        "ok a 0cc175b9 ApproximateFirstReceiveTimestamp=1000 ApproximateReceiveCount=3 \
         DeadLetterQueueSourceArn=arn:aws:sqs:us-east-1:000000000000:jobs SenderId SentTimestamp=0",
        SOURCE,
    ),
    difference(
        "redrive: dead letters in flight",
        "ok a 0cc175b9 ApproximateFirstReceiveTimestamp=21000 ApproximateReceiveCount=2 \
         DeadLetterQueueSourceArn=arn:aws:sqs:us-east-1:000000000000:jobs SenderId SentTimestamp=20000 since=String:1; \
         direct 7caa701b ApproximateFirstReceiveTimestamp=21000 ApproximateReceiveCount=2 SenderId SentTimestamp=20000",
        SOURCE,
    ),
    difference("send: empty body", MISSING, REQUIRED),
    difference("send: no body", MISSING, REQUIRED),
    difference("send batch: empty body", "ok [\"third\"] [(\"empty\", \"MissingParameter\", true)]", REQUIRED),
    difference("delete: no handle", MISSING, REQUIRED),
    difference("change: no timeout given", MISSING, REQUIRED),
    difference("receive: -1 messages", INVALID, RANGE),
    difference("change: negative", INVALID, RANGE),
    difference("send: delay of -1 s", INVALID, RANGE),
    difference(
        "send: 1 MiB and an attribute",
        INVALID,
        "The limit of 1 MiB includes the attributes (API_SendMessage, quotas-messages).",
    ),
    difference("send: 11 attributes", INVALID, "A message has at most 10 attributes (quotas-messages)."),
];

const BAD_HANDLE: &str = "400 ReceiptHandleIsInvalid ReceiptHandleIsInvalid;Sender";
const MISSING: &str = "400 MissingRequiredParameterException MissingParameter;Sender";
const INVALID: &str = "400 InvalidParameterValueException InvalidParameterValue;Sender";
const FOREIGN: &str =
    "A handle belongs to one queue. LocalStack, whose tests ran on AWS, refuses those of other queues.";
const SOURCE: &str =
    "Dead letters name the queue from which they came (API_ReceiveMessage, MessageSystemAttributeNames).";
const REQUIRED: &str = "A missing or empty parameter has an error of its own (CommonErrors, MissingParameter).";
const RANGE: &str = "A negative number is out of range, and no malformed request. The stand-in reads unsigned numbers.";

/// Runs a case on the model and on the stand-in, and compares the transcripts.
macro_rules! agrees_with_stand_in {
    ($case:path) => {
        let (mut model, mut stand_in) = (Session::model(), Session::stand_in().await);
        $case(&mut model).await;
        $case(&mut stand_in).await;
        compare(&model.said, &stand_in.said, DIFFERENCES);
    };
}

#[tokio::test]
async fn stand_in_agrees_about_messages() {
    agrees_with_stand_in!(messages::case);
}

#[tokio::test]
async fn stand_in_agrees_about_delays_and_retention() {
    agrees_with_stand_in!(messages::times);
}

#[tokio::test]
async fn stand_in_agrees_about_attributes() {
    agrees_with_stand_in!(attributes::case);
}

#[tokio::test]
async fn stand_in_agrees_about_visibility() {
    agrees_with_stand_in!(visibility::case);
}

#[tokio::test]
async fn stand_in_agrees_about_dead_letters() {
    agrees_with_stand_in!(dead_letters::case);
}

#[tokio::test]
async fn stand_in_agrees_about_redrives() {
    agrees_with_stand_in!(dead_letters::redrive);
}

#[tokio::test]
async fn stand_in_agrees_about_batches() {
    agrees_with_stand_in!(batches::case);
}

#[tokio::test]
async fn stand_in_agrees_about_groups() {
    agrees_with_stand_in!(groups::case);
}

#[tokio::test]
async fn stand_in_agrees_about_limits() {
    agrees_with_stand_in!(limits::case);
}

#[tokio::test]
async fn named_differences_are_checks() {
    let mut all = Transcript::default();
    macro_rules! add {
        ($($case:path),*) => {
            $(
                let mut model = Session::model();
                $case(&mut model).await;
                all.append(model.said);
            )*
        };
    }
    add!(messages::case, messages::times, attributes::case, visibility::case);
    add!(dead_letters::case, dead_letters::redrive, batches::case, groups::case, limits::case);
    for difference in DIFFERENCES {
        assert!(all.has(difference.check), "no check is called {:?}", difference.check);
    }
}
