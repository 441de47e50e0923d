//! CreateTable, DescribeTable and UpdateTimeToLive. A table is active immediately.

use std::collections::{BTreeMap, btree_map};

use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::json;

use super::body;
use crate::services::dynamodb::{
    DynamoDb,
    error::Error,
    key::KeyType,
    schema::{IndexSchema, KeyAttribute, KeySchema, Projection, TableSchema},
    table::Table,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CreateTable {
    table_name: String,
    attribute_definitions: Vec<AttributeDefinition>,
    key_schema: Vec<KeyElement>,
    #[serde(default)]
    global_secondary_indexes: Vec<IndexDefinition>,
    #[serde(rename = "BillingMode")]
    _billing_mode: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AttributeDefinition {
    attribute_name: String,
    attribute_type: ScalarType,
}

#[derive(Deserialize, Clone, Copy)]
enum ScalarType {
    S,
    N,
    B,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct KeyElement {
    attribute_name: String,
    key_type: Role,
}

#[derive(Deserialize, Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "UPPERCASE")]
enum Role {
    Hash,
    Range,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct IndexDefinition {
    index_name: String,
    key_schema: Vec<KeyElement>,
    projection: ProjectionDefinition,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ProjectionDefinition {
    projection_type: ProjectionType,
    non_key_attributes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ProjectionType {
    All,
    KeysOnly,
    Include,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct DescribeTable {
    table_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct UpdateTimeToLive {
    table_name: String,
    time_to_live_specification: TimeToLive,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TimeToLive {
    enabled: bool,
    attribute_name: String,
}

/// Creates a table.
pub fn create_table(model: &mut DynamoDb, request: CreateTable) -> Result<Vec<u8>, Error> {
    let mut definitions = BTreeMap::new();
    for definition in request.attribute_definitions {
        definitions.insert(definition.attribute_name, definition.attribute_type);
    }
    let keys = keys(&request.key_schema, &definitions)?;
    let mut indexes = BTreeMap::new();
    for index in request.global_secondary_indexes {
        let projection = projection(index.projection)?;
        let schema = IndexSchema { keys: self::keys(&index.key_schema, &definitions)?, projection };
        if let Some(IndexSchema { .. }) = indexes.insert(index.index_name.clone(), schema) {
            let name = index.index_name;
            return Err(Error::parameter(format_args!("Duplicate index name: {name}")));
        }
    }
    let schema = TableSchema { keys, indexes };
    let used = |name: &String| {
        let indexes = schema.indexes.values().flat_map(|index| index.keys.names());
        schema.keys.names().chain(indexes).any(|used| used == name)
    };
    if !definitions.keys().all(used) {
        return Err(Error::parameter("Some AttributeDefinitions are not used in a key schema"));
    }
    let btree_map::Entry::Vacant(entry) = model.tables.entry(request.table_name.clone()) else {
        return Err(Error::table_exists(&request.table_name));
    };
    let table = entry.insert(Table::new(schema));
    body(&json!({ "TableDescription": description(&request.table_name, table) }))
}

/// Returns the keys and indexes of a table.
pub fn describe_table(model: &mut DynamoDb, request: &DescribeTable) -> Result<Vec<u8>, Error> {
    let table = model.table_mut(&request.table_name)?;
    body(&json!({ "Table": description(&request.table_name, table) }))
}

/// Sets the attribute with the time to live.
pub fn update_time_to_live(model: &mut DynamoDb, request: &UpdateTimeToLive) -> Result<Vec<u8>, Error> {
    let table = model.table_mut(&request.table_name)?;
    let TimeToLive { enabled, attribute_name } = &request.time_to_live_specification;
    if *enabled == table.ttl.is_some() {
        let state = if *enabled { "enabled" } else { "disabled" };
        return Err(Error::validation(format!("TimeToLive is already {state}")));
    }
    table.ttl = enabled.then(|| attribute_name.clone());
    body(&json!({ "TimeToLiveSpecification": request.time_to_live_specification }))
}

fn keys(elements: &[KeyElement], definitions: &BTreeMap<String, ScalarType>) -> Result<KeySchema, Error> {
    let attribute = |element: &KeyElement| {
        let name = element.attribute_name.clone();
        let kind = match definitions.get(&name) {
            Some(ScalarType::S) => KeyType::S,
            Some(ScalarType::N) => KeyType::N,
            Some(ScalarType::B) => KeyType::B,
            None => {
                return Err(Error::parameter(format_args!(
                    "Some index key attributes are not defined in AttributeDefinitions. Keys: [{name}]"
                )));
            }
        };
        Ok(KeyAttribute { name, kind })
    };
    match elements {
        [hash] if hash.key_type == Role::Hash => Ok(KeySchema { partition: attribute(hash)?, sort: None }),
        [hash, range] if (hash.key_type, range.key_type) == (Role::Hash, Role::Range) => {
            Ok(KeySchema { partition: attribute(hash)?, sort: Some(attribute(range)?) })
        }
        _ => Err(Error::validation(
            "Invalid KeySchema: A HASH key and at most one RANGE key are expected, in this order",
        )),
    }
}

fn projection(definition: ProjectionDefinition) -> Result<Projection, Error> {
    match (definition.projection_type, definition.non_key_attributes) {
        (ProjectionType::All, None) => Ok(Projection::All),
        (ProjectionType::KeysOnly, None) => Ok(Projection::KeysOnly),
        (ProjectionType::Include, Some(names)) if !names.is_empty() => Ok(Projection::Include(names)),
        (ProjectionType::Include, _) => {
            Err(Error::parameter("ProjectionType is INCLUDE, but NonKeyAttributes is not specified"))
        }
        (ProjectionType::All | ProjectionType::KeysOnly, Some(_)) => {
            Err(Error::parameter("NonKeyAttributes is specified without ProjectionType INCLUDE"))
        }
    }
}

fn description(name: &str, table: &Table) -> serde_json::Value {
    let elements = |keys: &KeySchema| -> Vec<KeyElement> {
        let roles = [Role::Hash, Role::Range];
        let element = |(attribute, key_type): (&KeyAttribute, Role)| KeyElement {
            attribute_name: attribute.name.clone(),
            key_type,
        };
        keys.attributes().zip(roles).map(element).collect()
    };
    let indexes = table.schema.indexes.iter().map(|(name, index)| {
        let projection = match &index.projection {
            Projection::All => json!({ "ProjectionType": "ALL" }),
            Projection::KeysOnly => json!({ "ProjectionType": "KEYS_ONLY" }),
            Projection::Include(names) => json!({ "ProjectionType": "INCLUDE", "NonKeyAttributes": names }),
        };
        json!({
            "IndexName": name,
            "IndexStatus": "ACTIVE",
            "KeySchema": elements(&index.keys),
            "Projection": projection,
        })
    });
    let mut definitions = BTreeMap::new();
    for keys in std::iter::once(&table.schema.keys).chain(table.schema.indexes.values().map(|index| &index.keys)) {
        definitions.extend(keys.attributes().map(|attribute| (attribute.name.clone(), attribute.kind.name())));
    }
    let definitions =
        definitions.into_iter().map(|(name, kind)| json!({ "AttributeName": name, "AttributeType": kind }));
    json!({
        "TableName": name,
        "TableStatus": "ACTIVE",
        "ItemCount": table.items.all().count(),
        "AttributeDefinitions": definitions.collect::<Vec<_>>(),
        "KeySchema": elements(&table.schema.keys),
        "GlobalSecondaryIndexes": indexes.collect::<Vec<_>>(),
    })
}
