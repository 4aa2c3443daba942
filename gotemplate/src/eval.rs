//! Trees and data → output. Every node, word and field that is looked at is paid for.

mod pipeline;

use crate::buffer::Output;
use crate::context::Context;
use crate::error::{Class, Failure, Fault, Resource};
use crate::explain::word;
use crate::fmt;
use crate::scope::{Name, ROOT, Scope};
use crate::tree::{Branches, Call, Node, Nodes, Range, Trees};
use crate::value::Value;

/// What to render.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
    pub(crate) trees: &'a Trees,
}

/// A failure, and the name of the template in which it happened.
pub(crate) struct Failed<'a> {
    pub(crate) failure: Failure,
    pub(crate) template: &'a [u8],
}

/// Renders the tree that has the name of the source.
pub(crate) fn render<'a>(
    source: Source<'a>,
    dot: Value,
    context: &mut Context,
) -> Result<Vec<u8>, Failed<'a>> {
    let nesting = context.budget.nesting;
    let output = Output::new(context.budget.output_bytes);
    let mut state = State {
        source,
        template: source.name.as_bytes(),
        context,
        output,
        variables: Scope::new(),
        depth: 0,
        nesting,
    };
    if let Err(failure) = state.root(&dot) {
        let template = state.template;
        return Err(Failed { failure, template });
    }
    let output = state.output.into_bytes();
    // Templates that share a budget share what they may put out.
    let left = &mut context.budget.output_bytes;
    *left = left.saturating_sub(output.len());
    Ok(output)
}

struct State<'a, 'b, 'c> {
    source: Source<'a>,
    /// The name of the template at hand.
    template: &'a [u8],
    context: &'c mut Context<'b>,
    output: Output,
    variables: Scope<Value>,
    depth: usize,
    nesting: usize,
}

type Evaluated<T> = Result<T, Failure>;

