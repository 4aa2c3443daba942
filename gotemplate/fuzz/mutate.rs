//! Templates made from other templates, and what must hold for each. Shared by the long run, which is
//! the example `fuzz`, and the short one among the tests.

use std::time::{Duration, SystemTime};

use gotemplate::{Budget, Data, Environment, Limits, Template};
use serde::Deserialize;

/// In every value, and in no error.
const CANARY: &str = "cAnArY";

#[derive(Deserialize)]
struct Corpus {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    template: String,
}

/// The templates to begin with: those of the conformance corpus.
pub(crate) fn seeds() -> Vec<String> {
    let text = include_str!("../conformance/corpus.json");
    let corpus: Corpus = serde_json::from_str(text).expect("the corpus is checked in");
    corpus.cases.into_iter().map(|case| case.template).collect()
}

/// A source of numbers that a seed determines.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

const PIECES: [&str; 40] = [
    "{{",
    "}}",
    "(",
    ")",
    "|",
    ".",
    "$",
    "$x",
    ":=",
    "=",
    "\"",
    "`",
    "'",
    " ",
    "{{-",
    "-}}",
    "{{end}}",
    "{{else}}",
    "{{range .}}",
    "{{if .}}",
    "{{with .}}",
    "{{define \"t\"}}",
    "{{template \"t\" .}}",
    "{{break}}",
    "nil",
    "true",
    "-1",
    "9223372036854775807",
    "1e308",
    "0x1p-1074",
    "1i",
    "%",
    "%v",
    "%#v",
    "%999999d",
    "%[9]*.*f",
    "\u{fffd}",
    "世",
    "\\x00",
    "(dict .c .c)",
];

/// One template made from two others.
pub(crate) fn mutate(random: &mut Random, seeds: &[String]) -> String {
    if random.below(2) == 0 {
        return exchange_words(random, seeds);
    }
    let mut template: Vec<char> = seeds[random.below(seeds.len())].chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(template.len() + 1);
        let end = (at + random.below(12)).min(template.len());
        match random.below(6) {
            0 => {
                let piece = PIECES[random.below(PIECES.len())];
                template.splice(at..at, piece.chars());
            }
            1 => {
                template.drain(at..end);
            }
            2 => {
                let part = template[at..end].repeat(1 + random.below(40));
                template.splice(at..at, part);
            }
            3 => {
                let other: Vec<char> = seeds[random.below(seeds.len())].chars().collect();
                let from = random.below(other.len() + 1);
                template.truncate(at);
                template.extend(&other[from..]);
            }
            4 => {
                let names = gotemplate::function_names();
                let name = names[random.below(names.len())];
                let call = format!(" | {name} ");
                template.splice(at..end, call.chars());
            }
            _ => {
                let other: Vec<char> = seeds[random.below(seeds.len())].chars().collect();
                template.splice(at..end, other);
            }
        }
    }
    template.truncate(4000);
    template.into_iter().collect()
}

/// A template with some words of another one, which is likely to parse.
fn exchange_words(random: &mut Random, seeds: &[String]) -> String {
    let template = &seeds[random.below(seeds.len())];
    let mut words: Vec<&str> = template.split(' ').collect();
    for _ in 0..=random.below(3) {
        let others: Vec<&str> = seeds[random.below(seeds.len())].split(' ').collect();
        let at = random.below(words.len());
        let from = random.below(others.len());
        let end = (from + 1 + random.below(3)).min(others.len());
        words.splice(at..=at, others[from..end].iter().copied());
    }
    words.join(" ")
}

/// Renders a template twice and looks at what came of it; tells whether there was an output. A panic is
/// the finding.
pub(crate) fn check(source: &str) -> bool {
    let limits = Limits {
        steps: 200_000,
        memory_bytes: 4 << 20,
        output_bytes: 64 << 10,
        ..Limits::default()
    };
    let environment = Environment {
        now: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        random: Some(|buffer| {
            buffer.fill(3);
            true
        }),
    };
    let data = Data::new([
        ("c", CANARY.as_bytes()),
        ("user", CANARY.as_bytes()),
        ("json", br#"{"a":[1,"cAnArY"]}"#),
        ("raw", b"\xffcAnArY\x00"),
    ]);
    let render = || {
        Template::parse("t", source, &limits)
            .and_then(|t| t.render(&data, &environment, &mut Budget::new(&limits)))
    };
    let outcome = render();
    assert!(outcome == render(), "two renderings differ: {source}");
    let is_rendered = outcome.is_ok();
    match outcome {
        Ok(output) => assert!(output.len() <= limits.output_bytes, "too long: {source}"),
        Err(error) => assert!(
            source.contains(CANARY) || !error.to_string().contains(CANARY),
            "an error shows a value: {source}"
        ),
    }
    is_rendered
}
