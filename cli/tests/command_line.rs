//! Command lines as data: every file under `cases/` is one, run in this process with a closed
//! environment, a folder of its own and a fixed clock. Everything it prints and leaves behind is
//! compared; what it sealed is opened again.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on stops here"
)]

mod closed;
mod cluster;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use closed::{Output, fixture, io};
use sealing::{Certificate, Label, Plaintext, PrivateKey, seal_value};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// `$DIR` stands for the folder of the case, and everywhere `<<label:value>>` for that value,
    /// sealed under that label; where it is printed unchanged, it is shown so again.
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    stdin: String,
    /// `utf-16le`, `utf-16be` or `utf-8-bom`; UTF-8 otherwise. With `latin-1`, letters are bytes.
    #[serde(default)]
    stdin_encoding: String,
    #[serde(default)]
    stdin_is_terminal: bool,
    #[serde(default)]
    stderr_is_terminal: bool,
    /// A cluster with a controller, and `$DIR/kc`, which leads there.
    #[serde(default)]
    cluster: Option<cluster::Setup>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default = "default_now")]
    now: String,
    #[serde(default)]
    code: u8,
    /// `<sealed>` stands for each sealed value, `$USAGE` for the list of flags.
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
    /// Files that are new or changed afterwards; there may be no others.
    #[serde(default)]
    left: BTreeMap<String, String>,
    /// The sealed values in the order in which they were printed or written.
    #[serde(default)]
    opens: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Value {
    label: String,
    value: String,
}

fn default_now() -> String {
    closed::NOW.to_owned()
}

const OF_UPSTREAM: &str = "
ParseKey OpenCertFile SealWithMultiDocSecrets Seal Unseal UnsealList MergeInto/added MergeInto/updated MergeInto/bad-name
Raw ReadPrivKeySecret ReadPrivKeyPEM NamespaceMismatchValidation
Version MainError WriteToFile FailToWriteToFile RawSealErrors Pflagenv
";

#[test]
fn every_case_of_upstream_is_among_them() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let rows = include_str!("upstream-cases.md").lines();
    let rows = rows.filter_map(|line| {
        line.strip_prefix("| ")?
            .strip_suffix(" |")?
            .split_once(" | ")
    });
    let rows: BTreeMap<String, &str> = rows
        .filter(|(case, _)| !["case", "---"].contains(case))
        .map(|(case, ours)| (case.replace(' ', "-"), ours))
        .collect();
    let mut cases: Vec<&str> = OF_UPSTREAM.split_whitespace().collect();
    cases.sort_unstable();
    assert_eq!(rows.keys().collect::<Vec<_>>(), cases);
    for (case, ours) in rows {
        for place in ours.split(", ").map(|place| place.trim_matches('`')) {
            let (file, test) = place.split_once("::").unwrap_or((place, ""));
            let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
            let is_there = match test {
                "" => !text.is_empty(),
                test => text.contains(&format!("fn {test}(")),
            };
            assert!(is_there, "{case}: there is no `{place}`");
        }
    }
}

#[tokio::test]
async fn every_case_does_what_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let files = files_under(&folder);
    assert!(files.len() >= 300, "found only {} cases", files.len());
    let mut failures = String::new();
    for file in &files {
        if let Err(difference) = run(file).await {
            let name = file.strip_prefix(&folder).unwrap().display();
            failures.push_str(&format!("\n== {name}\n{difference}"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_under(&path))
        } else {
            files.push(path)
        }
    }
    files.sort();
    files
}

async fn run(file: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).unwrap();
    let case: Case = serde_saphyr::from_str(&text).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap().to_owned();
    let vault = Vault::of(&text);
    let in_dir = |text: &String| vault.fill(&text.replace("$DIR", &dir));
    let mut files = case.files.clone();
    for name in FIXTURES {
        files.insert(name.to_owned(), fixture(name));
    }
    let cluster = case.cluster.as_ref().map(|setup| setup.start());
    if let Some(cluster) = &cluster {
        files.insert("kc".to_owned(), cluster.kubeconfig());
    }
    for (name, content) in &files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, in_dir(content)).unwrap();
    }
    let env = case
        .env
        .iter()
        .map(|(name, value)| (name.clone(), in_dir(value)));
    let stdin = encoded(&in_dir(&case.stdin), &case.stdin_encoding);
    let (mut io, printed) = io(&stdin, env, &case.now);
    io.stdin_is_terminal = case.stdin_is_terminal;
    io.stderr_is_terminal = case.stderr_is_terminal;
    let args = ["kubeseal".to_owned()]
        .into_iter()
        .chain(case.args.iter().map(in_dir));
    let code = cli::run(args.map(Into::into), &mut io).await;

    let mut left = files_in(folder.path());
    left.retain(|name, content| files.get(name).map(in_dir).as_ref() != Some(content));
    left.values_mut()
        .for_each(|content| *content = vault.hide(content));
    let Output { stdout, stderr } = printed.take();
    let mut stderr = stderr.replace(&dir, "$DIR");
    if let Some(cluster) = cluster {
        stderr = stderr.replace(&cluster.address, "$SERVER");
    }
    let printed = Output {
        stdout: vault.hide(&stdout),
        stderr,
    };
    let differences = compare(&case, code, printed, left);
    if differences.is_empty() {
        Ok(())
    } else {
        Err(differences)
    }
}

