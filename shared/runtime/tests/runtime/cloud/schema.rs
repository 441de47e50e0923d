//! The table of a test, with the indexes of all tables in `infra/tables.tf`.

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType,
    },
};

/// Creates a table.
pub async fn create_table(dynamodb: &Client, name: &str) {
    let lists = ["list_status", "list_order", "list_reference", "list_folder", "list_sha256", "list_stem"];
    let texts = ["studio", "id", "due_shard", "failed_shard"].into_iter().chain(lists);
    let texts = texts.map(|name| (name, ScalarAttributeType::S));
    let attributes = texts.chain(["due_at", "failed_at"].map(|name| (name, ScalarAttributeType::N)));
    let attributes = attributes.map(|(name, kind)| {
        AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().expect("complete")
    });
    let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let failure = Projection::builder().projection_type(ProjectionType::Include);
    let failure = failure.non_key_attributes("error").non_key_attributes("work").build();
    let index = |name: &str, hash, range, projection| {
        let index = GlobalSecondaryIndex::builder().index_name(name).set_key_schema(Some(keys(hash, range)));
        index.projection(projection).build().expect("complete")
    };
    let lists = lists.map(|name| index(name, name, "id", keys_only.clone()));
    let times = [
        index("due_at", "due_shard", "due_at", keys_only.clone()),
        index("failed_at", "failed_shard", "failed_at", failure),
    ];
    dynamodb
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_key_schema(Some(keys("studio", "id")))
        .set_attribute_definitions(Some(attributes.collect()))
        .set_global_secondary_indexes(Some(lists.into_iter().chain(times).collect()))
        .send()
        .await
        .expect("a table");
}

fn keys(hash: &str, range: &str) -> Vec<KeySchemaElement> {
    [(hash, KeyType::Hash), (range, KeyType::Range)]
        .map(|(name, kind)| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("complete"))
        .into()
}
