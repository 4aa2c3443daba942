//! A parsed template.

use std::collections::HashMap;

use crate::function::Function;
use crate::text::Text;

/// Nodes that follow one another.
pub(crate) type Nodes = Vec<Node>;

/// Every template of one source by name.
pub(crate) type Trees = HashMap<Vec<u8>, Nodes>;

/// A piece of a template.
pub(crate) enum Node {
    Text(Box<[u8]>),
    Action(Pipeline),
    /// `if`, with its chain of `else if`.
    If(Branches),
    /// `with`, with its chain of `else with`.
    With(Branches),
    Range {
        pipeline: Pipeline,
        body: Nodes,
        otherwise: Nodes,
    },
    Template {
        offset: usize,
        name: Vec<u8>,
        pipeline: Option<Pipeline>,
    },
    Break,
    Continue,
}

/// The first branch whose pipeline is true is taken.
pub(crate) struct Branches {
    pub(crate) branches: Vec<(Pipeline, Nodes)>,
    pub(crate) otherwise: Nodes,
}

/// Commands, each of which receives the value of the one before.
pub(crate) struct Pipeline {
    pub(crate) offset: usize,
    /// The variables that take the value.
    pub(crate) variables: Vec<Box<str>>,
    /// Whether they are assigned, not declared.
    pub(crate) assigns: bool,
    pub(crate) commands: Vec<Vec<Operand>>,
}

/// A word of a command.
pub(crate) struct Operand {
    pub(crate) offset: usize,
    pub(crate) term: Term,
}

/// What a word says.
pub(crate) enum Term {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    String(Text),
    Field(Vec<Text>),
    Variable(Box<str>, Vec<Text>),
    Function(&'static Function),
    Chain(Box<Operand>, Vec<Text>),
    Pipeline(Box<Pipeline>),
}

/// A number is several at once, until its place says which.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Number {
    pub(crate) int: Option<i64>,
    pub(crate) float: Option<f64>,
    pub(crate) complex: Option<(f64, f64)>,
    /// Whether it is a float where any number will do.
    pub(crate) is_written_as_float: bool,
}
