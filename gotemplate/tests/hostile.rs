//! Templates that want to exhaust memory, time or the stack: each ends as an error of a class.
#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "long lists of shapes"
)]

use std::thread;

use gotemplate::{Budget, Class, Data, Environment, Limits, Template};

#[path = "../hostile/families.rs"]
mod families;

const STACK: usize = 2 << 20;

/// A template, and whether it must fail; some are only strange.
type Shape = (String, bool);

fn nested(open: &str, inner: &str, close: &str, depth: usize) -> String {
    format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
}

/// What is deep.
fn deep() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for depth in [101, 1_000, 40_000] {
        for (open, inner, close) in [
            ("(", ".c", ")"),
            ("(print ", "1", ")"),
            ("(not ", "1", ")"),
            ("(.c | print ", "1", ")"),
            ("(", "1", "|print)"),
            ("(list ", "1", ")"),
            ("(dict 1 ", "1", ")"),
        ] {
            shapes.push((
                format!("{{{{ {} }}}}", nested(open, inner, close, depth)),
                true,
            ));
        }
        for open in [
            "{{if 1}}",
            "{{with 1}}",
            "{{range list 1}}",
            "{{if 0}}{{else}}",
            "{{with $x := 1}}",
        ] {
            shapes.push((nested(open, "x", "{{end}}", depth), true));
            shapes.push((open.repeat(depth), true));
        }
        shapes.push((nested("{{block \"b\" .}}", "x", "{{end}}", depth), true));
        shapes.push((format!("{{{{ {} }}}}", "(".repeat(depth)), true));
        let json = nested("[", "", "]", depth);
        for function in ["fromJson", "mustFromJson"] {
            shapes.push((format!("{{{{ {function} `{json}` }}}}"), true));
            shapes.push((
                format!("{{{{ {function} `{}` }}}}", "{\"a\":".repeat(depth)),
                true,
            ));
        }
        for (open, close) in [("(", ")"), ("(?:", ")*"), ("(a|", ")"), ("[[:alpha:]", "]")] {
            let pattern = nested(open, "a", close, depth);
            shapes.push((
                format!("{{{{ regexFind `{pattern}` \"a\" }}}}"),
                depth > 1_000 && open != "[[:alpha:]",
            ));
        }
        shapes.push((format!("{{{{ .c{} }}}}", ".a".repeat(depth)), true));
        shapes.push((format!("{{{{ .x{} }}}}", ".a".repeat(depth)), false));
        shapes.push((format!("{{{{ 1{} }}}}", " | print".repeat(depth)), false));
        shapes.push((format!("{{{{ print{} }}}}", " 1".repeat(depth)), false));
        shapes.push((
            format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(depth)),
            false,
        ));
        shapes.push((
            format!(
                "{{{{with 0}}}}{}{{{{end}}}}",
                "{{else with 0}}".repeat(depth)
            ),
            false,
        ));
    }
    shapes
}

/// What calls itself, or holds itself.
fn circular() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for body in [
        "{{template \"r\" .}}",
        "{{template \"r\" (list .)}}",
        "{{if 1}}{{template \"r\" .}}{{end}}",
        "{{range list 1 2}}{{template \"r\" .}}{{end}}",
        "{{with 1}}{{template \"r\" print 1}}{{end}}",
        "x{{template \"s\"}}{{define \"s\"}}",
    ] {
        let end = "{{template \"r\"}}{{end}}";
        shapes.push((
            format!("{{{{define \"r\"}}}}{body}{end}{{{{template \"r\" 1}}}}"),
            true,
        ));
    }
    let knot = "{{$d := dict}}{{$e := dict}}{{$_ := set $d \"e\" $e}}{{$_ := set $e \"d\" (list $d)}}{{$f := dict}}{{$g := dict}}{{$_ := set $f \"e\" $g}}{{$_ := set $g \"d\" (list $f)}}";
    for use_ in [
        "$d",
        "print $d",
        "printf \"%d\" $d",
        "toJson $d",
        "toPrettyJson $d",
        "deepCopy $d",
        "quote $d",
        "toString $d",
        "deepEqual $d $f",
        "has $d (list $f)",
        "join \",\" (list $d)",
        "html $d",
        "cat $d",
        "printf \"%#v\" $d",
        "uniq (list $d $f)",
        "without (list $d) $f",
        "sortAlpha (list $d)",
        "$d | squote",
        "toRawJson $d",
        "js $d",
        "urlquery $d",
        "println $d",
        "toDecimal $d",
        "dict $d 1",
    ] {
        shapes.push((format!("{knot}{{{{ {use_} }}}}"), true));
    }
    for use_ in [
        "len $d",
        "merge $d $f",
        "mergeOverwrite $d $f",
        "keys $d",
        "values $d | len",
        "empty $d",
    ] {
        shapes.push((format!("{knot}{{{{ $x := {use_} }}}}"), false));
    }
    let chain = "{{$c := dict}}{{$n := $c}}{{range until 100000}}{{$m := dict}}{{$_ := set $n \"x\" $m}}{{$n = $m}}{{end}}";
    for use_ in ["", "{{$c}}", "{{toJson $c}}", "{{$d := deepCopy $c}}"] {
        shapes.push((format!("{chain}{use_}"), !use_.is_empty()));
    }
    shapes
}

