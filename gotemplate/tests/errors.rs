//! No error says anything of a value.

use std::collections::BTreeSet;

use gotemplate::{Budget, Data, Environment, Error, Limits, Template, function_names};

/// Every spelling of it would contain one of [`TRACES`].
const CANARY: &str = "Canary 9f\"<7>\nQ2FuYXJ5 %zz [(";
const TRACES: [&str; 5] = ["canary", "9f", "q2fu", "%zz", "[("];

const ARGUMENTS: [&str; 12] = [
    "",
    ".c",
    ".c .c",
    ".c 1",
    "1 .c",
    ".c .c .c",
    "1 2 .c",
    ".c 1 .c",
    "(list .c)",
    "(dict .c .c)",
    "(dict \"scheme\" 1 \"a\" .c) .c",
    ".c (list .c) (dict .c .c)",
];

fn render(source: &str) -> Result<Vec<u8>, Error> {
    let limits = Limits::default();
    let data = Data::new([("c", CANARY), (CANARY, CANARY)]);
    let template = Template::parse("key", source, &limits)?;
    template.render(&data, &Environment::default(), &mut Budget::new(&limits))
}

fn templates() -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for name in function_names() {
        for arguments in ARGUMENTS {
            all.insert(format!("{{{{ {name} {arguments} }}}}"));
            all.insert(format!("{{{{ .c | {name} {arguments} }}}}"));
        }
    }
    for broken in [
        "{{ .c.d }}",
        "{{ (print .c).d }}",
        "{{ $x := .c }}{{ $x.y.z }}",
        "{{ range .c }}{{ end }}",
        "{{ range $i, $e := len .c }}{{ end }}",
        "{{ template \"x\" .c }}",
        "{{ define \"x\" }}{{ fail . }}{{ end }}{{ template \"x\" .c }}",
        "{{ block .c . }}{{ end }}",
        "{{ .c 1 }}",
        "{{ (dict .c 1).c.d }}",
        "{{ with fromJson .c }}{{ . }}{{ else }}{{ mustFromJson .c }}{{ end }}",
        "{{ index . .c .c }}",
        "{{ (now).Format .c }}",
        "{{ (semver \"1.0.0\").Compare .c }}",
        "{{ dig .c 1 (dict .c (dict)) .c }}",
    ] {
        all.insert(broken.into());
    }
    all
}

#[test]
fn no_error_shows_a_value() {
    let mut errors = 0;
    for template in templates() {
        let Err(error) = render(&template) else {
            continue;
        };
        errors += 1;
        for told in [error.to_string(), format!("{error:?}")] {
            let told = told.to_lowercase();
            for trace in TRACES {
                assert!(!told.contains(trace), "{template} tells {told}");
            }
        }
    }
    assert!(errors >= 400, "only {errors} templates fail");
}

#[test]
fn an_error_says_where_and_of_which_class() {
    let told = |source| render(source).unwrap_err().to_string();
    assert_eq!(
        told("{{ fail .c }}"),
        "template: key:1:4: error calling fail"
    );
    assert_eq!(
        told("a\n  {{ .c | int | upper }}"),
        "template: key:2:17: wrong type of value"
    );
    assert_eq!(
        told("{{ upper }}"),
        "template: key:1:4: wrong number of arguments for upper"
    );
    assert_eq!(
        told("{{ env \"HOME\" }}"),
        "template: key:1:4: function \"env\" not defined"
    );
    assert_eq!(
        told("{{ genCA \"a\" 1 }}"),
        "template: key:1:4: function \"genCA\" not defined"
    );
    assert_eq!(
        told("{{ template \"x\" }}"),
        "template: key:1:13: template not defined"
    );
    assert_eq!(
        told("{{ if }}x{{ end }}"),
        "template: key:1:9: missing value for if"
    );
    assert_eq!(told("{{ .c"), "template: key:1:6: unclosed action");
    assert_eq!(
        told("{{ repeat 2000000000 \"x\" }}"),
        "template: key:1:4: budget exceeded: memory"
    );
}

#[test]
fn without_clock_and_randomness_their_functions_fail() {
    for source in [
        "{{ now }}",
        "{{ randAlpha 3 }}",
        "{{ uuidv4 }}",
        "{{ bcrypt \"x\" }}",
        "{{ ago 0 }}",
    ] {
        assert!(render(source).is_err(), "{source}");
    }
}
