//! Who unsealed what: one line of JSON for each unsealing, with names and no values. Off by default.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::{self, Write, stdout};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use prometheus::IntCounter;
use sealing::{Fingerprint, SealedSecret};
use serde_json::json;

use crate::config::AuditLog;
use crate::outlet::{Outlet, PATIENCE, WAITING};

/// So many items are named in one line.
const NAMED: usize = 1000;
/// A name that is longer is none that Kubernetes has.
const NAME: usize = 253;

/// Where the lines go; nowhere if nobody asked for them.
pub(crate) struct Audit {
    outlet: Option<Outlet>,
    /// Counts the lines that could not be written.
    lost: IntCounter,
    /// Whether that was told: once for each time that it begins.
    is_losing: Arc<AtomicBool>,
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
        match log {
            None => Ok(Self {
                outlet: None,
                lost,
                is_losing: Arc::default(),
            }),
            Some(AuditLog::Stdout) => Self::into(stdout(), WAITING, lost),
            Some(AuditLog::File(path)) => {
                let file = OpenOptions::new().create(true).append(true).open(path)?;
                Self::into(file, WAITING, lost)
            }
        }
    }

    fn into(
        mut out: impl Write + Send + 'static,
        most: usize,
        lost: IntCounter,
    ) -> io::Result<Self> {
        let is_losing = Arc::new(AtomicBool::new(false));
        let (losing, failed) = (Arc::clone(&is_losing), lost.clone());
        // In one piece, so that no other line comes between.
        let write = move |line: &[u8], _| match out.write_all(line).and_then(|()| out.flush()) {
            Ok(()) => losing.store(false, Ordering::Relaxed),
            Err(error) => note_loss(&failed, &losing, &error),
        };
        Ok(Self {
            outlet: Some(Outlet::start("audit", most, write)?),
            lost,
            is_losing,
        })
    }

    /// Notes an unsealing, and who asked for it; the keys are those that opened something, if all was
    /// opened. Nobody waits until that is written.
    pub(crate) fn note(
        &self,
        purpose: Purpose,
        peer: Option<IpAddr>,
        sealed: &SealedSecret,
        keys: Option<&BTreeMap<Fingerprint, usize>>,
        now: Timestamp,
    ) {
        let Some(outlet) = &self.outlet else { return };
        let line = line(purpose, peer, sealed, keys, now);
        if !outlet.send(line.as_bytes()) {
            note_loss(
                &self.lost,
                &self.is_losing,
                &"it is not taken off fast enough",
            );
        }
    }

    /// Waits until all is written, though not for long.
    pub(crate) fn flush(&self) {
        self.outlet.iter().for_each(|outlet| outlet.flush(PATIENCE));
    }
}

fn note_loss(lost: &IntCounter, is_losing: &AtomicBool, error: &dyn Display) {
    lost.inc();
    if !is_losing.swap(true, Ordering::Relaxed) {
        tracing::error!(%error, "cannot write the audit log");
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
    use std::sync::mpsc::{Receiver, channel};

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

    fn note(audit: &Audit) {
        let now = Timestamp::UNIX_EPOCH;
        audit.note(Purpose::Reconcile, None, &sealed(), None, now);
    }

    fn lost() -> IntCounter {
        IntCounter::new("lost", "lost").unwrap()
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
        let audit = Audit::into(Full, WAITING, lost()).unwrap();
        note(&audit);
        audit.flush();
        assert_eq!(audit.lost.get(), 1);
    }

    #[test]
    fn waits_for_nobody_who_does_not_read_and_counts_what_is_lost() {
        struct Stalled(Receiver<()>);
        impl Write for Stalled {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                _ = self.0.recv();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (go_on, wait) = channel();
        let audit = Audit::into(Stalled(wait), 1000, lost()).unwrap();
        for _ in 0..100 {
            note(&audit);
        }
        let lost = audit.lost.get();
        assert!((90..100).contains(&lost), "{lost}");
        assert!(audit.is_losing.load(Ordering::Relaxed));
        drop(go_on);
        audit.flush();
        assert!(!audit.is_losing.load(Ordering::Relaxed));
    }
}
