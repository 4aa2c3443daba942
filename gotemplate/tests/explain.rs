//! What Go says of templates that fail, and the explanation; and what an explanation keeps to itself.
#![expect(clippy::unwrap_used, reason = "the templates are known to fail")]

use gotemplate::{Budget, Data, Environment, Explanation, Limits, Template};

fn explain(source: &str) -> Explanation {
    let limits = Limits::default();
    let data = Data::new([("c", "s3cret"), ("n", "12")]);
    let mut budget = Budget::new(&limits);
    match Template::parse_within("key", source, &mut budget) {
        Err(error) => error.into(),
        Ok(template) => {
            let explained = template.explain(&data, &Environment::default(), &mut budget);
            explained.err().unwrap()
        }
    }
}

/// Templates and what Go 1.26 with sprig 3.3 says of them, to the letter.
const AS_GO: &[(&str, &str)] = &[
    (
        "{{ fail .c }}",
        r#"template: key:1:3: executing "key" at <fail .c>: error calling fail: s3cret"#,
    ),
    (
        "a\n  {{ .c | int | upper }}",
        r#"template: key:2:16: executing "key" at <upper>: wrong type for value; expected string; got int"#,
    ),
    (
        "{{ upper 1 }}",
        r#"template: key:1:9: executing "key" at <1>: expected string; found 1"#,
    ),
    (
        "{{ trunc .c 1 }}",
        r#"template: key:1:9: executing "key" at <.c>: wrong type for value; expected int; got string"#,
    ),
    (
        "{{ .c.d }}",
        r#"template: key:1:5: executing "key" at <.c.d>: can't evaluate field d in type string"#,
    ),
    (
        "{{ $x := .c }}{{ $x.y.z }}",
        r#"template: key:1:19: executing "key" at <$x.y.z>: can't evaluate field y in type string"#,
    ),
    (
        "{{ range .c }}{{ end }}",
        r#"template: key:1:9: executing "key" at <.c>: range can't iterate over s3cret"#,
    ),
    (
        "{{ template \"x\" . }}",
        r#"template: key:1:12: executing "key" at <{{template "x" .}}>: template "x" not defined"#,
    ),
    (
        "{{ define \"x\" }}{{ fail .c }}{{ end }}\n{{ template \"x\" . }}",
        r#"template: key:1:19: executing "x" at <fail .c>: error calling fail: s3cret"#,
    ),
    (
        "{{ index (list 1 2)   5 }}",
        r#"template: key:1:3: executing "key" at <index (list 1 2) 5>: error calling index: index out of range: 5"#,
    ),
    (
        "{{ index . 1 }}",
        r#"template: key:1:3: executing "key" at <index . 1>: error calling index: value has type int; should be string"#,
    ),
    (
        "{{ len 3 }}",
        r#"template: key:1:3: executing "key" at <len 3>: error calling len: len of type int"#,
    ),
    (
        "{{ eq 1 \"a\" }}",
        r#"template: key:1:3: executing "key" at <eq 1 "a">: error calling eq: incompatible types for comparison: int and string"#,
    ),
    (
        "{{ lt 1 .c }}",
        r#"template: key:1:3: executing "key" at <lt 1 .c>: error calling lt: incompatible types for comparison: int and string"#,
    ),
    (
        "{{ eq 1 }}",
        r#"template: key:1:3: executing "key" at <eq 1>: error calling eq: missing argument for comparison"#,
    ),
    (
        "{{ div 1 0 }}",
        r#"template: key:1:3: executing "key" at <div 1 0>: error calling div: runtime error: integer divide by zero"#,
    ),
    (
        "{{ substr 3 9 .n }}",
        r#"template: key:1:3: executing "key" at <substr 3 9 .n>: error calling substr: runtime error: slice bounds out of range [3:2]"#,
    ),
    (
        "{{ repeat -1 .c }}",
        r#"template: key:1:3: executing "key" at <repeat -1 .c>: error calling repeat: strings: negative Repeat count"#,
    ),
    (
        "{{ semver .c }}",
        r#"template: key:1:3: executing "key" at <semver .c>: error calling semver: Invalid Semantic Version"#,
    ),
    (
        "{{ mustFromJson \"\" }}",
        r#"template: key:1:3: executing "key" at <mustFromJson "">: error calling mustFromJson: unexpected end of JSON input"#,
    ),
    (
        "{{ if and true (fail .c) }}{{ end }}",
        r#"template: key:1:16: executing "key" at <fail .c>: error calling fail: s3cret"#,
    ),
    (
        "{{ print (upper .c | fail) }}",
        r#"template: key:1:21: executing "key" at <fail>: error calling fail: S3CRET"#,
    ),
    (
        "{{ nil }}",
        r#"template: key:1:3: executing "key" at <nil>: nil is not a command"#,
    ),
    (
        "{{ 1 2 }}",
        r#"template: key:1:3: executing "key" at <1>: can't give argument to non-function 1"#,
    ),
    (
        "{{ .c 1 }}",
        r#"template: key:1:3: executing "key" at <.c>: c is not a method but has arguments"#,
    ),
    (
        "{{ atoi nil }}",
        r#"template: key:1:8: executing "key" at <nil>: cannot assign nil to string"#,
    ),
    (
        "{{ upper .missing }}",
        r#"template: key:1:9: executing "key" at <.missing>: invalid value; expected string"#,
    ),
    (
        "{{ set . \"a\" 1 }}",
        r#"template: key:1:7: executing "key" at <.>: wrong type for value; expected map[string]interface {}; got map[string]string"#,
    ),
    (
        "{{ call .c }}",
        r#"template: key:1:3: executing "key" at <call .c>: error calling call: non-function .c of type string"#,
    ),
    (
        "{{ randInt 5 1 }}",
        r#"template: key:1:3: executing "key" at <randInt 5 1>: error calling randInt: invalid argument to Intn"#,
    ),
    (
        "{{ slice (list 1) 3 }}",
        r#"template: key:1:3: executing "key" at <slice (list 1) 3>: error calling slice: reflect.Value.Slice: slice index out of bounds"#,
    ),
    (
        "{{ env2 }}",
        r#"template: key:1: function "env2" not defined"#,
    ),
    (
        "\n{{ if }}x{{ end }}",
        "template: key:2: missing value for if",
    ),
    ("{{ .c", "template: key:1: unclosed action"),
];

