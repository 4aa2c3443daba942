//! Go's spelling of regular expressions → that of the regex crate.
//!
//! Both engines match alike, but spell some things differently: Go's classes are ASCII, an opening
//! bracket within a class is a plain one, and braces that count nothing are plain too.

/// The greatest count of a repetition.
const GREATEST_COUNT: u32 = 1000;

/// What a class of Unicode costs: hundreds of ranges.
const CLASS: u64 = 100;
/// What looking for the other cases of so many characters costs.
const FOLDED: u64 = 1 << 15;

/// An expression in the spelling of the regex crate.
pub(super) struct Translation {
    pub(super) text: String,
    /// What reading it costs beside its length.
    pub(super) steps: u64,
}

/// Translates an expression, unless Go refuses it.
pub(super) fn translate(source: &str) -> Option<Translation> {
    let mut translator = Translator {
        rest: source,
        out: String::with_capacity(source.len() + 16),
        last: Last::Nothing,
        steps: 0,
        folds_case: false,
        braces_close: source.contains('}'),
        classes_close: source.contains(":]"),
    };
    while let Some(c) = translator.next() {
        translator.item(c)?;
    }
    Some(Translation {
        text: translator.out,
        steps: translator.steps,
    })
}

/// An expression on its way from Go's syntax to that of the regex crate.
struct Translator<'a> {
    rest: &'a str,
    out: String,
    /// Whether something stands before that can be repeated, and whether it already is.
    last: Last,
    steps: u64,
    /// Whether a flag may have said that case does not count.
    folds_case: bool,
    /// Whether a brace, or a class in a class, may still be closed.
    braces_close: bool,
    classes_close: bool,
}

#[derive(PartialEq)]
enum Last {
    Nothing,
    Item,
    Repeated,
}

