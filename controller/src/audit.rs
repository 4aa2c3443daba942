//! Who unsealed what: one line of JSON for each unsealing, with names and no values. Off by default.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{self, Write, stdout};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use prometheus::IntCounter;
use sealing::{Fingerprint, SealedSecret};
use serde_json::json;

use crate::config::AuditLog;

/// So many items are named in one line.
const NAMED: usize = 1000;
/// A name that is longer is none that Kubernetes has.
const NAME: usize = 253;

/// Where the lines go; nowhere if nobody asked for them.
pub(crate) struct Audit {
    sink: Option<Mutex<Sink>>,
    /// Counts the lines that could not be written.
    lost: IntCounter,
}

struct Sink {
    out: Box<dyn Write + Send>,
    is_failing: bool,
}

/// What an unsealing was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Reconcile,
    Verify,
    ReEncrypt,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Reconcile => "reconcile",
            Self::Verify => "verify",
            Self::ReEncrypt => "re-encrypt",
        }
    }
}

impl Audit {
    pub(crate) fn start(log: Option<&AuditLog>, lost: IntCounter) -> io::Result<Self> {
        let out: Option<Box<dyn Write + Send>> = match log {
            None => None,
            Some(AuditLog::Stdout) => Some(Box::new(stdout())),
            Some(AuditLog::File(path)) => {
                let file = OpenOptions::new().create(true).append(true).open(path)?;
                Some(Box::new(file))
            }
        };
        let is_failing = false;
        let sink = out.map(|out| Mutex::new(Sink { out, is_failing }));
        Ok(Self { sink, lost })
    }

    /// Notes an unsealing, and who asked for it; the keys are those that opened something, if all was
    /// opened. It may block.
    pub(crate) fn note(
        &self,
        purpose: Purpose,
        peer: Option<IpAddr>,
        sealed: &SealedSecret,
        keys: Option<&BTreeMap<Fingerprint, usize>>,
        now: Timestamp,
    ) {
        let Some(sink) = &self.sink else { return };
        let line = line(purpose, peer, sealed, keys, now);
        let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
        // In one piece, so that no other line comes between.
        let written = sink.out.write_all(line.as_bytes());
        match written.and_then(|()| sink.out.flush()) {
            Ok(()) => sink.is_failing = false,
            Err(error) => {
                self.lost.inc();
                if !std::mem::replace(&mut sink.is_failing, true) {
                    tracing::error!(%error, "cannot write the audit log");
                }
            }
        }
    }
}

fn line(
    purpose: Purpose,
    peer: Option<IpAddr>,
    sealed: &SealedSecret,
    keys: Option<&BTreeMap<Fingerprint, usize>>,
    now: Timestamp,
) -> String {
    let metadata = &sealed.metadata;
    let items = &sealed.spec.encrypted_data;
    let mut line = json!({
        "time": format!("{now:.3}"),
        "for": purpose.as_str(),
        "namespace": metadata.namespace.as_deref().map(cut),
        "name": metadata.name.as_deref().map(cut),
        "uid": metadata.uid.as_deref().map(cut),
        "generation": metadata.generation,
        "items": items.keys().take(NAMED).map(|item| cut(item)).collect::<Vec<_>>(),
        "keys": keys.into_iter().flatten().map(|(key, _)| key.as_str()).collect::<Vec<_>>(),
        "outcome": if keys.is_some() { "opened" } else { "failed" },
    });
    if let Some(peer) = peer {
        line["peer"] = peer.to_string().into();
    }
    if let more @ 1.. = items.len().saturating_sub(NAMED) {
        line["more items"] = more.into();
    }
    format!("{line}\n")
}

fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME)]
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn sealed() -> SealedSecret {
        SealedSecret::from_value(&json!({
            "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
            "metadata": { "name": "db", "namespace": "shop", "uid": "u", "generation": 3 },
            "spec": { "encryptedData": { "a": "AgA=", "b\nx": "" } },
        }))
        .unwrap()
    }

    fn told(
        purpose: Purpose,
        peer: Option<IpAddr>,
        keys: Option<&BTreeMap<Fingerprint, usize>>,
    ) -> Value {
        let line = line(purpose, peer, &sealed(), keys, Timestamp::UNIX_EPOCH);
        assert_eq!(line.matches('\n').count(), 1);
        serde_json::from_str(&line).unwrap()
    }

    #[test]
    fn tells_who_unsealed_what_in_one_line() {
        let keys = BTreeMap::new();
        let mut wanted = json!({
            "time": "1970-01-01T00:00:00.000Z", "for": "reconcile", "namespace": "shop", "name": "db", "uid": "u",
            "generation": 3, "items": ["a", "b\nx"], "keys": [], "outcome": "opened",
        });
        assert_eq!(told(Purpose::Reconcile, None, Some(&keys)), wanted);
        let peer = IpAddr::from([10, 0, 0, 1]);
        wanted["for"] = "re-encrypt".into();
        wanted["peer"] = "10.0.0.1".into();
        wanted["outcome"] = "failed".into();
        assert_eq!(told(Purpose::ReEncrypt, Some(peer), None), wanted);
    }

    #[test]
    fn counts_what_it_cannot_write() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let audit = Audit {
            sink: Some(Mutex::new(Sink {
                out: Box::new(Full),
                is_failing: false,
            })),
            lost: IntCounter::new("lost", "lost").unwrap(),
        };
        let now = Timestamp::UNIX_EPOCH;
        audit.note(Purpose::Reconcile, None, &sealed(), None, now);
        assert_eq!(audit.lost.get(), 1);
    }
}
