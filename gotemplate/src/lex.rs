//! Source text → tokens.

use crate::error::quoted;
use crate::text::{is_digit, is_letter};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Open,
    Close,
    Space,
    Assign,
    Declare,
    Pipe,
    LeftParen,
    RightParen,
    /// A character that stands for itself, such as a comma.
    Char,
    Dot,
    Field,
    Variable,
    Identifier,
    Bool,
    Number,
    Complex,
    CharConstant,
    String,
    RawString,
    Nil,
    Block,
    Break,
    Continue,
    Define,
    Else,
    End,
    If,
    Range,
    Template,
    With,
    Eof,
    /// The source is wrong here; what is wrong stands in [`Tokens::error`].
    Error,
}

/// A token and its place. There may be one for each byte of a source, so it is small.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    start: u32,
    end: u32,
}

impl Token {
    fn new(kind: Kind, start: usize, end: usize) -> Self {
        // A longer source is not even looked at.
        let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
        Self {
            kind,
            start: place(start),
            end: place(end),
        }
    }

    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    pub(crate) fn end(self) -> usize {
        self.end as usize
    }

    pub(crate) fn text(self, source: &str) -> &str {
        &source[self.start()..self.end()]
    }
}

/// The longest source whose places fit a token.
pub(crate) const LONGEST: usize = u32::MAX as usize;

/// All tokens of a source; the last is [`Kind::Eof`] or [`Kind::Error`].
pub(crate) struct Tokens {
    pub(crate) tokens: Vec<Token>,
    pub(crate) error: String,
}

/// Cuts a source into tokens.
pub(crate) fn lex(source: &str) -> Tokens {
    let mut lexer = Lexer {
        source,
        start: 0,
        position: 0,
        parens: 0,
        tokens: Vec::new(),
    };
    let end = lexer.run();
    let mut tokens = lexer.tokens;
    let (kind, error) = match end {
        Ok(()) => (Kind::Eof, String::new()),
        Err(error) => (Kind::Error, error),
    };
    let start = lexer.start.min(source.len());
    tokens.push(Token::new(kind, start, source.len()));
    Tokens { tokens, error }
}

