//! Texts by a layout → times.

use crate::date::layout::{OffsetForm, Piece, next_piece};
use crate::date::{MONTHS, Time, WEEKDAYS, Zone, days_in, is_leap, unix_of};

/// The time that a text shows, if it follows the layout; without a zone it is UTC.
pub(crate) fn parse(layout: &[u8], text: &[u8]) -> Option<Time> {
    let mut reader = Reader {
        rest: text,
        fields: Fields::default(),
    };
    let mut layout = layout;
    loop {
        let (prefix, piece, suffix) = next_piece(layout);
        reader.skip(prefix)?;
        let Some(piece) = piece else {
            return reader.rest.is_empty().then(|| reader.fields.time())?;
        };
        reader.piece(piece, suffix)?;
        layout = suffix;
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    fields: Fields,
}

#[derive(Default)]
struct Fields {
    year: i64,
    month: Option<u8>,
    day: Option<u8>,
    year_day: Option<u16>,
    hour: u8,
    minute: u8,
    second: u8,
    nanos: u32,
    is_am: bool,
    is_pm: bool,
    is_utc: bool,
    offset: Option<i32>,
    zone: Option<String>,
}

impl<'a> Reader<'a> {
    /// Skips the text of a layout; a run of spaces stands for any run of spaces.
    fn skip(&mut self, mut prefix: &[u8]) -> Option<()> {
        while let Some(byte) = prefix.first() {
            if *byte == b' ' {
                if self.rest.first().is_some_and(|byte| *byte != b' ') {
                    return None;
                }
                prefix = prefix.trim_ascii_start_spaces();
                self.rest = self.rest.trim_ascii_start_spaces();
                continue;
            }
            if self.rest.first() != Some(byte) {
                return None;
            }
            prefix = &prefix[1..];
            self.rest = &self.rest[1..];
        }
        Some(())
    }

    fn piece(&mut self, piece: Piece, following: &[u8]) -> Option<()> {
        match piece {
            Piece::Year => {
                let year = self.digits(2)?;
                self.fields.year = i64::from(year) + if year >= 69 { 1900 } else { 2000 };
            }
            Piece::LongYear => self.fields.year = self.digits(4)?.into(),
            Piece::Month => self.fields.month = Some(self.name(&MONTHS, true)? + 1),
            Piece::LongMonth => self.fields.month = Some(self.name(&MONTHS, false)? + 1),
            Piece::NumMonth | Piece::ZeroMonth => {
                let month = self.number(piece == Piece::ZeroMonth)?;
                self.fields.month = Some(month).filter(|month| (1..=12).contains(month));
                self.fields.month?;
            }
            Piece::Weekday => drop(self.name(&WEEKDAYS, true)?),
            Piece::LongWeekday => drop(self.name(&WEEKDAYS, false)?),
            Piece::Day | Piece::UnderDay | Piece::ZeroDay => {
                if piece == Piece::UnderDay {
                    self.skip_one_space();
                }
                self.fields.day = Some(self.number(piece == Piece::ZeroDay)?);
            }
            Piece::UnderYearDay | Piece::ZeroYearDay => {
                if piece == Piece::UnderYearDay {
                    self.skip_one_space();
                    self.skip_one_space();
                }
                self.fields.year_day = Some(self.year_day(piece == Piece::ZeroYearDay)?);
            }
            Piece::Hour => self.fields.hour = self.number(false).filter(|hour| *hour < 24)?,
            Piece::Hour12 | Piece::ZeroHour12 => {
                let hour = self.number(piece == Piece::ZeroHour12);
                self.fields.hour = hour.filter(|hour| *hour <= 12)?;
            }
            Piece::Minute | Piece::ZeroMinute => {
                let minute = self.number(piece == Piece::ZeroMinute);
                self.fields.minute = minute.filter(|minute| *minute < 60)?;
            }
            Piece::Second | Piece::ZeroSecond => {
                let second = self.number(piece == Piece::ZeroSecond);
                self.fields.second = second.filter(|second| *second < 60)?;
                self.unannounced_fraction(following)?;
            }
            Piece::UpperPm | Piece::LowerPm => self.half_of_day(piece == Piece::UpperPm)?,
            Piece::ZoneName => self.zone_name()?,
            Piece::Offset(form) => self.offset(form)?,
            Piece::Fraction {
                digits,
                keeps_zeros: true,
                ..
            } => self.fraction(1 + digits)?,
            Piece::Fraction { .. } => {
                if starts_with_fraction(self.rest) {
                    self.fraction(1 + count_digits(&self.rest[1..]))?;
                }
            }
        }
        Some(())
    }

    /// Seconds may have a fraction that the layout does not mention.
    fn unannounced_fraction(&mut self, following: &[u8]) -> Option<()> {
        let is_announced = matches!(next_piece(following).1, Some(Piece::Fraction { .. }));
        if !is_announced && starts_with_fraction(self.rest) {
            self.fraction(1 + count_digits(&self.rest[1..]))?;
        }
        Some(())
    }

    fn half_of_day(&mut self, is_upper: bool) -> Option<()> {
        let (half, rest) = self.rest.split_at_checked(2)?;
        match (half, is_upper) {
            (b"PM", true) | (b"pm", false) => self.fields.is_pm = true,
            (b"AM", true) | (b"am", false) => self.fields.is_am = true,
            _ => return None,
        }
        self.rest = rest;
        Some(())
    }

    /// A separator and digits, `length` bytes in all.
    fn fraction(&mut self, length: usize) -> Option<()> {
        let (fraction, rest) = self.rest.split_at_checked(length)?;
        if !matches!(fraction.first(), Some(b'.' | b',')) {
            return None;
        }
        let digits = &fraction[1..length.min(10)];
        self.fields.nanos = decimal(digits)? * 10u32.pow(9 - digits.len() as u32);
        self.rest = rest;
        Some(())
    }

    fn offset(&mut self, form: OffsetForm) -> Option<()> {
        if form.has_z && self.rest.first() == Some(&b'Z') {
            self.rest = &self.rest[1..];
            self.fields.is_utc = true;
            return Some(());
        }
        let (sign, rest) = self.rest.split_first()?;
        self.rest = rest;
        let hours = self.digits(2).filter(|hours| *hours <= 24)? as i32;
        let part = |is_there: bool, reader: &mut Self| -> Option<i32> {
            if !is_there {
                return Some(0);
            }
            if form.colons {
                reader.skip(b":")?;
            }
            reader
                .digits(2)
                .filter(|part| *part <= 60)
                .map(|part| part as i32)
        };
        let minutes = part(form.minutes, self)?;
        let seconds = part(form.seconds, self)?;
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.fields.offset = Some(match sign {
            b'+' => offset,
            b'-' => -offset,
            _ => return None,
        });
        Some(())
    }

    fn zone_name(&mut self) -> Option<()> {
        if self.rest.starts_with(b"UTC") {
            self.rest = &self.rest[3..];
            self.fields.is_utc = true;
            return Some(());
        }
        let (name, rest) = self.rest.split_at(zone_name_length(self.rest)?);
        self.fields.zone = Some(String::from_utf8_lossy(name).into_owned());
        self.rest = rest;
        Some(())
    }

    fn name(&mut self, names: &[&str], is_short: bool) -> Option<u8> {
        for (i, name) in names.iter().enumerate() {
            let name = if is_short { &name[..3] } else { name };
            let start = self.rest.get(..name.len());
            if start.is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes())) {
                self.rest = &self.rest[name.len()..];
                return u8::try_from(i).ok();
            }
        }
        None
    }

    /// Exactly so many digits.
    fn digits(&mut self, count: usize) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(count)?;
        let number = decimal(digits)?;
        self.rest = rest;
        Some(number)
    }

    /// One digit or two; or exactly two.
    fn number(&mut self, is_fixed: bool) -> Option<u8> {
        let has_two = count_digits(self.rest.get(..2).unwrap_or(self.rest)) == 2;
        if is_fixed && !has_two {
            return None;
        }
        let number = self.digits(if has_two { 2 } else { 1 })?;
        u8::try_from(number).ok()
    }

    /// One to three digits; or exactly three.
    fn year_day(&mut self, is_fixed: bool) -> Option<u16> {
        let count = count_digits(self.rest.get(..3).unwrap_or(self.rest));
        if count == 0 || is_fixed && count != 3 {
            return None;
        }
        u16::try_from(self.digits(count)?).ok()
    }

    fn skip_one_space(&mut self) {
        self.rest = self.rest.strip_prefix(b" ").unwrap_or(self.rest);
    }
}

