//! The log: lines as Go's slog writes them, and what is never told.

use std::fmt;
use std::io::{stderr, stdout};

use jiff::Timestamp;
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::writer::MakeWriterExt;
use tracing_subscriber::fmt::{self as log_fmt, FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;

use crate::config::Log;

/// What kube itself says of answers: where one does not decode, it is quoted, and answers hold Secrets.
const QUOTING: [&str; 2] = ["kube_client::client", "kube_runtime::watcher"];

/// Starts the log of the process as its settings say; `RUST_LOG` may choose otherwise.
pub fn start_log(log: Log) {
    let chosen = log_filter().unwrap_or_else(|| least(log.level).to_string());
    if log.info_to_stdout {
        let split = stderr.with_max_level(Level::WARN).or_else(stdout);
        tell(split, &chosen, log.json);
    } else {
        tell(stderr, &chosen, log.json);
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
    let unquoted = filter_fn(|metadata| {
        !QUOTING
            .iter()
            .any(|target| metadata.target().starts_with(target))
    });
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

/// One line for each event: `time=… level=… msg=… key=value`, or the same as a JSON object.
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
        let mut told = Told::default();
        event.record(&mut told);
        let time = format!("{:.3}", Timestamp::now());
        let level = event.metadata().level().as_str();
        let head = [
            ("time", time.into()),
            ("level", level.into()),
            ("msg", told.message.into()),
        ];
        let attributes = head
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .chain(told.attributes);
        if self.json {
            return writeln!(out, "{}", Value::Object(attributes.collect::<Map<_, _>>()));
        }
        for (index, (name, value)) in attributes.enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(out, "{space}{name}={}", text(&value))?;
        }
        writeln!(out)
    }
}

/// What is told of an event: its message, and its attributes in their order.
#[derive(Default)]
struct Told {
    message: String,
    attributes: Vec<(String, Value)>,
}

impl Told {
    fn note(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => {
                self.message = value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            }
            name => self.attributes.push((name.to_owned(), value)),
        }
    }
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.note(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.note(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.note(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.note(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.note(field, format!("{value:?}").into());
    }
}

/// A value as slog's text has it: quoted where it would not read as one word.
fn text(value: &Value) -> String {
    let Value::String(text) = value else {
        return value.to_string();
    };
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '"' | '=');
    if !text.is_empty() && text.chars().all(is_plain) {
        text.clone()
    } else {
        Value::from(text.as_str()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

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
