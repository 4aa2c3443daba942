//! What Go makes of thousands of templates, and we.
#![expect(clippy::unwrap_used, reason = "the corpus is checked in")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use base64::Engine;
use gotemplate::{Budget, Class, Data, Environment, Limits, Template, function_names};
use serde::Deserialize;

#[derive(Deserialize)]
struct Corpus {
    data: BTreeMap<String, String>,
    functions: Vec<String>,
    shapes: usize,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    template: String,
    output: Option<String>,
    bytes: Option<String>,
    error: Option<String>,
}

fn corpus() -> Corpus {
    let text = include_str!("../conformance/corpus.json");
    serde_json::from_str(text).unwrap()
}

fn decode(text: &str) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

/// Bytes that differ from call to call; nobody relies on them.
fn random(buffer: &mut [u8]) -> bool {
    static STATE: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    for byte in buffer {
        let state = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        let mixed = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        *byte = (mixed >> 32) as u8;
    }
    true
}

fn outcome(template: &str, data: &Data) -> Result<Vec<u8>, String> {
    let limits = Limits::default();
    let environment = Environment {
        now: Some(SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789)),
        random: Some(random),
    };
    Template::parse("t", template, &limits)
        .and_then(|t| t.render(data, &environment, &mut Budget::new(&limits)))
        .map_err(|error| match error.class() {
            Class::Syntax(_) | Class::UnknownFunction(_) => "parse".into(),
            Class::Function(name) => format!("call {name}"),
            Class::Budget(_) => error.class().to_string(),
            _ => "type".into(),
        })
}

/// Templates that we answer differently, with the reason.
const EXCEPTIONS: &[(&str, &str)] = &[(
    r#"{{template "t"}}"#,
    "a template that calls itself without end meets our limit of nesting, not Go's",
)];

#[test]
fn agrees_with_go() {
    let corpus = corpus();
    let data = Data::new(
        corpus
            .data
            .iter()
            .map(|(name, value)| (name, decode(value))),
    );
    let mut differences = Vec::new();
    for case in &corpus.cases {
        let expected = match (&case.output, &case.bytes, &case.error) {
            (Some(text), _, _) => Ok(text.clone().into_bytes()),
            (_, Some(bytes), _) => Ok(decode(bytes)),
            (_, _, Some(error)) => Err(error.clone()),
            _ => Ok(Vec::new()),
        };
        let actual = outcome(&case.template, &data);
        if actual != expected {
            let show = |r: &Result<Vec<u8>, String>| match r {
                Ok(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
                Err(error) => format!("error {error}"),
            };
            let (ours, gos) = (show(&actual), show(&expected));
            differences.push(format!("{}\n   go: {gos}\n  our: {ours}", case.template));
        }
    }
    let is_known = |d: &String| EXCEPTIONS.iter().any(|(t, _)| d.starts_with(t));
    differences.retain(|difference| !is_known(difference));
    assert!(
        differences.is_empty(),
        "{} of {} differ:\n{}",
        differences.len(),
        corpus.cases.len(),
        differences.join("\n")
    );
    assert!(EXCEPTIONS.len() * 200 <= corpus.cases.len());
}

#[test]
fn is_compared_broadly() {
    let corpus = corpus();
    assert!(corpus.cases.len() >= 2000);
    assert!(corpus.shapes >= 500);
}

#[test]
fn has_the_functions_that_the_corpus_has() {
    assert_eq!(function_names(), corpus().functions);
}
