//! The controller as a process of its own.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tempfile::TempDir;

use crate::{Cluster, Ended, KEY_NAMESPACE, eventually};

/// A controller that runs; dropping it kills it.
pub struct Process {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    /// A pipe that nobody reads.
    _unread: Option<ChildStdout>,
    /// Gone with the process, and not before it was read.
    _kubeconfig: TempDir,
}

impl Process {
    /// Starts the controller in the cluster, as its ServiceAccount, on a port of its own.
    pub async fn start(program: &str, cluster: &Cluster, words: &[&str]) -> Self {
        Self::run(program, cluster, words, true).await
    }

    /// The same, but nobody reads what it writes to stdout.
    pub async fn start_unread(program: &str, cluster: &Cluster, words: &[&str]) -> Self {
        Self::run(program, cluster, words, false).await
    }

    async fn run(program: &str, cluster: &Cluster, words: &[&str], is_read: bool) -> Self {
        let kubeconfig = cluster.kubeconfig_of_the_controller().await;
        let path = kubeconfig.path().join("config");
        let path = path.to_str().unwrap();
        let always = [
            "--kubeconfig",
            path,
            "--listen-addr=127.0.0.1:0",
            "--listen-metrics-addr=127.0.0.1:0",
        ];
        let mut child = Command::new(program)
            .args(always)
            .args(words)
            .env_clear()
            .env("POD_NAMESPACE", KEY_NAMESPACE)
            .env("AWS_LC_SYS_NO_JITTER_ENTROPY", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (stderr, from_stderr) = collect(child.stderr.take().unwrap());
        let mut unread = child.stdout.take();
        let (stdout, from_stdout) = unread.take_if(|_| is_read).map(collect).unzip();
        Self {
            stdout: stdout.unwrap_or_default(),
            stderr,
            readers: [from_stderr].into_iter().chain(from_stdout).collect(),
            child,
            _unread: unread,
            _kubeconfig: kubeconfig,
        }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// So many bytes as a field of its `/proc` status says: `VmRSS` now, `VmHWM` at most.
    pub fn memory(&self, field: &str) -> f64 {
        let path = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(path).unwrap();
        let mut lines = status.lines().filter_map(|line| line.strip_prefix(field));
        let kibibytes = lines.next().unwrap().trim_start_matches(':');
        let kibibytes = kibibytes.split_whitespace().next().unwrap();
        kibibytes.parse::<f64>().unwrap() * 1024.0
    }

    /// Sends a signal by its name: `TERM`, `INT`, `USR1`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    pub fn stdout(&self) -> String {
        text(&self.stdout)
    }

    pub fn stderr(&self) -> String {
        text(&self.stderr)
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        self.stdout() + &self.stderr()
    }

    /// Waits until it has logged this.
    pub async fn logs(&self, what: &str) {
        eventually(&format!("the log says {what:?}"), async || {
            self.log().contains(what).then_some(())
        })
        .await;
    }

    /// Waits until it ends by itself.
    pub async fn end(mut self) -> Ended {
        let status = eventually("the controller ends", async || {
            self.child.try_wait().unwrap()
        })
        .await;
        // what it wrote last may still be on its way
        self.readers
            .drain(..)
            .for_each(|reader| reader.join().unwrap());
        Ended {
            code: status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(u8::MAX),
            stdout: self.stdout(),
            stderr: self.stderr(),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn text(collected: &Mutex<String>) -> String {
    collected
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Reads lines as they come, on a thread of its own.
fn collect(pipe: impl Read + Send + 'static) -> (Arc<Mutex<String>>, JoinHandle<()>) {
    let collected = Arc::new(Mutex::new(String::new()));
    let into = Arc::clone(&collected);
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
            into.push_str(&line);
            into.push('\n');
        }
    });
    (collected, reader)
}
