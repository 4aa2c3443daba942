//! Regular expressions in Go's syntax.

mod automaton;
mod syntax;

use regex_automata::nfa::thompson::pikevm::{Cache, PikeVM};
use regex_automata::nfa::thompson::{Config, NFA, WhichCaptures};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax::{Config as Syntax, parse_with};
use regex_automata::{Anchored, Input, MatchKind};

use crate::budget::Budget;
use crate::buffer::Buffer;
use crate::error::Fault;
use crate::text::decode;
use automaton::{Automaton, End};

/// How much memory a compiled expression may take.
const SIZE: usize = 1 << 20;

/// A compiled expression.
pub(crate) struct Pattern {
    nfa: NFA,
    /// Finds where a match ends.
    forward: Automaton,
    /// Finds where a match starts, from its end.
    backward: Automaton,
}

impl Pattern {
    /// Compiles an expression; one that Go refuses fails.
    pub(crate) fn parse(source: &[u8], budget: &mut Budget) -> Result<Self, Fault> {
        budget.spend_at_once(1000 + 10 * source.len() as u64)?;
        budget.allocate(64 * source.len())?;
        let source = std::str::from_utf8(source).map_err(|_| Fault::Failed)?;
        let translation = syntax::translate(source).ok_or(Fault::Failed)?;
        budget.spend_at_once(translation.steps)?;
        let nesting = u32::try_from(budget.nesting).unwrap_or(u32::MAX);
        let syntax = Syntax::new().utf8(false).nest_limit(nesting);
        let parsed = parse_with(&translation.text, &syntax).map_err(|_| Fault::Failed)?;
        let mut compile = |config: Config| {
            let config = config.utf8(false).nfa_size_limit(Some(SIZE));
            let compiled = NFA::compiler().configure(config).build_from_hir(&parsed);
            // How long it takes is known afterwards; the limit of the size keeps it short.
            match compiled {
                Ok(nfa) => {
                    budget.spend(nfa.memory_usage() as u64 / 8)?;
                    budget.allocate(nfa.memory_usage())?;
                    Ok(nfa)
                }
                Err(_) => {
                    budget.spend(SIZE as u64 / 8)?;
                    Err(Fault::Failed)
                }
            }
        };
        let nfa = compile(Config::new())?;
        let reversed = Config::new().reverse(true);
        let reversed = compile(reversed.which_captures(WhichCaptures::None))?;
        Ok(Self {
            forward: Automaton::new(budget, nfa.clone(), MatchKind::LeftmostFirst)?,
            backward: Automaton::new(budget, reversed, MatchKind::All)?,
            nfa,
        })
    }

    pub(crate) fn is_match(&self, budget: &mut Budget, text: &[u8]) -> Result<bool, Fault> {
        Ok(self.forward.forward(budget, text, 0, End::First)?.is_some())
    }

    /// The first match from a position on.
    fn find_at(
        &self,
        budget: &mut Budget,
        text: &[u8],
        position: usize,
    ) -> Result<Option<(usize, usize)>, Fault> {
        let Some(end) = self.forward.forward(budget, text, position, End::Best)? else {
            return Ok(None);
        };
        let start = self.backward.backward(budget, text, position, end)?;
        Ok(Some((start, end)))
    }

    /// The places of the first matches, at most so many; each is paid for.
    pub(crate) fn find_all(
        &self,
        budget: &mut Budget,
        text: &[u8],
        limit: usize,
    ) -> Result<Vec<(usize, usize)>, Fault> {
        let mut found = Vec::new();
        self.each(budget, text, limit, |budget, start, end| {
            budget.push(&mut found, (start, end))
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
    ) -> Result<Buffer, Fault> {
        let mut buffer = Buffer::new();
        let mut written = 0;
        let mut groups = match is_literal || !replacement.contains(&b'$') {
            true => None,
            false => Some(Groups::new(budget, &self.nfa)?),
        };
        self.each(budget, text, usize::MAX, |budget, start, end| {
            buffer.write(budget, &text[written..start])?;
            written = end;
            match &mut groups {
                None => buffer.write(budget, replacement),
                Some(groups) => {
                    groups.find(budget, text, start, end)?;
                    expand(groups, text, replacement, |part| buffer.write(budget, part))
                }
            }
        })?;
        buffer.write(budget, &text[written..])?;
        Ok(buffer)
    }

    /// Every match that neither overlaps another nor, being empty, touches the one before.
    fn each(
        &self,
        budget: &mut Budget,
        text: &[u8],
        limit: usize,
        mut then: impl FnMut(&mut Budget, usize, usize) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut position = 0;
        let mut previous_end = None;
        let mut count = 0;
        while position <= text.len() && count < limit {
            budget.spend(2)?;
            let Some((start, end)) = self.find_at(budget, text, position)? else {
                return Ok(());
            };
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
            then(budget, start, end)?;
        }
        Ok(())
    }
}

/// The groups of a match, which are looked for only where a replacement mentions one.
struct Groups {
    machine: PikeVM,
    cache: Cache,
    captures: Captures,
    /// What one byte costs at worst.
    weight: u64,
}

impl Groups {
    fn new(budget: &mut Budget, nfa: &NFA) -> Result<Self, Fault> {
        let states = nfa.states().len();
        let slots = nfa.group_info().slot_len();
        // Each state remembers the places of all groups, in two sets of states.
        budget.allocate(states.saturating_mul(16 * (slots + 2)))?;
        let machine = PikeVM::builder().build_from_nfa(nfa.clone());
        let machine = machine.map_err(|_| Fault::Failed)?;
        Ok(Self {
            cache: machine.create_cache(),
            captures: machine.create_captures(),
            weight: (states as u64).saturating_mul(8 + slots as u64) / 32,
            machine,
        })
    }

    /// Looks for the groups of the match between these places.
    fn find(
        &mut self,
        budget: &mut Budget,
        text: &[u8],
        start: usize,
        end: usize,
    ) -> Result<(), Fault> {
        let bytes = (end - start) as u64 + 1;
        budget.spend_at_once(1 + bytes.saturating_mul(self.weight))?;
        let input = Input::new(text).range(start..end).anchored(Anchored::Yes);
        self.machine
            .captures(&mut self.cache, input, &mut self.captures);
        Ok(())
    }

    fn get<'t>(&self, text: &'t [u8], name: &str) -> &'t [u8] {
        let group = match name.parse::<usize>() {
            Ok(number) => self.captures.get_group(number),
            Err(_) => self.captures.get_group_by_name(name),
        };
        group.map_or(b"", |group| &text[group.range()])
    }
}

/// The text with everything escaped that means something in an expression.
pub(crate) fn quote_meta(budget: &mut Budget, text: &[u8]) -> Result<Buffer, Fault> {
    let mut quoted = Buffer::new();
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            quoted.write(budget, b"\\")?;
        }
        quoted.write(budget, &[*byte])?;
    }
    Ok(quoted)
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
    groups: &Groups,
    text: &[u8],
    template: &[u8],
    mut write: impl FnMut(&[u8]) -> Result<(), Fault>,
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
                write(groups.get(text, name))?;
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
