//! `kubeseal` as a call: words and input in, everything it said out.

use cli::Io;

/// What a run of kubeseal left.
pub struct Ended {
    pub code: u8,
    pub stdout: String,
    pub stderr: String,
}

/// Runs kubeseal with an empty environment.
pub async fn kubeseal(words: &[&str], stdin: impl Into<Vec<u8>>) -> Ended {
    let (mut io, printed) = Io::in_memory(stdin);
    let words = ["kubeseal"].iter().chain(words).map(Into::into);
    let code = cli::run(words, &mut io).await;
    Ended {
        code,
        stdout: printed.stdout(),
        stderr: printed.stderr(),
    }
}
