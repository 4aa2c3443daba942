//! Whatever there is a thousand of costs a thousand steps; and what is twice as long costs no more than twice
//! as much to parse.
#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "long lists of templates that are known to parse"
)]

use std::time::SystemTime;

use gotemplate::{Budget, Data, Environment, Limits, Template};

#[path = "../hostile/families.rs"]
#[expect(dead_code, reason = "the templates are only parsed")]
mod families;

/// The steps that rendering takes.
fn steps(source: &str) -> u64 {
    let limits = Limits {
        output_bytes: 64 << 20,
        ..Limits::default()
    };
    let environment = Environment {
        now: Some(SystemTime::UNIX_EPOCH),
        random: None,
    };
    let template = Template::parse("root", source, &limits).unwrap();
    let mut budget = Budget::new(&limits);
    let data = Data::new([("c", "value"), ("n", "1")]);
    let rendered = template.render(&data, &environment, &mut budget);
    assert!(rendered.is_ok(), "{source}: {rendered:?}");
    limits.steps - budget.steps()
}

#[test]
fn a_thousand_of_anything_costs_a_thousand_steps() {
    let many = |piece: &str| piece.repeat(1000);
    let variables: String = (0..1000).map(|i| format!("{{{{$v{i} := 1}}}}")).collect();
    for (what, source) in [
        ("operands of and", format!("{{{{and{}}}}}", many(" 1"))),
        ("operands of or", format!("{{{{or{}}}}}", many(" 0"))),
        (
            "texts as operands",
            format!("{{{{and{}}}}}", many(" \"a\"")),
        ),
        (
            "variables as operands",
            format!("{{{{and{}}}}}", many(" $")),
        ),
        ("fields as operands", format!("{{{{and{}}}}}", many(" .c"))),
        (
            "nil as an operand",
            format!("{{{{print{}}}}}", many(" nil")),
        ),
        ("arguments", format!("{{{{list{} | len}}}}", many(" 1"))),
        (
            "integers for integers",
            format!("{{{{$x := seq 1 1}}}}{}", many("{{$x = seq 1}}")),
        ),
        ("parentheses", format!("{{{{and{}}}}}", many(" (1)"))),
        ("stages", format!("{{{{1{}}}}}", many(" | and"))),
        ("fields", format!("{{{{if .x{}}}}}{{{{end}}}}", many(".a"))),
        (
            "fields of a variable",
            format!("{{{{$x := .x}}}}{{{{if $x{}}}}}{{{{end}}}}", many(".a")),
        ),
        (
            "methods",
            format!("{{{{if (now){}}}}}{{{{end}}}}", many(".UTC")),
        ),
        ("actions", many("{{1}}")),
        ("letters between actions", many("x{{/**/}}")),
        ("declarations", variables.clone()),
        (
            "assignments",
            format!("{{{{$x := 1}}}}{}", many("{{$x = 2}}")),
        ),
        (
            "assignments among variables",
            format!("{variables}{}", many("{{$v0 = 2}}")),
        ),
        ("branches", many("{{if 0}}{{end}}")),
        (
            "branches of one",
            format!("{{{{if 0}}}}{}{{{{end}}}}", many("{{else if 0}}")),
        ),
        ("loops", many("{{range 0}}{{end}}")),
        ("rounds", "{{range 1000}}{{end}}".into()),
        ("rounds over a list", "{{range until 1000}}{{end}}".into()),
        (
            "rounds that go on",
            "{{range 1000}}{{continue}}{{end}}".into(),
        ),
        (
            "calls of templates",
            format!(
                "{{{{define \"t\"}}}}{{{{end}}}}{}",
                many("{{template \"t\"}}")
            ),
        ),
        (
            "elements that are printed",
            "{{until 1000 | print | len}}".into(),
        ),
        ("elements in JSON", "{{until 1000 | toJson | len}}".into()),
        (
            "elements from JSON",
            "{{printf \"[%s1]\" (repeat 999 \"1,\") | fromJson | len}}".into(),
        ),
        (
            "elements that are copied",
            "{{until 1000 | deepCopy | len}}".into(),
        ),
        (
            "elements that are compared",
            "{{has 1000 (until 1000)}}".into(),
        ),
        (
            "elements that are sorted",
            "{{until 1000 | sortAlpha | len}}".into(),
        ),
        (
            "elements that are joined",
            "{{until 1000 | join \"\" | len}}".into(),
        ),
        (
            "parts",
            "{{splitList \"\" (repeat 1000 \"a\") | len}}".into(),
        ),
        (
            "numbered parts",
            "{{split \"\" (repeat 1000 \"a\") | len}}".into(),
        ),
        (
            "replacements",
            "{{replace \"a\" \"b\" (repeat 1000 \"a\") | len}}".into(),
        ),
        (
            "matches",
            "{{regexFindAll \"a\" (repeat 1000 \"a\") -1 | len}}".into(),
        ),
        (
            "matches of nothing",
            "{{regexReplaceAll \"\" (repeat 1000 \"a\") \"\" | len}}".into(),
        ),
        ("directives", format!("{{{{printf \"{}\"}}}}", many("%%"))),
        (
            "entries",
            "{{$d := dict}}{{range 1000}}{{$_ := set $d (print .) 1}}{{end}}".into(),
        ),
        (
            "lines",
            "{{indent 1 (repeat 1000 \"\\n\") | len}}{{wrap 1 (repeat 2000 \"a \") | len}}".into(),
        ),
    ] {
        let steps = steps(&source);
        assert!(steps >= 1000, "{what}: only {steps} steps");
    }
}

