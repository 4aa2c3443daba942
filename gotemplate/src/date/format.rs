//! Times by a layout.

use std::fmt::Write;

use zeroize::Zeroizing;

use crate::date::layout::{OffsetForm, Piece, next_piece};
use crate::date::{Civil, MONTHS, Time, WEEKDAYS};

impl Time {
    /// The time as a layout shows it.
    pub(crate) fn format(&self, layout: &[u8]) -> Zeroizing<Vec<u8>> {
        let civil = self.civil();
        // No piece grows more than that, but for a year or a zone that nobody lives in.
        let mut text = Zeroizing::new(Vec::with_capacity(16 * layout.len()));
        let mut rest = layout;
        loop {
            let (prefix, piece, suffix) = next_piece(rest);
            text.extend_from_slice(prefix);
            let Some(piece) = piece else {
                return text;
            };
            let mut part = String::new();
            // Writing to a String cannot fail.
            let _ = write_piece(&mut part, piece, &civil, self.nanos);
            text.extend_from_slice(part.as_bytes());
            rest = suffix;
        }
    }
}

fn write_piece(out: &mut String, piece: Piece, civil: &Civil, nanos: u32) -> std::fmt::Result {
    let month = MONTHS[usize::from(civil.month - 1)];
    let weekday = WEEKDAYS[usize::from(civil.weekday)];
    let hour12 = match civil.hour % 12 {
        0 => 12,
        hour => hour,
    };
    match piece {
        Piece::LongMonth => out.write_str(month),
        Piece::Month => out.write_str(&month[..3]),
        Piece::NumMonth => write!(out, "{}", civil.month),
        Piece::ZeroMonth => write!(out, "{:02}", civil.month),
        Piece::LongWeekday => out.write_str(weekday),
        Piece::Weekday => out.write_str(&weekday[..3]),
        Piece::Day => write!(out, "{}", civil.day),
        Piece::UnderDay => write!(out, "{:2}", civil.day),
        Piece::ZeroDay => write!(out, "{:02}", civil.day),
        Piece::UnderYearDay => write!(out, "{:3}", civil.year_day),
        Piece::ZeroYearDay => write!(out, "{:03}", civil.year_day),
        Piece::Hour => write!(out, "{:02}", civil.hour),
        Piece::Hour12 => write!(out, "{hour12}"),
        Piece::ZeroHour12 => write!(out, "{hour12:02}"),
        Piece::Minute => write!(out, "{}", civil.minute),
        Piece::ZeroMinute => write!(out, "{:02}", civil.minute),
        Piece::Second => write!(out, "{}", civil.second),
        Piece::ZeroSecond => write!(out, "{:02}", civil.second),
        Piece::LongYear if civil.year < 0 => write!(out, "-{:04}", civil.year.unsigned_abs()),
        Piece::LongYear => write!(out, "{:04}", civil.year),
        Piece::Year => write!(out, "{:02}", civil.year.max(0) % 100),
        Piece::UpperPm => out.write_str(if civil.hour >= 12 { "PM" } else { "AM" }),
        Piece::LowerPm => out.write_str(if civil.hour >= 12 { "pm" } else { "am" }),
        Piece::ZoneName if civil.zone.is_empty() => {
            let minutes = civil.offset / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, minutes) = (minutes.abs() / 60, minutes.abs() % 60);
            write!(out, "{sign}{hours:02}{minutes:02}")
        }
        Piece::ZoneName => out.write_str(&civil.zone),
        Piece::Offset(form) => write_offset(out, form, civil.offset),
        Piece::Fraction {
            separator,
            digits,
            keeps_zeros,
        } => {
            let all = format!("{nanos:09}");
            let shown = &all[..digits.min(9)];
            let shown = if keeps_zeros {
                shown
            } else {
                shown.trim_end_matches('0')
            };
            if shown.is_empty() {
                return Ok(());
            }
            write!(out, "{}{shown}", char::from(separator))
        }
    }
}

fn write_offset(out: &mut String, form: OffsetForm, offset: i32) -> std::fmt::Result {
    if form.has_z && offset == 0 {
        return out.write_char('Z');
    }
    let sign = if offset / 60 < 0 { '-' } else { '+' };
    let absolute = offset.abs();
    let colon = if form.colons { ":" } else { "" };
    write!(out, "{sign}{:02}", absolute / 3600)?;
    if form.minutes {
        write!(out, "{colon}{:02}", absolute / 60 % 60)?;
    }
    if form.seconds {
        write!(out, "{colon}{:02}", absolute % 60)?;
    }
    Ok(())
}
