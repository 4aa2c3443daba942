//! Templates that want to exhaust time, memory or the stack, by family. Shared by a test, which counts their
//! steps, and by the example `hostile`, which takes their time and memory.
#![expect(clippy::too_many_lines, reason = "long lists of templates")]

/// A template that means no good.
pub(crate) struct Hostile {
    pub(crate) name: String,
    pub(crate) source: String,
}

/// Every round of it costs something, and nobody waits for the last.
const LOOP: &str = "{{range 9000000}}";
const END: &str = "{{end}}";

/// All of them.
pub(crate) fn all() -> Vec<Hostile> {
    let families: [(&str, Vec<(String, String)>); 14] = [
        ("operands", operands()),
        ("variables", variables()),
        ("nodes", nodes()),
        ("nesting", nesting()),
        ("pipelines", pipelines()),
        ("templates", templates()),
        ("regexes", regexes()),
        ("printf", printf()),
        ("sorts", sorts()),
        ("merges", merges()),
        ("texts", texts()),
        ("values", values()),
        ("numbers", numbers()),
        ("sources", sources()),
    ];
    let name = |family, (name, source)| Hostile {
        name: format!("{family}/{name}"),
        source,
    };
    let named = families
        .into_iter()
        .flat_map(|(family, cases)| cases.into_iter().map(move |case| name(family, case)));
    named.collect()
}

/// What dot is for them.
pub(crate) fn data() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("c", b"value".to_vec()),
        ("big", b"0123456789abcde\n".repeat(16_384)),
        ("bytes", b"\xff\xc3\xa9A".repeat(16_384)),
        (
            "json",
            format!("[{}1]", "{\"a\":[1,\"b\"]},".repeat(8_192)).into(),
        ),
    ]
}

type Cases = Vec<(String, String)>;

fn case(name: &str, source: String) -> (String, String) {
    (name.to_owned(), source)
}

fn looped(body: &str) -> String {
    format!("{LOOP}{body}{END}")
}

/// Many words in one command, again and again.
fn operands() -> Cases {
    let mut cases = Vec::new();
    for (function, word) in [
        ("and", "1"),
        ("or", "0"),
        ("eq 1", "2"),
        ("print", "1"),
        ("println", "nil"),
        ("list", "1"),
        ("tuple", "\"a\""),
        ("dict", "1"),
        ("coalesce", "0"),
        ("all", "1"),
        ("any", "0"),
        ("add", "1"),
        ("max 1", "2"),
        ("min 1", "2"),
        ("maxf 1", "2.5"),
        ("addf", "0.1"),
        ("mulf 1", "1e300"),
        ("divf 1", "1e-300"),
        ("cat", "\"a\""),
        ("quote", "1.5"),
        ("squote", "true"),
        ("concat", "(list)"),
        ("merge (dict)", "(dict)"),
        ("pick (dict)", "\"a\""),
        ("omit (dict)", "\"a\""),
        ("without (list 1)", "2"),
        ("pluck \"a\"", "(dict)"),
        ("keys", "(dict)"),
        ("html", "1"),
        ("js", "\"'\""),
        ("urlquery", "\"%\""),
        ("printf \"\"", "1"),
        ("and", "$.c"),
        ("and", "$"),
        ("or", "(not 1)"),
        ("or", "$.x.c"),
    ] {
        let call = format!("{function}{}", format!(" {word}").repeat(20_000));
        let name = format!("{} of {word}", function.replace(' ', "-"));
        cases.push((name, looped(&format!("{{{{if {call}}}}}{{{{end}}}}"))));
    }
    cases
}