#[test]
fn long_texts_cost_by_their_length() {
    for call in [
        "upper $s",
        "trim $s",
        "contains \"b\" $s",
        "hasPrefix $s $s",
        "eq $s $t",
        "lt $s $t",
        "int $s",
        "float64 $s",
        "len $s",
        "trunc 1 $s",
        "index $ $s",
        "sha256sum $s",
        "b64dec $s",
        "fromJson $s",
        "regexMatch \"b\" $s",
        "urlParse $s",
        "clean $s | len",
        "initials $s",
        "splitList \"b\" $s",
        "nospace $s | len",
        "trimAll \"b\" $s | len",
        "typeIs $s 1",
        "printf $s | len",
        "adler32sum $s",
        "get (dict) $s",
        "hasKey (dict) $s",
        "default 1 $s | len",
        "atoi $s",
    ] {
        let cost = |length: usize| {
            steps(&format!(
                "{{{{$s := repeat {length} \"a\"}}}}{{{{$t := print $s}}}}{{{{$x := {call}}}}}"
            )) - steps(&format!(
                "{{{{$s := repeat {length} \"a\"}}}}{{{{$t := print $s}}}}"
            ))
        };
        let (short, long) = (cost(1 << 12), cost(1 << 18));
        assert!(long >= (1 << 18) / 64, "{call}: only {long} steps");
        assert!(
            long >= 16 * short.min(long / 16),
            "{call}: {short}, then {long}"
        );
    }
}

#[test]
fn parsing_is_linear() {
    for (piece, close) in [
        ("{{1}}", ""),
        ("{{.a.b.c}}", ""),
        ("{{$x:=1}}{{$x}}", ""),
        ("{{if 1}}x{{end}}", ""),
        ("{{range $i, $e := .}}{{$e}}{{end}}", ""),
        ("{{block \"b\" .}}{{end}}", ""),
        ("{{/* c */}}", ""),
        ("{{(print (1))}}", ""),
        ("{{\"text\"}}{{`text`}}", ""),
        ("x", ""),
        ("{{with 1}}{{else with 2}}{{end}}", ""),
        (" 1", "}}"),
        ("|print", "}}"),
        (".a", "}}"),
        ("0", "+1i}}"),
    ] {
        let spent = |count: usize| {
            let open = match close {
                "" => "",
                _ if piece == ".a" => "{{.a",
                _ if piece == "0" => "{{1.",
                _ => "{{print 1",
            };
            let limits = Limits::default();
            let mut budget = Budget::new(&limits);
            let source = format!("{open}{}{close}", piece.repeat(count));
            Template::parse_within("root", &source, &mut budget).unwrap();
            let memory = limits.memory_bytes - budget.memory_bytes();
            (limits.steps - budget.steps(), memory as u64)
        };
        let (once, twice) = (spent(2_000), spent(4_000));
        assert!(twice.0 <= once.0 * 22 / 10, "{piece}: {once:?}, {twice:?}");
        // Lists double when they are full.
        assert!(twice.1 <= once.1 * 3, "{piece}: {once:?}, {twice:?}");
    }
}

#[test]
fn parsing_is_paid_for() {
    for hostile in families::all() {
        if !hostile.name.starts_with("sources/") {
            continue;
        }
        let limits = Limits::default();
        let mut budget = Budget::new(&limits);
        let _ = Template::parse_within("root", &hostile.source, &mut budget);
        let spent = limits.steps - budget.steps();
        let least = hostile.source.len() as u64 / 16;
        assert!(spent >= least, "{}: only {spent} steps", hostile.name);
    }
}