struct Lexer<'a> {
    source: &'a str,
    start: usize,
    position: usize,
    parens: usize,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn run(&mut self) -> Result<(), String> {
        while let Some(text) = self.rest().find(OPEN) {
            let text_end = self.position + text;
            let after = &self.source[text_end + OPEN.len()..];
            let trims = starts_with_left_marker(after);
            let text = &self.source[self.position..text_end];
            let kept = if trims {
                text.trim_end_matches(SPACES)
            } else {
                text
            };
            self.position += kept.len();
            if !kept.is_empty() {
                self.emit(Kind::Text);
            }
            self.start = text_end;
            self.position = text_end + OPEN.len();
            let marker = if trims { 2 } else { 0 };
            if after[marker..].starts_with("/*") {
                self.position += marker;
                self.start = self.position;
                self.comment()?;
            } else {
                self.emit(Kind::Open);
                self.position += marker;
                self.start = self.position;
                self.action()?;
            }
        }
        self.position = self.source.len();
        if self.position > self.start {
            self.emit(Kind::Text);
        }
        Ok(())
    }

    fn comment(&mut self) -> Result<(), String> {
        let end = self.rest()[2..].find("*/").ok_or("unclosed comment")?;
        self.position += 2 + end + 2;
        let trims = self
            .right_delimiter()
            .ok_or("comment ends before closing delimiter")?;
        self.skip_right_delimiter(trims);
        Ok(())
    }

    fn skip_right_delimiter(&mut self, trims: bool) {
        self.position += CLOSE.len() + if trims { 2 } else { 0 };
        if trims {
            let rest = self.rest();
            self.position += rest.len() - rest.trim_start_matches(SPACES).len();
        }
        self.start = self.position;
    }

    /// Everything up to and with the closing delimiter.
    fn action(&mut self) -> Result<(), String> {
        self.parens = 0;
        loop {
            if let Some(trims) = self.right_delimiter() {
                if self.parens > 0 {
                    return Err("unclosed left paren".into());
                }
                if trims {
                    self.position += 2;
                    self.start = self.position;
                }
                self.position += CLOSE.len();
                self.emit(Kind::Close);
                self.position -= CLOSE.len() + if trims { 2 } else { 0 };
                self.skip_right_delimiter(trims);
                return Ok(());
            }
            self.token()?;
        }
    }

    fn token(&mut self) -> Result<(), String> {
        let c = self.next().ok_or("unclosed action")?;
        match c {
            _ if SPACES.contains(&c) => self.space(),
            '=' => self.emit(Kind::Assign),
            ':' => {
                if self.next() != Some('=') {
                    return Err("expected :=".into());
                }
                self.emit(Kind::Declare);
            }
            '|' => self.emit(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string")?,
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant")?,
            '`' => {
                let end = self.rest().find('`');
                self.position += end.ok_or("unterminated raw quoted string")? + 1;
                self.emit(Kind::RawString);
            }
            '$' => self.name(Kind::Variable, Kind::Variable)?,
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => {
                if self.peek().is_none() {
                    return self.number(c);
                }
                self.name(Kind::Field, Kind::Dot)?;
            }
            '.' | '+' | '-' | '0'..='9' => self.number(c)?,
            _ if is_alphanumeric(c) => self.word(c)?,
            '(' => {
                self.parens += 1;
                self.emit(Kind::LeftParen);
            }
            ')' => {
                self.parens = self.parens.checked_sub(1).ok_or("unexpected right paren")?;
                self.emit(Kind::RightParen);
            }
            ' '..='~' => self.emit(Kind::Char),
            _ => return Err(format!("unrecognized character in action: {c:?}")),
        }
        Ok(())
    }

    /// A run of spaces, but not the one that belongs to a trim marker.
    fn space(&mut self) {
        let rest = &self.source[self.start..];
        let run = rest.len() - rest.trim_start_matches(SPACES).len();
        self.position = self.start + run;
        let last = &self.source[self.position - 1..];
        if starts_with_right_marker(last) {
            self.position -= 1;
            if run == 1 {
                return;
            }
        }
        self.emit(Kind::Space);
    }

    fn quoted(&mut self, quote: char, kind: Kind, error: &str) -> Result<(), String> {
        loop {
            match self.next() {
                Some('\\') if !matches!(self.next(), None | Some('\n')) => {}
                None | Some('\n' | '\\') => return Err(error.into()),
                Some(c) if c == quote => break,
                Some(_) => {}
            }
        }
        self.emit(kind);
        Ok(())
    }

    /// `.name` or `$name`, or the bare sign.
    fn name(&mut self, named: Kind, bare: Kind) -> Result<(), String> {
        if self.at_terminator() {
            self.emit(bare);
            return Ok(());
        }
        self.skip_alphanumeric()?;
        self.emit(named);
        Ok(())
    }

    fn word(&mut self, first: char) -> Result<(), String> {
        self.position -= first.len_utf8();
        self.skip_alphanumeric()?;
        let kind = match &self.source[self.start..self.position] {
            "block" => Kind::Block,
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            "define" => Kind::Define,
            "else" => Kind::Else,
            "end" => Kind::End,
            "if" => Kind::If,
            "range" => Kind::Range,
            "nil" => Kind::Nil,
            "template" => Kind::Template,
            "with" => Kind::With,
            "true" | "false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.emit(kind);
        Ok(())
    }

    fn skip_alphanumeric(&mut self) -> Result<(), String> {
        while self.peek().is_some_and(is_alphanumeric) {
            self.next();
        }
        if self.at_terminator() {
            return Ok(());
        }
        Err(format!(
            "bad character {:?}",
            self.peek().unwrap_or_default()
        ))
    }

    fn number(&mut self, first: char) -> Result<(), String> {
        self.position -= first.len_utf8();
        let mut is_number = self.scan_number();
        let mut kind = Kind::Number;
        if is_number && matches!(self.peek(), Some('+' | '-')) {
            kind = Kind::Complex;
            is_number = self.scan_number() && self.source[..self.position].ends_with('i');
        }
        if !is_number {
            let text = &self.source[self.start..self.position];
            return Err(format!("bad number syntax: {}", quoted(text)));
        }
        self.emit(kind);
        Ok(())
    }

    fn scan_number(&mut self) -> bool {
        self.accept("+-");
        let mut digits = "0123456789_";
        if self.accept("0") {
            if self.accept("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        while self.accept(digits) {}
        if self.accept(".") {
            while self.accept(digits) {}
        }
        let exponent = match digits.len() {
            11 => "eE",
            23 => "pP",
            _ => "",
        };
        if self.accept(exponent) {
            self.accept("+-");
            while self.accept("0123456789_") {}
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.next();
            return false;
        }
        true
    }

    fn accept(&mut self, valid: &str) -> bool {
        let found = self.peek().is_some_and(|c| valid.contains(c));
        if found {
            self.next();
        }
        found
    }

    fn rest(&self) -> &'a str {
        &self.source[self.position..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += c.len_utf8();
        Some(c)
    }

    fn emit(&mut self, kind: Kind) {
        let token = Token::new(kind, self.start, self.position);
        self.tokens.push(token);
        self.start = self.position;
    }

    /// Whether a closing delimiter stands here, and whether it trims.
    fn right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if starts_with_right_marker(rest) {
            Some(true)
        } else {
            rest.starts_with(CLOSE).then_some(false)
        }
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => SPACES.contains(&c) || self.rest().starts_with(CLOSE),
        }
    }
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || is_letter(c) || is_digit(c)
}

fn starts_with_left_marker(text: &str) -> bool {
    text.strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(SPACES))
}

/// A space, a minus and the closing delimiter.
fn starts_with_right_marker(text: &str) -> bool {
    text.strip_prefix(SPACES)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|rest| rest.starts_with(CLOSE))
}
