//! `kubectl` as a process: the one that is built with the control plane.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::{Cluster, Ended};

/// kubectl for one cluster, with a home of its own.
pub struct Kubectl {
    program: PathBuf,
    home: TempDir,
}

impl Kubectl {
    /// None where there is no kubectl: only `make real` says where it is.
    pub fn of(cluster: &Cluster) -> Option<Self> {
        let program = PathBuf::from(std::env::var_os("TEST_ASSET_KUBECTL")?);
        let home = tempfile::tempdir().unwrap();
        let kubeconfig = cluster.kubeconfig();
        std::fs::create_dir(home.path().join(".kube")).unwrap();
        std::fs::copy(kubeconfig.path(), home.path().join(".kube/config")).unwrap();
        Some(Self { program, home })
    }

    /// Runs `kubectl -n shop`.
    pub async fn run(&self, words: &[&str], stdin: &str) -> Ended {
        self.run_with_editor(words, stdin, "false").await
    }

    /// The same with a command that edits a file.
    pub async fn run_with_editor(&self, words: &[&str], stdin: &str, editor: &str) -> Ended {
        let mut command = Command::new(&self.program);
        command.args(["-n", "shop"]).args(words);
        self.end(command, stdin, editor).await
    }

    /// Runs a script that calls kubectl.
    pub async fn script(&self, script: &str) -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        self.end(command, "", "false").await
    }

    async fn end(&self, mut command: Command, stdin: &str, editor: &str) -> Ended {
        let mut path = self.program.parent().unwrap().as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", path)
            .env("KUBE_EDITOR", editor)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let stdin = stdin.to_owned();
        // a thread of its own: the server may be in this process
        let output = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().unwrap();
            let mut pipe = child.stdin.take().unwrap();
            pipe.write_all(stdin.as_bytes()).unwrap();
            drop(pipe);
            child.wait_with_output().unwrap()
        });
        let output = output.await.unwrap();
        Ended {
            code: output
                .status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(u8::MAX),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