/// What doubles, or is long from the start.
fn large() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for step in [
        "$x = print $x $x",
        "$x = printf \"%s%s\" $x $x",
        "$x = cat $x $x",
        "$x = repeat 2 $x",
        "$x = join $x (list 1 2 3)",
        "$x = replace \"x\" \"xx\" $x",
        "$x = quote $x $x",
        "$x = html $x $x",
        "$x = toJson (list $x $x)",
        "$x = b64enc (print $x $x)",
        "$x = regexReplaceAll `x` $x `$0$0`",
        "$x = nindent 9 (print $x \"\\n\" $x)",
        "$x = wrapWith 1 $x $x",
        "$x = js $x $x",
        "$x = squote $x $x",
        "$x = regexReplaceAllLiteral `` $x `yy`",
        "$x = println $x $x",
        "$x = print $x $x | upper",
        "$x = toPrettyJson (list $x $x)",
        "$x = urlquery $x $x \"%\"",
        "$x = b32enc (print $x $x)",
    ] {
        shapes.push((
            format!("{{{{$x := \"xxxxxxxx\"}}}}{{{{range until 100}}}}{{{{ {step} }}}}{{{{end}}}}"),
            true,
        ));
    }
    for step in [
        "$x = concat $x $x",
        "$x = append $x $x",
        "$x = list $x $x",
        "$x = concat $x $x | reverse",
        "$x = prepend $x $x",
        "$x = concat $x (list $x) | uniq",
        "$x = concat $x (list $x)",
        "$x = list $x",
        "$x = chunk 1 (list $x)",
        "$x = concat $x $x | compact",
        "$x = concat $x (until 100000)",
        "$x = splitList \"\" (repeat 1000000 \"x\") | concat $x",
    ] {
        shapes.push((
            format!(
                "{{{{$x := list 1}}}}{{{{range until 200}}}}{{{{ {step} }}}}{{{{end}}}}{{{{$x}}}}"
            ),
            true,
        ));
    }
    for count in ["2000000000", "9223372036854775806", "100000000"] {
        for call in [
            "repeat N \"x\"",
            "until N",
            "untilStep 0 N 1",
            "seq N",
            "seq 0 1 N",
            "randAlpha N",
            "randAlphaNum N",
            "randAscii N",
            "randNumeric N",
            "randBytes N",
            "indent N \"x\"",
            "nindent N \"x\"",
            "range N",
            "untilStep N 0 -1",
            "repeat N .c | len",
            "until (int (sub 0 N))",
            "splitList \"\" (repeat N \"x\")",
            "print (seq 1 N)",
        ] {
            let call = call.replace('N', count);
            let source = match call.strip_prefix("range ") {
                Some(count) => format!("{{{{range {count}}}}}{{{{end}}}}"),
                None => format!("{{{{ {call} }}}}"),
            };
            shapes.push((source, true));
        }
    }
    for (body, times) in [
        ("{{printf \"%999999d\" 1}}", 99),
        ("{{printf \"%999999.999999d%999999.999999f\" 1 1.0}}", 99),
    ] {
        shapes.push((body.repeat(times), true));
    }
    for loops in [
        "{{range until 100000}}{{range until 100000}}{{end}}{{end}}",
        "{{range 100000000}}{{end}}",
        "{{range 100000}}{{range 100000}}x{{end}}{{end}}",
        "{{range 1000}}{{bcrypt \"x\" | len}}{{end}}",
        "{{range 1000}}{{htpasswd \"x\" \"y\" | len}}{{end}}",
        "{{range 1000000}}{{$x := dict 1 2}}{{$y := fromJson `{\"a\":[1,2,3]}`}}{{end}}",
        "{{$s := repeat 1000000 \"ab\"}}{{range 10000}}{{$x := sha512sum $s}}{{end}}",
        "{{$s := repeat 1000000 \"ab\"}}{{range 10000}}{{$x := regexMatch `(a+)+c` $s}}{{end}}",
        "{{$s := repeat 1000000 \"ab\"}}{{range 10000}}{{$x := contains \"ac\" $s}}{{$y := replace \"a\" \"b\" $s}}{{end}}",
        "{{$s := repeat 100000 \"a\"}}{{$x := regexFindAll `(a|b|ab)*(bc)*` $s -1}}{{range 1000}}{{$y := regexFindAll `a` $s -1}}{{end}}",
        "{{$l := until 100000}}{{range 1000}}{{$x := has 100001 $l}}{{$y := uniq $l}}{{end}}",
        "{{$l := until 10000}}{{$x := uniq $l}}",
        "{{$f := 1e300}}{{range 100000}}{{$x := mulf 1e300 1e300 1e300 1e300 1e-300 1e300}}{{$y := divf 1e300 1e-300}}{{end}}",
        "{{$l := list 1.5}}{{range 20}}{{$l = concat $l $l}}{{end}}{{$x := mulf 1 (first $l)}}{{toJson $l}}",
        "{{range 1000000}}{{$x := semverCompare \">1 || <2 || 3 - 4\" \"1.2.3\"}}{{end}}",
        "{{range 1000000}}{{$x := dateInZone \"Mon Jan 2 15:04:05 MST 2006\" 0 \"Europe/Berlin\"}}{{end}}",
        "{{$s := repeat 1000000 \"a\"}}{{range 100}}{{$x := regexMatch `(?:a{30}b?){1,900}c` $s}}{{end}}",
        "{{range 1000000}}{{$x := regexMatch (print . `a{1000}`) \"a\"}}{{end}}",
        "{{range $i, $e := until 1000}}{{range $j, $f := until 1000}}{{$x := list $i $j}}{{$y := print $x}}{{end}}{{end}}",
    ] {
        shapes.push((loops.into(), true));
    }
    for pattern in [
        "(a{1000}){1000}",
        "((a{100}){100}){100}",
        "a{1001}",
        "(?:(?:(?:a*)*)*)*",
        "\\pL{1000}",
        "[^a]{1000}{2}",
        "(\\pL{9}|é{7}){90}c",
        "(\\pL{500}){500}",
    ] {
        shapes.push((
            format!("{{{{ regexFind `{pattern}` (repeat 1000 \"a\") }}}}"),
            false,
        ));
    }
    shapes
}

