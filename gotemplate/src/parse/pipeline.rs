//! Pipelines: what stands between the delimiters of an action, or in parentheses.

use crate::error::Class;
use crate::function::Function;
use crate::lex::{Kind, Token};
use crate::literal;
use crate::parse::{Parsed, Parser, failure};
use crate::text::Text;
use crate::tree::{Operand, Pipeline, Term};

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipeline> {
        self.enter()?;
        let mut pipeline = Pipeline {
            offset: self.peek_over_space().start,
            variables: Vec::new(),
            assigns: false,
            commands: Vec::new(),
        };
        self.declarations(&mut pipeline, context)?;
        loop {
            let token = self.peek_over_space();
            match token.kind {
                kind if kind == end => {
                    self.advance();
                    self.check(&pipeline, context)?;
                    self.depth -= 1;
                    return Ok(pipeline);
                }
                kind if starts_operand(kind) => {
                    let command = self.command()?;
                    pipeline.commands.push(command);
                }
                _ => {
                    self.advance();
                    return Err(self.unexpected(token, context));
                }
            }
        }
    }

    fn declarations(&mut self, pipeline: &mut Pipeline, context: &str) -> Parsed<()> {
        loop {
            let start = self.next;
            let variable = self.peek_over_space();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            self.advance();
            let name: Box<str> = self.text(variable).into();
            let token = self.next_over_space();
            let is_comma = token.kind == Kind::Char && self.text(token) == ",";
            match token.kind {
                Kind::Assign | Kind::Declare => {
                    pipeline.assigns = token.kind == Kind::Assign;
                    pipeline.variables.push(name.clone());
                    self.variables.push(name);
                    return Ok(());
                }
                _ if is_comma => {
                    pipeline.variables.push(name.clone());
                    self.variables.push(name);
                    if context != "range" || pipeline.variables.len() >= 2 {
                        let message = format!("too many declarations in {context}");
                        return Err(self.syntax(&message));
                    }
                    match self.peek_over_space().kind {
                        Kind::Variable | Kind::Close | Kind::RightParen => {}
                        _ => return Err(self.syntax("range can only initialize variables")),
                    }
                }
                _ => {
                    self.next = start;
                    return Ok(());
                }
            }
        }
    }

    /// Only the first command may be a plain value.
    fn check(&self, pipeline: &Pipeline, context: &str) -> Parsed<()> {
        if pipeline.commands.is_empty() {
            return Err(self.syntax(&format!("missing value for {context}")));
        }
        for (i, command) in pipeline.commands.iter().enumerate().skip(1) {
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

    fn command(&mut self) -> Parsed<Vec<Operand>> {
        let mut operands = Vec::new();
        loop {
            self.peek_over_space();
            if let Some(operand) = self.operand()? {
                operands.push(operand);
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
        Ok(operands)
    }

    /// A term and the fields that follow it.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(mut operand) = self.term()? else {
            return Ok(None);
        };
        let offset = self.peek().start;
        let mut fields: Vec<Text> = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(self.field(self.peek()));
            self.advance();
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        match &mut operand.term {
            Term::Field(path) | Term::Variable(_, path) => path.append(&mut fields),
            Term::Function(_) | Term::Pipeline(_) | Term::Chain(..) => {
                let term = Term::Chain(Box::new(operand), fields);
                return Ok(Some(Operand { offset, term }));
            }
            _ => {
                let term = &self.source[operand.offset..offset];
                return Err(self.syntax(&format!("unexpected . after term {term:?}")));
            }
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
                    let class = Class::UnknownFunction(text.to_owned());
                    return Err(failure(token.start, class));
                }
            },
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => {
                if !self.variables.iter().any(|name| **name == *text) {
                    return Err(self.syntax(&format!("undefined variable {text:?}")));
                }
                Term::Variable(text.into(), Vec::new())
            }
            Kind::Field => Term::Field(vec![self.field(token)]),
            Kind::Bool => Term::Bool(text == "true"),
            Kind::Number => match literal::number(text) {
                Ok(number) => Term::Number(number),
                Err(message) => return Err(self.syntax(&message)),
            },
            Kind::CharConstant | Kind::Complex => {
                let number = match token.kind {
                    Kind::Complex => literal::complex_number(text),
                    _ => literal::char_constant(text),
                };
                match number {
                    Some(number) => Term::Number(number),
                    None => return Err(self.syntax(&format!("illegal number syntax: {text:?}"))),
                }
            }
            Kind::String | Kind::RawString => Term::String(self.unquoted(token)?.into()),
            Kind::LeftParen => {
                self.advance();
                let pipeline = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                let term = Term::Pipeline(Box::new(pipeline));
                return Ok(Some(Operand {
                    offset: token.start,
                    term,
                }));
            }
            _ => return Ok(None),
        };
        self.advance();
        Ok(Some(Operand {
            offset: token.start,
            term,
        }))
    }

    fn field(&self, token: Token) -> Text {
        self.text(token).as_bytes()[1..].into()
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
