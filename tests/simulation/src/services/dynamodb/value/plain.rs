//! Values as plain JSON, as records serialize to it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value as Json;

use super::{Item, Number, Value};

impl Value {
    /// Returns the value as plain JSON: a number is a JSON number if JSON can hold it, bytes are base64, sets are
    /// arrays.
    pub fn to_plain(&self) -> Json {
        match self {
            Self::S(text) => Json::from(text.as_str()),
            Self::N(number) => plain_number(number),
            Self::B(bytes) => Json::from(STANDARD.encode(bytes)),
            Self::Bool(value) => Json::from(*value),
            Self::Null => Json::Null,
            Self::L(values) => values.iter().map(Self::to_plain).collect(),
            Self::M(entries) => to_plain(entries),
            Self::Ss(set) => set.iter().map(String::as_str).collect(),
            Self::Ns(set) => set.iter().map(plain_number).collect(),
            Self::Bs(set) => set.iter().map(|bytes| STANDARD.encode(bytes)).collect(),
        }
    }

    /// Returns the value that plain JSON stands for. `None`: a number is out of DynamoDB's range.
    pub fn from_plain(json: &Json) -> Option<Self> {
        Some(match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::N(number.to_string().parse().ok()?),
            Json::String(text) => Self::S(text.clone()),
            Json::Array(values) => Self::L(values.iter().map(Self::from_plain).collect::<Option<_>>()?),
            Json::Object(entries) => Self::M(
                entries
                    .iter()
                    .map(|(name, value)| Some((name.clone(), Self::from_plain(value)?)))
                    .collect::<Option<_>>()?,
            ),
        })
    }
}

/// Returns an item as a plain JSON object: see [`Value::to_plain`].
pub fn to_plain(item: &Item) -> Json {
    Json::Object(item.iter().map(|(name, value)| (name.clone(), value.to_plain())).collect())
}

fn plain_number(number: &Number) -> Json {
    let text = number.as_str();
    let integer = text.parse::<i64>().map(Json::from).or_else(|_| text.parse::<u64>().map(Json::from));
    integer.unwrap_or_else(|_| text.parse::<f64>().map_or(Json::from(text), Json::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_json_is_read_back() {
        let plain = json!({"a": [1, -2.5, "x", null, true], "b": {"c": 18_446_744_073_709_551_615_u64}});
        assert_eq!(Value::from_plain(&plain).unwrap().to_plain(), plain);
    }
}
