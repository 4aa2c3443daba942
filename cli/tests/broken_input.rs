//! Whatever happens to a manifest on its way, kubeseal neither panics nor hangs, repeats no value,
//! and leaves no file half-written.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod bad;
mod closed;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use closed::{Output, fixture, io};
use proptest::prelude::*;
use sealing::{Certificate, Label, Plaintext, seal_value};

const VALUE: &str = "hunter2 hunter2!";
const PATIENCE: Duration = Duration::from_secs(20);

const SECRETS: [&str; 3] = [
    "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: shop\nstringData:\n  a: hunter2 hunter2!\n  b: 12\n---\n{data: {x: \"hunter2 hunter2!\"}}\n",
    "kind: List\nitems:\n- metadata: {name: db, namespace: shop}\n  stringData:\n    a: |\n      hunter2 hunter2!\n    b: &x 'hunter2 hunter2!'\n    c: *x\n",
    "{\"kind\":\"Secret\",\"metadata\":{\"name\":\"db\",\"namespace\":\"shop\"},\"stringData\":{\"a\":\"hunter2 hunter2!\"}}\n{\"data\":{\"b\":\"hunter2 hunter2!\"}}",
];

static SEALED: LazyLock<[String; 3]> = LazyLock::new(|| {
    let certificate = Certificate::from_pem(fixture("rsa2048.pem").as_bytes()).unwrap();
    let value = Plaintext::new(VALUE.as_bytes().to_vec());
    let sealed = seal_value(&value, &certificate, &Label::from("shop/db")).unwrap();
    [
        format!(
            "# c\r\nkind: SealedSecret\r\nmetadata: &m\r\n  name: db\r\n  namespace: shop\r\nspec:\r\n  encryptedData:\r\n    a: &a {sealed}\r\n    b: *a\r\n  template:\r\n    metadata: *m\r\n---\r\nkind: ConfigMap\r\ndata: {{}}\r\n"
        ),
        format!(
            "kind: SealedSecret\nmetadata: {{name: db, namespace: shop}}\nspec:\n  encryptedData: {{a: '{sealed}',\n    \"b\": >-\n      {sealed}\n    }}\nstatus: {{}}\n"
        ),
        format!(
            "{{\n  \"kind\": \"SealedSecret\",\n  \"metadata\": {{\"name\": \"db\", \"namespace\": \"shop\", \"uid\": \"x\"}},\n  \"spec\": {{\"encryptedData\": {{\n    \"a\": \"{sealed}\"\n  }}, \"template\": {{\"data\": {{\"t\": \"{{{{ .a }}}}\"}}}}}}\n}}"
        ),
    ]
});

/// A folder with keys, and what kubeseal did in it.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["rsa2048.pem", "rsa2048.key"] {
            std::fs::write(folder.path().join(name), fixture(name)).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn run(&self, args: &[&str], stdin: &[u8]) -> (u8, Output) {
        let (mut io, printed) = io(stdin, std::iter::empty(), closed::NOW);
        let args = args.iter().map(|arg| match arg.strip_prefix('@') {
            Some(name) => self.path(name).into(),
            None => (*arg).into(),
        });
        let args = std::iter::once("kubeseal".into()).chain(args);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let start = Instant::now();
        let code = runtime.block_on(cli::run(args, &mut io));
        assert!(start.elapsed() < PATIENCE, "it took {:?}", start.elapsed());
        (code, printed.take())
    }

    /// No file is there that was not there before, apart from the named ones.
    fn holds_only(&self, names: &[&str]) -> bool {
        std::fs::read_dir(self.0.path()).unwrap().all(|entry| {
            let name = entry.unwrap().file_name();
            let name = name.to_str().unwrap();
            name.starts_with("rsa2048") || names.contains(&name)
        })
    }
}

const SEAL: &[&str] = &["--cert", "@rsa2048.pem", "-o", "yaml"];
const RECOVER: &[&str] = &[
    "--recovery-unseal",
    "--recovery-private-key",
    "@rsa2048.key",
];
const VALIDATE: &[&str] = &[
    "--validate",
    "--offline",
    "--recovery-private-key",
    "@rsa2048.key",
];
const MERGE: &[&str] = &["--cert", "@rsa2048.pem", "--merge-into", "@target"];
const RE_ENCRYPT: &[&str] = &[
    "--re-encrypt",
    "--offline",
    "--recovery-private-key",
    "@rsa2048.key",
    "--cert",
    "@rsa2048.pem",
    "-f",
    "@target",
];

