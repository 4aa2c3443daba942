//! JSON → values. Numbers become float64.

use std::collections::BTreeMap;

use crate::budget::Budget;
use crate::buffer::Buffer;
use crate::context::Context;
use crate::error::{Fault, Resource};
use crate::literal;
use crate::text::{Text, decode as decode_char};
use crate::value::Value;

/// What an entry takes beside the bytes of its key.
const ENTRY: usize = 144;

/// The value of a whole text; a text that is no JSON fails.
pub(crate) fn decode(context: &mut Context, text: &[u8]) -> Result<Value, Fault> {
    context.budget.spend_at_once(text.len() as u64 / 8)?;
    let mut decoder = Decoder {
        context,
        text,
        position: 0,
    };
    match decoder.whole() {
        Err(Fault::Failed) => {
            let rest = &text[decoder.position.min(text.len())..];
            let next = decode_char(rest).map(|(c, _)| c);
            Err(context.failed(|| match next {
                Some(c) => format!("invalid character {c:?}"),
                None => "unexpected end of JSON input".into(),
            }))
        }
        result => result,
    }
}

struct Decoder<'a, 'b, 'c> {
    context: &'a mut Context<'b>,
    text: &'c [u8],
    position: usize,
}

impl Decoder<'_, '_, '_> {
    fn whole(&mut self) -> Result<Value, Fault> {
        self.space();
        let value = self.value(1)?;
        self.space();
        if self.position < self.text.len() {
            return Err(Fault::Failed);
        }
        Ok(value)
    }

    fn budget(&mut self) -> &mut Budget {
        self.context.budget
    }

    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        self.context.budget.spend(1)?;
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => {
                let text = self.string()?;
                self.context.grown(text)
            }
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Nil),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(Fault::Failed),
        }
    }

    fn enter(&mut self, depth: usize) -> Result<(), Fault> {
        self.position += 1;
        if depth > self.context.budget.nesting {
            return Err(Fault::Budget(Resource::Nesting));
        }
        self.space();
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Result<Value, Fault> {
        self.enter(depth)?;
        let mut entries: BTreeMap<Text, Value> = BTreeMap::new();
        if self.take(b'}') {
            return self.context.map(entries);
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(Fault::Failed);
            }
            let key = self.string()?;
            let length = key.as_bytes().len();
            self.budget().spend(length as u64 / 16)?;
            self.budget().allocate(ENTRY)?;
            self.space();
            if !self.take(b':') {
                return Err(Fault::Failed);
            }
            self.space();
            let value = self.value(depth + 1)?;
            entries.insert(key.into(), value);
            self.space();
            if self.take(b'}') {
                return self.context.map(entries);
            }
            if !self.take(b',') {
                return Err(Fault::Failed);
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Fault> {
        self.enter(depth)?;
        let mut elements = Vec::new();
        if self.take(b']') {
            return self.context.list(elements);
        }
        loop {
            self.space();
            let element = self.value(depth + 1)?;
            self.budget().push(&mut elements, element)?;
            self.space();
            if self.take(b']') {
                return self.context.list(elements);
            }
            if !self.take(b',') {
                return Err(Fault::Failed);
            }
        }
    }

    fn word(&mut self, word: &[u8], value: Value) -> Result<Value, Fault> {
        if !self.text[self.position..].starts_with(word) {
            return Err(Fault::Failed);
        }
        self.position += word.len();
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Fault> {
        let start = self.position;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return Err(Fault::Failed);
        }
        if self.take(b'.') && self.digits() == 0 {
            return Err(Fault::Failed);
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            if self.digits() == 0 {
                return Err(Fault::Failed);
            }
        }
        let number = &self.text[start..self.position];
        let number = std::str::from_utf8(number).map_err(|_| Fault::Failed)?;
        literal::parse_float(number)
            .map(Value::Float)
            .ok_or(Fault::Failed)
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text[self.position..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.position += count;
        count
    }

    fn string(&mut self) -> Result<Buffer, Fault> {
        self.position += 1;
        let mut text = Buffer::new();
        loop {
            let rest = &self.text[self.position..];
            let (c, width) = decode_char(rest).ok_or(Fault::Failed)?;
            self.position += width;
            let c = match c {
                '"' => return Ok(text),
                '\0'..=' ' if c != ' ' => return Err(Fault::Failed),
                '\\' => self.escape()?,
                c => c,
            };
            text.push(self.context.budget, c)?;
        }
    }

    fn escape(&mut self) -> Result<char, Fault> {
        let escape = self.peek().ok_or(Fault::Failed)?;
        self.position += 1;
        Ok(match escape {
            b'"' | b'\\' | b'/' => char::from(escape),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.code_unit().ok_or(Fault::Failed)?;
                self.position += 4;
                self.surrogates(high)
            }
            _ => return Err(Fault::Failed),
        })
    }

    /// The character of a code unit, which may need a second one; half a pair is U+FFFD.
    fn surrogates(&mut self, high: u32) -> char {
        if let Some(c) = char::from_u32(high) {
            return c;
        }
        if self.text[self.position..].starts_with(b"\\u") {
            self.position += 2;
            let low = self.code_unit().unwrap_or(0);
            if (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(&low) {
                self.position += 4;
                let c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return char::from_u32(c).unwrap_or(char::REPLACEMENT_CHARACTER);
            }
            self.position -= 2;
        }
        char::REPLACEMENT_CHARACTER
    }

    /// Four hexadecimal digits.
    fn code_unit(&self) -> Option<u32> {
        let digits = self.text.get(self.position..self.position + 4)?;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let digits = std::str::from_utf8(digits).ok()?;
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.position).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.position += usize::from(found);
        found
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.position += 1;
        }
    }
}
