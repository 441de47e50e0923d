use std::collections::BTreeMap;

use serde_json::json;

use super::{super::value::Item, *};

fn item(json: &serde_json::Value) -> Item {
    serde_json::from_value(json.clone()).unwrap()
}

fn sample() -> Item {
    item(&json!({
        "s": {"S": "hello"}, "n": {"N": "10"}, "b": {"B": "AAEC"}, "t": {"BOOL": true}, "z": {"NULL": true},
        "m": {"M": {"x": {"L": [{"N": "1"}, {"M": {"y": {"S": "deep"}}}]}}}, "ss": {"SS": ["a", "b"]},
        "l": {"L": [{"S": "a"}, {"N": "2"}]}, "dotted.name": {"S": "d"},
    }))
}

fn values() -> Item {
    item(&json!({
        ":ten": {"N": "1e1"}, ":nine": {"N": "9"}, ":hello": {"S": "hello"}, ":he": {"S": "he"}, ":deep": {"S": "deep"},
        ":a": {"S": "a"}, ":S": {"S": "S"}, ":two": {"N": "2.0"}, ":true": {"BOOL": true}, ":bin": {"B": "AQI="},
        ":map": {"M": {}}, ":Q": {"S": "Q"},
    }))
}

fn names() -> BTreeMap<String, String> {
    [("#n", "n"), ("#dotted", "dotted.name")].map(|(key, name)| (key.to_owned(), name.to_owned())).into()
}

fn met(text: &str) -> Result<bool, Error> {
    let (names, values) = (names(), values());
    let mut placeholders = Placeholders::new(Some(&names), Some(&values), true)?;
    Ok(condition(text, &mut placeholders)?.is_met(&sample()))
}

#[test]
fn conditions_are_evaluated() {
    for (text, expected) in [
        ("n = :ten", true),
        ("#n <> :ten", false),
        ("n > :nine AND n <= :ten", true),
        ("n < :nine OR s = :hello", true),
        ("NOT n < :nine", true),
        ("NOT (n = :ten AND s = :hello)", false),
        ("n = :nine OR n = :ten AND s = :he", false),
        ("(n = :nine OR n = :ten) AND s = :hello", true),
        ("n BETWEEN :nine AND :ten AND s = :hello", true),
        (":nine BETWEEN :nine AND n", true),
        ("s IN (:he, :hello)", true),
        ("s IN (:he)", false),
        ("attribute_exists(m.x[1].y)", true),
        ("attribute_exists(m.x[2])", false),
        ("attribute_not_exists(m.q.r)", true),
        ("m.x[1].y = :deep", true),
        ("m.x[0] < :two", true),
        ("attribute_type(s, :S)", true),
        ("attribute_type(n, :S)", false),
        ("begins_with(s, :he)", true),
        ("begins_with(n, :he)", false),
        ("contains(s, :he)", true),
        ("contains(ss, :a)", true),
        ("contains(l, :two)", true),
        ("contains(b, :bin)", true),
        ("size(s) = :ten", false),
        ("size(ss) = :two", true),
        ("size(n) = :two", false),
        ("missing = :ten", false),
        ("missing <> :ten", true),
        ("missing < :ten", false),
        ("s <> n", true),
        ("s < n", false),
        ("t = :true", true),
        ("#dotted = :hello", false),
        ("attribute_exists(#dotted)", true),
        ("n=:ten and not s=:he", true),
    ] {
        assert_eq!(met(text), Ok(expected), "{text}");
    }
}

#[test]
fn invalid_conditions_are_refused() {
    for text in [
        "",
        "n",
        "n =",
        "n = :unknown",
        "#unknown = :ten",
        "n = :ten AND",
        "(n = :ten",
        "n = :ten)",
        "((n = :ten))",
        "n == :ten",
        "n = 10",
        "attribute_exists(:ten)",
        "attribute_exists(n, s)",
        "attribute_type(n, :Q)",
        "begins_with(s)",
        "begins_with(s, :ten)",
        "n = n",
        "n < :map",
        "n BETWEEN :ten AND :nine",
        "n BETWEEN :ten AND :hello",
        "unknown(n)",
        "size(n)",
        "m.x[a] = :ten",
        "m..x = :ten",
        "n ! :ten",
        "n IN ()",
        "#  = :ten",
    ] {
        assert!(met(text).is_err(), "{text}");
    }
}

#[test]
fn unused_placeholders_are_refused() {
    let (names, values) = (names(), values());
    let mut placeholders = Placeholders::new(Some(&names), Some(&values), true).unwrap();
    condition("#n = :ten", &mut placeholders).unwrap();
    assert!(placeholders.refuse_unused().is_err());
    assert!(Placeholders::new(None, Some(&values), false).is_err());
    assert!(Placeholders::new(None, Some(&Item::new()), true).is_err());
}

fn projected(text: &str) -> Result<Item, Error> {
    let names = names();
    let mut placeholders = Placeholders::new(Some(&names), None, true)?;
    Ok(projection(text, &mut placeholders)?.apply(&sample()))
}

#[test]
fn projections_select_parts() {
    for (text, expected) in [
        ("s, #n, missing", json!({"s": {"S": "hello"}, "n": {"N": "10"}})),
        ("m.x[1].y", json!({"m": {"M": {"x": {"L": [{"M": {"y": {"S": "deep"}}}]}}}})),
        ("l[1], l[7]", json!({"l": {"L": [{"N": "2"}]}})),
        ("m.x[1], m.x[0]", json!({"m": {"M": {"x": {"L": [{"N": "1"}, {"M": {"y": {"S": "deep"}}}]}}}})),
        ("s.x", json!({})),
    ] {
        assert_eq!(projected(text), Ok(item(&expected)), "{text}");
    }
    for text in ["s, s", "m, m.x", "m.x[0], m.y, m[0]", "s s", ",", "s,"] {
        assert!(projected(text).is_err(), "{text}");
    }
}

#[test]
fn parser_survives_any_tokens() {
    let parts = ["n", "#n", ":ten", "(", ")", "[", "0", "]", ".", ",", "=", "<", "AND", "NOT", "BETWEEN", "IN", "size"];
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..5_000 {
        let length = random.usize(1..12);
        let text: Vec<_> = (0..length).map(|_| parts[random.usize(..parts.len())]).collect();
        let _ = met(&text.join(" "));
        let _ = projected(&text.join(" "));
    }
}