/// What is only odd.
fn odd() -> Vec<Shape> {
    let mut shapes = Vec::new();
    for size in [1_000, 100_000, 1_000_000] {
        shapes.push(("{".repeat(size), false));
        shapes.push(("{{".repeat(size / 2), true));
        shapes.push(("{{.c}}".repeat(size / 6), false));
        shapes.push((
            format!("{{{{ \"{}\" }}}}", "\\u00e9".repeat(size / 6 - 2)),
            false,
        ));
        shapes.push((format!("{{{{ {} }}}}", "9".repeat(size - 9)), true));
        shapes.push((format!("{{{{ 0x{} }}}}", "f".repeat(size - 9)), true));
        shapes.push((format!("{{{{ 1e{} }}}}", "9".repeat(size - 9)), true));
        shapes.push((format!("{{{{ .{} }}}}", "a".repeat(size - 9)), false));
        shapes.push((format!("{{{{ ${} }}}}", "a".repeat(size - 9)), true));
        shapes.push((format!("{{{{ {} }}}}", "a".repeat(size - 9)), true));
        shapes.push((format!("{{{{/* {} */}}}}", "*".repeat(size - 16)), false));
        shapes.push((format!("{{{{ {} }}}}", " ".repeat(size - 9)), true));
        shapes.push((
            format!("{{{{ semver \"{}\" }}}}", "1.".repeat(size / 2 - 16)),
            true,
        ));
        shapes.push((
            format!(
                "{{{{ dateInZone \"{}\" 0 \"UTC\" | len }}}}",
                "Monday".repeat(size / 6 - 9)
            ),
            false,
        ));
        shapes.push((
            format!("{{{{ toDate \"{}\" \"x\" }}}}", "2006".repeat(size / 4 - 9)),
            false,
        ));
        shapes.push((
            format!("{{{{ clean \"{}\" | len }}}}", "../".repeat(size / 3 - 9)),
            false,
        ));
        shapes.push((
            format!(
                "{{{{ urlParse \"{}\" | len }}}}",
                "%41".repeat(size / 3 - 9)
            ),
            false,
        ));
        shapes.push((
            format!(
                "{{{{ fromJson `[{}1]` | len }}}}",
                "1,".repeat(size / 2 - 16)
            ),
            false,
        ));
        shapes.push((
            format!(
                "{{{{ snakecase \"{}\" | len }}}}",
                "aB1".repeat(size / 3 - 10)
            ),
            false,
        ));
        shapes.push((
            format!("{{{{ printf \"{}\" | len }}}}", "%d".repeat(size / 2 - 16)),
            false,
        ));
        shapes.push(("{{define \"x\"}}{{end}}".repeat(size / 21), false));
    }
    shapes
}

