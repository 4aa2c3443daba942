//! The honesty test of the server in memory: it must answer single requests as a real API server does.
//!
//! ```text
//! scripts/*.http ──▶ server in memory ─┐
//!                └─▶ real server ──────┴─▶ versions, uids, times by number ──▶ equal to recorded/*.http
//! ```
//!
//! `not-modelled.txt` lists the few answers of which only the code has to be equal, and why.
//! `RECORD=1 make real` writes the recordings, which only the real server may do.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where its script is wrong"
)]

mod script;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use apiserver::Quirk;
use futures::future::join_all;
use tests::{Cluster, is_real, is_recording};

use script::Script;

const NOT_MODELLED: &str = include_str!("not-modelled.txt");
const LEAST_PROBES: usize = 150;

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_answered_as_recorded_from_a_real_server() {
    let answers = answers(&Cluster::empty().await).await;
    if is_recording() {
        for (name, text) in &answers {
            std::fs::write(recording(name), text).unwrap();
        }
    }
    let differences = differences(&answers);
    assert!(differences.is_empty(), "\n{}", differences.join("\n"));
    let probes: usize = answers
        .values()
        .map(|text| text.matches("### ").count())
        .sum();
    assert!(probes >= LEAST_PROBES, "{probes} probes");
}

/// A test that cannot fail proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn every_quirk_is_noticed() {
    let noticed = Quirk::ALL.map(async |quirk| {
        let answers = answers(&Cluster::with_quirk(quirk).await).await;
        !differences(&answers).is_empty()
    });
    let noticed = join_all(noticed).await;
    let missed = Quirk::ALL
        .iter()
        .zip(&noticed)
        .filter(|(_, noticed)| !**noticed);
    let missed: Vec<_> = missed.map(|(quirk, _)| quirk).collect();
    let caught = noticed.len() - missed.len();
    // not captured: who reads the output wants to see it
    writeln!(std::io::stderr(), "{caught} of {} caught", noticed.len()).unwrap();
    assert!(
        missed.is_empty(),
        "{caught} of {} caught, but not {missed:?}",
        noticed.len()
    );
}

/// What the server answers to each script.
async fn answers(cluster: &Cluster) -> BTreeMap<String, String> {
    let scripts = scripts().into_iter().map(async |(name, script)| {
        let namespace = format!("probe-{name}");
        cluster.create_namespace(&namespace).await;
        (name, script.play(&cluster.client, &namespace).await)
    });
    join_all(scripts).await.into_iter().collect()
}

/// The answers that are not as recorded, one text for each.
fn differences(answers: &BTreeMap<String, String>) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, text) in answers {
        let recorded = std::fs::read_to_string(recording(name)).unwrap_or_default();
        let (wanted, found) = (blocks(&recorded), blocks(text));
        for title in wanted.keys().chain(found.keys()) {
            let (wanted, found) = (wanted.get(title), found.get(title));
            let probe = format!("{name}: {title}");
            let is_modelled = is_real() || NOT_MODELLED.lines().all(|line| line.trim() != probe);
            let told = match (is_modelled, wanted == found) {
                (true, true) => continue,
                (true, false) => lines_apart(wanted, found),
                (false, true) => "  is modelled, so not-modelled.txt must not name it".to_owned(),
                (false, false) if code(wanted) == code(found) => continue,
                (false, false) => lines_apart(wanted, found),
            };
            let told = format!("{probe}\n{told}");
            if !differences.contains(&told) {
                differences.push(told);
            }
        }
    }
    differences
}

fn code(answer: Option<&String>) -> Option<&str> {
    answer?.lines().next()
}

/// The lines of two answers, those of the real server with `-`, the others with `+`.
fn lines_apart(wanted: Option<&String>, found: Option<&String>) -> String {
    let lines = |text: Option<&String>| -> Vec<String> {
        text.map(|text| text.lines().map(str::to_owned).collect())
            .unwrap_or_default()
    };
    let (wanted, found) = (lines(wanted), lines(found));
    let sign = |sign: char, of: &[String], other: &[String]| -> Vec<String> {
        let only = of.iter().filter(|line| !other.contains(line));
        only.map(|line| format!("  {sign} {line}")).collect()
    };
    [sign('-', &wanted, &found), sign('+', &found, &wanted)]
        .concat()
        .join("\n")
}

fn blocks(text: &str) -> BTreeMap<String, String> {
    let blocks = text.split("### ").skip(1);
    let block = |block: &str| {
        let (title, answer) = block.split_once('\n').unwrap_or((block, ""));
        (title.to_owned(), answer.to_owned())
    };
    blocks.map(block).collect()
}

fn scripts() -> BTreeMap<String, Script> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("probes/scripts");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let script = |file: PathBuf| {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        (
            name,
            Script::parse(&std::fs::read_to_string(&file).unwrap()),
        )
    };
    files.map(script).collect()
}

fn recording(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("probes/recorded");
    folder.join(format!("{name}.http"))
}
