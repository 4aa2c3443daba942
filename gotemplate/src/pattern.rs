//! Regular expressions in Go's syntax, run by the regex crate.

mod syntax;

use regex::bytes::{Captures, Regex, RegexBuilder};

use crate::budget::Budget;
use crate::error::Fault;
use crate::text::decode;

/// How much memory a compiled expression may take.
const SIZE: usize = 1 << 20;

/// A compiled expression.
pub(crate) struct Pattern {
    regex: Regex,
    /// What looking at one byte costs at worst.
    weight: u64,
}

impl Pattern {
    /// Compiles an expression; one that Go refuses fails.
    pub(crate) fn parse(source: &[u8], nesting: usize) -> Result<Self, Fault> {
        let source = std::str::from_utf8(source).map_err(|_| Fault::Failed)?;
        let (translated, states) = syntax::translate(source).ok_or(Fault::Failed)?;
        let regex = RegexBuilder::new(&translated)
            .size_limit(SIZE)
            .dfa_size_limit(SIZE)
            .nest_limit(u32::try_from(nesting).unwrap_or(u32::MAX))
            .build()
            .map_err(|_| Fault::Failed)?;
        Ok(Self {
            regex,
            weight: 1 + states,
        })
    }

    pub(crate) fn is_match(&self, budget: &mut Budget, text: &[u8]) -> Result<bool, Fault> {
        self.pay(budget, text.len())?;
        Ok(self.regex.is_match(text))
    }

    /// The places of the first matches, at most so many; each is paid for.
    pub(crate) fn find_all(
        &self,
        budget: &mut Budget,
        text: &[u8],
        limit: usize,
    ) -> Result<Vec<(usize, usize)>, Fault> {
        let mut found = Vec::new();
        self.each(budget, text, limit, |start, end, _| {
            found.push((start, end))
        })?;
        Ok(found)
    }

    /// Replaces every match by what the replacement makes of its groups.
    pub(crate) fn replace_all(
        &self,
        budget: &mut Budget,
        text: &[u8],
        replacement: &[u8],
        is_literal: bool,
    ) -> Result<Vec<u8>, Fault> {
        let mut buffer = budget.buffer();
        let mut written = 0;
        let mut failed = Ok(());
        self.each(budget, text, usize::MAX, |start, end, captures| {
            failed = failed.and_then(|()| {
                buffer.write(&text[written..start])?;
                if is_literal {
                    buffer.write(replacement)
                } else {
                    expand(captures, replacement, &mut |part| buffer.write(part))
                }
            });
            written = end;
        })?;
        failed?;
        buffer.write(&text[written..])?;
        Ok(buffer.into_bytes())
    }

    /// Every match that neither overlaps another nor, being empty, touches the one before.
    fn each(
        &self,
        budget: &mut Budget,
        text: &[u8],
        limit: usize,
        mut then: impl FnMut(usize, usize, &Captures),
    ) -> Result<(), Fault> {
        let mut position = 0;
        let mut previous_end = None;
        let mut count = 0;
        while position <= text.len() && count < limit {
            budget.spend(2)?;
            let Some(captures) = self.regex.captures_at(text, position) else {
                return self.pay(budget, text.len() - position);
            };
            let Some(whole) = captures.get(0) else {
                break;
            };
            let (start, end) = (whole.start(), whole.end());
            self.pay(budget, end - position)?;
            let step = decode(&text[end..]).map_or(1, |(_, width)| width);
            let is_inside_char = start == end && !is_boundary(text, start);
            if is_inside_char {
                position = start + 1;
                continue;
            }
            if start == end {
                position = end + step;
                if previous_end == Some(end) {
                    continue;
                }
            } else {
                position = end;
            }
            previous_end = Some(end);
            count += 1;
            then(start, end, &captures);
        }
        Ok(())
    }

    fn pay(&self, budget: &mut Budget, bytes: usize) -> Result<(), Fault> {
        budget.spend((bytes as u64).saturating_mul(self.weight) / 32)
    }
}

/// The text with everything escaped that means something in an expression.
pub(crate) fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut quoted = Vec::with_capacity(text.len());
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            quoted.push(b'\\');
        }
        quoted.push(*byte);
    }
    quoted
}

fn is_boundary(text: &[u8], position: usize) -> bool {
    let is_continuation = |byte: &u8| byte & 0xc0 == 0x80;
    !text.get(position).is_some_and(is_continuation)
        || (1..4).all(|back| {
            position < back
                || decode(&text[position - back..]).is_none_or(|(_, width)| width <= back)
        })
}

/// `$1`, `${1}`, `$name` and `$$` in a replacement.
fn expand(
    captures: &Captures,
    template: &[u8],
    write: &mut impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut rest = template;
    while let Some(dollar) = memchr::memchr(b'$', rest) {
        write(&rest[..dollar])?;
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix(b"$") {
            write(b"$")?;
            rest = after;
            continue;
        }
        match group_name(rest) {
            Some((name, after)) => {
                let group = match name.parse::<usize>() {
                    Ok(number) => captures.get(number),
                    Err(_) => captures.name(name),
                };
                write(group.map_or(b"", |group| group.as_bytes()))?;
                rest = after;
            }
            None => write(b"$")?,
        }
    }
    write(rest)
}

/// The name after a dollar sign, with or without braces, and what follows.
fn group_name(text: &[u8]) -> Option<(&str, &[u8])> {
    let (is_braced, text) = match text.strip_prefix(b"{") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    let (name, rest) = text.split_at(text.iter().take_while(is_word).count());
    if name.is_empty() {
        return None;
    }
    let rest = if is_braced {
        rest.strip_prefix(b"}")?
    } else {
        rest
    };
    Some((std::str::from_utf8(name).ok()?, rest))
}