impl Fields {
    fn time(self) -> Option<Time> {
        let hour = match self.hour {
            hour if self.is_pm && hour < 12 => hour + 12,
            12 if self.is_am => 0,
            hour => hour,
        };
        let (month, day) = self.month_and_day()?;
        if day < 1 || day > days_in(self.year, month) {
            return None;
        }
        let date = (self.year, month.into(), day.into());
        let clock = (hour.into(), self.minute.into(), self.second.into());
        let mut time = Time::from_unix(unix_of(date, clock));
        time.nanos = self.nanos;
        if self.is_utc {
            return Some(time);
        }
        let name = self.zone.unwrap_or_default();
        if let Some(offset) = self.offset {
            time.unix -= i64::from(offset);
            if offset != 0 || !matches!(name.as_str(), "" | "UTC") {
                time.zone = Zone::Fixed { name, offset };
            }
        } else if !name.is_empty() {
            let hours = name
                .strip_prefix("GMT")
                .and_then(|hours| hours.parse().ok());
            let offset = hours.unwrap_or(0) * 3600;
            time.zone = Zone::Fixed { name, offset };
        }
        Some(time)
    }

    fn month_and_day(&self) -> Option<(u8, u8)> {
        let Some(year_day) = self.year_day else {
            return Some((self.month.unwrap_or(1), self.day.unwrap_or(1)));
        };
        let mut rest = year_day;
        if rest < 1 || rest > if is_leap(self.year) { 366 } else { 365 } {
            return None;
        }
        let mut month = 1;
        while rest > u16::from(days_in(self.year, month)) {
            rest -= u16::from(days_in(self.year, month));
            month += 1;
        }
        let day = u8::try_from(rest).ok()?;
        let fits = self.month.is_none_or(|m| m == month) && self.day.is_none_or(|d| d == day);
        fits.then_some((month, day))
    }
}

