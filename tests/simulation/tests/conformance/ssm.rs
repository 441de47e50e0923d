//! The model of SSM's Parameter Store compared with the stand-in of `local-aws`.

use std::sync::{Arc, Mutex};

use runtime::ssm::Parameters;
use serde_json::{Value, json};
use simulation::services::ssm::Ssm;

use crate::{
    targets::{Loopback, Target},
    transcript::{Difference, Transcript, compare, difference},
};

const NAME: &str = "/darkroom/link-secret";
const VALUE: &str = "1:secret";

/// Checks to which the stand-in responds differently.
const DIFFERENCES: &[Difference] = &[difference(
    "get: no decryption, parameter",
    r#"[String("/darkroom/link-secret"), String("SecureString"), String("ciphertext")]"#,
    "The ciphertext is not specified (API_GetParameter). The stand-in and the model return different ones.",
)];

async fn case(target: &Target) -> Transcript {
    let mut said = Transcript::default();
    let parameters = Parameters::new(&target.config).unwrap();
    said.note("get", parameters.get(NAME).await.unwrap());
    said.note("get: unknown", parameters.get("/darkroom/none").await.is_err().to_string());
    let requests = [
        ("members", json!({ "Name": NAME, "WithDecryption": true })),
        ("no decryption", json!({ "Name": NAME })),
        ("unknown name", json!({ "Name": "/darkroom/none", "WithDecryption": true })),
        ("no name", json!({ "WithDecryption": true })),
    ];
    for (check, request) in requests {
        let response = target.post("ssm", "/", "AmazonSSM.GetParameter", &request).await;
        said.response(&format!("get: {check}"), &response);
        let parameter: Value = serde_json::from_slice(response.body()).unwrap();
        let members = ["Name", "Type", "Value"].map(|name| parameter["Parameter"][name].clone());
        said.note(&format!("get: {check}, parameter"), format!("{members:?}"));
    }
    said
}

#[tokio::test]
async fn stand_in_agrees_about_parameters() {
    let loopback = Loopback::start().await;
    loopback.stand_ins.parameters().put(NAME, VALUE).unwrap();
    let model = Ssm([(NAME.to_owned(), VALUE.to_owned())].into());
    compare(&case(&Target::model(&Arc::new(Mutex::new(model)))).await, &case(&loopback.target()).await, DIFFERENCES);
}