/// Many variables in scope.
fn variables() -> Cases {
    let declared =
        |count: usize| -> String { (0..count).map(|i| format!("{{{{$v{i} := 1}}}}")).collect() };
    let many = declared(20_000);
    let mut cases = Vec::new();
    for (name, body) in [
        ("the first is assigned", "{{$v0 = 2}}"),
        ("the last is assigned", "{{$v19999 = 2}}"),
        ("the first is read", "{{if $v0}}{{end}}"),
        ("the root is read", "{{if $}}{{end}}"),
        ("the root has fields", "{{if $.x.d.e.f}}{{end}}"),
        ("one more is declared", "{{$x := 1}}"),
        ("the first is hidden", "{{$v0 := 2}}{{$v0 = 3}}"),
        (
            "the first is an operand",
            "{{if and $v0 $v0 $v0 $v0}}{{end}}",
        ),
        (
            "a loop assigns the first",
            "{{range $v0 = list 1 2 3}}{{end}}",
        ),
        (
            "a loop declares two",
            "{{range $i, $e := list 1 2 3}}{{$i = $e}}{{end}}",
        ),
        ("with declares", "{{with $x := $v0}}{{$v1 = $x}}{{end}}"),
        ("if declares", "{{if $x := $v0}}{{$v1 = $x}}{{end}}"),
    ] {
        cases.push(case(name, format!("{many}{}", looped(body))));
    }
    let few = declared(2_000);
    let recursive = format!(
        "{{{{define \"r\"}}}}{many}{{{{template \"r\"}}}}{{{{end}}}}{}",
        looped("{{template \"r\"}}")
    );
    cases.push(case("every call declares all", recursive));
    cases.push(case("every round declares all", looped(&declared(60_000))));
    cases.push(case("every name is used", {
        let uses: String = (0..2_000)
            .map(|i| format!("{{{{$v{i} = $v{i}}}}}"))
            .collect();
        format!("{few}{}", looped(&uses))
    }));
    cases.push(case("long names", {
        let name = "n".repeat(200_000);
        format!(
            "{{{{$a{name} := 1}}}}{{{{$b{name} := 2}}}}{}",
            looped(&format!("{{{{$a{name} = $b{name}}}}}"))
        )
    }));
    cases.push(case(
        "one name over and over",
        looped(&"{{$x := 1}}".repeat(60_000)),
    ));
    cases.push(case(
        "values that hold one another",
        "{{$x := list 1}}".to_owned() + &looped("{{$x = list $x $x}}"),
    ));
    cases
}

/// Many nodes, most of which do nothing.
fn nodes() -> Cases {
    let mut cases = Vec::new();
    for (name, body) in [
        ("nothing", String::new()),
        ("comments", "{{/* c */}}".repeat(10_000)),
        ("spaces", "{{- 1 | not | and 0 -}}   ".repeat(10)),
        ("constants that are assigned", "{{$x := 1}}".repeat(10_000)),
        ("false branches", "{{if 0}}x{{end}}".repeat(10_000)),
        ("empty branches", "{{if 1}}{{end}}".repeat(10_000)),
        ("empty loops", "{{range 0}}{{end}}".repeat(10_000)),
        ("empty with", "{{with 0}}{{end}}".repeat(10_000)),
        (
            "loops that break",
            "{{range 9}}{{break}}{{end}}".repeat(10_000),
        ),
        (
            "loops that continue",
            "{{range 9}}{{continue}}{{end}}".repeat(10_000),
        ),
        (
            "a chain of else if",
            format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(20_000)),
        ),
        (
            "a chain of else with",
            format!(
                "{{{{with 0}}}}{}{{{{end}}}}",
                "{{else with 0}}".repeat(20_000)
            ),
        ),
        (
            "else of a loop",
            "{{range 0}}{{else}}{{end}}".repeat(10_000),
        ),
        ("empty texts that are printed", "{{\"\"}}".repeat(10_000)),
        (
            "fields",
            format!(
                "{{{{$d := dict}}}}{{{{$_ := set $d \"a\" $d}}}}{{{{range 9}}}}{{{{if $d{}}}}}{{{{end}}}}{{{{end}}}}",
                ".a".repeat(20_000)
            ),
        ),
        (
            "fields of nothing",
            format!("{{{{if $.x{}}}}}{{{{end}}}}", ".a".repeat(20_000)),
        ),
        (
            "fields of parentheses",
            "{{if ($.x).y}}{{end}}".repeat(10_000),
        ),
        (
            "a field with a long name",
            format!("{{{{if $.{}}}}}{{{{end}}}}", "a".repeat(500_000)),
        ),
        (
            "long constants",
            format!("{{{{if \"{}\"}}}}{{{{end}}}}", "a".repeat(500_000)),
        ),
        (
            "lists over a list",
            "{{range list 1 2 3}}{{range list 1 2 3}}{{end}}{{end}}".repeat(100),
        ),
        (
            "the data again and again",
            "{{range $k, $v := $}}{{end}}".repeat(1_000),
        ),
        (
            "methods",
            "{{if (now).UTC.UTC.UTC.UTC}}{{end}}".repeat(1_000),
        ),
        (
            "methods with a zone",
            "{{if (toDate \"MST\" \"CEST\").Year}}{{end}}".repeat(1_000),
        ),
    ] {
        cases.push(case(name, looped(&body)));
    }
    let keys = " \"a\"".repeat(20_000);
    let circle = "{{$d := dict}}{{$_ := set $d \"a\" $d}}";
    for function in ["index $d KEYS", "dig KEYS 1 $d"] {
        let call = function.replace("KEYS", &keys);
        let body = looped(&format!("{{{{$x := {call}}}}}"));
        cases.push((function.to_owned(), format!("{circle}{body}")));
    }
    cases.push(case("texts", looped(&"x".repeat(500_000))));
    cases.push(case(
        "texts of one letter",
        looped(&"x{{/**/}}".repeat(10_000)),
    ));
    cases
}

