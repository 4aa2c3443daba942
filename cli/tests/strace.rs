//! No value leaves kubeseal but where it was asked to go: not in the arguments or the environment of
//! another program, not in a temporary file. `strace` shows every file that is written; where it
//! is not installed there is nothing to see, unless `REQUIRE_TOOLS` says that it must be there.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const VALUE: &str = "hunter2-is-the-value";
const SECRET: &str =
    "metadata: {name: db, namespace: shop}\nstringData: {password: hunter2-is-the-value}\n";

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn is_required() -> bool {
    std::env::var_os("REQUIRE_TOOLS").is_some()
}

struct Traced {
    stdout: String,
    /// Every call that opens, writes, renames or starts something.
    calls: String,
}

/// Runs kubeseal in a folder that is its home, its working directory and its place for temporary files.
fn trace(folder: &Path, args: &[&str], stdin: &str) -> Option<Traced> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let spawned = Command::new("strace")
        .args(["-f", "-qq", "-s", "65536", "-e"])
        .arg("trace=openat,write,writev,pwrite64,rename,renameat,renameat2,execve,sendto,unlink")
        .arg("-o")
        .arg(log.path())
        .arg(env!("CARGO_BIN_EXE_kubeseal"))
        .args(args)
        .env_clear()
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match spawned {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            assert!(!is_required(), "strace is not installed");
            return None;
        }
        spawned => spawned.unwrap(),
    };
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(stdin.as_bytes()).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("ptrace") {
        assert!(!is_required(), "strace is not allowed to trace: {errors}");
        return None;
    }
    assert!(output.status.success(), "{errors}");
    assert!(!errors.contains(VALUE));
    Some(Traced {
        stdout: String::from_utf8(output.stdout).unwrap(),
        calls: std::fs::read_to_string(log.path()).unwrap(),
    })
}

fn assert_nothing_leaked(folder: &Path, calls: &str, forms: &[&str]) {
    for line in calls.lines() {
        // Descriptor 1 is stdout, where the result belongs.
        let is_result = line.contains("write(1, ");
        let leaks = forms.iter().any(|form| line.contains(form));
        assert!(is_result || !leaks, "{}", &line[..line.len().min(200)]);
    }
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!forms.iter().any(|form| text.contains(form)));
    }
}

#[test]
fn no_value_is_written_while_sealing_merging_and_recovering() {
    let folder = tempfile::tempdir().unwrap();
    let base64 = sealing::base64::encode(VALUE.as_bytes());
    let forms = [VALUE, &base64];
    let target = folder.path().join("sealed.yaml");
    let target = target.to_str().unwrap();
    let certificate = fixture("rsa2048.pem");

    let seal = ["--cert", &certificate, "-w", target];
    let Some(sealed) = trace(folder.path(), &seal, SECRET) else {
        return;
    };
    assert!(sealed.calls.contains("rename"), "the trace shows nothing");
    assert_nothing_leaked(folder.path(), &sealed.calls, &forms);

    let merge = ["--cert", &certificate, "--merge-into", target];
    let merged = trace(folder.path(), &merge, SECRET).unwrap();
    assert_nothing_leaked(folder.path(), &merged.calls, &forms);

    let key = fixture("rsa2048.key");
    let recover = ["--recovery-unseal", "--recovery-private-key", &key];
    let sealed = std::fs::read_to_string(target).unwrap();
    let recovered = trace(folder.path(), &recover, &sealed).unwrap();
    assert!(recovered.stdout.contains(&base64));
    assert_nothing_leaked(folder.path(), &recovered.calls, &forms);
}
