//! The log: lines as Go's slog writes them, and what is never told.

use std::fmt;
use std::io::{self, Write, stderr, stdout};
use std::sync::Arc;

use jiff::Timestamp;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::writer::MakeWriterExt;
use tracing_subscriber::fmt::{self as log_fmt, FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use crate::config::Log;
use crate::log_line::LogLine;
use crate::outlet::{Outlet, PATIENCE, WAITING};

/// What kube itself says of answers: where one does not decode, it is quoted, and answers hold Secrets.
const QUOTING: &str = "kube_client::client";

/// The log of the process. When it is dropped, what is on its way is still written, if that takes not long.
pub struct RunningLog([Arc<Outlet>; 2]);

/// Starts the log of the process as its settings say; `RUST_LOG` may choose otherwise. Nobody waits until a
/// line is written: whoever does not read the log may not hold up the work.
pub fn start_log(log: Log) -> io::Result<RunningLog> {
    let chosen = log_filter().unwrap_or_else(|| least(log.level).to_string());
    let (errors, others) = (outlet(stderr(), log.json)?, outlet(stdout(), log.json)?);
    let running = RunningLog([Arc::clone(&errors), Arc::clone(&others)]);
    let to = |outlet: Arc<Outlet>| move || Sending(Arc::clone(&outlet));
    if log.info_to_stdout {
        let split = to(errors).with_max_level(Level::WARN).or_else(to(others));
        tell(split, &chosen, log.json);
    } else {
        tell(to(errors), &chosen, log.json);
    }
    Ok(running)
}

impl Drop for RunningLog {
    fn drop(&mut self) {
        self.0.iter().for_each(|outlet| outlet.flush(PATIENCE));
    }
}

/// Starts the log of another process; `chosen` is a filter as `RUST_LOG` has it.
pub fn tell_log<W>(writer: W, chosen: &str)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tell(writer, chosen, false);
}

/// What the log is to tell, as `RUST_LOG` has it.
pub fn log_filter() -> Option<String> {
    std::env::var("RUST_LOG").ok()
}

fn tell<W>(writer: W, chosen: &str, json: bool)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let unquoted = filter_fn(|metadata| !metadata.target().starts_with(QUOTING));
    let lines = log_fmt::layer()
        .with_ansi(false)
        .event_format(Lines { json })
        .with_writer(writer);
    let chosen = EnvFilter::try_new(chosen).unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::registry()
        .with(lines.with_filter(unquoted))
        .with(chosen);
    // Somebody else may have started a log already: then that one is told.
    _ = log.try_init();
}

/// The least of our levels that reaches this one of slog's.
fn least(level: i32) -> LevelFilter {
    match level {
        ..=-8 => LevelFilter::TRACE,
        -7..=-4 => LevelFilter::DEBUG,
        -3..=0 => LevelFilter::INFO,
        1..=4 => LevelFilter::WARN,
        5..=8 => LevelFilter::ERROR,
        9.. => LevelFilter::OFF,
    }
}

/// Writes lines, and how many were lost before one.
fn outlet(mut to: impl Write + Send + 'static, json: bool) -> io::Result<Arc<Outlet>> {
    let write = move |bytes: &[u8], lost| {
        let notice = (lost > 0).then(|| {
            let line = LogLine::saying("lines of the log were lost").with("count", lost);
            line.written(Level::WARN, Timestamp::now(), json)
        });
        // Whoever closed it does not want to know.
        _ = to.write_all(notice.unwrap_or_default().as_bytes());
        _ = to.write_all(bytes).and_then(|()| to.flush());
    };
    Outlet::start("log", WAITING, write).map(Arc::new)
}

/// What the log of the process is written to: whole lines, as they come.
struct Sending(Arc<Outlet>);

impl Write for Sending {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.send(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One line for each event.
struct Lines {
    json: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = LogLine::default();
        event.record(&mut line);
        let level = *event.metadata().level();
        out.write_str(&line.written(level, Timestamp::now(), self.json))
    }
}
#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use serde_json::Value;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(json: bool) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let lines = log_fmt::layer()
            .with_ansi(false)
            .event_format(Lines { json })
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            tracing::info!(version = "1", "Starting sealed-secrets controller");
            tracing::error!("sealed-secret" = %"a/b", error = %"no \"x\"", count = 2, "failed");
        });
        let text = kept.0.lock().unwrap().clone();
        let text = String::from_utf8(text).unwrap();
        let time = &text[text.find("20").unwrap()..][..24];
        assert!(time.ends_with('Z') && &time[19..20] == ".", "{time}");
        let mut out = String::new();
        for line in text.lines() {
            let at = line.find("20").unwrap();
            out += &format!("{}T{}\n", &line[..at], &line[at + 24..]);
        }
        out
    }

    #[test]
    fn writes_lines_as_slog_does() {
        let wanted = "time=T level=INFO msg=\"Starting sealed-secrets controller\" version=1\n\
            time=T level=ERROR msg=failed sealed-secret=a/b error=\"no \\\"x\\\"\" count=2\n";
        assert_eq!(lines(false), wanted);
    }

    #[test]
    fn writes_the_same_as_json() {
        let written = lines(true);
        let second: Value = serde_json::from_str(written.lines().nth(1).unwrap()).unwrap();
        let wanted = serde_json::json!({ "time": "T", "level": "ERROR", "msg": "failed", "sealed-secret": "a/b", "error": "no \"x\"", "count": 2 });
        assert_eq!(second, wanted);
    }

    /// It writes when the other end of its channel is gone.
    struct Stalled(Receiver<()>, Kept);

    impl io::Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            _ = self.0.recv();
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn waits_for_nobody_who_does_not_read_and_says_what_was_lost() {
        let (go_on, wait) = channel();
        let kept = Kept::default();
        let outlet = outlet(Stalled(wait, kept.clone()), false).unwrap();
        let mut log = Sending(Arc::clone(&outlet));
        let line = [b'x'; 1 << 20];
        for _ in 0..10 {
            log.write_all(&line).unwrap();
        }
        drop(go_on);
        outlet.flush(Duration::from_secs(60));
        let text = kept.0.lock().unwrap().clone();
        let text = String::from_utf8(text).unwrap();
        assert!((4 << 20..7 << 20).contains(&text.len()), "{}", text.len());
        assert!(text.contains("level=WARN msg=\"lines of the log were lost\" count="));
    }

    #[test]
    fn tells_what_reaches_the_level() {
        let levels = [-9, -4, -1, 0, 2, 4, 8, 9].map(least);
        use LevelFilter as L;
        assert_eq!(
            levels,
            [
                L::TRACE,
                L::DEBUG,
                L::INFO,
                L::INFO,
                L::WARN,
                L::WARN,
                L::ERROR,
                L::OFF
            ]
        );
    }
}
