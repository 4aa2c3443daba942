//! What a run of kubeseal costs beside the start of an empty process, and beside the raw RSA
//! operations of the same run. `make bench` runs it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark ends where its stage is broken, and prints its table"
)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use aws_lc_rs::rsa::{
    KeySize, OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PrivateDecryptingKey,
};
use jiff::{SignedDuration, Timestamp};
use sealing::GeneratedKey;

const ROUNDS: usize = 41;
const DOCUMENTS: usize = 1000;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("certificate.pem");
    let validity = SignedDuration::from_hours(24 * 365);
    let made = GeneratedKey::generate(4096, "", Timestamp::now(), validity).unwrap();
    std::fs::write(&certificate, made.certificate.as_pem()).unwrap();
    let certificate = certificate.to_str().unwrap();
    let key = PrivateDecryptingKey::generate(KeySize::Rsa4096).unwrap();
    let key = OaepPublicEncryptingKey::new(key.public_key()).unwrap();

    let (mut starts, mut ones, mut raws, mut manys) = (vec![], vec![], vec![], vec![]);
    let (one, many) = (manifests(1), manifests(DOCUMENTS));
    for _ in 0..ROUNDS {
        starts.push(run("true", &[], ""));
        ones.push(run(KUBESEAL, &["--cert", certificate], &one));
        raws.push(raw(&key));
        manys.push(run(KUBESEAL, &["--cert", certificate, "-oyaml"], &many));
    }
    // Pair by pair, so that a slow moment of the machine slows both.
    let beyond = pairs(&ones, &starts, |one, start| one - start);
    let ratio = pairs(&manys, &raws, |many, raw| many / raw);
    let [start, one, raw, many] = [starts, ones, raws, manys].map(median);
    println!("| what | time | beside |");
    println!("|---|---|---|");
    println!("| an empty process | {} | |", shown(start));
    println!(
        "| one Secret, offline | {} | {} more than an empty process |",
        shown(one),
        shown(beyond)
    );
    println!(
        "| the raw RSA of {DOCUMENTS} Secrets, all cores | {} | |",
        shown(raw)
    );
    println!(
        "| {DOCUMENTS} Secrets in one stream | {} | {ratio:.2}x the raw RSA |",
        shown(many)
    );
    let bytes = std::fs::metadata(KUBESEAL).unwrap().len();
    println!(
        "| the program, without symbols | {:.1} MB | |",
        bytes as f64 / 1e6
    );
}

const KUBESEAL: &str = env!("CARGO_BIN_EXE_kubeseal");

fn manifests(count: usize) -> String {
    let mut text = String::new();
    for index in 0..count {
        write!(
            text,
            "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: s{index}\n  namespace: shop\nstringData:\n  password: s3cret\n"
        )
        .unwrap();
    }
    text
}

fn run(program: &str, args: &[&str], stdin: &str) -> f64 {
    let start = Instant::now();
    let mut child = Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    assert!(child.wait().unwrap().success());
    milliseconds(start.elapsed())
}

/// As many encryptions as there are documents, on all cores.
fn raw(key: &OaepPublicEncryptingKey) -> f64 {
    let threads = thread::available_parallelism().unwrap().get();
    let start = Instant::now();
    thread::scope(|scope| {
        for index in 0..threads {
            let count = (DOCUMENTS + index) / threads;
            scope.spawn(move || {
                let mut out = vec![0; key.ciphertext_size()];
                for _ in 0..count {
                    let label = Some(&b"shop/db"[..]);
                    let sealed = key.encrypt(&OAEP_SHA256_MGF1SHA256, &[7; 32], &mut out, label);
                    black_box(sealed.unwrap());
                }
            });
        }
    });
    milliseconds(start.elapsed())
}

fn pairs(ones: &[f64], others: &[f64], compare: fn(f64, f64) -> f64) -> f64 {
    let both = ones.iter().zip(others);
    median(both.map(|(one, other)| compare(*one, *other)).collect())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn shown(milliseconds: f64) -> String {
    format!("{milliseconds:.1} ms")
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