impl<'a> Translator<'a> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn push(&mut self, text: &str, last: Last) {
        self.out.push_str(text);
        self.last = last;
    }

    fn item(&mut self, c: char) -> Option<()> {
        match c {
            '\\' => self.escape()?,
            '[' => {
                self.class()?;
                self.last = Last::Item;
            }
            '(' => self.open_group()?,
            ')' => self.push(")", Last::Item),
            '|' => self.push("|", Last::Nothing),
            '*' | '+' | '?' => self.repetition(&c.to_string())?,
            '{' => match self.count() {
                Some(count) => self.repetition(&count?)?,
                None => self.push(r"\{", Last::Item),
            },
            '}' => self.push(r"\}", Last::Item),
            ']' => self.push(r"\]", Last::Item),
            c => self.push(c.encode_utf8(&mut [0; 4]), Last::Item),
        }
        Some(())
    }

    fn repetition(&mut self, operator: &str) -> Option<()> {
        if self.last != Last::Item {
            return None;
        }
        self.push(operator, Last::Repeated);
        if let Some(rest) = self.rest.strip_prefix('?') {
            self.rest = rest;
            self.out.push('?');
        }
        Some(())
    }

    /// `{n}`, `{n,}` or `{n,m}`, if that is what stands here; one that counts too far is none at all.
    fn count(&mut self) -> Option<Option<String>> {
        let (inside, rest) = self.until_brace()?;
        let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
        let number = |text: &str| -> Option<u32> {
            let is_number = text.bytes().all(|b| b.is_ascii_digit())
                && (text == "0" || !text.starts_with('0'))
                && !text.is_empty();
            is_number.then(|| text.parse().unwrap_or(u32::MAX))
        };
        let least_number = number(least)?;
        let most_number = if most.is_empty() {
            None
        } else {
            Some(number(most)?)
        };
        self.rest = rest;
        let greatest = most_number.unwrap_or(least_number);
        if least_number > GREATEST_COUNT || greatest > GREATEST_COUNT || greatest < least_number {
            return Some(None);
        }
        Some(Some(format!("{{{inside}}}")))
    }

    /// What stands before the next closing brace, and after it. That there is none is found out once.
    fn until_brace(&mut self) -> Option<(&'a str, &'a str)> {
        let split = match self.braces_close {
            true => self.rest.split_once('}'),
            false => None,
        };
        self.braces_close = split.is_some();
        split
    }

    fn open_group(&mut self) -> Option<()> {
        self.last = Last::Nothing;
        let Some(flags) = self.rest.strip_prefix('?') else {
            self.out.push('(');
            return Some(());
        };
        let named = flags.strip_prefix("P<").or_else(|| flags.strip_prefix('<'));
        if let Some(named) = named {
            let (name, rest) = named.split_once('>')?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                return None;
            }
            self.rest = rest;
            // A name that begins with a digit is one to Go, but no replacement can mention it.
            if name.starts_with(|c: char| c.is_ascii_digit()) {
                self.out.push('(');
            } else {
                self.out.push_str(&format!("(?P<{name}>"));
            }
            return Some(());
        }
        let end = flags.find([')', ':'])?;
        if !flags[..end].chars().all(|c| "imsU-".contains(c)) || flags[..end].ends_with('-') {
            return None;
        }
        self.folds_case |= flags[..end].contains('i');
        self.out.push_str("(?");
        self.out.push_str(&flags[..=end]);
        self.rest = &flags[end + 1..];
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        let c = self.next()?;
        let text = match c {
            'A' => r"\A".into(),
            'z' => r"\z".into(),
            'b' => r"(?-u:\b)".into(),
            'B' => r"(?-u:\B)".into(),
            'Q' => {
                let (literal, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
                self.rest = rest;
                if literal.is_empty() {
                    return Some(());
                }
                regex::escape(literal)
            }
            c => match perl_class(c) {
                Some((class, false)) => format!("[{class}]"),
                Some((class, true)) => format!("[^{class}]"),
                None if matches!(c, 'p' | 'P') => self.unicode_class(c)?,
                None => literal(self.char_escape(c)?),
            },
        };
        self.push(&text, Last::Item);
        Some(())
    }

    /// `\pL`, `\p{Greek}`, `\p{^Greek}`.
    fn unicode_class(&mut self, letter: char) -> Option<String> {
        self.steps += if self.folds_case { FOLDED } else { CLASS };
        let first = self.next()?;
        let name = if first == '{' {
            let (name, rest) = self.until_brace()?;
            self.rest = rest;
            name.to_owned()
        } else {
            first.to_string()
        };
        let (is_negated, name) = match name.strip_prefix('^') {
            Some(name) => (letter == 'p', name.to_owned()),
            None => (letter == 'P', name),
        };
        if name == "Any" {
            return Some(if is_negated { r"[^\s\S]" } else { r"[\s\S]" }.into());
        }
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_alphabetic() || b"_- ".contains(&b));
        let letter = if is_negated { 'P' } else { 'p' };
        is_name.then(|| format!(r"\{letter}{{{name}}}"))
    }

    /// The character of an escape that stands for one.
    fn char_escape(&mut self, c: char) -> Option<char> {
        match c {
            'a' => Some('\u{7}'),
            'f' => Some('\u{c}'),
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'v' => Some('\u{b}'),
            'x' => {
                let digits = if let Some(rest) = self.rest.strip_prefix('{') {
                    self.rest = rest;
                    let (digits, rest) = self.until_brace()?;
                    self.rest = rest;
                    digits
                } else {
                    let (digits, rest) = self.rest.split_at_checked(2)?;
                    self.rest = rest;
                    digits
                };
                let is_hex = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
                let code = u32::from_str_radix(digits, 16).ok().filter(|_| is_hex)?;
                char::from_u32(code)
            }
            '0'..='7' => {
                // A lone digit but zero would be a reference backwards.
                let next = self.rest.chars().next();
                if c != '0' && !next.is_some_and(|c| ('0'..='7').contains(&c)) {
                    return None;
                }
                let mut code = c.to_digit(8)?;
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else {
                        break;
                    };
                    code = code * 8 + digit;
                    self.rest = &self.rest[1..];
                }
                char::from_u32(code)
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c),
            _ => None,
        }
    }

    /// A class in brackets.
    fn class(&mut self) -> Option<()> {
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.out.push('^');
        }
        let mut is_first = true;
        loop {
            let c = self.next()?;
            if c == ']' && !is_first {
                self.out.push(']');
                return Some(());
            }
            is_first = false;
            self.class_item(c)?;
        }
    }

    fn class_item(&mut self, c: char) -> Option<()> {
        let named = self.rest.strip_prefix(':');
        let named = named.filter(|_| c == '[' && self.classes_close);
        let is_open = named.is_some();
        let named = named.and_then(|rest| rest.split_once(":]"));
        self.classes_close &= !is_open || named.is_some();
        if let Some((name, rest)) = named {
            let plain = name.strip_prefix('^').unwrap_or(name);
            if !POSIX.contains(&plain) {
                return None;
            }
            self.out.push_str(&format!("[:{name}:]"));
            self.rest = rest;
            return Some(());
        }
        let low = match c {
            '\\' => {
                let escape = self.next()?;
                if let Some((class, is_negated)) = perl_class(escape) {
                    let negation = if is_negated { "^" } else { "" };
                    self.out.push_str(&format!("[{negation}{class}]"));
                    return Some(());
                }
                if matches!(escape, 'p' | 'P') {
                    let class = self.unicode_class(escape)?;
                    self.out.push_str(&class);
                    return Some(());
                }
                self.char_escape(escape)?
            }
            c => c,
        };
        self.out.push_str(&literal(low));
        let mut following = self.rest.chars();
        if following.next() == Some('-') && following.next().is_some_and(|c| c != ']') {
            self.next();
            let high = match self.next()? {
                '\\' => {
                    let escape = self.next()?;
                    self.char_escape(escape)?
                }
                c => c,
            };
            if high < low {
                return None;
            }
            if self.folds_case {
                self.steps += (u64::from(high) - u64::from(low)) / 32;
            }
            self.out.push('-');
            self.out.push_str(&literal(high));
        }
        Some(())
    }
}

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// The ranges of `\d`, `\s` or `\w`, and whether the letter means the opposite.
fn perl_class(letter: char) -> Option<(&'static str, bool)> {
    match letter {
        'd' | 'D' => Some(("0-9", letter == 'D')),
        's' | 'S' => Some((r"\t\n\f\r ", letter == 'S')),
        'w' | 'W' => Some(("0-9A-Za-z_", letter == 'W')),
        _ => None,
    }
}

/// A character that stands for itself, within a class or not.
fn literal(c: char) -> String {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        c.to_string()
    } else {
        format!(r"\x{:02x}", u32::from(c))
    }
}
