use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::document::{self, Content};

const VECTORS: &str = include_str!("../../tests/vectors/go-yaml.json");

/// Texts that we print otherwise than kubeseal, each for its reason.
const EXCEPTIONS: [(&str, &str); 2] = [
    // kubeseal refuses it: its own reader takes no control characters
    ("\u{7f}", "        v: \"\\x7F\""),
    // kubeseal makes a space of it
    ("\u{85}", "        v: \"\\N\""),
];

fn printed(value: Value) -> String {
    let document = print(&(&value).into());
    document.strip_prefix("---\n").unwrap().to_owned()
}

/// An annotation of a template, as kubeseal prints it.
fn annotation(key: &str, value: &str) -> String {
    printed(json!({"spec": {"template": {"metadata": {"annotations": {key: value}}}}}))
}

#[test]
fn prints_every_text_as_kubeseal_does() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let mut differences = Vec::new();
    for vector in vectors["values"].as_array().unwrap() {
        let value = vector["value"].as_str().unwrap();
        let exception = EXCEPTIONS.iter().find(|(exception, _)| *exception == value);
        let expected = exception
            .map_or_else(|| vector["yaml"].as_str(), |(_, printed)| Some(*printed))
            .unwrap();
        let all = annotation("v", value);
        let found = all
            .strip_prefix("spec:\n  template:\n    metadata:\n      annotations:\n")
            .unwrap();
        // The vectors were recorded without the line break at the end of the output.
        if found != format!("{expected}\n") {
            differences.push(format!("{value:?}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn prints_keys_in_the_order_of_kubeseal() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let expected = vectors["key_order"].as_str().unwrap();
    let keys = expected
        .lines()
        .skip(1)
        .map(|line| line.trim().strip_suffix(": x").unwrap().trim_matches('"'));
    let annotations: Map<String, Value> = keys.map(|key| (key.to_owned(), "x".into())).collect();
    let found = printed(json!({"spec": {"template": {"metadata": {"annotations": annotations}}}}));
    let lines = |text: &str| {
        text.lines()
            .map(|line| line.trim().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(lines(&found)[3..], lines(expected));
}

#[test]
fn prints_lists_at_the_indent_of_their_key() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let metadata = json!({"name": "s", "namespace": "d", "finalizers": ["a/b", "c/d"]});
    let found = printed(json!({"spec": {"template": {"metadata": metadata}}}));
    assert_eq!(
        found,
        format!("spec:\n  template:\n{}", vectors["list"].as_str().unwrap())
    );
}

#[test]
fn prints_what_is_no_text_as_it_is() {
    let object =
        json!({"a": true, "b": 1, "c": null, "d": {}, "e": [], "f": [{"x": "1", "y": ["z"]}]});
    let expected = "a: true\nb: 1\nc: null\nd: {}\ne: []\nf:\n- x: \"1\"\n  \"y\":\n  - z\n";
    assert_eq!(printed(object), expected);
}

#[test]
fn quotes_a_key_that_would_merge() {
    assert_eq!(printed(json!({"a": {"<<": "<<"}})), "a:\n  \"<<\": <<\n");
}

#[test]
fn escapes_a_line_separator_in_a_key() {
    assert_eq!(
        printed(json!({"a": {"\u{2028}": "x"}})),
        "a:\n  \"\\L\": x\n"
    );
}

#[test]
fn marks_long_keys() {
    let key = "k".repeat(129);
    assert_eq!(
        printed(json!({"a": {key.clone(): "x"}})),
        format!("a:\n  ? {key}\n  : x\n")
    );
}

/// Reads the one annotation back: first as we read Secrets (YAML 1.1), then as YAML 1.2.
fn read_back(text: &str) -> [(String, String); 2] {
    let value: Value = serde_saphyr::from_str(text).unwrap();
    let annotations = value
        .pointer("/spec/template/metadata/annotations")
        .and_then(Value::as_object)
        .unwrap();
    let (key, value) = annotations.iter().next().unwrap();
    let by_another = (key.clone(), value.as_str().unwrap().to_owned());

    let (documents, duplicates) = document::read(text).unwrap_or_else(|error| panic!("{error}"));
    assert!(duplicates.is_empty() && documents.len() == 1);
    let mut node = &documents[0].root;
    for _ in 0..4 {
        let Content::Map(map) = &node.content else {
            panic!("not a mapping")
        };
        node = &map.entries[0].value;
    }
    let Content::Map(map) = &node.content else {
        panic!("not a mapping")
    };
    let text_of = |node: &document::Node| match &node.content {
        Content::Scalar(scalar) if scalar.is_text() => scalar.text.to_string(),
        _ => panic!("not a text"),
    };
    [
        by_another,
        (text_of(&map.entries[0].key), text_of(&map.entries[0].value)),
    ]
}

fn texts() -> impl Strategy<Value = String> {
    let hard = "[-?:,\\[\\]{}#&*!|>'\"%@`~=<.+_ \t\n\r0-9a-fxoyntTINF\u{85}\u{a0}\u{2028}\u{2029}\u{feff}é🍐\\\\]{0,40}";
    prop_oneof![
        hard,
        "\\PC{0,20}",
        "([a-z]{1,9} {1,2}){0,40}",
        any::<String>()
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_text_reads_back_as_itself(key in texts(), value in texts()) {
        let expected = (key.clone(), value.clone());
        prop_assert_eq!(read_back(&annotation(&key, &value)), [expected.clone(), expected]);
    }

    #[test]
    fn orders_any_keys_without_losing_one(keys in proptest::collection::btree_set("[0-9a-z.-]{0,6}", 0..40)) {
        let keys: Vec<String> = keys.into_iter().collect();
        let mut ordered: Vec<String> = in_natural_order(&keys, |key| key).into_iter().cloned().collect();
        ordered.sort();
        prop_assert_eq!(ordered, keys);
    }
}