/// What a node says about those after it.
#[derive(PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'a> State<'a, '_, '_> {
    fn root(&mut self, dot: &Value) -> Evaluated<()> {
        self.declare(ROOT, dot.clone(), 0)?;
        if let Some(nodes) = self.source.trees.get(self.template) {
            self.nodes(dot, nodes)?;
        }
        Ok(())
    }

    fn nodes(&mut self, dot: &Value, nodes: &'a Nodes) -> Evaluated<Flow> {
        self.depth += 1;
        for node in nodes {
            let flow = self.node(dot, node)?;
            if flow != Flow::Next {
                self.depth -= 1;
                return Ok(flow);
            }
        }
        self.depth -= 1;
        Ok(Flow::Next)
    }

    fn node(&mut self, dot: &Value, node: &'a Node) -> Evaluated<Flow> {
        match node {
            Node::Text(start, end) => {
                let text = &self.source.text.as_bytes()[*start..*end];
                let written = self.output.write(self.context.budget, text);
                written.map_err(|fault| fault.at(0))?;
            }
            Node::Action(pipeline) => {
                let value = self.pipeline(dot, pipeline)?;
                if pipeline.variables.is_empty() {
                    self.print(&value, pipeline.offset)?;
                }
            }
            Node::If(branches) => return self.branches(dot, branches, false),
            Node::With(branches) => return self.branches(dot, branches, true),
            Node::Range(range) => return self.range(dot, range),
            Node::Template(call) => self.template(dot, call)?,
            // The loop that they belong to pays for its rounds.
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: &Value, offset: usize) -> Evaluated<()> {
        let budget = &mut *self.context.budget;
        let printed = match value {
            Value::String(text) => self.output.write(budget, text),
            Value::Missing | Value::Nil => self.output.write(budget, b"<no value>"),
            value => fmt::plain(budget, value).and_then(|text| self.output.write(budget, &text)),
        };
        printed.map_err(|fault| fault.at(offset))
    }

    fn branches(
        &mut self,
        dot: &Value,
        branches: &'a Branches,
        moves_dot: bool,
    ) -> Evaluated<Flow> {
        let mark = self.variables.mark();
        for (pipeline, body) in &branches.branches {
            let value = self.pipeline(dot, pipeline)?;
            if value.is_true() {
                let dot = if moves_dot { &value } else { dot };
                let flow = self.nodes(dot, body);
                self.variables.close(mark);
                return flow;
            }
        }
        let flow = self.nodes(dot, &branches.otherwise);
        self.variables.close(mark);
        flow
    }

    fn range(&mut self, dot: &Value, range: &'a Range) -> Evaluated<Flow> {
        let mark = self.variables.mark();
        let value = self.pipeline(dot, &range.pipeline)?;
        let flow = if self.rounds(range, &value)? {
            Ok(Flow::Next)
        } else {
            self.nodes(dot, &range.otherwise)
        };
        self.variables.close(mark);
        flow
    }

    /// Every round of a loop; tells whether there was one.
    fn rounds(&mut self, range: &'a Range, value: &Value) -> Evaluated<bool> {
        let offset = range.pipeline.offset;
        match value {
            Value::List(list) => {
                for index in 0..list.len() {
                    let element = list.get(index).unwrap_or(Value::Nil);
                    if self.round(range, Value::Int(index as i64), element)? == Flow::Break {
                        break;
                    }
                }
                Ok(list.len() > 0)
            }
            Value::Map(map) => {
                // The body may change the map.
                let entries = self.context.entries(map);
                for (key, element) in entries.map_err(|fault| fault.at(offset))? {
                    if self.round(range, Value::String(key), element)? == Flow::Break {
                        break;
                    }
                }
                Ok(map.len() > 0)
            }
            Value::Strings(map) => {
                for (key, element) in map.iter() {
                    let (key, element) = (key.clone(), element.clone());
                    let flow = self.round(range, Value::String(key), Value::String(element))?;
                    if flow == Flow::Break {
                        break;
                    }
                }
                Ok(!map.is_empty())
            }
            Value::Missing | Value::Nil => Ok(false),
            number => self.count(range, number),
        }
    }

    /// A loop over the integers below a number.
    fn count(&mut self, range: &'a Range, number: &Value) -> Evaluated<bool> {
        let offset = range.pipeline.offset;
        let Some(count) = number.integer() else {
            let shown = self.context.shown(number);
            let message = |_: &str| format!("range can't iterate over {}", *shown);
            return Err(self.wrong(offset, message));
        };
        if range.pipeline.variables.len() > 1 {
            return Err(self.wrong(offset, |_| {
                format!("can't use {count} to iterate over more than one variable")
            }));
        }
        for i in 0..count {
            let element = same_kind(number, i).unwrap_or(Value::Missing);
            if self.round(range, Value::Missing, element)? == Flow::Break {
                break;
            }
        }
        Ok(count > 0)
    }

    /// One round of a loop.
    fn round(&mut self, range: &'a Range, index: Value, element: Value) -> Evaluated<Flow> {
        let pipeline = &range.pipeline;
        self.spend(pipeline.offset, 1)?;
        let mark = self.variables.mark();
        match (&*pipeline.variables, pipeline.assigns) {
            ([], _) => {}
            ([one], true) => self.assign(*one, element.clone(), pipeline.offset)?,
            ([first, second, ..], true) => {
                self.assign(*first, index, pipeline.offset)?;
                self.assign(*second, element.clone(), pipeline.offset)?;
            }
            // The pipeline has just declared them, so they stand on top.
            ([_], false) => self.set_last(0, &element),
            (_, false) => {
                self.set_last(0, &element);
                self.set_last(1, &index);
            }
        }
        let flow = self.nodes(&element, &range.body)?;
        self.variables.close(mark);
        Ok(flow)
    }

    fn template(&mut self, dot: &Value, call: &'a Call) -> Evaluated<()> {
        let Some((name, nodes)) = self.source.trees.get_key_value(&call.name) else {
            let name = String::from_utf8_lossy(&call.name);
            self.context.failed(|| format!("{name:?}"));
            return Err(failure(call.offset, Class::UndefinedTemplate));
        };
        let dot = match &call.pipeline {
            Some(pipeline) => self.pipeline(dot, pipeline)?,
            None => Value::Missing,
        };
        self.spend(call.offset, 1 + name.len() as u64 / 32)?;
        let caller = std::mem::replace(&mut self.template, name);
        let outer = self.variables.enter();
        self.declare(ROOT, dot.clone(), call.offset)?;
        self.nodes(&dot, nodes)?;
        self.variables.leave(outer);
        self.template = caller;
        Ok(())
    }

    fn variable(&mut self, name: Name, offset: usize) -> Evaluated<Value> {
        match self.variables.find(name) {
            Some(value) => Ok(value.clone()),
            None => Err(self.undefined(offset)),
        }
    }

    fn declare(&mut self, name: Name, value: Value, offset: usize) -> Evaluated<()> {
        let budget = &mut *self.context.budget;
        let declared = self.variables.declare(budget, name, value);
        declared.map_err(|fault| fault.at(offset))
    }

    fn assign(&mut self, name: Name, value: Value, offset: usize) -> Evaluated<()> {
        match self.variables.find_mut(name) {
            Some(place) => *place = value,
            None => return Err(self.undefined(offset)),
        }
        Ok(())
    }

    fn set_last(&mut self, before: usize, value: &Value) {
        if let Some(place) = self.variables.last_mut(before) {
            *place = value.clone();
        }
    }

    fn undefined(&mut self, offset: usize) -> Failure {
        self.wrong(offset, |source| {
            format!("undefined variable: {}", word(source, offset))
        })
    }

    fn spend(&mut self, offset: usize, steps: u64) -> Evaluated<()> {
        if self.depth > self.nesting {
            let fault = Fault::Budget(Resource::Nesting);
            return Err(fault.at(offset));
        }
        let spent = self.context.budget.spend(steps);
        spent.map_err(|fault| fault.at(offset))
    }

    /// A value that does not suit its place; the message is for who explains it.
    fn wrong(&mut self, offset: usize, message: impl FnOnce(&str) -> String) -> Failure {
        let source = self.source.text;
        self.context.failed(|| message(source)).at(offset)
    }
}

/// A number of the same kind as another.
fn same_kind(kind: &Value, number: i128) -> Option<Value> {
    match kind {
        Value::Int(_) => i64::try_from(number).ok().map(Value::Int),
        Value::Int64(_) => i64::try_from(number).ok().map(Value::Int64),
        Value::Duration(_) => i64::try_from(number).ok().map(Value::Duration),
        Value::Uint64(_) => u64::try_from(number).ok().map(Value::Uint64),
        Value::Uint8(_) => u8::try_from(number).ok().map(Value::Uint8),
        Value::Month(_) => u8::try_from(number).ok().map(Value::Month),
        Value::Weekday(_) => u8::try_from(number).ok().map(Value::Weekday),
        _ => None,
    }
}

fn failure(offset: usize, class: Class) -> Failure {
    Failure { offset, class }
}