trait TrimSpaces {
    fn trim_ascii_start_spaces(&self) -> &Self;
}

impl TrimSpaces for [u8] {
    fn trim_ascii_start_spaces(&self) -> &Self {
        let spaces = self.iter().take_while(|byte| **byte == b' ').count();
        &self[spaces..]
    }
}

fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || count_digits(digits) != digits.len() {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn count_digits(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count()
}

fn starts_with_fraction(bytes: &[u8]) -> bool {
    matches!(bytes, [b'.' | b',', b'0'..=b'9', ..])
}

/// How long the abbreviation of a zone at the start of a text is.
fn zone_name_length(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(offset) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_offset_length(offset));
    }
    if matches!(text[0], b'+' | b'-') {
        return Some(signed_offset_length(text)).filter(|length| *length > 0);
    }
    let upper = text.iter().take(6).take_while(|b| b.is_ascii_uppercase());
    match upper.count() {
        5 if text[4] == b'T' => Some(5),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        3 => Some(3),
        _ => None,
    }
}

fn signed_offset_length(text: &[u8]) -> usize {
    if !matches!(text.first(), Some(b'+' | b'-')) {
        return 0;
    }
    let digits = count_digits(&text[1..]);
    match decimal(&text[1..1 + digits.min(9)]) {
        // It becomes the name of the zone, which is no place for a megabyte of zeros.
        Some(hours) if hours <= 23 && digits < 64 => 1 + digits,
        _ => 0,
    }
}
