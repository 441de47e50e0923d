//! Values as DynamoDB's JSON.

use std::{collections::BTreeSet, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, MapAccess, Visitor},
    ser::SerializeMap as _,
};

use super::{Item, Number, Value};

/// Starts the messages of values that are well-formed JSON of the right shape, but not valid.
pub const INVALID: &str = "ValidationException: ";

/// Returns the error of an invalid value.
fn invalid<E: de::Error>(message: impl fmt::Display) -> E {
    E::custom(format_args!("{INVALID}{message}"))
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        let name = self.type_name();
        match self {
            Self::S(text) => map.serialize_entry(name, text)?,
            Self::N(number) => map.serialize_entry(name, number.as_str())?,
            Self::B(bytes) => map.serialize_entry(name, &STANDARD.encode(bytes))?,
            Self::Bool(value) => map.serialize_entry(name, value)?,
            Self::Null => map.serialize_entry(name, &true)?,
            Self::L(values) => map.serialize_entry(name, values)?,
            Self::M(entries) => map.serialize_entry(name, entries)?,
            Self::Ss(set) => map.serialize_entry(name, set)?,
            Self::Ns(set) => map.serialize_entry(name, &set.iter().map(Number::as_str).collect::<Vec<_>>())?,
            Self::Bs(set) => {
                map.serialize_entry(name, &set.iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>())?;
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let Some(name) = map.next_key::<Type>()? else {
            return Err(invalid(
                "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            ));
        };
        let value = match name {
            Type::S => Value::S(map.next_value()?),
            Type::N => Value::N(number(&map.next_value::<String>()?)?),
            Type::B => Value::B(bytes(&map.next_value::<String>()?)?),
            Type::Bool => Value::Bool(map.next_value()?),
            Type::Null if map.next_value::<bool>()? => Value::Null,
            Type::Null => {
                return Err(invalid(
                    "One or more parameter values were invalid: Null attribute value types must have the value of true",
                ));
            }
            Type::L => Value::L(map.next_value()?),
            Type::M => Value::M(map.next_value::<Item>()?),
            Type::Ss => Value::Ss(set(map.next_value::<Vec<String>>()?, "string set ", Ok)?),
            Type::Ns => Value::Ns(set(map.next_value()?, "number set ", |text| number(&text))?),
            Type::Bs => Value::Bs(set(map.next_value()?, "binary set ", |text| bytes(&text))?),
        };
        if map.next_key::<Type>()?.is_some() {
            return Err(invalid(
                "Supplied AttributeValue has more than one datatypes set, \
                 must contain exactly one of the supported datatypes",
            ));
        }
        Ok(value)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Type {
    S,
    N,
    B,
    Bool,
    Null,
    L,
    M,
    Ss,
    Ns,
    Bs,
}

fn number<E: de::Error>(text: &str) -> Result<Number, E> {
    text.parse().map_err(invalid)
}

fn bytes<E: de::Error>(text: &str) -> Result<Vec<u8>, E> {
    STANDARD.decode(text).map_err(|_| E::custom("Base64 encoded data is invalid"))
}

fn set<T: Ord, E: de::Error>(
    texts: Vec<String>,
    name: &str,
    read: impl Fn(String) -> Result<T, E>,
) -> Result<BTreeSet<T>, E> {
    if texts.is_empty() {
        return Err(invalid(format_args!("One or more parameter values were invalid: An {name} may not be empty")));
    }
    let mut set = BTreeSet::new();
    let given = format!("[{}]", texts.join(", "));
    for text in texts {
        if !set.insert(read(text)?) {
            return Err(invalid(format_args!(
                "One or more parameter values were invalid: Input collection {given} contains duplicates."
            )));
        }
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_read_back() {
        let document = json!({"M": {
            "s": {"S": "ä"}, "n": {"N": "-1.5"}, "b": {"B": "AAE="}, "t": {"BOOL": true}, "z": {"NULL": true},
            "l": {"L": [{"S": ""}, {"M": {}}]}, "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["2", "10"]}, "bs": {"BS": ["AA=="]},
        }});
        let value: Value = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&value).unwrap(), document);
        let text = serde_json::to_string(&value).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn invalid_values_are_refused() {
        for document in [
            json!({}),
            json!({"S": "a", "N": "1"}),
            json!({"N": "x"}),
            json!({"NULL": false}),
            json!({"SS": []}),
            json!({"NS": ["1", "1.0"]}),
        ] {
            let error = serde_json::from_value::<Value>(document.clone()).unwrap_err().to_string();
            assert!(error.starts_with(INVALID), "{document}: {error}");
        }
        for document in [json!({"S": 1}), json!({"B": "!"}), json!({"X": "1"}), json!("text")] {
            let error = serde_json::from_value::<Value>(document.clone()).unwrap_err().to_string();
            assert!(!error.starts_with(INVALID), "{document}: {error}");
        }
    }
}