fn mutations() -> impl Strategy<Value = Vec<(prop::sample::Index, usize, String)>> {
    let inserted = "[-:{}\\[\\]\"'|&*!,?#<> \r\n\t~a1\u{feff}\u{85}]{0,3}";
    prop::collection::vec((any::<prop::sample::Index>(), 0..4_usize, inserted), 0..4)
}

fn mutated(text: &str, changes: Vec<(prop::sample::Index, usize, String)>) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (place, removed, inserted) in changes {
        let start = place.index(text.len());
        let end = (start + removed).min(text.len());
        text.splice(start..end, inserted.chars());
    }
    text.into_iter().collect()
}

fn check(code: u8, output: &Output) -> Result<(), TestCaseError> {
    prop_assert!(code == 0 || output.stdout.is_empty());
    prop_assert_eq!(code == 0, !output.stderr.contains("error: "));
    prop_assert!(!output.stderr.contains(&VALUE[..8]), "{}", output.stderr);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_is_sealed_or_refused(which in 0..3_usize, changes in mutations()) {
        let text = mutated(SECRETS[which], changes);
        let (code, output) = Folder::new().run(SEAL, text.as_bytes());
        check(code, &output)?;
    }

    #[test]
    fn a_sealed_secret_is_read_or_refused(which in 0..3_usize, changes in mutations(), recover: bool) {
        let text = mutated(&SEALED[which], changes);
        let (code, output) = Folder::new().run(if recover { RECOVER } else { VALIDATE }, text.as_bytes());
        check(code, &output)?;
    }

    #[test]
    fn a_file_is_changed_as_a_whole_or_not_at_all(which in 0..3_usize, changes in mutations(), merge: bool) {
        let text = mutated(&SEALED[which], changes);
        let folder = Folder::new();
        std::fs::write(folder.path("target"), &text).unwrap();
        let args = if merge { MERGE } else { RE_ENCRYPT };
        let (code, output) = folder.run(args, SECRETS[2].split('\n').next().unwrap().as_bytes());
        check(code, &output)?;
        let left = std::fs::read_to_string(folder.path("target")).unwrap();
        if code == 0 {
            // Whatever it became, it is sealed and can be opened.
            let (code, output) = folder.run(VALIDATE, left.as_bytes());
            let others = output.stderr.contains(", not a SealedSecret");
            prop_assert!(code == 0 || others || merge, "{} in {left}", output.stderr);
        } else {
            prop_assert_eq!(left, text);
        }
        prop_assert!(folder.holds_only(&["target"]));
    }

    #[test]
    fn bytes_are_sealed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), mark in 0..4_usize) {
        let marks: [&[u8]; 4] = [b"", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf"];
        let (code, output) = Folder::new().run(SEAL, &[marks[mark], &bytes].concat());
        check(code, &output)?;
    }
}

/// Where a file may be given: the command line, and what comes on stdin. `@bad` is the bad one.
const PLACES: [(&[&str], &str); 10] = [
    (&["--cert", "@rsa2048.pem", "-f", "@bad"], ""),
    (
        &["--cert", "@rsa2048.pem", "-f", "@bad", "-w", "@out.yaml"],
        "",
    ),
    (
        &[
            "--cert",
            "@rsa2048.pem",
            "--merge-into",
            "@target",
            "-f",
            "@bad",
        ],
        "",
    ),
    (&["--cert", "@rsa2048.pem", "--merge-into", "@bad"], PLAIN),
    (&["--cert", "@bad"], PLAIN),
    (&["--fetch-cert", "--kubeconfig", "@bad"], ""),
    (
        &[
            "--validate",
            "--offline",
            "--recovery-private-key",
            "@rsa2048.key",
            "-f",
            "@bad",
        ],
        "",
    ),
    (
        &[
            "--recovery-unseal",
            "--recovery-private-key",
            "@rsa2048.key",
            "-f",
            "@bad",
        ],
        "",
    ),
    (
        &[
            "--recovery-unseal",
            "--recovery-private-key",
            "@bad",
            "-f",
            "@target",
        ],
        "",
    ),
    (
        &[
            "--re-encrypt",
            "--offline",
            "--recovery-private-key",
            "@rsa2048.key",
            "--cert",
            "@rsa2048.pem",
            "-f",
            "@bad",
        ],
        "",
    ),
];

