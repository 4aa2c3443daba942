//! What the other kubeseal printed: ours prints the same, ciphertexts aside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod closed;

use std::collections::BTreeMap;
use std::sync::Arc;

use closed::{fixture, io};
use sealing::{PrivateKey, SealedSecret};
use serde::Deserialize;
use serde_json::{Deserializer, Value};

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

#[derive(Deserialize)]
struct Inputs {
    cases: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    input: String,
    #[serde(default)]
    flags: Vec<String>,
    secrets: Vec<Sealed>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Sealed {
    name: String,
    values: BTreeMap<String, String>,
}

#[tokio::test]
async fn seals_every_text_to_the_bytes_that_the_other_kubeseal_does() {
    let inputs: Inputs = serde_json::from_str(include_str!("vectors/go-input.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("certificate.pem");
    std::fs::write(&certificate, fixture("rsa2048.pem")).unwrap();
    let key = Arc::new(PrivateKey::from_pem(fixture("rsa2048.key").as_bytes()).unwrap());
    assert!(inputs.cases.len() >= 350);
    let mut differences = String::new();
    for case in inputs.cases {
        let (mut io, output) = io(case.input.as_bytes(), std::iter::empty(), closed::NOW);
        let args = [
            "kubeseal",
            "-n",
            "ns",
            "--cert",
            certificate.to_str().unwrap(),
        ];
        let args = args.into_iter().map(str::to_owned).chain(case.flags);
        let code = cli::run(args.map(Into::into), &mut io).await;
        let output = output.take();
        let found: Vec<Sealed> = Deserializer::from_str(&output.stdout)
            .into_iter::<Value>()
            .map(|object| opened(&object.unwrap(), &key))
            .collect();
        if (code, &found) != (0, &case.secrets) {
            let (input, expected, said) = (case.input, case.secrets, output.stderr);
            differences.push_str(&format!(
                "{input:?}: expected {expected:?}, found {code}, {found:?}, {said}\n"
            ));
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

fn opened(object: &Value, key: &Arc<PrivateKey>) -> Sealed {
    let sealed = SealedSecret::from_value(object).unwrap();
    let label = sealing::label_of(&sealed);
    let items = &sealed.spec.encrypted_data;
    let opened = sealing::open(items, label, std::slice::from_ref(key)).unwrap();
    let text = |value: &sealing::Plaintext| String::from_utf8(value.expose().to_vec()).unwrap();
    let values = opened.items.iter();
    Sealed {
        name: sealed.metadata.name.unwrap_or_default(),
        values: values
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
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
