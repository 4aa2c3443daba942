//! Source text → a list of nodes, from left to right and without recursion.

use crate::Class;
use crate::error::Position;

const OPEN: &str = "{{";
const CLOSE: &str = "}}";
const KEYWORDS: [&str; 10] = [
    "if", "else", "end", "range", "with", "define", "template", "block", "break", "continue",
];
/// Go's own functions: known names, though not supported yet.
const BUILTINS: [&str; 18] = [
    "and", "call", "html", "index", "js", "len", "not", "or", "print", "printf", "println",
    "slice", "urlquery", "eq", "ne", "lt", "le", "gt",
];

/// A piece of a template.
#[derive(Debug)]
pub(crate) enum Node {
    Text(String),
    Field { name: String, position: Position },
    Index { name: String, position: Position },
}

impl Node {
    pub(crate) fn position(&self) -> Position {
        match self {
            Self::Text(_) => Position { line: 1, column: 1 },
            Self::Field { position, .. } | Self::Index { position, .. } => *position,
        }
    }
}

/// Parses a source; an error is the offset of what is wrong, and its class.
pub(crate) fn parse(source: &str) -> Result<Vec<Node>, (usize, Class)> {
    let mut nodes = Vec::new();
    let mut rest = Cursor { source, offset: 0 };
    while let Some(text) = rest.take_until(OPEN) {
        nodes.push(Node::Text(text.to_owned()));
        let start = rest.offset;
        rest.offset += OPEN.len();
        nodes.push(action(&mut rest, start)?);
    }
    nodes.push(Node::Text(rest.remaining().to_owned()));
    Ok(nodes)
}

fn action(rest: &mut Cursor, start: usize) -> Result<Node, (usize, Class)> {
    let position = Position::of(rest.source, start);
    if rest.remaining().starts_with('-') {
        return Err((rest.offset, Class::Unsupported));
    }
    rest.skip_space();
    let node = if rest.take(".") {
        match rest.take_name() {
            "" => return Err((rest.offset, Class::Unsupported)),
            name => Node::Field {
                name: name.to_owned(),
                position,
            },
        }
    } else {
        match (rest.offset, rest.take_name()) {
            (_, "") if rest.remaining().starts_with(CLOSE) => {
                return Err((start, Class::MissingValue));
            }
            (_, "") if rest.remaining().is_empty() => return Err((start, Class::UnclosedAction)),
            (_, "index") => Node::Index {
                name: index_argument(rest)?,
                position,
            },
            (at, name)
                if name.is_empty() || KEYWORDS.contains(&name) || BUILTINS.contains(&name) =>
            {
                return Err((at, Class::Unsupported));
            }
            (at, name) => return Err((at, Class::UnknownFunction(name.to_owned()))),
        }
    };
    let end = rest.offset;
    rest.skip_space();
    if rest.take(CLOSE) {
        Ok(node)
    } else if rest.remaining().is_empty() {
        Err((start, Class::UnclosedAction))
    } else {
        Err((end + 1, Class::Unsupported))
    }
}

/// `. "name"`: only dot is indexed, and only by a literal.
fn index_argument(rest: &mut Cursor) -> Result<String, (usize, Class)> {
    rest.skip_space();
    if !rest.take(".") || !rest.remaining().starts_with([' ', '\t', '\r', '\n']) {
        return Err((rest.offset, Class::Unsupported));
    }
    rest.skip_space();
    let start = rest.offset;
    let quote = match rest.remaining().chars().next() {
        Some(quote @ ('"' | '`')) => quote,
        _ => return Err((start, Class::Unsupported)),
    };
    rest.offset += 1;
    match rest.take_until(quote.encode_utf8(&mut [0; 4])) {
        Some(name) if quote == '"' && name.contains('\n') => {
            Err((start, Class::UnterminatedString))
        }
        Some(name) if quote == '"' && name.contains('\\') => Err((start, Class::Unsupported)),
        Some(name) => {
            rest.offset += 1;
            Ok(name.to_owned())
        }
        None => Err((start, Class::UnterminatedString)),
    }
}

struct Cursor<'a> {
    source: &'a str,
    offset: usize,
}

impl<'a> Cursor<'a> {
    fn remaining(&self) -> &'a str {
        &self.source[self.offset..]
    }

    fn take_until(&mut self, end: &str) -> Option<&'a str> {
        let text = self.remaining().split_once(end)?.0;
        self.offset += text.len();
        Some(text)
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.remaining().starts_with(token);
        self.offset += if found { token.len() } else { 0 };
        found
    }

    fn take_name(&mut self) -> &'a str {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let rest = self.remaining();
        let name = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        self.offset += name.len();
        name
    }

    fn skip_space(&mut self) {
        let rest = self.remaining();
        self.offset += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
    }
}