const PLAIN: &str = "metadata: {name: db, namespace: shop}\nstringData: {a: hunter2 hunter2!}\n";

#[test]
fn what_is_none_of_ours_is_refused_wherever_it_is_given() {
    let inputs = bad::inputs(VALUE);
    let distinct: BTreeSet<&[u8]> = inputs.iter().map(|(_, bytes)| &**bytes).collect();
    assert!(distinct.len() * PLACES.len() >= 500, "{}", distinct.len());
    let folder = Folder::new();
    std::fs::write(folder.path("target"), &SEALED[1]).unwrap();
    for (name, bytes) in &inputs {
        std::fs::write(folder.path("bad"), bytes).unwrap();
        for (args, stdin) in PLACES {
            let (code, output) = folder.run(args, stdin.as_bytes());
            assert_eq!(code, 1, "{name}, {args:?}: {}", output.stderr);
            check(code, &output).unwrap();
            assert!(
                std::fs::read(folder.path("bad")).unwrap() == *bytes,
                "{name}, {args:?}"
            );
            assert!(folder.holds_only(&["bad", "target"]), "{name}, {args:?}");
        }
    }
    assert_eq!(
        std::fs::read_to_string(folder.path("target")).unwrap(),
        SEALED[1]
    );
}

#[test]
fn every_beginning_of_a_manifest_is_sealed_or_refused() {
    let folder = Folder::new();
    for text in SECRETS {
        for end in 0..text.len() {
            let (code, output) = folder.run(SEAL, &text.as_bytes()[..end]);
            check(code, &output).unwrap();
        }
    }
}

#[test]
fn bombs_are_refused_in_time() {
    let head = "metadata: {name: db, namespace: shop}\nstringData:\n";
    let mut aliases = format!("{head}  a: &a {}\n", "hunter2 ".repeat(20_000));
    for index in 0..20_000 {
        aliases.push_str(&format!("  a{index}: *a\n"));
    }
    let mut laughs = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for index in 1..20 {
        let before = format!("*a{}, ", index - 1).repeat(10);
        laughs.push_str(&format!("a{index}: &a{index} [{before}]\n"));
    }
    let deep = format!("{head}  a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    let indented: String = (0..5_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let merges = format!(
        "x: &x {{{}}}\nmetadata: {{<<: [{}]}}\n",
        (0..2000)
            .map(|key| format!("k{key}: v, "))
            .collect::<String>(),
        "*x, ".repeat(2000)
    );
    let folder = Folder::new();
    for bomb in [aliases, deep, indented, merges] {
        let (code, output) = folder.run(SEAL, bomb.as_bytes());
        check(code, &output).unwrap();
        assert_eq!(code, 1, "{}", &output.stderr[..200]);
    }
    let sealed = format!("kind: SealedSecret\n{laughs}metadata: {{name: db}}\n");
    for args in [VALIDATE, RECOVER] {
        let (code, output) = folder.run(args, sealed.as_bytes());
        assert_eq!(code, 1, "{}", output.stderr);
    }
    std::fs::write(folder.path("target"), &sealed).unwrap();
    let (code, _) = folder.run(MERGE, SECRETS[2].split('\n').next().unwrap().as_bytes());
    assert_eq!(code, 1);
}

#[test]
fn devices_and_folders_are_refused_in_time() {
    let folder = Folder::new();
    let inputs: &[&str] = if Path::new("/dev/zero").exists() {
        &["/", "/dev/zero", "/dev/null"]
    } else {
        &["."]
    };
    for input in inputs {
        for args in [SEAL, RECOVER, VALIDATE] {
            if (*input, args) == ("/dev/null", VALIDATE) {
                continue; // nothing is valid
            }
            let args: Vec<&str> = args.iter().copied().chain(["-f", input]).collect();
            let (code, output) = folder.run(&args, b"");
            assert_eq!(code, 1, "{args:?}: {}", output.stderr);
        }
    }
}