const FIXTURES: [&str; 6] = [
    "rsa2048.pem",
    "rsa2048.key",
    "other.pem",
    "other.key",
    "ec.pem",
    "ec.key",
];

fn encoded(text: &str, encoding: &str) -> Vec<u8> {
    match encoding {
        "" => text.as_bytes().to_vec(),
        "utf-8-bom" => format!("\u{feff}{text}").into_bytes(),
        "utf-16le" => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect(),
        "utf-16be" => format!("\u{feff}{text}")
            .encode_utf16()
            .flat_map(u16::to_be_bytes)
            .collect(),
        "utf-16le-unmarked" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "latin-1" => text
            .chars()
            .map(|letter| u8::try_from(u32::from(letter)).unwrap())
            .collect(),
        other => panic!("no such encoding: {other}"),
    }
}

/// The values that a case wants sealed before it begins, by what it writes for them.
struct Vault(BTreeMap<String, String>);

impl Vault {
    fn of(text: &str) -> Self {
        let certificate = Certificate::from_pem(fixture("rsa2048.pem").as_bytes()).unwrap();
        let seal = |found: &str| {
            let (label, value) = found.split_once(':').unwrap();
            let value = Plaintext::new(value.as_bytes().to_vec());
            seal_value(&value, &certificate, &Label::from(label)).unwrap()
        };
        let found = text
            .split("<<")
            .skip(1)
            .filter_map(|rest| rest.split_once(">>"))
            .filter(|(found, _)| found.contains(':') && !found.contains('\n'));
        Self(
            found
                .map(|(found, _)| (format!("<<{found}>>"), seal(found)))
                .collect(),
        )
    }

    fn fill(&self, text: &str) -> String {
        let fill = |text: String, (name, sealed): (&String, &String)| text.replace(name, sealed);
        self.0.iter().fold(text.to_owned(), fill)
    }

    fn hide(&self, text: &str) -> String {
        let hide = |text: String, (name, sealed): (&String, &String)| text.replace(sealed, name);
        self.0.iter().fold(text.to_owned(), hide)
    }
}

fn compare(case: &Case, code: u8, printed: Output, mut left: BTreeMap<String, String>) -> String {
    let mut sealed = Vec::new();
    let stdout = hide_sealed(&printed.stdout, &mut sealed);
    left.values_mut()
        .for_each(|content| *content = hide_sealed(content, &mut sealed));
    let labels: Vec<_> = case
        .opens
        .iter()
        .map(|value| value.label.as_str())
        .collect();
    let values: Vec<_> = case.opens.iter().map(|value| value.value.clone()).collect();
    let usage = fixture("usage.txt");
    let with_usage = |text: &str| text.replace("$USAGE", usage.trim_end());
    [
        ("code", case.code.to_string(), code.to_string()),
        ("stdout", with_usage(&case.stdout), stdout),
        ("stderr", with_usage(&case.stderr), printed.stderr),
        ("files", format!("{:#?}", case.left), format!("{left:#?}")),
        (
            "sealed",
            format!("{values:?}"),
            format!("{:?}", open(&sealed, &labels)),
        ),
    ]
    .into_iter()
    .filter(|(_, expected, found)| expected != found)
    .map(|(what, expected, found)| format!("-- {what}: expected\n{expected}-- found\n{found}\n"))
    .collect()
}

fn files_in(folder: &Path) -> BTreeMap<String, String> {
    let read = |path: PathBuf| {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
        let content = std::fs::read(&path).unwrap();
        (
            name.to_owned(),
            String::from_utf8_lossy(&content).into_owned(),
        )
    };
    files_under(folder).into_iter().map(read).collect()
}

/// Takes the sealed values out of a text.
fn hide_sealed(text: &str, sealed: &mut Vec<String>) -> String {
    let mut hidden = text.to_owned();
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    for word in text.split(|c| !is_base64(c)) {
        if word.len() > 300 && word.starts_with("AQ") {
            hidden = hidden.replacen(word, "<sealed>", 1);
            sealed.push(word.to_owned());
        }
    }
    hidden
}

fn open(sealed: &[String], labels: &[&str]) -> Vec<String> {
    let key = Arc::new(PrivateKey::from_pem(fixture("rsa2048.key").as_bytes()).unwrap());
    let open_one = |(index, text): (usize, &String)| {
        let label = Label::from(labels.get(index).copied().unwrap_or("?"));
        let items = BTreeMap::from([("value".to_owned(), text.clone())]);
        match sealing::open(&items, label, std::slice::from_ref(&key)) {
            Ok(opened) => String::from_utf8_lossy(opened.items["value"].expose()).into_owned(),
            Err(_) => format!("<does not open under {:?}>", labels.get(index)),
        }
    };
    sealed.iter().enumerate().map(open_one).collect()
}
