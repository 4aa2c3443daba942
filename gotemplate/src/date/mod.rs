//! Points in time, as Go's package time keeps and prints them.

mod duration;
mod format;
mod layout;
mod parse;
mod zone;

use std::time::SystemTime;

use zeroize::Zeroizing;

pub(crate) use duration::{parse as parse_duration, to_string as duration_to_string};
pub(crate) use parse::parse;
pub(crate) use zone::Zone;

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
const DAY: i64 = 86_400;
const NANOS: i64 = 1_000_000_000;
/// 0001-01-01 00:00:00 UTC, the zero time, in Unix seconds.
const ZERO: i64 = -62_135_596_800;

/// A point in time, seen from a zone.
#[derive(Clone, PartialEq)]
pub(crate) struct Time {
    pub(crate) unix: i64,
    pub(crate) nanos: u32,
    pub(crate) zone: Zone,
}

/// What a calendar and a clock show at a point in time.
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) year_day: u16,
    pub(crate) weekday: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    /// Seconds east of UTC.
    pub(crate) offset: i32,
    /// The abbreviated name of the zone.
    pub(crate) zone: String,
}

impl Time {
    /// Go's zero time.
    pub(crate) fn zero() -> Self {
        Self::from_unix(ZERO)
    }

    pub(crate) fn from_unix(unix: i64) -> Self {
        Self {
            unix,
            nanos: 0,
            zone: Zone::Utc,
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.unix == ZERO && self.nanos == 0
    }

    pub(crate) fn in_zone(&self, zone: Zone) -> Self {
        Self {
            zone,
            ..self.clone()
        }
    }

    /// The time so many nanoseconds later.
    pub(crate) fn plus(&self, duration: i64) -> Self {
        let nanos = i64::from(self.nanos) + duration.rem_euclid(NANOS);
        Self {
            unix: self
                .unix
                .saturating_add(duration.div_euclid(NANOS))
                .saturating_add(nanos.div_euclid(NANOS)),
            nanos: nanos.rem_euclid(NANOS) as u32,
            zone: self.zone.clone(),
        }
    }

    /// The nanoseconds since another time; what does not fit is cut off.
    pub(crate) fn since(&self, earlier: &Self) -> i64 {
        let nanos = self.total_nanos() - earlier.total_nanos();
        nanos.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    pub(crate) fn total_nanos(&self) -> i128 {
        i128::from(self.unix) * i128::from(NANOS) + i128::from(self.nanos)
    }

    pub(crate) fn civil(&self) -> Civil {
        let (offset, zone) = self.zone.at(self.unix);
        let local = self.unix.saturating_add(offset.into());
        let (days, seconds) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let (year, month, day) = date_of(days);
        Civil {
            year,
            month,
            day,
            year_day: (days - days_until(year, 1, 1) + 1) as u16,
            weekday: (days + 4).rem_euclid(7) as u8,
            hour: (seconds / 3600) as u8,
            minute: (seconds / 60 % 60) as u8,
            second: (seconds % 60) as u8,
            offset,
            zone,
        }
    }

    /// The time as `%v` prints it.
    pub(crate) fn to_text(&self) -> Zeroizing<Vec<u8>> {
        self.format(b"2006-01-02 15:04:05.999999999 -0700 MST")
    }
}

impl From<SystemTime> for Time {
    fn from(time: SystemTime) -> Self {
        let seconds = |duration: std::time::Duration| duration.as_secs().min(1 << 60) as i64;
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self {
                nanos: after.subsec_nanos(),
                ..Self::from_unix(seconds(after))
            },
            Err(before) => Self::from_unix(-seconds(before.duration())),
        }
    }
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in(year: i64, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The Unix time of a date and a clock that may overflow its fields.
pub(crate) fn unix_of(date: (i64, i64, i64), clock: (i64, i64, i64)) -> i64 {
    let months = date.1 - 1;
    let year = date.0.saturating_add(months.div_euclid(12));
    let days = days_until(year, months.rem_euclid(12) + 1, 1).saturating_add(date.2 - 1);
    days.saturating_mul(DAY)
        .saturating_add(clock.0 * 3600 + clock.1 * 60 + clock.2)
}

/// Days since 1970-01-01: years are counted from March, in cycles of 400 years.
fn days_until(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let cycle = year.div_euclid(400);
    let year_of_cycle = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + day_of_year;
    cycle
        .saturating_mul(146_097)
        .saturating_add(day_of_cycle - 719_468)
}

/// The date of a day since 1970-01-01.
fn date_of(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let cycle = days.div_euclid(146_097);
    let day_of_cycle = days.rem_euclid(146_097);
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year =
        day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = cycle * 400 + year_of_cycle + i64::from(month <= 2);
    (year, month as u8, day as u8)
}
