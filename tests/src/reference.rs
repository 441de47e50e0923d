//! `docs/API.md`: the OpenAPI document as text for people.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

/// The order of a path's methods in the document.
const METHODS: [&str; 4] = ["post", "get", "put", "delete"];

/// A problem's type, status, and the condition under which it occurs.
pub type ProblemType<'a> = (String, u16, &'a str);

/// Returns the Markdown reference of an OpenAPI document, and of its API's problems.
pub fn markdown<'a>(api: &Value, problems: impl IntoIterator<Item = ProblemType<'a>>) -> String {
    let routes = routes(api);
    let common = common(&routes);
    let mut page = Page(format!("# The API\n\n{}\n", text(&api["info"]["description"])));

    page.heading(2, "Routes");
    let rows = routes.iter().map(|route| {
        let summary = text(&route.about["summary"]);
        vec![route.about["tags"][0].as_str().unwrap_or_default().to_owned(), route.line(), link(&summary)]
    });
    page.table(&["", "Route", "What it does"], rows);
    page.paragraph("Any of them may also answer:");
    page.table(&["Status", "Body", "When"], common.clone());

    for tag in api["tags"].as_array().into_iter().flatten() {
        page.heading(2, &capital(tag["name"].as_str().unwrap_or_default()));
        page.paragraph(&text(&tag["description"]));
        for route in routes.iter().filter(|route| route.about["tags"][0] == tag["name"]) {
            route.write(api, &common, &mut page);
        }
    }

    page.heading(2, "Schemas");
    page.paragraph(
        "What bodies are made of. An answer bears all its fields, unless they are optional here; more may come.",
    );
    for (name, schema) in api["components"]["schemas"].as_object().into_iter().flatten() {
        page.heading(3, name);
        page.paragraph(&text(&schema["description"]));
        if let Some(values) = schema["enum"].as_array() {
            page.paragraph(&format!("One of {}.", values.iter().map(code).collect::<Vec<_>>().join(", ")));
        } else if schema["oneOf"].is_array() {
            page.paragraph(&format!("{}.", capital(&kind(schema))));
        } else {
            page.fields(fields(api, schema));
        }
    }

    page.heading(2, "Problems");
    page.paragraph("The types of problems. They are stable; sentences are not.");
    let rows =
        problems.into_iter().map(|(name, status, when)| vec![format!("`{name}`"), status.to_string(), when.into()]);
    page.table(&["Type", "Status", "When"], rows);
    page.0
}

/// A method of a path.
struct Route<'a> {
    method: &'a str,
    path: &'a str,
    about: &'a Value,
}

impl Route<'_> {
    fn line(&self) -> String {
        format!("`{} {}`", self.method.to_uppercase(), self.path)
    }

    fn write(&self, api: &Value, common: &[Vec<String>], page: &mut Page) {
        page.heading(3, &text(&self.about["summary"]));
        page.paragraph(&self.line());
        page.paragraph(&text(&self.about["description"]));

        let parameters: Vec<_> = self.about["parameters"].as_array().into_iter().flatten().map(parameter).collect();
        if !parameters.is_empty() {
            page.paragraph("Parameters:");
            page.table(&["Name", "In", "Type", "", "Bounds", "Meaning"], parameters);
        }
        let body = &self.about["requestBody"];
        let schema = &body["content"]["application/json"]["schema"];
        if !schema.is_null() {
            let optional = if body["required"] == true { "" } else { ", which may be left out" };
            page.paragraph(&format!("Body: {}{optional}:", kind(schema)));
            page.fields(fields(api, resolve(api, schema)));
        }
        page.paragraph("Answers:");
        page.table(&["Status", "Body", "When"], answers(self).into_iter().filter(|row| !common.contains(row)));
    }
}

fn routes(api: &Value) -> Vec<Route<'_>> {
    let paths = api["paths"].as_object().into_iter().flatten();
    let all: Vec<_> = paths
        .flat_map(|(path, item)| {
            METHODS.into_iter().filter_map(move |method| Some(Route { method, path, about: item.get(method)? }))
        })
        .collect();
    let tags = api["tags"].as_array().into_iter().flatten();
    let place: BTreeMap<_, _> = tags.enumerate().map(|(n, tag)| (tag["name"].as_str(), n)).collect();
    let mut all = all;
    all.sort_by_key(|route| place.get(&route.about["tags"][0].as_str()).copied());
    all
}

/// Returns the rows of a route's responses: status, body and condition, ordered by status.
fn answers(route: &Route<'_>) -> Vec<Vec<String>> {
    let answers = route.about["responses"].as_object().into_iter().flatten();
    answers
        .map(|(status, answer)| {
            let content = answer["content"].as_object().into_iter().flatten().next();
            let body = content.map_or(String::new(), |(media, content)| match &content["schema"] {
                schema if schema["$ref"].is_string() => kind(schema),
                _ => media.split(';').next().unwrap_or_default().to_owned(),
            });
            vec![status.clone(), body, text(&answer["description"])]
        })
        .collect()
}

