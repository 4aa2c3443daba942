//! The program itself: its exit codes, its streams, a reader that goes away.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};

use tempfile::NamedTempFile;

const SECRET: &str = "metadata: {name: db, namespace: shop}\nstringData: {password: s3cret}\n";

fn kubeseal(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubeseal"));
    command.args(args).env_clear().env("HOME", "/nonexistent");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn certificate() -> String {
    format!("{}/tests/fixtures/rsa2048.pem", env!("CARGO_MANIFEST_DIR"))
}

fn run(args: &[&str], stdin: &str) -> Output {
    let mut child = kubeseal(args).spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(stdin.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[test]
fn exits_with_0_and_prints_data_on_stdout_only() {
    let output = run(&["--cert", &certificate(), "-o", "yaml"], SECRET);
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output
            .stdout
            .starts_with(b"---\napiVersion: bitnami.com/v1alpha1\n")
    );
    assert!(output.stderr.is_empty());
}

#[test]
fn exits_with_1_when_the_work_fails() {
    let output = run(&["--cert", &certificate()], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(output.stderr.starts_with(b"error: no secrets found."));
}

#[test]
fn exits_with_2_when_the_command_line_is_wrong() {
    let output = run(&["--nonsense"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(
        output
            .stderr
            .starts_with(b"error: unknown flag: --nonsense\nUsage of ")
    );
}

fn kubeconfig(server: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    writeln!(
        file,
        "current-context: c\ncontexts: [{{name: c, context: {{cluster: c, namespace: shop}}}}]"
    )
    .unwrap();
    writeln!(
        file,
        "clusters: [{{name: c, cluster: {{server: '{server}'}}}}]"
    )
    .unwrap();
    file
}

#[test]
fn says_in_one_line_that_no_cluster_answers() {
    let kubeconfig = kubeconfig("https://127.0.0.1:1");
    let output = run(
        &[
            "--fetch-cert",
            "--kubeconfig",
            kubeconfig.path().to_str().unwrap(),
        ],
        "",
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(
        output
            .stderr
            .starts_with(b"error: cannot get sealed secret service: connection refused.\n")
    );
}

/// Asks a cluster that does not exist, and says what its proxy was asked.
fn asked_of_the_proxy(no_proxy: &str) -> Option<String> {
    let kubeconfig = kubeconfig("https://cluster.invalid:6443");
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = proxy.local_addr().unwrap();
    let args = [
        "--fetch-cert",
        "--kubeconfig",
        kubeconfig.path().to_str().unwrap(),
    ];
    let mut child = kubeseal(&args)
        .env("HTTPS_PROXY", format!("http://{address}"))
        .env("NO_PROXY", no_proxy)
        .spawn()
        .unwrap();
    let asked = std::thread::spawn(move || {
        let (stream, _) = proxy.accept().unwrap();
        BufReader::new(stream).lines().next().unwrap().unwrap()
    });
    assert_eq!(child.wait().unwrap().code(), Some(1));
    // If nobody came, this comes.
    if let Ok(mut stream) = TcpStream::connect(address) {
        let _ = stream.write_all(b"nobody\n");
    }
    Some(asked.join().unwrap()).filter(|request| request != "nobody")
}

#[test]
fn reaches_the_cluster_through_the_proxy_unless_no_proxy_names_it() {
    let request = "CONNECT cluster.invalid:6443 HTTP/1.1";
    assert_eq!(asked_of_the_proxy("example.org").as_deref(), Some(request));
    assert_eq!(asked_of_the_proxy("example.org,.invalid"), None);
    // The proxy's own address does not matter.
    assert_eq!(asked_of_the_proxy("127.0.0.1").as_deref(), Some(request));
}

#[test]
fn is_content_with_a_reader_that_goes_away() {
    let mut child = kubeseal(&["--cert", &certificate()]).spawn().unwrap();
    drop(child.stdout.take());
    child
        .stdin
        .take()
        .unwrap()
        .write_all(SECRET.as_bytes())
        .unwrap();
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(
        (child.wait().unwrap().code(), errors.as_str()),
        (Some(0), "")
    );
}

#[cfg(unix)]
mod files {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn makes_a_new_file_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out.json");
        let output = run(
            &["--cert", &certificate(), "-w", target.to_str().unwrap()],
            SECRET,
        );
        assert!(output.status.success());
        assert_eq!(
            fs::metadata(&target).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn keeps_the_mode_of_an_existing_file_and_follows_a_link_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("out.json"), folder.path().join("link"));
        fs::write(&target, "old").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o640)).unwrap();
        symlink(&target, &link).unwrap();
        let output = run(
            &["--cert", &certificate(), "-w", link.to_str().unwrap()],
            SECRET,
        );
        assert!(output.status.success());
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(
            fs::metadata(&target).unwrap().permissions().mode() & 0o777,
            0o640
        );
        assert!(
            fs::read_to_string(&target)
                .unwrap()
                .starts_with("{\n  \"kind\": \"SealedSecret\"")
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn writes_to_a_device_as_it_is() {
        let output = run(&["--cert", &certificate(), "-w", "/dev/stdout"], SECRET);
        assert!(output.status.success());
        assert!(
            output
                .stdout
                .starts_with(b"{\n  \"kind\": \"SealedSecret\"")
        );
    }
}