/// What stands deep, or holds itself.
fn nesting() -> Cases {
    let nested = |open: &str, inner: &str, close: &str, depth: usize| {
        format!("{}{inner}{}", open.repeat(depth), close.repeat(depth))
    };
    let mut cases = Vec::new();
    for (name, open, close) in [
        ("ifs", "{{if 1}}", "{{end}}"),
        ("loops", "{{range 9}}", "{{end}}"),
        ("withs", "{{with 1}}", "{{end}}"),
        ("blocks", "{{block \"b\" .}}", "{{end}}"),
    ] {
        cases.push(case(
            &format!("{name} within the limit"),
            nested(open, "", close, 90),
        ));
        cases.push(case(
            &format!("{name} without end"),
            open.repeat(1_000_000 / open.len()),
        ));
    }
    for (name, open, close) in [
        ("parentheses", "(", ")"),
        ("calls", "(print ", ")"),
        ("lists", "(list ", ")"),
        ("dicts", "(dict 1 ", ")"),
    ] {
        let call = nested(open, "1", close, 45);
        cases.push(case(
            &format!("{name} within the limit"),
            looped(&format!("{{{{$x := {call}}}}}")),
        ));
        cases.push(case(
            &format!("{name} without end"),
            format!("{{{{{}}}}}", open.repeat(100_000)),
        ));
    }
    let knot = "{{$d := dict}}{{$e := dict \"d\" $d}}{{$_ := set $d \"a\" $e}}{{range until 20000}}{{$_ := set $d (print .) .}}{{end}}";
    for (name, body) in [
        ("print", "{{$x := print $d}}"),
        ("printf", "{{$x := printf \"%#v\" $d}}"),
        ("toJson", "{{$x := toJson $d}}"),
        ("toPrettyJson", "{{$x := toPrettyJson $d}}"),
        ("deepCopy", "{{$x := deepCopy $d}}"),
        ("deepEqual", "{{$x := deepEqual $d (deepCopy $d)}}"),
        ("merge", "{{$x := merge $d $d}}"),
        ("uniq", "{{$x := uniq (list $d $e $d $e)}}"),
        ("quote", "{{$x := quote $d $d $d}}"),
    ] {
        cases.push(case(
            &format!("a map that holds itself: {name}"),
            format!("{knot}{}", looped(body)),
        ));
    }
    cases.push(case(
        "json",
        looped(&format!(
            "{{{{$x := fromJson `{}{}`}}}}",
            "[".repeat(90),
            "]".repeat(90)
        )),
    ));
    cases.push(case(
        "a chain of maps",
        "{{$n := dict}}".to_owned() + &looped("{{$m := dict}}{{$_ := set $n \"x\" $m}}{{$n = $m}}"),
    ));
    cases
}

/// Values through many stages.
fn pipelines() -> Cases {
    let mut cases = Vec::new();
    for (start, stage) in [
        ("1", "print"),
        ("1", "int"),
        ("1", "add 1"),
        ("1.5", "addf 1.5"),
        ("$.c", "upper"),
        ("$.c", "quote | len | print"),
        ("$.c", "default 1"),
        ("$.c", "list | first"),
        ("$.c", "dict \"a\" | toJson | fromJson | len | print"),
        ("$.c", "b64enc | b64dec"),
        ("$.c", "trunc 3 | indent 2 | trim"),
        ("$.c", "sha256sum | trunc 5"),
        ("$.c", "splitList \"\" | join \"\""),
        ("1", "and 1"),
        ("0", "or 0"),
        ("$.big", "upper"),
        ("$.big", "trim"),
        ("$.big", "replace \"a\" \"b\""),
        ("$.big", "contains \"zz\" | print"),
        ("$.big", "sha512sum"),
    ] {
        let stages = format!(" | {stage}").repeat(5_000);
        let name = format!(
            "{start} through {}",
            stage.replace(['"', '|'], "").replace("  ", " ")
        );
        cases.push((name, looped(&format!("{{{{$x := {start}{stages}}}}}"))));
    }
    cases
}