fn outcome(source: &str) -> Result<Vec<u8>, Class> {
    // A tenth of the usual work, since tests are not optimised.
    let limits = Limits {
        steps: 1_000_000,
        ..Limits::default()
    };
    let data = Data::new([("c", "value")]);
    Template::parse("t", source, &limits)
        .and_then(|t| t.render(&data, &environment(), &mut Budget::new(&limits)))
        .map_err(|error| error.class().clone())
}

fn environment() -> Environment {
    Environment {
        now: Some(std::time::SystemTime::UNIX_EPOCH),
        random: Some(|buffer| {
            buffer.fill(7);
            true
        }),
    }
}

fn run(shapes: Vec<Shape>) {
    let thread = thread::Builder::new().stack_size(STACK);
    let handle = thread.spawn(move || {
        let mut successes = Vec::new();
        for (source, fails) in shapes {
            let outcome = outcome(&source);
            if fails && outcome.is_ok() {
                successes.push(source.chars().take(200).collect::<String>());
            }
        }
        successes
    });
    let successes = handle.unwrap().join().unwrap();
    assert!(successes.is_empty(), "do not fail: {successes:#?}");
}

/// What comes of the hostile templates whose names begin with one of these.
fn run_families(names: &'static [&str]) {
    let thread = thread::Builder::new().stack_size(STACK);
    let handle = thread.spawn(move || {
        for hostile in families::all() {
            if names.iter().any(|name| hostile.name.starts_with(name)) {
                ends_within_its_budget(&hostile);
            }
        }
    });
    handle.unwrap().join().unwrap();
}

/// However much there is to parse, rendering gets few steps, and nobody sees the last of nine million rounds.
fn ends_within_its_budget(hostile: &families::Hostile) {
    let limits = Limits {
        steps: 50_000,
        ..Limits::default()
    };
    let name = &hostile.name;
    let template = match Template::parse("root", &hostile.source, &Limits::default()) {
        Ok(template) => template,
        Err(error) => {
            let is_known = name.starts_with("sources/") || name.starts_with("nesting/");
            let is_budget = matches!(error.class(), Class::Budget(_));
            assert!(is_known || is_budget, "{name} does not parse: {error}");
            return;
        }
    };
    let data = Data::new(families::data());
    let rendered = template.render(&data, &environment(), &mut Budget::new(&limits));
    let is_endless = hostile.source.contains("{{range 9000000}}");
    match rendered {
        Ok(_) => assert!(!is_endless, "{name} comes to an end"),
        Err(error) => {
            let is_budget = matches!(error.class(), Class::Budget(_));
            assert!(is_budget, "{name} fails early: {error}");
        }
    }
}

#[test]
fn there_are_many_families() {
    let mut names: Vec<String> = families::all().into_iter().map(|h| h.name).collect();
    assert!(names.len() >= 400, "only {}", names.len());
    names.sort();
    names.dedup();
    assert!(names.len() >= 400, "some names are not unique");
}

#[test]
fn ends_many_operands() {
    run_families(&["operands/", "pipelines/"]);
}

#[test]
fn ends_many_variables_and_nodes() {
    run_families(&["variables/", "nodes/", "nesting/", "templates/"]);
}

#[test]
fn ends_regexes_and_formats() {
    run_families(&["regexes/", "printf/"]);
}

#[test]
fn ends_sorts_and_merges() {
    run_families(&["sorts/", "merges/", "values/"]);
}

#[test]
fn ends_texts_and_numbers() {
    run_families(&["texts/", "numbers/"]);
}

#[test]
fn ends_long_sources() {
    run_families(&["sources/"]);
}

#[test]
fn there_are_many_shapes() {
    let count = deep().len() + circular().len() + large().len() + odd().len();
    assert!(count >= 300, "only {count}");
}

#[test]
fn ends_what_is_deep() {
    run(deep());
}

#[test]
fn ends_what_is_circular() {
    run(circular());
}

#[test]
fn ends_what_grows() {
    run(large());
}

#[test]
fn ends_what_is_odd() {
    run(odd());
}

#[test]
fn deep_within_the_limit_is_no_trouble() {
    run(vec![
        (
            format!("{{{{ {} }}}}", nested("(print ", "1", ")", 48)),
            false,
        ),
        (
            nested("{{range list 1}}{{with .}}", "{{.}}", "{{end}}{{end}}", 30),
            false,
        ),
    ]);
    let source = format!("{{{{ {} }}}}", nested("(print ", "1", ")", 48));
    assert_eq!(outcome(&source), Ok(b"1".to_vec()));
    let source = "{{define \"r\"}}{{.}}{{if gt . 0}}{{template \"r\" (int (sub . 1))}}{{end}}{{end}}{{template \"r\" 20}}";
    assert!(outcome(source).is_ok());
}
