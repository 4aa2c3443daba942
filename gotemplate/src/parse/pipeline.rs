//! Pipelines: what stands between the delimiters of an action, or in parentheses.

use crate::context::TEXT;
use crate::error::{Class, quoted, shortened};
use crate::function::Function;
use crate::lex::{Kind, Token};
use crate::literal;
use crate::parse::{Parsed, Parser, failure};
use crate::scope::Name;
use crate::text::Text;
use crate::tree::{Chain, Command, Number, Operand, Pipeline, Term};

impl<'a> Parser<'a, '_> {
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipeline> {
        self.enter()?;
        let offset = self.peek_over_space().start();
        let mut variables = Vec::new();
        let assigns = self.declarations(&mut variables, context)?;
        let mut commands = Vec::new();
        loop {
            let token = self.peek_over_space();
            match token.kind {
                kind if kind == end => {
                    self.advance();
                    self.check(&commands, context)?;
                    self.depth -= 1;
                    return Ok(Pipeline {
                        offset,
                        variables: variables.into(),
                        assigns,
                        commands: commands.into(),
                    });
                }
                kind if starts_operand(kind) => {
                    let command = self.command()?;
                    self.push(&mut commands, command)?;
                }
                _ => {
                    self.advance();
                    return Err(self.unexpected(token, context));
                }
            }
        }
    }

    /// The variables that take the value; tells whether they are assigned.
    fn declarations(&mut self, variables: &mut Vec<Name>, context: &str) -> Parsed<bool> {
        loop {
            let start = self.next;
            let variable = self.peek_over_space();
            if variable.kind != Kind::Variable {
                return Ok(false);
            }
            self.advance();
            let token = self.next_over_space();
            let is_comma = token.kind == Kind::Char && self.text(token) == ",";
            if !is_comma && !matches!(token.kind, Kind::Assign | Kind::Declare) {
                self.next = start;
                return Ok(false);
            }
            let name = self.name(self.text(variable))?;
            self.push(variables, name)?;
            self.declare(name)?;
            if !is_comma {
                return Ok(token.kind == Kind::Assign);
            }
            if context != "range" || variables.len() >= 2 {
                return Err(self.syntax(&format!("too many declarations in {context}")));
            }
            match self.peek_over_space().kind {
                Kind::Variable | Kind::Close | Kind::RightParen => {}
                _ => return Err(self.syntax("range can only initialize variables")),
            }
        }
    }

    /// Only the first command may be a plain value.
    fn check(&self, commands: &[Command], context: &str) -> Parsed<()> {
        if commands.is_empty() {
            return Err(self.syntax(&format!("missing value for {context}")));
        }
        for (i, command) in commands.iter().enumerate().skip(1) {
            let is_plain = command.first().is_some_and(|operand| {
                let term = &operand.term;
                matches!(term, Term::Bool(_) | Term::Dot | Term::Nil)
                    || matches!(term, Term::Number(_) | Term::String(_))
            });
            if is_plain {
                let stage = i + 1;
                let message = format!("non executable command in pipeline stage {stage}");
                return Err(self.syntax(&message));
            }
        }
        Ok(())
    }

    fn command(&mut self) -> Parsed<Command> {
        let mut operands = Vec::new();
        loop {
            self.peek_over_space();
            if let Some(operand) = self.operand()? {
                self.push(&mut operands, operand)?;
            }
            let token = self.peek();
            match token.kind {
                Kind::Space => self.advance(),
                Kind::Close | Kind::RightParen => break,
                Kind::Pipe => {
                    self.advance();
                    break;
                }
                _ => {
                    self.advance();
                    return Err(self.unexpected(token, "operand"));
                }
            }
        }
        if operands.is_empty() {
            return Err(self.syntax("empty command"));
        }
        Ok(operands.into())
    }

    /// A term and the fields that follow it.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(mut operand) = self.term()? else {
            return Ok(None);
        };
        let offset = self.peek().start();
        let mut fields: Vec<Text> = match &mut operand.term {
            Term::Field(path) | Term::Variable(_, path) => std::mem::take(path).into(),
            _ => Vec::new(),
        };
        let own = fields.len();
        while self.peek().kind == Kind::Field {
            let field = self.field(self.peek())?;
            self.push(&mut fields, field)?;
            self.advance();
        }
        let is_followed = fields.len() > own;
        match &mut operand.term {
            Term::Field(path) | Term::Variable(_, path) => *path = fields.into(),
            Term::Function(_) | Term::Pipeline(_) | Term::Chain(..) if is_followed => {
                self.allocate(size_of::<Chain>())?;
                let chain = Chain {
                    receiver: operand,
                    path: fields.into(),
                };
                let term = Term::Chain(Box::new(chain));
                return Ok(Some(Operand { offset, term }));
            }
            _ if is_followed => {
                let term = quoted(&self.source[operand.offset..offset]);
                return Err(self.syntax(&format!("unexpected . after term {term}")));
            }
            _ => {}
        }
        Ok(Some(operand))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let token = self.peek_over_space();
        let text = self.text(token);
        let term = match token.kind {
            Kind::Identifier => match Function::named(text) {
                Some(function) => Term::Function(function),
                None => {
                    let class = Class::UnknownFunction(shortened(text));
                    return Err(failure(token.start(), class));
                }
            },
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => self.variable(text)?,
            Kind::Field => {
                let mut path = Vec::new();
                let field = self.field(token)?;
                self.push(&mut path, field)?;
                Term::Field(path.into())
            }
            Kind::Bool => Term::Bool(text == "true"),
            Kind::Number | Kind::CharConstant | Kind::Complex => self.number(token.kind, text)?,
            Kind::String | Kind::RawString => {
                let text = self.unquoted(token)?;
                self.allocate(TEXT + text.len())?;
                Term::String(text.into())
            }
            Kind::LeftParen => {
                self.advance();
                let pipeline = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.allocate(size_of::<Pipeline>())?;
                return Ok(Some(Operand {
                    offset: token.start(),
                    term: Term::Pipeline(Box::new(pipeline)),
                }));
            }
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(Operand {
            offset: token.start(),
            term,
        }))
    }

    fn variable(&mut self, text: &str) -> Parsed<Term> {
        let name = self.known_name(text);
        match name.filter(|name| self.scope.find(*name).is_some()) {
            Some(name) => Ok(Term::Variable(name, Box::default())),
            None => Err(self.syntax(&format!("undefined variable {}", quoted(text)))),
        }
    }

    fn number(&mut self, kind: Kind, text: &str) -> Parsed<Term> {
        let number = match kind {
            Kind::Number => literal::number(text),
            Kind::Complex => literal::complex_number(text),
            _ => literal::char_constant(text),
        };
        let number = number.map_err(|message| self.syntax(&message))?;
        self.allocate(size_of::<Number>())?;
        Ok(Term::Number(Box::new(number)))
    }

    fn field(&mut self, token: Token) -> Parsed<Text> {
        let name = &self.text(token).as_bytes()[1..];
        self.allocate(TEXT + name.len())?;
        Ok(name.into())
    }
}

fn starts_operand(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Bool
            | Kind::CharConstant
            | Kind::Complex
            | Kind::Dot
            | Kind::Field
            | Kind::Identifier
            | Kind::Number
            | Kind::Nil
            | Kind::RawString
            | Kind::String
            | Kind::Variable
            | Kind::LeftParen
    )
}
