//! Runtime of all functions: AWS clients, tables, queues, message batches, leases, failed jobs, metrics and
//! configuration.

pub mod aws;
pub mod batch;
pub mod call;
pub mod cdn;
pub mod clock;
pub mod cloudwatch;
pub mod contents;
pub mod email_subjects;
pub mod env;
pub mod erasure;
pub mod event_sources;
pub mod events;
pub mod failed_jobs;
pub mod fill;
pub mod job_metrics;
pub mod lambda;
pub mod lease;
pub mod metrics;
pub mod notification;
pub mod objects;
pub mod queue;
pub mod queue_switches;
pub mod s3_event;
pub mod secret;
pub mod ses;
pub mod ssm;
pub mod store;
pub mod telemetry;
pub mod worker;
pub mod world;
