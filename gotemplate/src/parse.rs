//! Tokens → trees.

mod pipeline;

use std::collections::{HashMap, HashSet};

use crate::budget::Budget;
use crate::error::{Class, Failure, Fault, Resource, quoted};
use crate::lex::{Kind, LONGEST, Token, Tokens, lex};
use crate::literal;
use crate::scope::{Name, ROOT, Scope};
use crate::text::trim_space;
use crate::tree::{Branches, Call, Node, Nodes, Pipeline, Range, Trees};

/// What an entry of a map takes, roughly.
const ENTRY: usize = 64;

/// Parses a source and everything that it defines; the template itself has the name `root`.
pub(crate) fn parse(source: &str, root: &str, budget: &mut Budget) -> Result<Trees, Failure> {
    let tokens = tokens(source, budget).map_err(|fault| fault.at(0))?;
    let mut parser = Parser {
        source,
        tokens,
        next: 0,
        names: HashMap::new(),
        scope: Scope::new(),
        range_depth: 0,
        depth: 0,
        budget,
        trees: Trees::new(),
        filled: HashSet::new(),
    };
    parser.declare(ROOT)?;
    let nodes = parser.root()?;
    parser.add(root.as_bytes(), nodes)?;
    Ok(parser.trees)
}

/// The tokens of a source, all of which are paid for here: nothing looks at one more than a few times.
fn tokens(source: &str, budget: &mut Budget) -> Result<Tokens, Fault> {
    if source.len() > budget.source_bytes.min(LONGEST) {
        return Err(Fault::Budget(Resource::Source));
    }
    // What class a character has is known at once only of ASCII.
    let others = source.bytes().filter(|byte| !byte.is_ascii()).count();
    budget.spend(10 + source.len() as u64 / 16 + others as u64 / 2)?;
    let tokens = lex(source);
    budget.allocate(tokens.tokens.capacity() * size_of::<Token>())?;
    budget.spend(tokens.tokens.len() as u64)?;
    Ok(tokens)
}

type Parsed<T> = Result<T, Failure>;

struct Parser<'a, 'b> {
    source: &'a str,
    tokens: Tokens,
    next: usize,
    /// The numbers of the variables' names.
    names: HashMap<&'a str, Name>,
    scope: Scope<()>,
    range_depth: usize,
    depth: usize,
    budget: &'b mut Budget,
    trees: Trees,
    /// The trees that are more than white space.
    filled: HashSet<Box<[u8]>>,
}

/// What ends a list of nodes.
#[derive(PartialEq)]
enum Stop {
    End,
    Else,
}

