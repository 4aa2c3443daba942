//! Layouts: the reference time `Mon Jan 2 15:04:05 MST 2006` in pieces.

/// A piece of a layout that stands for a part of the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    Offset(OffsetForm),
    /// A separator and so many digits, all of them or without the zeros at the end.
    Fraction {
        separator: u8,
        digits: usize,
        keeps_zeros: bool,
    },
}

/// How an offset from UTC is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OffsetForm {
    /// Whether UTC is a `Z`.
    pub(super) has_z: bool,
    pub(super) colons: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
}

/// Longer spellings stand before those that they begin with.
const PIECES: [(&str, Piece); 32] = [
    ("January", Piece::LongMonth),
    ("Jan", Piece::Month),
    ("Monday", Piece::LongWeekday),
    ("Mon", Piece::Weekday),
    ("MST", Piece::ZoneName),
    ("002", Piece::ZeroYearDay),
    ("01", Piece::ZeroMonth),
    ("02", Piece::ZeroDay),
    ("03", Piece::ZeroHour12),
    ("04", Piece::ZeroMinute),
    ("05", Piece::ZeroSecond),
    ("06", Piece::Year),
    ("15", Piece::Hour),
    ("1", Piece::NumMonth),
    ("2006", Piece::LongYear),
    ("2", Piece::Day),
    ("__2", Piece::UnderYearDay),
    ("_2", Piece::UnderDay),
    ("3", Piece::Hour12),
    ("4", Piece::Minute),
    ("5", Piece::Second),
    ("PM", Piece::UpperPm),
    ("pm", Piece::LowerPm),
    ("-070000", offset(false, false, true, true)),
    ("-07:00:00", offset(false, true, true, true)),
    ("-0700", offset(false, false, true, false)),
    ("-07:00", offset(false, true, true, false)),
    ("-07", offset(false, false, false, false)),
    ("Z070000", offset(true, false, true, true)),
    ("Z07:00:00", offset(true, true, true, true)),
    ("Z0700", offset(true, false, true, false)),
    ("Z07:00", offset(true, true, true, false)),
];

const fn offset(has_z: bool, colons: bool, minutes: bool, seconds: bool) -> Piece {
    Piece::Offset(OffsetForm {
        has_z,
        colons,
        minutes,
        seconds,
    })
}

/// The text before the first piece, the piece if there is one, and the rest.
pub(super) fn next_piece(layout: &[u8]) -> (&[u8], Option<Piece>, &[u8]) {
    for start in 0..layout.len() {
        if let Some((piece, length)) = piece_at(layout, start) {
            return (&layout[..start], Some(piece), &layout[start + length..]);
        }
    }
    (layout, None, b"")
}

fn piece_at(layout: &[u8], start: usize) -> Option<(Piece, usize)> {
    let rest = &layout[start..];
    // The year of `_2006` has no underscore of its own.
    if rest.starts_with(b"_2006") {
        return None;
    }
    for (spelling, piece) in PIECES {
        if rest.starts_with(spelling.as_bytes()) {
            let next = rest.get(spelling.len());
            let is_word = matches!(piece, Piece::Month | Piece::Weekday);
            if is_word && next.is_some_and(u8::is_ascii_lowercase) {
                return None;
            }
            return Some((piece, spelling.len()));
        }
    }
    if rest.starts_with(b"Z07") {
        return Some((offset(true, false, false, false), 3));
    }
    fraction_at(rest)
}

fn fraction_at(rest: &[u8]) -> Option<(Piece, usize)> {
    let separator = *rest.first().filter(|byte| matches!(byte, b'.' | b','))?;
    let digit = *rest.get(1).filter(|byte| matches!(byte, b'0' | b'9'))?;
    let digits = rest[1..].iter().take_while(|byte| **byte == digit).count();
    if rest.get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let piece = Piece::Fraction {
        separator,
        digits,
        keeps_zeros: digit == b'0',
    };
    Some((piece, 1 + digits))
}
