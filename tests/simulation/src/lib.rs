//! Seeded simulation of Darkroom: the functions' own code on one thread, with virtual time and model services.
//!
//! A seed determines everything: the story of the clients, the faults, every id and random number, the order of
//! messages. Time stands still while anything runs, and jumps to the next timer otherwise, so ten days take less than a
//! second. A failing history is repeated by its seed, and shortened until it needs every one of its steps.
//!
//! # What is simulated
//!
//! | part | by |
//! | --- | --- |
//! | the six functions | their own code, unchanged, in the `World` of a host: its clock, its random numbers, its network |
//! | pictures | the real pipeline on photos of 8 × 8 pixels, between 0.5 KB and 6 MiB |
//! | archives | the real planner and builder; `zip` reads the results |
//! | DynamoDB | conditions, indexes that lag, unprocessed entries, expiry at a later time ([`services::dynamodb`]) |
//! | S3 | versions, conditions, multipart uploads, copies, checksums, presigned URLs, late and doubled events, rules that abort uploads and delete `work/` ([`services::s3`]) |
//! | SQS | at least once, unordered, doubled, visibility, delay, receive counts, dead-letter queues ([`services::sqs`]) |
//! | SES | rate, daily quota, a reply lost after acceptance; reports of deliveries, bounces and complaints, which EventBridge delivers late, twice or never ([`services::ses`]) |
//! | the shop's server | accepts webhooks; while faults last it also fails, answers 410, or loses its reply ([`services::shop`]) |
//! | SSM, KMS, CloudWatch, Lambda's Invoke | their responses and outages |
//! | event source mappings | delivery of batches; changes that take effect within a minute, and are refused meanwhile ([`services::mappings`]) |
//! | Lambda | cold starts, timeouts, kills between two calls, frozen processes that act on past their timeout, hosts whose clocks differ by up to 10 s and jump |
//! | network | lost requests and replies, refusals, throttling, hanging calls, calls that arrive minutes after their process ended |
//! | clients | photographers, who upload by one PUT, in parts, or by S3 clients that know nothing of the API; the shop, customers, operators ([`clients`]); SQS's own redrive; a table restored to an hour ago |
//! | other releases | with `--upgrade`, records, objects and messages that an earlier release left ([`recording`]); messages and records of a newer one |
//!
//! # What is not
//!
//! - Two threads: a history runs on one, so data races within a function are out of reach.
//! - API Gateway's own limits and tokens, IAM, and Lambda's recursive loop detection, which all queues switch off.
//! - Costs in money; writes and requests are counted.
//!
//! # Invariants
//!
//! [`invariants`] checks every change of a record after every call: one owner of a lease, one claim for an attempt, counts that
//! did happen, archives that are there. At the end the faults stop, and thirteen days pass without an operator. Then every
//! record is final and has a reason if it failed, every customer was told once, every archive has the photos of its
//! order, every report of SES has had its effect, suppressed addresses got nothing, the shop has each event, no queue is paused, and
//! nothing is left: no message, lease, multipart upload or object. A history that makes 200,000 calls comes to no rest.
//!
//! # Reading a failure
//!
//! A failure names its seed and the command that repeats it. `--verbose` prints every call. `mutants/run` shows which mistakes
//! the invariants find.

pub mod clients;
pub mod cloud;
pub mod command;
pub mod config;
pub mod connector;
pub mod event_source;
pub mod faults;
pub mod gateway;
pub mod history;
pub mod hooks;
pub mod host;
pub mod invariants;
pub mod lambda;
pub mod network;
pub mod photo;
pub mod recording;
pub mod schedule;
pub mod services;
pub mod setup;
pub mod shrink;
pub mod story;
pub mod time;
pub mod trace;
pub mod truth;