/// Templates that call templates.
fn templates() -> Cases {
    let mut cases = Vec::new();
    for (name, body) in [
        ("an empty one", "{{define \"t\"}}{{end}}"),
        ("itself", "{{define \"t\"}}{{template \"t\"}}{{end}}"),
        (
            "itself, twice",
            "{{define \"t\"}}{{template \"t\" .}}{{template \"t\" .}}{{end}}",
        ),
        (
            "itself with more",
            "{{define \"t\"}}{{template \"t\" list . .}}{{end}}",
        ),
        (
            "one after the other",
            "{{define \"t\"}}{{template \"u\"}}{{end}}{{define \"u\"}}{{template \"t\"}}{{end}}",
        ),
    ] {
        cases.push(case(
            name,
            format!("{body}{}", looped("{{template \"t\" .}}")),
        ));
    }
    let doubling: String = (0..60)
        .map(|i| {
            format!(
                "{{{{define \"t{i}\"}}}}{}{{{{end}}}}",
                format!("{{{{template \"t{}\" .}}}}", i + 1).repeat(2)
            )
        })
        .collect();
    cases.push(case(
        "a tree of calls",
        format!("{doubling}{{{{define \"t60\"}}}}{{{{end}}}}{{{{template \"t0\" .}}}}"),
    ));
    let long = "n".repeat(400_000);
    cases.push(case(
        "a long name",
        format!(
            "{{{{define \"{long}\"}}}}{{{{end}}}}{}",
            looped(&format!("{{{{template \"{long}\"}}}}"))
        ),
    ));
    let defined: String = (0..30_000)
        .map(|i| format!("{{{{define \"t{i}\"}}}}{{{{end}}}}"))
        .collect();
    cases.push(case(
        "many that are defined",
        format!("{defined}{}", looped("{{template \"t1\"}}")),
    ));
    cases.push(case(
        "many that are called",
        looped(&"{{template \"t\"}}".repeat(10_000)) + "{{define \"t\"}}{{end}}",
    ));
    cases.push(case(
        "many blocks",
        looped(
            &(0..10_000)
                .map(|i| format!("{{{{block \"b{i}\" .}}}}{{{{end}}}}"))
                .collect::<String>(),
        ),
    ));
    cases
}

/// Regular expressions, and texts for them.
fn regexes() -> Cases {
    let mut cases = Vec::new();
    for (name, pattern, text) in [
        ("backtracking", "(a+)+c", "(repeat 100000 \"a\")"),
        (
            "alternatives that look ahead",
            "a.*b|a",
            "(repeat 100000 \"a\")",
        ),
        ("anchored at the end", "a*$", "(repeat 100000 \"ab\")"),
        (
            "many states at once",
            "(a|aa|aaa)*(b|bb)*c",
            "(repeat 100000 \"ab\")",
        ),
        ("counted", "(?:a{30}b?){1,30}c", "(repeat 100000 \"a\")"),
        ("counted letters", "\\pL{30}x", "(repeat 100000 \"a\")"),
        ("states without end", "[ab]*a[ab]{14}c", "$.big"),
        (
            "states without end in the other order",
            "c[ab]{14}a[ab]*$",
            "(repeat 100000 \"abba\")",
        ),
        ("anything", "(?s).*x", "$.bytes"),
        ("nothing", "", "$.big"),
        ("optional", "a?b?c?d?e?f?", "$.big"),
        ("letters", "\\pL+", "$.big"),
        ("lines", "(?m)^.*$", "$.big"),
        ("words", "\\b\\w+\\b", "$.big"),
        ("no word", "\\B", "$.big"),
        ("ignoring case", "(?i)[a-z]+9", "$.big"),
        ("lazy", "(?U)a.*a.*a.*a.*x", "(repeat 100000 \"a\")"),
    ] {
        for (function, rest) in [
            ("regexMatch", ""),
            ("regexFindAll", " -1"),
            ("regexReplaceAll", " \"<$0>\""),
            ("regexSplit", " -1"),
        ] {
            let body = format!("{{{{$x := {function} `{pattern}` {text}{rest}}}}}");
            cases.push((format!("{name}: {function}"), looped(&body)));
        }
    }
    let groups = "(a?)".repeat(1_000);
    for (name, body) in [
        (
            "a thousand groups",
            format!("regexReplaceAll `{groups}` (repeat 10000 \"a\") `$1000`"),
        ),
        (
            "a new one each time",
            "regexMatch (print `a{1000}` .) \"a\"".into(),
        ),
        (
            "a new one of letters each time",
            "regexMatch (print `\\pL{50}` .) \"a\"".into(),
        ),
        (
            "a new one for every case each time",
            "regexMatch (print `(?i)\\pL[^a]\\PL` .) \"a\"".into(),
        ),
        (
            "one that is too large each time",
            "regexMatch (print `(\\pL{500}){500}` .) \"a\"".into(),
        ),
        (
            "one that is refused each time",
            "regexMatch (print `(a{1000}){1000}` .) \"a\"".into(),
        ),
        (
            "unclosed braces",
            format!("regexMatch `{}` \"a\"", "{".repeat(100_000)),
        ),
        (
            "unclosed classes",
            format!("regexMatch `{}` \"a\"", "[[:".repeat(60_000)),
        ),
        (
            "classes for every case",
            format!("regexMatch `(?i){}` \"a\"", "\\pL".repeat(10_000)),
        ),
        (
            "classes of classes",
            format!("regexMatch `[{}]` \"a\"", "\\pL".repeat(10_000)),
        ),
        (
            "ranges for every case",
            format!(
                "regexMatch `(?i){}` \"a\"",
                "[\\x00-\\x{10FFFF}]".repeat(2_000)
            ),
        ),
        (
            "long alternatives",
            format!("regexMatch `{}` $.big", "abc|".repeat(10_000)),
        ),
        (
            "many groups",
            format!("regexMatch `{}` \"a\"", "()".repeat(24_000)),
        ),
        (
            "many repetitions",
            format!("regexMatch `{}` \"a\"", "a*".repeat(24_000)),
        ),
        (
            "many classes",
            format!("regexMatch `{}` \"a\"", "[a]".repeat(16_000)),
        ),
        (
            "many flags",
            format!("regexMatch `{}` \"a\"", "(?i:a)".repeat(8_000)),
        ),
        (
            "many alternatives",
            format!("regexMatch `{}` \"a\"", "a|".repeat(24_000)),
        ),
        (
            "many counts",
            format!("regexMatch `{}` \"a\"", "a{9}".repeat(12_000)),
        ),
        (
            "many ranges",
            format!("regexMatch `[{}]` \"a\"", "a-zA-Z".repeat(8_000)),
        ),
        ("many names", {
            let groups: String = (0..4_000).map(|i| format!("(?P<n{i}>a)")).collect();
            format!("regexReplaceAll `{groups}` (repeat 4000 \"a\") `$n1`")
        }),
        ("quoted", "regexQuoteMeta $.big".into()),
    ] {
        cases.push(case(name, looped(&format!("{{{{$x := {body}}}}}"))));
    }
    cases
}

