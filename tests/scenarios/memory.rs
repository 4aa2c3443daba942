//! What remains in the memory of a controller that has unsealed much: neither values nor the text of a key.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use serde_json::json;
use tests::{Canary, Cluster, Fixture, Process, key_secret, sealed_secret};

use crate::process::{CONTROLLER, NO_RENEWAL};

/// All that a process can write to; none if it may not be read.
fn memory(process: u32) -> Option<Vec<u8>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).ok()?;
    let mut file = File::open(format!("/proc/{process}/mem")).ok()?;
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (range, _) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let [from, to] = [from, to].map(|at| u64::from_str_radix(at, 16).unwrap());
        let mut region = vec![0; usize::try_from(to - from).ok()?];
        file.seek(SeekFrom::Start(from)).ok()?;
        if file.read_exact(&mut region).is_ok() {
            all.extend(region);
        }
    }
    Some(all)
}

fn count(haystack: &[u8], needle: &[u8]) -> usize {
    let starts = haystack.iter().enumerate();
    let starts = starts.filter(|(_, byte)| **byte == needle[0]);
    starts
        .filter(|(at, _)| haystack[*at..].starts_with(needle))
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn keeps_no_value_and_no_text_of_a_key() {
    let key = Fixture::rsa2048();
    let cluster = Cluster::empty().await;
    cluster.create_secret(&key_secret(&key)).await;
    let process = Process::start(CONTROLLER, &cluster, &[NO_RENEWAL]).await;
    let canary = Canary::new();
    let value = |index: usize| format!("{}{index:03}", canary.value());
    for index in 0..100 {
        let name = format!("db-{index}");
        let sealed = sealed_secret(&name).item("a", &value(index), &key);
        let template = json!({ "data": { "t": "{{ .a | upper }}-{{ .a }}" } });
        cluster.create(sealed.template(template).object()).await;
    }
    for index in 0..100 {
        let name = format!("db-{index}");
        cluster.condition("shop", &name, "Ready", "True").await;
    }
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let core: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "a crash leaves a core");

    let Some(memory) = memory(process.id()) else {
        // Only who may trace every process reads that of one which may not be traced.
        assert!(std::env::var_os("REQUIRE_TOOLS").is_none(), "not allowed");
        eprintln!("skipped: only root reads the memory of a process that may not be traced");
        return;
    };
    assert!(
        count(&memory, b"sealedsecrets.bitnami.com") > 0,
        "this is no memory of a controller"
    );
    let value = canary.value().as_bytes();
    let upper = canary.value().to_uppercase();
    let lines = key.private_key.lines().filter(|line| line.len() == 64);
    let pem: usize = lines.map(|line| count(&memory, line.as_bytes())).sum();
    let der = pem::parse(&key.private_key).unwrap();
    // Of the primes and exponents in the middle, and not of the modulus, which everybody has.
    let private = &der.contents()[400..432];
    assert_eq!(
        [
            count(&memory, value),
            count(&memory, upper.as_bytes()),
            pem,
            count(&memory, private),
        ],
        [0; 4],
        "values, rendered values, lines of PEM, parts of DER"
    );
}