/// Returns the responses that nearly every route has in common; the document shows them once.
fn common(routes: &[Route<'_>]) -> Vec<Vec<String>> {
    let mut counts = BTreeMap::new();
    for row in routes.iter().flat_map(answers) {
        *counts.entry(row).or_insert(0) += 1;
    }
    counts.into_iter().filter(|(_, count)| count * 10 > routes.len() * 8).map(|(row, _)| row).collect()
}

fn parameter(parameter: &Value) -> Vec<String> {
    let schema = &parameter["schema"];
    let required = if parameter["required"] == true { "required" } else { "optional" };
    vec![
        code(&parameter["name"]),
        parameter["in"].as_str().unwrap_or_default().to_owned(),
        kind(schema),
        required.to_owned(),
        bounds(schema),
        text(&parameter["description"]),
    ]
}

/// Returns the rows of an object's fields, including those of the objects that it consists of and those of objects in a
/// request.
fn fields(api: &Value, schema: &Value) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for part in schema["allOf"].as_array().into_iter().flatten() {
        rows.extend(fields(api, resolve(api, part)));
    }
    let empty = Vec::new();
    let required = schema["required"].as_array().unwrap_or(&empty);
    let is_request = schema["additionalProperties"] == false;
    let mut properties: Vec<_> = schema["properties"].as_object().into_iter().flatten().collect();
    // The code's order of fields, as far as the document shows it.
    properties.sort_by_key(|(name, _)| required.iter().position(|known| known == *name).unwrap_or(usize::MAX));
    for (name, about) in properties {
        let needed = if required.iter().any(|known| known == name) { "" } else { "optional" };
        let needed = if is_request && needed.is_empty() { "required" } else { needed };
        let meaning = [about, &about["oneOf"][0]].into_iter().find(|about| about["description"].is_string());
        let meaning = meaning.map(|about| text(&about["description"])).unwrap_or_default();
        rows.push(vec![format!("`{name}`"), kind(about), needed.to_owned(), bounds(about), meaning]);
        let inner = resolve(api, about);
        if is_request && inner["properties"].is_object() {
            for mut row in fields(api, inner) {
                row[0] = row[0].replacen('`', &format!("`{name}."), 1);
                rows.push(row);
            }
        }
    }
    rows
}

fn resolve<'a>(api: &'a Value, schema: &'a Value) -> &'a Value {
    let pointer = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| api.pointer(pointer)).unwrap_or(schema)
}

/// Describes the type of a value.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return link(name);
    }
    let several = schema["oneOf"].as_array().map(|kinds| kinds.iter().map(kind).collect::<Vec<_>>());
    let several = several.or_else(|| {
        let kinds = schema["type"].as_array()?.iter();
        let of_one = |only: &Value| {
            let mut schema = schema.clone();
            schema["type"] = only.clone();
            kind(&schema)
        };
        Some(kinds.map(of_one).collect())
    });
    if let Some(several) = several {
        return several.join(" or ");
    }
    match (schema["type"].as_str().unwrap_or("any"), schema["format"].as_str()) {
        ("array", _) => format!("list of {}", kind(&schema["items"])),
        ("object", _) if schema["additionalProperties"].is_object() => {
            format!("map of {}", kind(&schema["additionalProperties"]))
        }
        ("string", Some(format)) => format.to_owned(),
        (kind, _) => kind.to_owned(),
    }
}

fn bounds(schema: &Value) -> String {
    let range = |least: &str, most: &str, of: &str| match (schema.get(least), schema.get(most)) {
        (Some(least), Some(most)) if least == most => Some(format!("exactly {least}{of}")),
        (Some(least), Some(most)) => Some(format!("{least} to {most}{of}")),
        (None, Some(most)) => Some(format!("at most {most}{of}")),
        // A minimum of zero is left out, because no integer here is negative.
        (Some(least), None) if least != 0 => Some(format!("at least {least}{of}")),
        _ => None,
    };
    let named = |what: &str, words: &str| schema.get(what).map(|value| format!("{words}{}", code(value)));
    let all = [
        range("minimum", "maximum", ""),
        range("minLength", "maxLength", " characters"),
        range("minItems", "maxItems", " items"),
        (schema["uniqueItems"] == true).then(|| "each once".to_owned()),
        named("pattern", "matches "),
        named("default", "default "),
        named("example", "such as "),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn code(value: &Value) -> String {
    format!("`{}`", value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
}

/// Returns paragraphs without the line breaks of the source code.
fn text(description: &Value) -> String {
    let paragraphs = description.as_str().unwrap_or_default().split("\n\n");
    paragraphs.map(|paragraph| paragraph.replace('\n', " ").trim().to_owned()).collect::<Vec<_>>().join("\n\n")
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// Returns a link to the heading of this name, with GitHub's anchor.
fn link(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect();
    format!("[{name}](#{anchor})")
}

/// Markdown under construction.
struct Page(String);

impl Page {
    fn heading(&mut self, level: usize, name: &str) {
        self.paragraph(&format!("{} {name}", "#".repeat(level)));
    }

    fn paragraph(&mut self, text: &str) {
        if !text.is_empty() {
            let _ = writeln!(self.0, "\n{text}");
        }
    }

    fn fields(&mut self, rows: Vec<Vec<String>>) {
        self.table(&["Field", "Type", "", "Bounds", "Meaning"], rows);
    }

    /// Adds a table. Empty columns are left out.
    fn table(&mut self, heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) {
        let rows: Vec<Vec<String>> = rows.into_iter().collect();
        let used: Vec<usize> = (0..heads.len()).filter(|n| rows.iter().any(|row| !row[*n].is_empty())).collect();
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        if !used.is_empty() {
            self.0.push('\n');
            self.0.push_str(&line(used.iter().map(|n| heads[*n].to_owned()).collect()));
            self.0.push_str(&line(used.iter().map(|_| "---".to_owned()).collect()));
        }
        for row in &rows {
            let cell = |n: &usize| row[*n].replace('|', "\\|").replace("\n\n", "<br>");
            self.0.push_str(&line(used.iter().map(cell).collect()));
        }
    }
}