/// Formats and their widths.
fn printf() -> Cases {
    let mut cases = Vec::new();
    for (name, call) in [
        ("a wide integer", "printf \"%999999d\" 1"),
        ("a precise integer", "printf \"%.999999d\" 1"),
        ("a wide binary", "printf \"%999999b\" 1"),
        ("a wide text", "printf \"%999999s\" $.c"),
        ("a wide text to the left", "printf \"%-999999s\" $.c"),
        ("a wide quoted text", "printf \"%999999q\" $.c"),
        ("a precise float", "printf \"%.999999f\" 1.5"),
        ("exact digits", "printf \"%.1074f\" 5e-324"),
        ("an exact exponent", "printf \"%.1000e\" 1.7e308"),
        ("exact digits, general", "printf \"%.1000g\" 1.7e308"),
        ("a precise hexadecimal float", "printf \"%.999999x\" 1.5"),
        ("a wide complex", "printf \"%999999.1000f\" 1i"),
        ("a wide code point", "printf \"%999999U\" 65"),
        ("a wide list", "printf \"%99999d\" (until 100)"),
        ("a width from an argument", "printf \"%*d\" 999999 1"),
        ("hexadecimal", "printf \"% #x\" $.big"),
        ("upper hexadecimal", "printf \"%X\" $.bytes"),
        ("quoted", "printf \"%+q\" $.bytes"),
        ("cut short", "printf \"%.100000s\" $.big"),
        ("Go's syntax", "printf \"%#v\" $"),
        ("with a verb that does not fit", "printf \"%d\" $"),
        (
            "a version",
            "printf \"%d %v %#v\" (semver \"1.2.3-a.b.c\") (semver \"1.2.3\") (semver \"1\")",
        ),
        ("a time", "printf \"%v %s %d\" now now now"),
    ] {
        cases.push(case(name, looped(&format!("{{{{$x := {call}}}}}"))));
    }
    for (name, piece) in [
        ("directives without arguments", "%d"),
        ("percent signs", "%%"),
        ("open brackets", "%["),
        ("brackets", "%[1]s"),
        ("brackets that are far away", "%[9]d"),
        ("flags", "%+-# 0"),
        ("wide", "%9999d"),
        ("stars", "%*"),
    ] {
        let format = piece.repeat(400_000 / piece.len());
        cases.push(case(
            name,
            looped(&format!("{{{{$x := printf \"{format}\" 1}}}}")),
        ));
    }
    cases.push(case(
        "many arguments too many",
        looped(&format!(
            "{{{{$x := printf \"\"{}}}}}",
            " 1.5".repeat(20_000)
        )),
    ));
    cases
}