#[test]
fn explains_as_go_does() {
    for (source, expected) in AS_GO {
        assert_eq!(explain(source).expose(), *expected, "{source}");
    }
}

#[test]
fn a_function_that_says_nothing_is_named() {
    let explanation = explain("{{ now }}");
    assert_eq!(
        explanation.expose(),
        r#"template: key:1:3: executing "key" at <now>: error calling now: there is no clock"#
    );
    let explanation = explain("{{ range 99999999 }}{{ end }}");
    assert_eq!(
        explanation.expose(),
        r#"template: key:1:9: executing "key" at <99999999>: budget exceeded: steps"#
    );
}

#[test]
fn an_earlier_failure_explains_nothing() {
    let explanation =
        explain("{{ $x := fromJson .c }}{{ $y := toDate \"x\" .c }}{{ chunk 0 (list 1) }}");
    assert_eq!(
        explanation.expose(),
        r#"template: key:1:51: executing "key" at <chunk 0 (list 1)>: error calling chunk"#
    );
}

#[test]
fn shows_values_only_where_asked_to() {
    let explanation = explain("{{ fail .c }}");
    assert!(!format!("{explanation:?}").contains("s3cret"));
    assert!(!explanation.error().to_string().contains("s3cret"));
    assert_eq!(
        explanation.error().to_string(),
        "template: key:1:4: error calling fail"
    );
}

#[test]
fn an_output_needs_no_explanation() {
    let limits = Limits::default();
    let template = Template::parse("key", "{{ .c }}", &limits).unwrap();
    let data = Data::new([("c", "value")]);
    let environment = Environment::default();
    let output = template.explain(&data, &environment, &mut Budget::new(&limits));
    assert_eq!(output.unwrap(), b"value");
}
