//! Label selectors, read as Kubernetes reads them, down to the words in which it refuses one.
//!
//! ```text
//! selector    = [ requirement *( "," requirement ) ]
//! requirement = "!" key | key | key ("=" | "==" | "!=" | ">" | "<") value | key ("in" | "notin") "(" values ")"
//! ```

use std::collections::VecDeque;

use serde_json::Value;

use crate::names;
use crate::status::Status;

/// What a label has to be.
#[derive(Debug, PartialEq)]
pub(crate) enum Requirement {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl Requirement {
    pub(crate) fn accepts(&self, label: Option<&str>) -> bool {
        let number = || label.and_then(|label| label.parse::<i64>().ok());
        match self {
            Self::Exists => label.is_some(),
            Self::Absent => label.is_none(),
            Self::In(values) => {
                label.is_some_and(|label| values.iter().any(|value| value == label))
            }
            Self::NotIn(values) => {
                label.is_none_or(|label| values.iter().all(|value| value != label))
            }
            Self::Above(bound) => number().is_some_and(|number| number > *bound),
            Self::Below(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// Reads a selector: requirements by key.
pub(crate) fn parse(text: &str) -> Result<Vec<(String, Requirement)>, Status> {
    requirements(&mut tokens(text)).map_err(Status::bad_request)
}

type Tokens = VecDeque<String>;

/// Words and the signs between them. The end is an empty word.
fn tokens(text: &str) -> Tokens {
    let mut tokens = Tokens::new();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        let is_sign = |letter: char| "=!(),><".contains(letter);
        let mut token = letter.to_string();
        if is_sign(letter) {
            let is_double = matches!(letter, '=' | '!') && letters.peek() == Some(&'=');
            token.extend(is_double.then(|| letters.next()).flatten());
        } else {
            while let Some(next) = letters.next_if(|next| !is_sign(*next) && !next.is_whitespace())
            {
                token.push(next);
            }
        }
        tokens.push_back(token);
    }
    tokens
}

fn next(tokens: &mut Tokens) -> String {
    tokens.pop_front().unwrap_or_default()
}

fn peek(tokens: &Tokens) -> &str {
    tokens.front().map_or("", String::as_str)
}

fn is_word(token: &str) -> bool {
    !matches!(
        token,
        "" | "=" | "==" | "!" | "!=" | "(" | ")" | "," | ">" | "<"
    )
}

fn requirements(tokens: &mut Tokens) -> Result<Vec<(String, Requirement)>, String> {
    let mut found = Vec::new();
    loop {
        match peek(tokens) {
            "" => return Ok(found),
            token if token == "!" || is_word(token) => {}
            other => {
                return Err(format!(
                    "found '{other}', expected: !, identifier, or 'end of string'"
                ));
            }
        }
        let one =
            requirement(tokens).map_err(|why| format!("unable to parse requirement: {why}"))?;
        found.push(one);
        match &*next(tokens) {
            "" => return Ok(found),
            "," => {
                let after = peek(tokens);
                if after != "!" && !is_word(after) {
                    return Err(format!("found '{after}', expected: identifier after ','"));
                }
            }
            other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
        }
    }
}

fn requirement(tokens: &mut Tokens) -> Result<(String, Requirement), String> {
    let mut key = next(tokens);
    let is_absent = key == "!";
    if is_absent {
        key = next(tokens);
    }
    if !is_word(&key) {
        return Err(format!("found '{key}', expected: identifier"));
    }
    check("<nil>", names::broken_key(&key), &key)?;
    if is_absent {
        return Ok((key, Requirement::Absent));
    }
    let wanted = match peek(tokens) {
        "" | "," => Requirement::Exists,
        _ => match &*next(tokens) {
            "in" => Requirement::In(values(tokens, &key)?),
            "notin" => Requirement::NotIn(values(tokens, &key)?),
            "=" | "==" => Requirement::In(vec![value(tokens, &key)?]),
            "!=" => Requirement::NotIn(vec![value(tokens, &key)?]),
            ">" => Requirement::Above(bound(tokens, &key)?),
            "<" => Requirement::Below(bound(tokens, &key)?),
            other => {
                let known = "in, notin, =, ==, !=, gt, lt";
                return Err(format!("found '{other}', expected: {known}"));
            }
        },
    };
    Ok((key, wanted))
}

fn value(tokens: &mut Tokens, key: &str) -> Result<String, String> {
    if matches!(peek(tokens), "" | ",") {
        return Ok(String::new());
    }
    let value = next(tokens);
    if !is_word(&value) {
        return Err(format!("found '{value}', expected: identifier"));
    }
    check(
        &format!("values[0][{key}]"),
        names::broken_value(&value),
        &value,
    )?;
    Ok(value)
}

fn bound(tokens: &mut Tokens, key: &str) -> Result<i64, String> {
    let value = value(tokens, key)?;
    let why = "for 'Gt', 'Lt' operators, the value must be an integer";
    value
        .parse()
        .map_err(|_| format!("values[0]: Invalid value: {}: {why}", Value::from(value)))
}

fn values(tokens: &mut Tokens, key: &str) -> Result<Vec<String>, String> {
    match &*next(tokens) {
        "(" => {}
        other => return Err(format!("found '{other}' expected: '('")),
    }
    let mut values = Vec::new();
    loop {
        match &*next(tokens) {
            ")" => break,
            "," => values.push(String::new()),
            word if is_word(word) => {
                let path = format!("values[{}][{key}]", values.len());
                check(&path, names::broken_value(word), word)?;
                values.push(word.to_owned());
                match peek(tokens) {
                    "," => _ = next(tokens),
                    ")" => {}
                    other => return Err(format!("found '{other}', expected: ',' or ')'")),
                }
            }
            other => return Err(format!("found '{other}', expected: ',', ')' or identifier")),
        }
    }
    if values.is_empty() {
        let why = "for 'in', 'notin' operators, values set can't be empty";
        return Err(format!("values: Invalid value: []: {why}"));
    }
    Ok(values)
}

fn check(path: &str, broken: Option<String>, value: &str) -> Result<(), String> {
    match broken {
        None => Ok(()),
        Some(rule) => Err(format!(
            "{path}: Invalid value: {}: {rule}",
            Value::from(value)
        )),
    }
}