/// Lists in order, and what looks through them.
fn sorts() -> Cases {
    let numbers = "{{$l := until 50000}}";
    let equal =
        "{{$s := repeat 100000 \"a\"}}{{$l := list $s}}{{range 12}}{{$l = concat $l $l}}{{end}}";
    let strings = "{{$s := repeat 100000 \"a\"}}{{$l := list $s}}{{range 12}}{{$l = concat $l $l}}{{end}}{{$l = toStrings $l}}";
    let mut cases = Vec::new();
    for (kind, list) in [
        ("numbers", numbers),
        ("equal texts", equal),
        ("texts", strings),
    ] {
        for call in [
            "sortAlpha $l",
            "sortAlpha $l | reverse | sortAlpha",
            "uniq $l",
            "has 1.5 $l",
            "without $l 1 2 3",
            "deepEqual $l (deepCopy $l)",
            "reverse $l",
            "compact $l",
            "chunk 1 $l",
            "toStrings $l",
            "rest $l",
            "initial $l",
            "append $l 1",
            "prepend $l 1",
            "concat $l $l",
            "slice $l 1 2",
            "first $l",
            "index $l 1",
            "join \"\" (slice $l 0 9)",
            "deepCopy $l",
        ] {
            cases.push((
                format!("{kind}: {call}"),
                format!("{list}{}", looped(&format!("{{{{$x := {call}}}}}"))),
            ));
        }
    }
    cases.push(case(
        "equal texts are compared",
        "{{$s := repeat 4000000 \"a\"}}{{$t := print $s \"a\"}}{{$u := print $s \"b\"}}".to_owned()
            + &looped("{{$x := eq $t $u}}{{$y := lt $t $u}}"),
    ));
    cases.push(case(
        "a long text is shuffled",
        looped("{{$x := shuffle $.big}}"),
    ));
    cases
}

/// Maps made, merged and looked into.
fn merges() -> Cases {
    let wide = "{{$a := dict}}{{range until 10000}}{{$_ := set $a (print .) (dict \"b\" .)}}{{end}}{{$b := deepCopy $a}}";
    let long = "{{$k := repeat 500000 \"k\"}}{{$a := dict}}{{range until 20}}{{$_ := set $a (print $k .) .}}{{end}}{{$b := deepCopy $a}}{{$k = print $k \"x\"}}";
    let mut cases = Vec::new();
    for (kind, maps) in [("wide", wide), ("long keys", long)] {
        for call in [
            "merge $a $b",
            "merge (dict) $a $b",
            "mergeOverwrite $a $b",
            "mergeOverwrite (dict) $a",
            "mustMerge $a $a",
            "deepCopy $a",
            "deepEqual $a $b",
            "keys $a $a $a",
            "values $a",
            "omit $a \"1\"",
            "pick $a \"1\" \"2\" \"3\"",
            "pluck \"1\" $a $b $a $b",
            "hasKey $a \"1\"",
            "index $a (print \"1\")",
            "toJson $a | len",
            "print $a | len",
        ] {
            cases.push((
                format!("{kind}: {call}"),
                format!("{maps}{}", looped(&format!("{{{{$x := {call}}}}}"))),
            ));
        }
        cases.push((
            format!("{kind}: range"),
            format!("{maps}{}", looped("{{range $k, $v := $a}}{{end}}")),
        ));
    }
    for (name, body) in [
        ("dicts", "{{$x := dict 1 2}}"),
        (
            "dicts that are kept",
            "{{$l := dict \"l\" 1}}{{$_ := set $l \"m\" (dict \"n\" $l)}}",
        ),
        ("a dict that grows", "{{$_ := set $d (print .) .}}"),
        (
            "keys with a long start",
            "{{$k := repeat 100000 \"k\"}}{{$d := dict (print $k 1) 1 (print $k 2) 2}}{{$x := get $d (print $k 3)}}",
        ),
        ("split", "{{$x := split \"\" (trunc 1000 $.big)}}"),
        ("splitn", "{{$x := splitn \"a\" 1000 $.big}}"),
        (
            "a long key is set and unset",
            "{{$k := repeat 500000 \"k\"}}{{$d := dict $k 1}}{{$_ := unset $d $k}}{{$_ := set $d $k 1}}{{$x := hasKey $d $k}}",
        ),
        ("urlParse", "{{$x := urlParse \"https://a:b@c:80/d?e#f\"}}"),
    ] {
        cases.push(case(name, format!("{{{{$d := dict}}}}{}", looped(body))));
    }
    cases
}

