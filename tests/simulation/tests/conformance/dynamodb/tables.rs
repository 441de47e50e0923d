//! Tables of the cases.

use aws_sdk_dynamodb::{
    Client,
    types::{
        AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
        ScalarAttributeType as Scalar,
    },
};

/// Table with the keys and indexes of the product's tables.
pub const RECORDS: &str = "records";
/// Table with a number as sort key.
pub const EVENTS: &str = "events";
/// Table without a sort key, with bytes as partition key.
pub const BLOBS: &str = "blobs";

/// Creates the tables.
pub async fn create(client: &Client) {
    let records = [("studio", Scalar::S), ("id", Scalar::S)];
    let all = Projection::builder().projection_type(ProjectionType::All).build();
    let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
    let include = Projection::builder().projection_type(ProjectionType::Include).non_key_attributes("error").build();
    create_table(
        client,
        RECORDS,
        &records,
        &[
            ("due_at", [("due_shard", Scalar::S), ("due_at", Scalar::N)], keys_only.clone()),
            ("failed_at", [("failed_shard", Scalar::S), ("failed_at", Scalar::N)], include),
            ("list_status", [("list_status", Scalar::S), ("id", Scalar::S)], keys_only),
            ("by_name", [("group_name", Scalar::S), ("display", Scalar::S)], all),
        ],
    )
    .await;
    create_table(client, EVENTS, &[("channel", Scalar::S), ("at_time", Scalar::N)], &[]).await;
    create_table(client, BLOBS, &[("hash_bytes", Scalar::B)], &[]).await;
}

/// Name, keys and projection of an index.
type Index<'a> = (&'a str, [(&'a str, Scalar); 2], Projection);

async fn create_table(client: &Client, name: &str, keys: &[(&str, Scalar)], indexes: &[Index<'_>]) {
    let mut create = client.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    let mut defined = Vec::new();
    for (attribute, kind) in keys.iter().chain(indexes.iter().flat_map(|(_, keys, _)| keys)) {
        if !defined.contains(attribute) {
            defined.push(attribute);
            let definition = AttributeDefinition::builder().attribute_name(*attribute).attribute_type(kind.clone());
            create = create.attribute_definitions(definition.build().unwrap());
        }
    }
    for (index, keys, projection) in indexes {
        let index = GlobalSecondaryIndex::builder()
            .index_name(*index)
            .set_key_schema(Some(schema(keys)))
            .projection(projection.clone())
            .build();
        create = create.global_secondary_indexes(index.unwrap());
    }
    create.set_key_schema(Some(schema(keys))).send().await.unwrap();
}

fn schema(keys: &[(&str, Scalar)]) -> Vec<KeySchemaElement> {
    let element = |((name, _), role): (&(&str, Scalar), KeyType)| {
        KeySchemaElement::builder().attribute_name(*name).key_type(role).build().unwrap()
    };
    keys.iter().zip([KeyType::Hash, KeyType::Range]).map(element).collect()
}
