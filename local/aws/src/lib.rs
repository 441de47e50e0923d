//! Stand-ins for AWS services on one machine: S3, SQS, SES, SSM, Lambda and CloudWatch on one loopback port, DynamoDB on another.
//!
//! Unmodified AWS SDK clients work against them under the rules of the real services, as far as `local/aws/README.md`
//! lists them. All data is in one folder, and confirmed writes survive `kill -9`.

mod answer;
mod atomic_file;
pub mod cloudwatch;
mod dynamodb;
pub mod identity;
pub mod lambda;
pub mod mailbox;
mod router;
#[cfg(test)]
mod rules;
mod s3;
mod ses;
pub mod sqs;
pub mod ssm;
pub mod trace;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
pub use cloudwatch::Samples;
pub use identity::{ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY};
use jiff::Timestamp;
pub use lambda::{Lambda, Mappings};
pub use mailbox::{Attachment, CapturedEmail, Mailbox};
pub use router::Work;
pub use sqs::Queues;
pub use ssm::Parameters;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Returns the current time of the queues. Tests can replace it.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Settings of the stand-ins: the data folder, the port and the clock.
#[derive(Clone)]
pub struct Options {
    /// The folder of all data; created when missing.
    pub data: PathBuf,
    /// The port of all services but DynamoDB, which gets the next one. 0 picks any two.
    pub port: u16,
    /// The time of the queues, usually [`Timestamp::now`].
    pub now: Now,
}

/// The running services. Dropping it stops them without waiting.
pub struct StandIns {
    endpoint: String,
    dynamodb_endpoint: String,
    queues: Arc<Queues>,
    mailbox: Arc<Mailbox>,
    parameters: Arc<Parameters>,
    lambda: Arc<Lambda>,
    mappings: Arc<Mappings>,
    samples: Arc<Samples>,
    synchronous: router::Synchronous,
    stop: watch::Sender<bool>,
    servers: [JoinHandle<()>; 2],
}

impl StandIns {
    /// Opens the data folder and listens on loopback. Two processes cannot share a data folder.
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let data = options.data;
        std::fs::create_dir_all(&data).with_context(|| format!("Failed to create {}", data.display()))?;
        let lock = lock(&data)?;
        for folder in [&data, &data.join("mail")] {
            std::fs::create_dir_all(folder).with_context(|| format!("Failed to create {}", folder.display()))?;
            atomic_file::remove_unfinished(folder).context("Failed to clear away half-written files")?;
        }
        let queues = Arc::new(Queues::open(&data.join("sqs"), options.now)?);
        let mailbox = Arc::new(Mailbox::open(&data.join("mail"))?);
        let parameters = Arc::new(Parameters::open(&data.join("parameters.json"))?);
        let objects = s3::ObjectService::open(&data.join("s3"), queues.clone())?;
        let mappings = Arc::new(Mappings::open(&data.join("mappings.json"))?);
        let lambda = Arc::new(Lambda::new(mappings.clone()));
        let samples = Arc::new(Samples::default());
        let database = dynamodb::open(&data.join("dynamodb.sqlite"))?;

        let (listener, endpoint) = listen(options.port).await?;
        let second_port = if options.port == 0 { 0 } else { options.port + 1 };
        let (dynamodb_listener, dynamodb_endpoint) = listen(second_port).await?;

        let (stop, stopped) = watch::channel(false);
        let synchronous = router::Synchronous::default();
        let router = router::Router {
            synchronous: synchronous.clone(),
            endpoint: endpoint.clone(),
            objects,
            queues: queues.clone(),
            samples: samples.clone(),
            mailbox: mailbox.clone(),
            parameters: parameters.clone(),
            lambda: lambda.clone(),
        };
        let front = router::serve(listener, router, stopped.clone());
        let servers = [
            tokio::spawn(async move {
                front.await;
                drop(lock);
            }),
            tokio::spawn(dynamodb::serve(dynamodb_listener, database, stopped)),
        ];
        Ok(Self {
            endpoint,
            dynamodb_endpoint,
            queues,
            mailbox,
            parameters,
            lambda,
            mappings,
            samples,
            synchronous,
            stop,
            servers,
        })
    }

    /// Returns the address of all services but DynamoDB: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Returns the address of DynamoDB.
    pub fn dynamodb_endpoint(&self) -> String {
        self.dynamodb_endpoint.clone()
    }

    /// Returns the captured emails.
    pub fn mailbox(&self) -> Arc<Mailbox> {
        self.mailbox.clone()
    }

    /// Returns the queues, for code in this process.
    pub fn queues(&self) -> Arc<Queues> {
        self.queues.clone()
    }

    /// Returns the parameters, for code in this process.
    pub fn parameters(&self) -> Arc<Parameters> {
        self.parameters.clone()
    }

    /// Returns the values of metrics, to record them.
    pub fn samples(&self) -> Arc<Samples> {
        self.samples.clone()
    }

    /// Returns the event source mappings, for code in this process.
    pub fn mappings(&self) -> Arc<Mappings> {
        self.mappings.clone()
    }

    /// Runs `work` from now on after each request that may have sent a message, before the response.
    pub fn run_synchronously(&self, work: router::Work) {
        let _ = self.synchronous.set(work);
    }

    /// Sets the function that Lambda's Invoke calls from now on.
    pub fn run_functions(&self, run: lambda::Run) {
        self.lambda.set(run);
    }

    /// Stops listening and waits for the requests in progress, except long polls. The data stays.
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        for server in &mut self.servers {
            let _ = tokio::time::timeout(router::SHUTDOWN_LIMIT, server).await;
        }
    }
}

impl Drop for StandIns {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
        self.lambda.stop();
    }
}

async fn listen(port: u16) -> anyhow::Result<(TcpListener, String)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("Failed to listen on port {port}"))?;
    let address = listener.local_addr().context("Failed to read the port")?;
    Ok((listener, format!("http://{address}")))
}

/// Locks the folder for this process. The operating system releases the lock when the process ends.
fn lock(data: &Path) -> anyhow::Result<std::fs::File> {
    let path = data.join("lock");
    let file = std::fs::File::create(&path).with_context(|| format!("Failed to create {}", path.display()))?;
    file.try_lock().with_context(|| format!("{} is in use by another process", data.display()))?;
    Ok(file)
}