/// Texts made, searched and converted.
fn texts() -> Cases {
    let mut cases = Vec::new();
    for call in [
        "upper $.big",
        "lower $.big",
        "title $.bytes",
        "untitle $.big",
        "swapcase $.bytes",
        "camelcase $.big",
        "snakecase $.big",
        "kebabcase $.bytes",
        "trim $.big",
        "trimAll \"abcdef\" $.big",
        "trimPrefix $.big $.big",
        "nospace $.big",
        "initials $.big",
        "repeat 100 $.big",
        "contains \"zz\" $.big",
        "hasPrefix $.big $.big",
        "quote $.bytes",
        "squote $.big",
        "cat $.big $.big",
        "indent 1000 $.big",
        "nindent 2 $.big",
        "wrap 1 $.big",
        "wrapWith 1 $.big $.big",
        "wrap 1000000 $.big",
        "replace \"a\" $.big $.big",
        "replace \"\" \"x\" $.big",
        "plural $.big $.big 1",
        "abbrev 1000 $.big",
        "abbrevboth 5 1000 $.big",
        "trunc -1000 $.big",
        "substr 1 100000 $.big",
        "splitList \"\" $.big",
        "splitList \"a\" $.big | join $.big",
        "b64enc $.big",
        "b64dec $.big",
        "b32enc $.big",
        "b32dec $.big",
        "sha1sum $.big",
        "sha256sum $.big",
        "sha512sum $.big",
        "adler32sum $.big",
        "html $.big",
        "js $.bytes",
        "urlquery $.bytes",
        "clean $.big",
        "base $.big",
        "dir $.big",
        "ext $.big",
        "toString $.big",
        "randAlpha 100000",
        "randBytes 1000000",
        "uuidv4",
        "bcrypt \"x\"",
        "htpasswd \"a\" \"b\"",
        "print $.big $.big",
        "len $.big",
        "toJson $.bytes",
        "toPrettyJson $",
        "fromJson $.json",
        "mustFromJson $.json | toJson",
        "int $.big",
        "float64 $.big",
        "atoi $.big",
        "typeOf $.big",
        "eq $.big $.big",
        "ternary $.big $.big true",
        "default $.big $.big",
        "urlJoin (dict \"scheme\" $.big \"host\" $.big \"path\" $.big)",
        "semverCompare \">1 || <2 || 3 - 4\" \"1.2.3\"",
    ] {
        cases.push(case(call, looped(&format!("{{{{$x := {call}}}}}"))));
    }
    for step in [
        "print $x $x",
        "cat $x $x",
        "repeat 2 $x",
        "join $x (list 1 2 3)",
        "replace \"x\" \"xx\" $x",
        "quote $x $x",
        "toJson (list $x $x)",
        "html $x $x",
        "printf \"%s%q\" $x $x",
        "regexReplaceAll `x` $x `$0$0`",
        "nindent 9 $x",
        "b64enc $x",
        "b32enc $x",
        "indent 1 $x | print $x",
    ] {
        cases.push((
            format!("growing: {step}"),
            format!(
                "{{{{$x := \"xxxx<\"}}}}{}",
                looped(&format!("{{{{$x = {step}}}}}"))
            ),
        ));
    }
    cases
}

/// Numbers, times and versions.
fn numbers() -> Cases {
    let mut cases = Vec::new();
    for call in [
        "addf 1e300 1e-300 1e300",
        "subf 1e300 1e-300",
        "mulf 1e300 1e-300",
        "divf 1e300 1e-300",
        "divf 1e-300 1e300",
        "round 1e300 400",
        "add1f 1e-300",
        "seq 100000",
        "seq 1 1000000",
        "until 1000000",
        "untilStep 0 1000000 1",
        "int \"0000000000000000000000001\"",
        "float64 \"1e-400\"",
        "toDecimal 777",
        "print 1e300 1e-300 0.1",
        "dateInZone \"Mon Jan 2 15:04:05 MST 2006\" 0 \"Europe/Berlin\"",
        "date \"2006-01-02\" 0",
        "htmlDate 0",
        "toDate \"2006-01-02\" \"2024-02-30\"",
        "dateModify \"1h\" now",
        "durationRound \"2h10m5s\"",
        "duration \"95\"",
        "(now).Format \"Monday Monday Monday Monday\"",
        "ago 0",
        "semver \"1.2.3-a.b.c+d\"",
        "(semver \"1.2.3\").IncMajor.IncMinor.IncPatch",
        "semverCompare \"^1.2 || ~3\" \"1.2.3\"",
        "biggest 1 2 3",
        "dateInZone \"2006\" 0 \"Nowhere/Nowhere\"",
        "toJson 1e300 1e-300",
    ] {
        let call = call
            .strip_suffix(" 1e-300")
            .filter(|c| c.starts_with("toJson"))
            .unwrap_or(call);
        cases.push(case(call, looped(&format!("{{{{$x := {call}}}}}"))));
    }
    let layout = "15:04:05.000".repeat(20_000);
    cases.push(case(
        "a long layout",
        looped(&format!("{{{{$x := date \"{layout}\" 0}}}}")),
    ));
    cases.push(case(
        "a long layout to read by",
        looped(&format!("{{{{$x := toDate \"{layout}\" \"{layout}\"}}}}")),
    ));
    cases.push(case(
        "a zone with a long name",
        looped(&format!(
            "{{{{$t := toDate \"MST\" \"GMT+{}\"}}}}{{{{$x := $t.UTC}}}}",
            "0".repeat(400_000)
        )),
    ));
    let version = format!("1.2.3-{}", "a.".repeat(2_000) + "b");
    cases.push(case(
        "a long version",
        looped(&format!(
            "{{{{$v := semver \"{version}\"}}}}{{{{$x := $v.Compare $v}}}}{{{{$y := $v.IncMajor}}}}"
        )),
    ));
    cases.push(case(
        "a long constraint",
        looped(&format!(
            "{{{{$x := semverCompare \"{}\" \"{version}\"}}}}",
            ">1 || ".repeat(500) + "<2"
        )),
    ));
    cases.push(case(
        "a long integer",
        looped(&format!("{{{{$x := int \"{}\"}}}}", "0".repeat(400_000))),
    ));
    cases.push(case(
        "a long float",
        looped(&format!(
            "{{{{$x := addf \"0.{}1\" 1}}}}",
            "0".repeat(400_000)
        )),
    ));
    cases
}

