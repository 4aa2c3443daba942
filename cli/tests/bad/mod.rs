//! What people and programs have put where a manifest, a key or a certificate should be. A value
//! stands in each, and none of them may be taken for anything.

/// Names and bytes; `VALUE` is what must never be repeated.
pub(crate) fn inputs(value: &str) -> Vec<(String, Vec<u8>)> {
    let mut inputs: Vec<(String, Vec<u8>)> = Vec::new();
    for (index, text) in TEXTS.iter().enumerate() {
        let text = text.replace("VALUE", value);
        inputs.push((format!("text {index}"), text.into_bytes()));
    }
    let manifest = format!(
        "kind: Secret\nmetadata: {{name: db, namespace: shop}}\nstringData: {{a: '{value}'}}\n"
    );
    let units: Vec<u16> = manifest.encode_utf16().collect();
    let little: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let big: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let wide = manifest.chars().map(|c| u32::from(c).to_le_bytes());
    let wide: Vec<u8> = wide.flatten().collect();
    let bytes = manifest.as_bytes();
    let (head, tail) = bytes.split_at(bytes.len() / 2);
    let ill: [(&str, Vec<u8>); 14] = [
        ("UTF-16 without a mark", little.clone()),
        ("UTF-16 without a mark, big-endian", big.clone()),
        (
            "UTF-16 with the other mark",
            [b"\xfe\xff", &*little].concat(),
        ),
        (
            "UTF-16 cut in a letter",
            [b"\xff\xfe", &little[..21]].concat(),
        ),
        (
            "half a pair of UTF-16",
            [b"\xff\xfe", &*little, b"\x00\xd8"].concat(),
        ),
        ("UTF-32", [b"\xff\xfe\0\0", &*wide].concat()),
        ("a NUL", [head, b"\0", tail].concat()),
        ("a NUL at the end", [bytes, b"\0"].concat()),
        ("Latin-1", [head, b"\xe4", tail].concat()),
        ("a lone continuation", [head, b"\x80", tail].concat()),
        ("an overlong slash", [head, b"\xc0\xaf", tail].concat()),
        (
            "a surrogate in UTF-8",
            [head, b"\xed\xa0\x80", tail].concat(),
        ),
        (
            "two marks, one of UTF-16",
            [b"\xef\xbb\xbf\xff\xfe", bytes].concat(),
        ),
        ("gzip", [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", bytes].concat()),
    ];
    inputs.extend(ill.map(|(name, bytes)| (name.to_owned(), bytes)));
    inputs.extend(bombs(value).map(|(name, text)| (name.to_owned(), text.into_bytes())));
    inputs
}

/// Small texts that would be large.
fn bombs(value: &str) -> [(&'static str, String); 8] {
    let head = "kind: Secret\nmetadata: {name: db, namespace: shop}\nstringData:\n";
    let many =
        |count: usize, one: &dyn Fn(usize) -> String| (0..count).map(one).collect::<String>();
    let long = format!("{value} ").repeat(8000);
    let laughs = many(19, &|index| {
        let before = format!("*a{index}, ").repeat(10);
        format!("a{}: &a{} [{before}]\n", index + 1, index + 1)
    });
    let keys = many(2000, &|key| format!("k{key}: '{value}', "));
    [
        (
            "an anchor used often",
            format!(
                "{head}  a: &a {long}\n{}",
                many(20_000, &|at| format!("  a{at}: *a\n"))
            ),
        ),
        (
            "a billion laughs",
            format!("a0: &a0 ['{value}', x, x, x, x, x, x, x, x, x]\n{laughs}kind: Nothing\n"),
        ),
        (
            "an alias of what it is in",
            format!("{head}  a: &a ['{value}', *a]\n"),
        ),
        (
            "a merge of merges",
            format!(
                "x: &x {{{keys}}}\nkind: Nothing\nmetadata: {{<<: [{}]}}\n",
                "*x, ".repeat(2000)
            ),
        ),
        (
            "brackets without end",
            format!("{head}  a: {}'{value}'", "[".repeat(100_000)),
        ),
        (
            "braces of JSON without end",
            format!("{}\"{value}\"", "{\"a\":".repeat(50_000)),
        ),
        (
            "deep JSON",
            format!(
                "{{\"kind\":\"Secret\",\"data\":{}\"{value}\"{}}}",
                "[".repeat(20_000),
                "]".repeat(20_000)
            ),
        ),
        (
            "an indent for each line",
            many(3000, &|depth| format!("{}a:\n", " ".repeat(depth))) + value,
        ),
    ]
}

const TEXTS: [&str; 42] = [
    // cut off, or never finished
    "kind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: 'VALUE",
    "kind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: \"VALUE\n",
    "kind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: VALUE",
    "kind: Secret\nmetadata: [name: db\nstringData: {a: VALUE}\n",
    "{\"kind\":\"Secret\",\"stringData\":{\"a\":\"VALUE",
    "{\"kind\":\"Secret\",\"stringData\":{\"a\":\"VALUE\"}",
    "{\"kind\":\"Secret\",\"stringData\":{\"a\":\"VALUE\\",
    // indents
    "kind: Secret\nmetadata:\n\tname: db\nstringData:\n\ta: VALUE\n",
    "kind: Secret\n metadata: {name: db}\nstringData: {a: VALUE}\n",
    "kind: Secret\nmetadata:\n    name: db\n  namespace: shop\nstringData: {a: VALUE}\n",
    // anchors, tags, directives
    "kind: Secret\nmetadata: {name: db, namespace: shop}\nstringData: {a: VALUE, b: *b}\n",
    "kind: Secret\nmetadata: &a {name: *a}\nstringData: {a: VALUE}\n",
    "%YAML 9.9.9\n---\nkind: Secret\nstringData: {a: VALUE}\n",
    "%\n---\nkind: Secret\nstringData: {a: VALUE}\n",
    "!!python/object:os.system [VALUE]\n",
    "kind: Secret\nmetadata: !<tag:\nstringData: {a: VALUE}\n",
    "<<: VALUE\nkind: Secret\n",
    // escapes and control characters
    "kind: Secret\nmetadata: {name: \"\\q\"}\nstringData: {a: VALUE}\n",
    "kind: Secret\nmetadata: {name: \"\\ud800\"}\nstringData: {a: VALUE}\n",
    "{\"kind\":\"Secret\",\"metadata\":{\"name\":\"\\ud800\"},\"stringData\":{\"a\":\"VALUE\"}}",
    "kind: Secret\nmetadata: {name: d\u{7}b}\nstringData: {a: VALUE}\n",
    // another shape
    "VALUE\n",
    "- VALUE\n- b\n",
    "[\"VALUE\"]",
    "\"VALUE\"",
    "kind: Secret\nmetadata: VALUE\n",
    "kind: Secret\nmetadata: [VALUE]\n",
    "kind: [Secret]\nstringData: {a: VALUE}\n",
    "kind: ? {a: VALUE}\n",
    "kind: VALUE and more\nmetadata: {name: db, namespace: shop}\n",
    "kind: Secret: VALUE\n",
    "kind: ConfigMap\nmetadata: {name: db, namespace: shop}\nspec: {encryptedData: [VALUE]}\n---\n: : VALUE\n",
    // another language
    "{{ if .Values.a }}\nkind: Secret\nstringData: {a: {{ .Values.VALUE }}}\n{{ end }}\n",
    "<!DOCTYPE html>\n<html><body>VALUE: <b>503</b></body></html>\n",
    "<?xml version=\"1.0\"?><secret a=\"VALUE\"/>\n",
    "[secret]\npassword = \"VALUE\"\n",
    "#!/bin/sh\nexport PASSWORD='VALUE'; kubectl apply -f - <<EOF\nkind: Secret\nEOF\n",
    "PASSWORD=VALUE\nUSER=me\n",
    "name,password\ndb,VALUE\n",
    "resource \"kubernetes_secret\" \"db\" {\n  data = { a = \"VALUE\" }\n}\n",
    "-----BEGIN PGP MESSAGE-----\nVALUE\n-----END PGP MESSAGE-----\n",
    "/* VALUE */ {\"kind\": \"Secret\", // no\n 'metadata': {}}\n",
];
