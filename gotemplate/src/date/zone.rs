//! Time zones by name.

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

/// Where a time is looked at from.
#[derive(Clone, PartialEq)]
pub(crate) enum Zone {
    Utc,
    Fixed { name: String, offset: i32 },
    Named(TimeZone),
}

impl Zone {
    /// The zone of a name. `Local` is UTC: a renderer has no place.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        let name = std::str::from_utf8(name).ok()?;
        if matches!(name, "" | "UTC" | "Local") {
            return Some(Self::Utc);
        }
        let zone = TimeZoneDatabase::bundled().get(name).ok()?;
        (zone.iana_name() == Some(name)).then_some(Self::Named(zone))
    }

    /// The seconds east of UTC and the abbreviation at a time.
    pub(super) fn at(&self, unix: i64) -> (i32, String) {
        match self {
            Self::Utc => (0, "UTC".into()),
            Self::Fixed { name, offset } => (*offset, name.clone()),
            Self::Named(zone) => {
                let least = Timestamp::MIN.as_second();
                let unix = unix.clamp(least, Timestamp::MAX.as_second());
                let time = Timestamp::from_second(unix).unwrap_or_default();
                let info = zone.to_offset_info(time);
                (info.offset().seconds(), info.abbreviation().to_owned())
            }
        }
    }
}
