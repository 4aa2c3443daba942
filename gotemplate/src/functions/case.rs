//! Upper case, lower case and the cases of identifiers.

use crate::budget::Budget;
use crate::buffer::Buffer;
use crate::context::Context;
use crate::error::Fault;
use crate::function::{Arguments, Function};
use crate::text::{
    chars, is_digit, is_letter, is_number, is_punct, is_space, is_upper, runes, to_lower, to_title,
    to_upper,
};
use crate::value::Value;

pub(super) static FUNCTIONS: [Function; 8] = [
    Function::new("upper", "s", |context, args| {
        mapped(context, args, |_, c| to_upper(c))
    }),
    Function::new("lower", "s", |context, args| {
        mapped(context, args, |_, c| to_lower(c))
    }),
    Function::new("title", "s", |context, args| {
        mapped(context, args, |previous, c| {
            if is_separator(previous) {
                to_title(c)
            } else {
                c
            }
        })
    }),
    Function::new("untitle", "s", |context, args| {
        mapped(context, args, |previous, c| {
            if is_space(previous) { to_lower(c) } else { c }
        })
    }),
    Function::new("swapcase", "s", |context, args| {
        let mut after_space = true;
        each_char(context, args, |c| {
            let starts_word = std::mem::take(&mut after_space);
            if is_upper(c) || to_title(c) == c && to_lower(c) != c {
                to_lower(c)
            } else if c.is_lowercase() {
                if starts_word {
                    to_title(c)
                } else {
                    to_upper(c)
                }
            } else {
                after_space = is_space(c);
                c
            }
        })
    }),
    Function::new("camelcase", "s", |context, args| {
        let text = args.text(0)?;
        context.budget.spend_at_once(text.len() as u64)?;
        let cased = camel(context.budget, text)?;
        context.grown(cased)
    }),
    Function::new("snakecase", "s", |context, args| {
        joined_words(context, args, '_')
    }),
    Function::new("kebabcase", "s", |context, args| {
        joined_words(context, args, '-')
    }),
];

/// Each character, which may depend on the one before; a space stands before the first.
fn mapped(
    context: &mut Context,
    args: Arguments,
    map: fn(char, char) -> char,
) -> Result<Value, Fault> {
    let mut previous = ' ';
    each_char(context, args, |c| {
        map(std::mem::replace(&mut previous, c), c)
    })
}

fn each_char(
    context: &mut Context,
    args: Arguments,
    mut map: impl FnMut(char) -> char,
) -> Result<Value, Fault> {
    let text = args.text(0)?;
    context.budget.spend_at_once(text.len() as u64 / 4)?;
    let mut mapped = Buffer::new();
    for c in chars(text) {
        mapped.push(context.budget, map(c))?;
    }
    context.grown(mapped)
}

fn is_separator(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_alphanumeric() && c != '_';
    }
    !is_letter(c) && !is_digit(c) && is_space(c)
}

