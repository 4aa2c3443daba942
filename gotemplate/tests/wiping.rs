//! After rendering, nothing of a value is left in the memory of the process.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a process can read its own memory")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::SystemTime;

use gotemplate::{Budget, Data, Environment, Limits, Template, function_names};
use zeroize::Zeroizing;

const LENGTH: usize = 48;
/// So much of a value is not found by chance.
const WINDOW: usize = 12;

/// The value, letter by letter: the test itself never keeps it.
fn letter(i: usize) -> u8 {
    b'a' + (i * i * 5 + i * 11 + 3).wrapping_mul(i + 7).rem_euclid(26) as u8
}

fn upper(i: usize) -> u8 {
    letter(i).to_ascii_uppercase()
}

fn base64(i: usize) -> u8 {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = i / 4 * 3;
    let bits = (0..3).fold(0, |bits, at| bits << 8 | usize::from(letter(group + at)));
    DIGITS[bits >> (18 - 6 * (i % 4)) & 63]
}

fn hex(i: usize) -> u8 {
    b"0123456789abcdef"[usize::from(letter(i / 2)) >> (4 * (1 - i % 2)) & 15]
}

/// The byte at a place of the value in some form.
type Form = fn(usize) -> u8;

const FORMS: [(&str, Form); 4] = [
    ("as it is", letter),
    ("in upper case", upper),
    ("in base64", base64),
    ("in hexadecimal", hex),
];

const ARGUMENTS: [&str; 14] = [
    "",
    ".c",
    ".c .c",
    ".c 1",
    "1 .c",
    "40 .c",
    ".c .c .c",
    "1 2 .c",
    "\"a\" \"bb\" .c",
    "(list .c .c)",
    "(dict .c .c)",
    "(dict \"scheme\" \"a\" \"userinfo\" .c \"host\" .c \"path\" .c)",
    "\"%s%q%x%10v%#v\" .c .c .c .c .c",
    "(toJson (list .c))",
];

fn templates() -> Vec<String> {
    let mut all = vec![
        "{{ . }}{{ .c }}{{ range $k, $v := . }}{{ $k }}{{ $v }}{{ end }}".into(),
        "{{ regexReplaceAll \"[a-m]+\" .c \"<$0>\" }}{{ regexFindAll \"..\" .c -1 }}".into(),
        "{{ regexSplit \"x\" .c -1 }}{{ regexFind \".*\" .c }}".into(),
        "{{ $d := dict \"k\" .c }}{{ $_ := set $d \"l\" (print .c .c) }}{{ toPrettyJson $d }}"
            .into(),
        "{{ $x := .c }}{{ range 9 }}{{ $x = print $x $x }}{{ end }}{{ $x | upper | b64enc }}"
            .into(),
        "{{ printf \"https://%s:%s@h/%s?q=%s#f\" .c .c .c .c | urlParse }}".into(),
        "{{ semver (print \"1.2.3-\" .c) }}{{ (semver (print \"1.2.3-\" .c)).IncMajor }}".into(),
        "{{ define \"t\" }}{{ . }}{{ fail . }}{{ end }}{{ template \"t\" .c }}".into(),
    ];
    for name in function_names() {
        // What is read as an expression is taken apart by other hands.
        if name.to_lowercase().contains("regex") || name.contains("semverCompare") {
            continue;
        }
        for arguments in ARGUMENTS {
            all.push(format!("{{{{ {name} {arguments} }}}}"));
            all.push(format!("{{{{ .c | {name} {arguments} | print | upper }}}}"));
        }
    }
    all
}

fn render(data: &Data, source: &str) {
    let limits = Limits::default();
    let environment = Environment {
        now: Some(SystemTime::UNIX_EPOCH),
        random: Some(|buffer| {
            buffer.fill(7);
            true
        }),
    };
    let Ok(template) = Template::parse("key", source, &limits) else {
        return;
    };
    let rendered = template.render(data, &environment, &mut Budget::new(&limits));
    drop(rendered.map(Zeroizing::new));
    let explained = template.explain(data, &environment, &mut Budget::new(&limits));
    drop(explained.map(Zeroizing::new));
}

/// The forms of the value that stand somewhere in the memory that this process can write.
fn found() -> Vec<&'static str> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut buffer = vec![0; 1 << 16];
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line
            .split_whitespace()
            .next()
            .unwrap()
            .split_once('-')
            .unwrap();
        let address = |text| u64::from_str_radix(text, 16).unwrap();
        let mut at = address(start);
        while at < address(end) {
            let read = memory.read_at(&mut buffer, at).unwrap_or(0);
            if read <= WINDOW {
                break;
            }
            let is_there = |form: Form| {
                buffer[..read].windows(WINDOW).any(|window| {
                    [0, 12, 24, 36]
                        .iter()
                        .any(|from| window.iter().enumerate().all(|(i, b)| *b == form(from + i)))
                })
            };
            found.extend(
                FORMS
                    .iter()
                    .filter(|(_, form)| is_there(*form))
                    .map(|form| form.0),
            );
            at += (read - WINDOW) as u64;
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn no_value_is_left_in_memory() {
    let value: Zeroizing<Vec<u8>> = Zeroizing::new((0..LENGTH).map(letter).collect());
    assert_eq!(found(), ["as it is"], "the search finds what is there");
    let data = Data::new([("c", value.as_slice())]);
    for source in templates() {
        render(&data, &source);
    }
    drop((data, value));
    assert_eq!(found(), [""; 0]);
}