impl<'a> Parser<'a, '_> {
    fn root(&mut self) -> Parsed<Nodes> {
        let mut nodes = Vec::new();
        loop {
            if self.peek().kind == Kind::Eof {
                return Ok(nodes.into());
            }
            if self.peek().kind == Kind::Open && self.kind_after_open() == Kind::Define {
                self.definition()?;
                continue;
            }
            match self.node(&mut nodes)? {
                None => {}
                Some(Stop::End) => return Err(self.syntax("unexpected {{end}}")),
                Some(Stop::Else) => return Err(self.syntax("unexpected {{else}}")),
            }
        }
    }

    /// The kind of what follows an opening delimiter, without consuming either.
    fn kind_after_open(&self) -> Kind {
        self.tokens.tokens[self.next + 1..]
            .iter()
            .map(|token| token.kind)
            .find(|kind| *kind != Kind::Space)
            .unwrap_or(Kind::Eof)
    }

    fn definition(&mut self) -> Parsed<()> {
        self.advance();
        self.advance_over_space();
        let name = self.template_name("define clause")?;
        self.expect_close("define clause")?;
        let body = self.separate_body("define clause")?;
        self.add(&name, body)
    }

    /// A body with variables and loops of its own, up to its `end`.
    fn separate_body(&mut self, context: &str) -> Parsed<Nodes> {
        let outer = self.scope.enter();
        self.declare(ROOT)?;
        let range_depth = std::mem::take(&mut self.range_depth);
        let (body, stop) = self.list()?;
        self.scope.leave(outer);
        self.range_depth = range_depth;
        match stop {
            Stop::End => Ok(body),
            Stop::Else => Err(self.syntax(&format!("unexpected {{{{else}}}} in {context}"))),
        }
    }

    /// A later tree replaces an empty one; two full ones are a mistake.
    fn add(&mut self, name: &[u8], nodes: Nodes) -> Parsed<()> {
        let is_full = nodes.iter().any(|node| match node {
            Node::Text(start, end) => !trim_space(&self.source.as_bytes()[*start..*end]).is_empty(),
            _ => true,
        });
        if self.filled.contains(name) {
            if !is_full {
                return Ok(());
            }
            let name = quoted(&String::from_utf8_lossy(name));
            return Err(self.syntax(&format!("multiple definition of template {name}")));
        }
        self.allocate(2 * (name.len() + ENTRY))?;
        if is_full {
            self.filled.insert(name.into());
        }
        self.trees.insert(name.into(), nodes);
        Ok(())
    }

    fn list(&mut self) -> Parsed<(Nodes, Stop)> {
        self.enter()?;
        let mut nodes = Vec::new();
        loop {
            if self.peek_over_space().kind == Kind::Eof {
                return Err(self.syntax("unexpected EOF"));
            }
            if let Some(stop) = self.node(&mut nodes)? {
                self.depth -= 1;
                return Ok((nodes.into(), stop));
            }
        }
    }

    /// One node, or what ends the list it would stand in.
    fn node(&mut self, nodes: &mut Vec<Node>) -> Parsed<Option<Stop>> {
        let token = self.next_over_space();
        match token.kind {
            Kind::Text => self.push(nodes, Node::Text(token.start(), token.end()))?,
            Kind::Open => return self.action(nodes),
            _ => return Err(self.unexpected(token, "input")),
        }
        Ok(None)
    }

    fn action(&mut self, nodes: &mut Vec<Node>) -> Parsed<Option<Stop>> {
        let token = self.peek_over_space();
        let node = match token.kind {
            Kind::Block | Kind::Template | Kind::Break | Kind::Continue | Kind::If => {
                self.advance_over_space();
                match token.kind {
                    Kind::Block => self.block()?,
                    Kind::Template => self.template()?,
                    Kind::If => Node::If(self.branches("if")?),
                    kind => self.jump(kind)?,
                }
            }
            Kind::With => {
                self.advance_over_space();
                Node::With(self.branches("with")?)
            }
            Kind::Range => {
                self.advance_over_space();
                self.range()?
            }
            Kind::Else => {
                self.advance_over_space();
                let next = self.peek_over_space().kind;
                if !matches!(next, Kind::If | Kind::With) {
                    self.expect_close("else")?;
                }
                return Ok(Some(Stop::Else));
            }
            Kind::End => {
                self.advance_over_space();
                self.expect_close("end")?;
                return Ok(Some(Stop::End));
            }
            _ => Node::Action(self.pipeline("command", Kind::Close)?),
        };
        self.push(nodes, node)?;
        Ok(None)
    }

    fn jump(&mut self, kind: Kind) -> Parsed<Node> {
        let (word, node) = match kind {
            Kind::Break => ("{{break}}", Node::Break),
            _ => ("{{continue}}", Node::Continue),
        };
        self.expect_close(word)?;
        if self.range_depth == 0 {
            return Err(self.syntax(&format!("{word} outside {{{{range}}}}")));
        }
        Ok(node)
    }

    fn block(&mut self) -> Parsed<Node> {
        self.peek_over_space();
        let offset = self.peek().start();
        let name = self.template_name("block clause")?;
        let pipeline = self.pipeline("block clause", Kind::Close)?;
        let body = self.separate_body("block clause")?;
        self.add(&name, body)?;
        self.call(offset, name, Some(pipeline))
    }

    fn template(&mut self) -> Parsed<Node> {
        let offset = self.peek_over_space().start();
        let name = self.template_name("template clause")?;
        let pipeline = if self.peek_over_space().kind == Kind::Close {
            self.advance();
            None
        } else {
            Some(self.pipeline("template clause", Kind::Close)?)
        };
        self.call(offset, name, pipeline)
    }

    fn call(&mut self, offset: usize, name: Vec<u8>, pipeline: Option<Pipeline>) -> Parsed<Node> {
        self.allocate(size_of::<Call>() + name.len())?;
        let name = name.into();
        Ok(Node::Template(Box::new(Call {
            offset,
            name,
            pipeline,
        })))
    }

    fn template_name(&mut self, context: &str) -> Parsed<Vec<u8>> {
        let token = self.next_over_space();
        match token.kind {
            Kind::String | Kind::RawString => self.unquoted(token),
            _ => Err(self.unexpected(token, context)),
        }
    }

    /// `if` or `with`, and every `else if` or `else with` that continues it.
    fn branches(&mut self, context: &str) -> Parsed<Branches> {
        let outer = self.scope.mark();
        let again = if context == "if" {
            Kind::If
        } else {
            Kind::With
        };
        let mut branches = Vec::new();
        let mut otherwise = Nodes::default();
        loop {
            let pipeline = self.pipeline(context, Kind::Close)?;
            let (body, stop) = self.list()?;
            self.push(&mut branches, (pipeline, body))?;
            if stop == Stop::End {
                break;
            }
            // `else` was followed by its closing delimiter, or by the word of a further branch.
            let was_closed = self.previous_kind() == Kind::Close;
            if !was_closed && self.peek_over_space().kind == again {
                self.advance_over_space();
                continue;
            }
            otherwise = self.rest_after_else()?;
            break;
        }
        self.scope.close(outer);
        Ok(Branches {
            branches: branches.into(),
            otherwise,
        })
    }

    fn rest_after_else(&mut self) -> Parsed<Nodes> {
        match self.list()? {
            (nodes, Stop::End) => Ok(nodes),
            (_, Stop::Else) => Err(self.syntax("expected end; found {{else}}")),
        }
    }

    fn range(&mut self) -> Parsed<Node> {
        let outer = self.scope.mark();
        let pipeline = self.pipeline("range", Kind::Close)?;
        self.range_depth += 1;
        let (body, stop) = self.list()?;
        self.range_depth -= 1;
        let otherwise = match stop {
            Stop::End => Nodes::default(),
            Stop::Else => self.rest_after_else()?,
        };
        self.scope.close(outer);
        self.allocate(size_of::<Range>())?;
        Ok(Node::Range(Box::new(Range {
            pipeline,
            body,
            otherwise,
        })))
    }

    /// The number of a variable's name, if it has one.
    fn known_name(&self, text: &str) -> Option<Name> {
        match text {
            "$" => Some(ROOT),
            text => self.names.get(text).copied(),
        }
    }

    /// The number of a variable's name.
    fn name(&mut self, text: &'a str) -> Parsed<Name> {
        if let Some(name) = self.known_name(text) {
            return Ok(name);
        }
        self.allocate(ENTRY)?;
        // No source has more variables than bytes.
        let name = Name::try_from(self.names.len() + 1).unwrap_or(Name::MAX);
        self.names.insert(text, name);
        Ok(name)
    }

    fn declare(&mut self, name: Name) -> Parsed<()> {
        let declared = self.scope.declare(self.budget, name, ());
        self.paid(declared)
    }

    /// Pays for what a node takes beside the list it stands in.
    fn allocate(&mut self, bytes: usize) -> Parsed<()> {
        let paid = self.budget.allocate(bytes);
        self.paid(paid)
    }

    /// Adds to a list that is paid for.
    fn push<T>(&mut self, list: &mut Vec<T>, element: T) -> Parsed<()> {
        let pushed = self.budget.push(list, element);
        self.paid(pushed)
    }

    fn paid(&self, result: Result<(), Fault>) -> Parsed<()> {
        result.map_err(|fault| fault.at(self.peek().start()))
    }

    fn unquoted(&self, token: Token) -> Parsed<Vec<u8>> {
        literal::unquote(self.text(token)).ok_or_else(|| self.syntax("invalid syntax"))
    }

    fn text(&self, token: Token) -> &'a str {
        token.text(self.source)
    }

    fn expect_close(&mut self, context: &str) -> Parsed<()> {
        let token = self.next_over_space();
        match token.kind {
            Kind::Close => Ok(()),
            _ => Err(self.unexpected(token, context)),
        }
    }

    fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        self.paid(self.budget.check_depth(self.depth))
    }

    fn peek(&self) -> Token {
        // The last token is the end, and nothing advances beyond it.
        self.tokens.tokens[self.next]
    }

    fn previous_kind(&self) -> Kind {
        self.tokens.tokens[self.next.saturating_sub(1)].kind
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.tokens.len() - 1);
    }

    fn peek_over_space(&mut self) -> Token {
        while self.peek().kind == Kind::Space {
            self.advance();
        }
        self.peek()
    }

    fn next_over_space(&mut self) -> Token {
        let token = self.peek_over_space();
        self.advance();
        token
    }

    fn advance_over_space(&mut self) {
        self.next_over_space();
    }

    fn unexpected(&self, token: Token, context: &str) -> Failure {
        let message = match token.kind {
            Kind::Error => self.tokens.error.clone(),
            Kind::Eof => "unexpected EOF".into(),
            _ => format!("unexpected {} in {context}", quoted(self.text(token))),
        };
        failure(token.start(), Class::Syntax(message))
    }

    fn syntax(&self, message: &str) -> Failure {
        let token = self.peek();
        if token.kind == Kind::Error {
            return failure(token.start(), Class::Syntax(self.tokens.error.clone()));
        }
        failure(token.start(), Class::Syntax(message.to_owned()))
    }
}

fn failure(offset: usize, class: Class) -> Failure {
    Failure { offset, class }
}