/// A letter, unless it is Chinese.
fn is_alphabet(c: char) -> bool {
    let is_chinese =
        matches!(c, '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}');
    is_letter(c) && !is_chinese
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// `some_words` → `SomeWords`
fn camel(budget: &mut Budget, text: &[u8]) -> Result<Buffer, Fault> {
    let mut out = Buffer::new();
    let mut rest = chars(text);
    let mut last_connector = None;
    let mut current = loop {
        match rest.next() {
            None => {
                // The last of nothing but connectors is written twice.
                if let Some(connector) = last_connector {
                    out.push(budget, connector)?;
                }
                return Ok(out);
            }
            Some(c) if is_connector(c) => {
                out.push(budget, c)?;
                last_connector = Some(c);
            }
            Some(c) => break c,
        }
    };
    let mut after_upper = is_upper(current);
    current = to_upper(current);
    for c in rest {
        let previous = std::mem::replace(&mut current, c);
        if is_connector(c) && is_connector(previous) {
            out.push(budget, previous)?;
            continue;
        }
        if is_connector(previous) {
            after_upper = is_upper(c);
            current = to_upper(c);
        } else {
            if after_upper {
                if is_upper(c) {
                    current = to_lower(c);
                } else {
                    after_upper = false;
                }
            }
            out.push(budget, previous)?;
        }
    }
    out.push(budget, current)?;
    Ok(out)
}

/// What a run of characters is.
#[derive(Clone, Copy, PartialEq)]
enum Word {
    /// The text is at its end, or no UTF-8.
    Invalid,
    Number,
    /// `Xyz` or `XYZ`
    Upper,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

impl Word {
    /// Whether a connector is wanted before it.
    fn is_word(self) -> bool {
        !matches!(self, Self::Connector | Self::Punctuation)
    }

    fn continues_number(self) -> bool {
        matches!(self, Self::Alphabet | Self::Number)
    }
}

/// `SomeWords` → `some_words`
fn joined_words(context: &mut Context, args: Arguments, connector: char) -> Result<Value, Fault> {
    let text = args.text(0)?;
    context.budget.spend_at_once(2 * text.len() as u64)?;
    let mut joiner = Joiner {
        budget: context.budget,
        out: Buffer::new(),
        words: Words { rest: text },
        connector,
    };
    joiner.run()?;
    let out = joiner.out;
    context.grown(out)
}

/// Words on their way to be joined by a connector.
struct Joiner<'a, 't> {
    budget: &'a mut Budget,
    out: Buffer,
    words: Words<'t>,
    connector: char,
}

impl<'t> Joiner<'_, 't> {
    fn run(&mut self) -> Result<(), Fault> {
        let (mut kind, mut word) = self.words.next();
        while !self.words.rest.is_empty() {
            if kind != Word::Connector {
                self.write(kind, word)?;
            }
            let (previous, last) = (kind, word);
            (kind, word) = self.words.next();
            match previous {
                Word::Number => (kind, word) = self.rest_of_number(kind, word)?,
                Word::Connector => self.write(previous, last)?,
                Word::Punctuation => {}
                _ if kind != Word::Number => {
                    if kind.is_word() {
                        self.connect()?;
                    }
                }
                _ if self.words.rest.is_empty() => break,
                _ => (kind, word) = self.after_number(word)?,
            }
        }
        self.write(kind, word)
    }

    /// A number that follows a word: it belongs to the word before, unless letters follow it.
    fn after_number(&mut self, number: &[u8]) -> Result<(Word, &'t [u8]), Fault> {
        let (kind, word) = self.words.next();
        if kind != Word::Alphabet {
            self.write(Word::Number, number)?;
            if kind.is_word() {
                self.connect()?;
            }
            return Ok((kind, word));
        }
        self.connect()?;
        self.write(Word::Number, number)?;
        self.rest_of_number(kind, word)
    }

    /// Letters and digits that follow a number, and the connector after them.
    fn rest_of_number(
        &mut self,
        mut kind: Word,
        mut word: &'t [u8],
    ) -> Result<(Word, &'t [u8]), Fault> {
        while kind.continues_number() {
            self.write(kind, word)?;
            (kind, word) = self.words.next();
        }
        if kind != Word::Invalid && kind.is_word() {
            self.connect()?;
        }
        Ok((kind, word))
    }

    fn connect(&mut self) -> Result<(), Fault> {
        self.out.push(self.budget, self.connector)
    }

    fn write(&mut self, kind: Word, word: &[u8]) -> Result<(), Fault> {
        if !matches!(kind, Word::Upper | Word::Connector) {
            return self.out.write(self.budget, word);
        }
        for c in chars(word) {
            if is_connector(c) {
                self.connect()?;
            } else {
                let c = if is_upper(c) { to_lower(c) } else { c };
                self.out.push(self.budget, c)?;
            }
        }
        Ok(())
    }
}

/// The first character that is valid, and its end; at the end of the text the previous one again.
fn decode_valid(text: &[u8], previous: char) -> Option<(char, usize)> {
    let mut end = 0;
    for (c, width) in runes(text) {
        end += width;
        if c != char::REPLACEMENT_CHARACTER {
            return Some((c, end));
        }
    }
    (end > 0).then_some((previous, end))
}

struct Words<'t> {
    rest: &'t [u8],
}

impl<'t> Words<'t> {
    fn next(&mut self) -> (Word, &'t [u8]) {
        let Some((first, width)) = decode_valid(self.rest, char::REPLACEMENT_CHARACTER) else {
            return (Word::Invalid, b"");
        };

        let (kind, length) = if first == char::REPLACEMENT_CHARACTER {
            (Word::Invalid, width)
        } else if is_connector(first) {
            (Word::Connector, self.run(is_connector))
        } else if is_punct(first) {
            (Word::Punctuation, self.run(is_punct))
        } else if is_upper(first) {
            (Word::Upper, self.upper_length(width))
        } else if is_alphabet(first) {
            (Word::Alphabet, self.run(|c| is_alphabet(c) && !is_upper(c)))
        } else if is_number(first) {
            (Word::Number, self.run(is_number))
        } else {
            let ends = |c| is_connector(c) || is_alphabet(c) || is_number(c) || is_punct(c);
            (Word::Other, self.run(|c| !ends(c)))
        };
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        (kind, word)
    }

    /// The length of the characters that are alike, the first one in any case.
    fn run(&self, is_like: impl Fn(char) -> bool) -> usize {
        let mut length = 0;
        let mut previous = char::REPLACEMENT_CHARACTER;
        while let Some((c, width)) = decode_valid(&self.rest[length..], previous) {
            if length > 0 && !is_like(c) {
                break;
            }
            length += width;
            previous = c;
        }
        length
    }

    /// `XYZ` of `XYZ` and of `XYZAbc`, `Abc` of `AbcDef`.
    fn upper_length(&self, first: usize) -> usize {
        let second = decode_valid(&self.rest[first..], 'A').map(|(c, _)| c);
        if !second.is_some_and(is_upper) {
            return first
                + match second {
                    Some(c) if is_alphabet(c) => self.lower_run(first),
                    _ => 0,
                };
        }
        let (mut length, mut last) = (first, 0);
        while let Some((c, width)) = decode_valid(&self.rest[length..], 'A') {
            if !is_upper(c) {
                return if is_alphabet(c) {
                    length - last
                } else {
                    length
                };
            }
            (length, last) = (length + width, width);
        }
        length
    }

    fn lower_run(&self, start: usize) -> usize {
        let rest = Words {
            rest: &self.rest[start..],
        };
        rest.run(|c| is_alphabet(c) && !is_upper(c))
    }
}
