//! Searching a text byte by byte. Each byte is paid for, and each state that has to be worked out as well:
//! a search ends where the budget does, however the expression is made.

use std::cell::RefCell;
use std::collections::HashSet;

use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::NFA;
use regex_automata::{Anchored, Input, MatchKind};

use crate::budget::Budget;
use crate::error::Fault;

/// How much memory the states take that were worked out; then they are forgotten.
const CACHE: usize = 1 << 18;
/// Bytes whose states are known, for one step.
const BYTES: usize = 32;

/// An expression as states that are worked out when a search comes to them.
pub(super) struct Automaton {
    dfa: DFA,
    search: RefCell<Search>,
    /// What working out one state costs.
    weight: u64,
}

/// Which end of a match is wanted.
#[derive(PartialEq)]
pub(super) enum End {
    /// Any, to know that there is a match.
    First,
    /// The one that the expression prefers.
    Best,
}

/// What searches leave for those after them.
struct Search {
    cache: Cache,
    /// Steps out of the states in which a match ends that were worked out: the cache cannot be asked for
    /// those without working them out.
    known: HashSet<(LazyStateID, u8)>,
    clearings: usize,
}

impl Automaton {
    pub(super) fn new(budget: &mut Budget, nfa: NFA, kind: MatchKind) -> Result<Self, Fault> {
        let weight = 2 + nfa.states().len() as u64 / 4;
        let config = DFA::config()
            .match_kind(kind)
            .cache_capacity(CACHE)
            .skip_cache_capacity_check(true);
        let dfa = DFA::builder().configure(config).build_from_nfa(nfa);
        let dfa = dfa.map_err(|_| Fault::Failed)?;
        let cache = dfa.create_cache();
        budget.allocate(cache.memory_usage())?;
        let search = RefCell::new(Search {
            cache,
            known: HashSet::new(),
            clearings: 0,
        });
        Ok(Self {
            dfa,
            search,
            weight,
        })
    }

    /// The end of the first match that starts at a position or later.
    pub(super) fn forward(
        &self,
        budget: &mut Budget,
        text: &[u8],
        position: usize,
        wanted: End,
    ) -> Result<Option<usize>, Fault> {
        let search = &mut *self.search.borrow_mut();
        let input = Input::new(text).range(position..);
        budget.spend(1)?;
        let state = self.dfa.start_state_forward(&mut search.cache, &input);
        let mut state = state.map_err(|_| Fault::Failed)?;
        let mut end = None;
        for (i, byte) in text[position..].iter().enumerate() {
            if i % BYTES == 0 {
                budget.spend(1)?;
            }
            state = self.step(budget, search, state, *byte)?;
            if state.is_match() {
                end = Some(position + i);
                if wanted == End::First {
                    return Ok(end);
                }
            } else if state.is_dead() {
                return Ok(end);
            }
        }
        let state = self.dfa.next_eoi_state(&mut search.cache, state);
        if state.map_err(|_| Fault::Failed)?.is_match() {
            end = Some(text.len());
        }
        Ok(end)
    }

    /// The start of the match with that end: the one that is furthest from it, down to a position.
    pub(super) fn backward(
        &self,
        budget: &mut Budget,
        text: &[u8],
        position: usize,
        end: usize,
    ) -> Result<usize, Fault> {
        let search = &mut *self.search.borrow_mut();
        let input = Input::new(text)
            .range(position..end)
            .anchored(Anchored::Yes);
        budget.spend(1)?;
        let state = self.dfa.start_state_reverse(&mut search.cache, &input);
        let mut state = state.map_err(|_| Fault::Failed)?;
        let mut start = end;
        for (i, byte) in text[position..end].iter().enumerate().rev() {
            if i % BYTES == 0 {
                budget.spend(1)?;
            }
            state = self.step(budget, search, state, *byte)?;
            if state.is_match() {
                start = position + i + 1;
            } else if state.is_dead() {
                return Ok(start);
            }
        }
        // What stands before may forbid that a match starts here.
        let state = match position.checked_sub(1).and_then(|before| text.get(before)) {
            Some(byte) => self.step(budget, search, state, *byte)?,
            None => {
                let state = self.dfa.next_eoi_state(&mut search.cache, state);
                state.map_err(|_| Fault::Failed)?
            }
        };
        if state.is_match() {
            start = position;
        }
        Ok(start)
    }

    /// The state after one more byte.
    fn step(
        &self,
        budget: &mut Budget,
        search: &mut Search,
        state: LazyStateID,
        byte: u8,
    ) -> Result<LazyStateID, Fault> {
        let is_known = if state.is_tagged() {
            search.known.contains(&(state, byte))
        } else {
            let next = self.dfa.next_state_untagged(&search.cache, state, byte);
            if !next.is_unknown() {
                return Ok(next);
            }
            false
        };
        if !is_known {
            budget.spend(self.weight)?;
        }
        let next = self.dfa.next_state(&mut search.cache, state, byte);
        let next = next.map_err(|_| Fault::Failed)?;
        if search.cache.clear_count() != search.clearings {
            search.clearings = search.cache.clear_count();
            search.known.clear();
        } else if !is_known && state.is_tagged() {
            search.known.insert((state, byte));
        }
        Ok(next)
    }
}
