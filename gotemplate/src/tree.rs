//! A parsed template.

use std::collections::HashMap;

use crate::function::Function;
use crate::scope::Name;
use crate::text::Text;

/// Nodes that follow one another.
pub(crate) type Nodes = Box<[Node]>;

/// Every template of one source by name.
pub(crate) type Trees = HashMap<Box<[u8]>, Nodes>;

/// A piece of a template.
pub(crate) enum Node {
    /// The text of the source between two places.
    Text(usize, usize),
    Action(Pipeline),
    /// `if`, with its chain of `else if`.
    If(Branches),
    /// `with`, with its chain of `else with`.
    With(Branches),
    Range(Box<Range>),
    Template(Box<Call>),
    Break,
    Continue,
}

/// The first branch whose pipeline is true is taken.
pub(crate) struct Branches {
    pub(crate) branches: Box<[(Pipeline, Nodes)]>,
    pub(crate) otherwise: Nodes,
}

/// A loop.
pub(crate) struct Range {
    pub(crate) pipeline: Pipeline,
    pub(crate) body: Nodes,
    pub(crate) otherwise: Nodes,
}

/// Another template in its place.
pub(crate) struct Call {
    pub(crate) offset: usize,
    pub(crate) name: Box<[u8]>,
    pub(crate) pipeline: Option<Pipeline>,
}

/// Commands, each of which receives the value of the one before.
pub(crate) struct Pipeline {
    pub(crate) offset: usize,
    /// The variables that take the value.
    pub(crate) variables: Box<[Name]>,
    /// Whether they are assigned, not declared.
    pub(crate) assigns: bool,
    pub(crate) commands: Box<[Command]>,
}

/// Words that follow one another.
pub(crate) type Command = Box<[Operand]>;

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
    Number(Box<Number>),
    String(Text),
    Field(Box<[Text]>),
    Variable(Name, Box<[Text]>),
    Function(&'static Function),
    Chain(Box<Chain>),
    Pipeline(Box<Pipeline>),
}

/// Fields of what stands before them.
pub(crate) struct Chain {
    pub(crate) receiver: Operand,
    pub(crate) path: Box<[Text]>,
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
