//! Tests of the runtime's clients of SES and SSM against the stand-ins.

use std::{collections::HashMap, path::Path, sync::Arc};

use aws_types::SdkConfig;
use jiff::Timestamp;
use local_aws::{Options, StandIns};
use runtime::{
    aws::{self, Patience},
    env::Env,
    ses::{NewEmail, Ses},
    ssm::Parameters,
    world::World,
};

async fn start(data: &Path) -> (StandIns, SdkConfig) {
    let options = Options { data: data.to_owned(), port: 0, now: Arc::new(Timestamp::now) };
    let stand_ins = StandIns::start(options).await.unwrap();
    let variables = [
        ("AWS_REGION", local_aws::REGION.to_owned()),
        ("AWS_ACCESS_KEY_ID", local_aws::ACCESS_KEY.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", local_aws::SECRET_KEY.to_owned()),
        ("AWS_ENDPOINT_URL", stand_ins.endpoint()),
    ];
    let variables: HashMap<_, _> = variables.map(|(name, value)| (name.to_owned(), value)).into();
    let config = aws::config(&Env::of(variables), Patience::Job).unwrap();
    (stand_ins, config)
}

#[tokio::test]
async fn sent_emails_survive_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let (stand_ins, config) = start(data.path()).await;
    let ses = Ses::new(&World::system(), &config).unwrap();
    let send = |to: &str| {
        let (from, subject, text) = ("a@example.com".to_owned(), "Hi".to_owned(), "plain".to_owned());
        ses.send(NewEmail { from, to: to.to_owned(), subject, text, ..NewEmail::default() })
    };
    let id = send("b@example.com").await.unwrap();
    let refused = format!("{:?}", send("nobody").await.unwrap_err());
    assert!(refused.contains("BadRequestException"), "{refused}");
    let emails = stand_ins.mailbox().list();
    assert_eq!(emails.len(), 1);
    assert_eq!((&emails[0].message_id, emails[0].to.as_slice()), (&id, &["b@example.com".to_owned()][..]));
    stand_ins.shutdown().await;
    let (stand_ins, _) = start(data.path()).await;
    assert_eq!(stand_ins.mailbox().list().len(), 1);
}

#[tokio::test]
async fn parameters_are_read_or_named_as_missing() {
    let data = tempfile::tempdir().unwrap();
    let (stand_ins, config) = start(data.path()).await;
    let ssm = Parameters::new(&config).unwrap();
    let missing = format!("{:#}", ssm.get("/key").await.unwrap_err());
    assert!(missing.contains("ParameterNotFound"), "{missing}");
    stand_ins.parameters().get_or_create("/key", || "secret".to_owned()).unwrap();
    assert_eq!(ssm.get("/key").await.unwrap(), "secret");
}