/// Lists and maps that double, and what holds much.
fn values() -> Cases {
    let mut cases = Vec::new();
    for step in [
        "concat $x $x",
        "append $x $x",
        "list $x $x",
        "prepend $x $x",
        "concat $x $x | reverse",
        "concat $x (list $x)",
        "list $x",
        "chunk 1 (concat $x $x)",
        "concat $x (until 100000)",
        "splitList \"\" $.big | concat $x",
        "concat $x (list (dict 1 2))",
        "concat $x (regexFindAll \"\" $.big -1)",
        "concat $x (list (now) (semver \"1\"))",
        "concat $x (list (fromJson $.json))",
        "list (toStrings $x) $x",
        "concat $x (list (print $x))",
    ] {
        let body = format!("{{{{with $}}}}{{{{$x = {step}}}}}{{{{end}}}}");
        cases.push((
            format!("growing: {step}"),
            format!("{{{{$x := list 1}}}}{}", looped(&body)),
        ));
    }
    cases
}

/// Sources that are long in one way.
fn sources() -> Cases {
    let mut cases = Vec::new();
    for (name, piece) in [
        ("braces", "{"),
        ("open actions", "{{"),
        ("numbers", "{{1}}"),
        ("fields", "{{.a}}"),
        ("chains", "{{.a.a.a.a.a.a.a}}"),
        ("texts", "{{\"\"}}"),
        ("declarations", "{{$x:=1}}"),
        ("definitions", "{{define \"x\"}}{{end}}"),
        ("comments", "{{/**/}}"),
        ("breaks", "{{break}}"),
        ("ends", "{{end}}"),
        ("elses", "{{else}}"),
        ("calls", "{{print 1}}"),
        ("complex numbers", "{{1+1i}}"),
        ("characters", "{{'a'}}"),
        ("parentheses", "{{(1)}}"),
    ] {
        cases.push(case(name, piece.repeat(1_000_000 / piece.len())));
    }
    for (name, open, piece, close) in [
        ("a complex number", "{{", "1", "+1i}}"),
        ("a hexadecimal number", "{{0x", "f", "}}"),
        ("an exponent", "{{1e", "9", "}}"),
        ("underscores", "{{1", "_1", "}}"),
        ("an unclosed text", "{{\"", "a", ""),
        ("an unclosed raw text", "{{`", "a", ""),
        ("escapes", "{{\"", "\\u00e9", "\"}}"),
        ("an unknown function", "{{", "a", "}}"),
        ("an unknown variable", "{{$", "a", "}}"),
        ("letters that are not ASCII", "{{$", "é", " := 1}}"),
        ("spaces", "{{", " ", "}}"),
        ("stages", "{{1", "|print", "}}"),
        ("words", "{{print", " 1", "}}"),
        ("commas", "{{range $a", ",$a", " := 1}}{{end}}"),
        ("open parentheses", "{{", "(", "}}"),
    ] {
        let body = piece.repeat(1_000_000 / piece.len());
        cases.push(case(name, format!("{open}{body}{close}")));
    }
    let used: String = (0..30_000).map(|i| format!("{{{{$v{i}:=$}}}}")).collect();
    cases.push(case(
        "variables that are used",
        used + &"{{$v0}}".repeat(60_000),
    ));
    let blocks: String = (0..20_000)
        .map(|i| format!("{{{{block \"b{i}\" 1}}}}{{{{end}}}}"))
        .collect();
    let declared: String = (0..20_000).map(|i| format!("{{{{$v{i}:=1}}}}")).collect();
    cases.push(case("blocks among variables", declared + &blocks));
    cases
}
