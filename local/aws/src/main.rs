//! `local-aws`: serves the stand-ins until Ctrl-C.

use std::{path::PathBuf, sync::Arc};

use clap::Parser;
use jiff::Timestamp;
use local_aws::{ACCESS_KEY, Options, REGION, SECRET_KEY, StandIns};
use tracing_subscriber::{
    Layer as _, filter::LevelFilter, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// S3, SQS, SES, SSM, Lambda and CloudWatch on one port of this machine, DynamoDB on the next.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    /// The folder of all data; created when missing.
    #[arg(long, default_value = ".local-aws")]
    data: PathBuf,
    /// The port of all services but DynamoDB; 0 chooses any two.
    #[arg(long, default_value_t = 8090)]
    port: u16,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let log = fmt::layer().with_writer(std::io::stderr).with_filter(LevelFilter::WARN);
    tracing_subscriber::registry().with(log).init();
    let Cli { data, port } = Cli::parse();
    let stand_ins = StandIns::start(Options { data, port, now: Arc::new(Timestamp::now) }).await?;
    #[expect(clippy::print_stdout, reason = "the settings for clients are the command's output")]
    {
        println!("export AWS_ENDPOINT_URL={}", stand_ins.endpoint());
        println!("export AWS_ENDPOINT_URL_DYNAMODB={}", stand_ins.dynamodb_endpoint());
        println!("export AWS_REGION={REGION} AWS_ACCESS_KEY_ID={ACCESS_KEY} AWS_SECRET_ACCESS_KEY={SECRET_KEY}");
    }
    tokio::signal::ctrl_c().await?;
    stand_ins.shutdown().await;
    Ok(())
}
