//! `kubeseal` as a call: words and input in, everything it said out.

use std::collections::HashMap;
use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex};

use cli::Io;

/// What a run of kubeseal left.
pub struct Ended {
    pub code: u8,
    pub stdout: String,
    pub stderr: String,
}

/// Runs kubeseal with an empty environment.
pub async fn kubeseal(words: &[&str], stdin: impl Into<Vec<u8>>) -> Ended {
    let (stdout, stderr) = (Pipe::default(), Pipe::default());
    let mut io = Io {
        stdin: Box::new(Cursor::new(stdin.into())),
        stdout: Box::new(stdout.clone()),
        stderr: Box::new(stderr.clone()),
        environment: HashMap::new(),
        now: jiff::Timestamp::now(),
        stdin_is_terminal: false,
    };
    let words = ["kubeseal"].iter().chain(words).map(Into::into);
    let code = cli::run(words, &mut io).await;
    Ended {
        code,
        stdout: stdout.text(),
        stderr: stderr.text(),
    }
}

#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
