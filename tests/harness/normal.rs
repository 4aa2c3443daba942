//! What differs between any two runs, made equal: versions and uids become numbers, times a word.

use std::collections::HashMap;

use serde_json::{Map, Value};

const WIDTH: usize = 110;

/// The names that versions and uids have got so far in a script.
#[derive(Default)]
pub struct Normal {
    names: HashMap<String, String>,
    versions: usize,
    uids: usize,
}

impl Normal {
    /// The text of an answer or watch event; none for a bookmark that only passes the time.
    pub fn of(&mut self, mut value: Value) -> Option<String> {
        let is_bookmark = value["type"] == "BOOKMARK";
        let ends_list = &value["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"];
        if is_bookmark && ends_list.is_null() {
            return None;
        }
        self.visit("", &mut value);
        let mut text = String::new();
        write(&value, 0, &mut text);
        Some(text)
    }

    fn visit(&mut self, key: &str, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove("managedFields");
                // of columns: a page of documentation each, that kubectl does not show
                if key == "columnDefinitions" {
                    fields.remove("description");
                }
                fields.remove("storageVersionHash");
                self.generated_name(fields);
                sort_causes(fields);
                let is_list = fields.contains_key("items") || fields.contains_key("rows");
                if let Some(metadata) = fields.get_mut("metadata").filter(|_| is_list)
                    && metadata.get("resourceVersion").is_some()
                {
                    metadata["resourceVersion"] = "<version of the list>".into();
                }
                let mut keys: Vec<String> = fields.keys().cloned().collect();
                keys.sort();
                for key in keys {
                    self.visit(&key, &mut fields[&key]);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.visit(key, item)),
            Value::String(text) => *text = self.text(key, text),
            _ => {}
        }
    }

    fn generated_name(&self, fields: &mut Map<String, Value>) {
        if let Some(prefix) = fields.get("generateName").and_then(Value::as_str) {
            let is_made = |name: &Value| {
                name.as_str()
                    .is_some_and(|name| name.len() == prefix.len() + 5 && name.starts_with(prefix))
            };
            if fields.get("name").is_some_and(is_made) {
                let name = format!("{prefix}<random>");
                fields.insert("name".to_owned(), name.into());
            }
        }
    }

    fn text(&mut self, key: &str, text: &str) -> String {
        match key {
            "continue" if !text.is_empty() => "<continue>".to_owned(),
            "resourceVersion" if text.chars().all(|c| c.is_ascii_digit()) && text != "0" => {
                if !self.names.contains_key(text) {
                    self.versions += 1;
                    let name = format!("<version {}>", self.versions);
                    self.names.insert(text.to_owned(), name);
                }
                self.names[text].clone()
            }
            "uid" if text.len() == 36 => {
                if !self.names.contains_key(text) {
                    self.uids += 1;
                    self.names
                        .insert(text.to_owned(), format!("<uid {}>", self.uids));
                }
                self.names[text].clone()
            }
            "serverAddress" => "<address>".to_owned(),
            "clusterIP" | "clusterIPs" if text != "None" => "<address>".to_owned(),
            "message" => self.message(text),
            _ if is_time(text) => "<time>".to_owned(),
            _ if is_age(text) => "<age>".to_owned(),
            _ => text.to_owned(),
        }
    }

    /// Messages quote uids and versions.
    fn message(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (known, name) in self.names.iter().filter(|(known, _)| known.len() == 36) {
            text = text.replace(known, name);
        }
        if text
            .to_lowercase()
            .replace(' ', "")
            .contains("resourceversion")
        {
            without_digits(&text)
        } else {
            text
        }
    }
}

fn without_digits(text: &str) -> String {
    let mut told = String::new();
    for letter in text.chars() {
        match letter {
            '0'..='9' if told.ends_with('#') => {}
            '0'..='9' => told.push('#'),
            letter => told.push(letter),
        }
    }
    told
}

/// A real server checks maps in any order, so what it finds has none either.
fn sort_causes(fields: &mut Map<String, Value>) {
    let details = fields.get_mut("details").and_then(Value::as_object_mut);
    let causes = details.and_then(|details| details.get_mut("causes"));
    let Some(causes) = causes.and_then(Value::as_array_mut) else {
        return;
    };
    causes.sort_by_key(ToString::to_string);
    let lines: Vec<String> = causes
        .iter()
        .map(|cause| {
            format!(
                "{}: {}",
                cause["field"].as_str().unwrap_or_default(),
                cause["message"].as_str().unwrap_or_default()
            )
        })
        .collect();
    if let Some(Value::String(message)) = fields.get_mut("message")
        && let Some((head, told)) = message.split_once("is invalid: [")
        && lines.iter().all(|line| told.contains(line))
    {
        *message = format!("{head}is invalid: [<the causes>]");
    }
}

/// `2026-01-31T12:00:00Z`, with or without a fraction.
fn is_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 20
        && bytes[4] == b'-'
        && bytes[10] == b'T'
        && bytes[13] == b':'
        && bytes.ends_with(b"Z")
}

/// `3s`, as a cell of a table tells it.
fn is_age(text: &str) -> bool {
    let digits = text.strip_suffix('s').unwrap_or_default();
    !digits.is_empty() && digits.len() < 4 && digits.chars().all(|c| c.is_ascii_digit())
}

/// JSON with its keys in order: on one line what fits, the rest with a line for each part.
fn write(value: &Value, depth: usize, text: &mut String) {
    let mut line = String::new();
    write_line(value, &mut line);
    if line.len() + 2 * depth <= WIDTH {
        return *text += &line;
    }
    let indent = "  ".repeat(depth + 1);
    match value {
        Value::Object(fields) => {
            *text += "{";
            for (index, (key, field)) in sorted(fields).enumerate() {
                let comma = if index == 0 { "" } else { "," };
                *text += &format!("{comma}\n{indent}{}: ", Value::from(key.as_str()));
                write(field, depth + 1, text);
            }
            *text += &format!("\n{}}}", "  ".repeat(depth));
        }
        Value::Array(items) => {
            *text += "[";
            for (index, item) in items.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                *text += &format!("{comma}\n{indent}");
                write(item, depth + 1, text);
            }
            *text += &format!("\n{}]", "  ".repeat(depth));
        }
        _ => *text += &line,
    }
}

fn write_line(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            *text += "{";
            for (index, (key, field)) in sorted(fields).enumerate() {
                let comma = if index == 0 { "" } else { ", " };
                *text += &format!("{comma}{}: ", Value::from(key.as_str()));
                write_line(field, text);
            }
            *text += "}";
        }
        Value::Array(items) => {
            *text += "[";
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    *text += ", ";
                }
                write_line(item, text);
            }
            *text += "]";
        }
        value => *text += &value.to_string(),
    }
}

fn sorted(fields: &Map<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    let mut fields: Vec<_> = fields.iter().collect();
    fields.sort_by_key(|(key, _)| *key);
    fields.into_iter()
}
