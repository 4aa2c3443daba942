//! What the other kubeseal printed: ours prints the same, ciphertexts aside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod closed;

use closed::{fixture, io};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    case: String,
    scope: String,
    secret: String,
    printed: String,
}

#[tokio::test]
async fn prints_every_sealed_secret_as_the_other_kubeseal_does() {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors/kubeseal.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("certificate.pem");
    std::fs::write(&certificate, fixture("rsa2048.pem")).unwrap();
    assert!(vectors.cases.len() >= 12);
    for Vector {
        case,
        scope,
        secret,
        printed,
    } in vectors.cases
    {
        let (mut io, output) = io(secret.as_bytes(), std::iter::empty(), closed::NOW);
        let args = [
            "kubeseal",
            "--cert",
            certificate.to_str().unwrap(),
            "--scope",
            &scope,
        ];
        let code = cli::run(args.map(Into::into), &mut io).await;
        let output = output.take();
        assert_eq!((code, output.stderr.as_str()), (0, ""), "{case}");
        assert_eq!(
            without_ciphertexts(&output.stdout),
            printed,
            "{case}, {scope}"
        );
    }
}

fn without_ciphertexts(printed: &str) -> String {
    let hide = |line: &str| match line.split_once(": \"AQ") {
        Some((name, _)) => format!(
            "{name}: \"<sealed>\"{}\n",
            if line.ends_with(',') { "," } else { "" }
        ),
        None => format!("{line}\n"),
    };
    printed.lines().map(hide).collect()
}
