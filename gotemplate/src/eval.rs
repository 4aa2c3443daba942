//! Trees and data → output.

mod pipeline;

use crate::budget::{Budget, Buffer};
use crate::context::Context;
use crate::environment::Environment;
use crate::error::{Class, Failure, Fault, Resource};
use crate::fmt;
use crate::tree::{Branches, Node, Nodes, Pipeline, Trees};
use crate::value::Value;

/// Renders the tree of a name.
pub(crate) fn render(
    trees: &Trees,
    root: &[u8],
    dot: Value,
    budget: &mut Budget,
    environment: &Environment,
) -> Result<Vec<u8>, Failure> {
    let nesting = budget.nesting;
    let output = Buffer::for_output(budget.output_bytes);
    let mut state = State {
        trees,
        context: Context::new(budget, environment),
        output,
        variables: vec![("$", dot.clone())],
        depth: 0,
        nesting,
    };
    if let Some(nodes) = trees.get(root) {
        state.nodes(&dot, nodes)?;
    }
    let output = std::mem::replace(&mut state.output, Buffer::for_output(0)).into_bytes();
    drop(state);
    // Templates that share a budget share what they may put out.
    budget.output_bytes = budget.output_bytes.saturating_sub(output.len());
    Ok(output)
}

struct State<'a, 'b> {
    trees: &'a Trees,
    context: Context<'b>,
    output: Buffer,
    variables: Vec<(&'a str, Value)>,
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

impl<'a> State<'a, '_> {
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
            Node::Text(text) => self.output.write(text).map_err(|fault| at(0, fault))?,
            Node::Action(pipeline) => {
                let value = self.pipeline(dot, pipeline)?;
                if pipeline.variables.is_empty() {
                    self.print(&value, pipeline.offset)?;
                }
            }
            Node::If(branches) => return self.branches(dot, branches, false),
            Node::With(branches) => return self.branches(dot, branches, true),
            Node::Range {
                pipeline,
                body,
                otherwise,
            } => return self.range(dot, pipeline, body, otherwise),
            Node::Template {
                offset,
                name,
                pipeline,
            } => self.template(dot, *offset, name, pipeline.as_ref())?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: &Value, offset: usize) -> Evaluated<()> {
        let printed = match value {
            Value::String(text) => self.output.write(text),
            Value::Missing | Value::Nil => self.output.write(b"<no value>"),
            value => fmt::print_value(self.context.budget, &mut self.output, value),
        };
        printed.map_err(|fault| at(offset, fault))
    }

    fn branches(
        &mut self,
        dot: &Value,
        branches: &'a Branches,
        moves_dot: bool,
    ) -> Evaluated<Flow> {
        let mark = self.variables.len();
        for (pipeline, body) in &branches.branches {
            let value = self.pipeline(dot, pipeline)?;
            if value.is_true() {
                let dot = if moves_dot { &value } else { dot };
                let flow = self.nodes(dot, body);
                self.variables.truncate(mark);
                return flow;
            }
        }
        let flow = self.nodes(dot, &branches.otherwise);
        self.variables.truncate(mark);
        flow
    }

    fn range(
        &mut self,
        dot: &Value,
        pipeline: &'a Pipeline,
        body: &'a Nodes,
        otherwise: &'a Nodes,
    ) -> Evaluated<Flow> {
        let mark = self.variables.len();
        let value = self.pipeline(dot, pipeline)?;
        let wrong_type = || failure(pipeline.offset, Class::Type);
        let mut is_empty = true;
        match &value {
            Value::List(list) => {
                for index in 0..list.len() {
                    is_empty = false;
                    let element = list.get(index).unwrap_or(Value::Nil);
                    let index = Value::Int(index as i64);
                    if self.iterate(pipeline, body, index, element)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                self.pay(pipeline.offset, map.len())?;
                for (key, element) in map.entries() {
                    is_empty = false;
                    let key = Value::String(key);
                    if self.iterate(pipeline, body, key, element)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Strings(map) => {
                for (key, element) in map.iter() {
                    is_empty = false;
                    let key = Value::String(key.clone());
                    let element = Value::String(element.clone());
                    if self.iterate(pipeline, body, key, element)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Missing | Value::Nil => {}
            number => {
                let count = number.integer().ok_or_else(wrong_type)?;
                if pipeline.variables.len() > 1 {
                    return Err(wrong_type());
                }
                for i in 0..count {
                    is_empty = false;
                    let element = same_kind(number, i).ok_or_else(wrong_type)?;
                    if self.iterate(pipeline, body, Value::Missing, element)? == Flow::Break {
                        break;
                    }
                }
            }
        }
        if !is_empty {
            self.variables.truncate(mark);
            return Ok(Flow::Next);
        }
        let flow = self.nodes(dot, otherwise);
        self.variables.truncate(mark);
        flow
    }

    /// One round of a loop.
    fn iterate(
        &mut self,
        pipeline: &'a Pipeline,
        body: &'a Nodes,
        index: Value,
        element: Value,
    ) -> Evaluated<Flow> {
        self.spend(pipeline.offset, 1)?;
        let mark = self.variables.len();
        match (pipeline.variables.as_slice(), pipeline.assigns) {
            ([], _) => {}
            ([one], true) => self.assign(one, element.clone(), pipeline.offset)?,
            ([first, second, ..], true) => {
                self.assign(first, index, pipeline.offset)?;
                self.assign(second, element.clone(), pipeline.offset)?;
            }
            // The pipeline has just declared them, so they stand on top.
            ([_], false) => self.variables[mark - 1].1 = element.clone(),
            (_, false) => {
                self.variables[mark - 1].1 = element.clone();
                self.variables[mark - 2].1 = index;
            }
        }
        let flow = self.nodes(&element, body)?;
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn template(
        &mut self,
        dot: &Value,
        offset: usize,
        name: &[u8],
        pipeline: Option<&'a Pipeline>,
    ) -> Evaluated<()> {
        let trees = self.trees;
        let Some(nodes) = trees.get(name) else {
            return Err(failure(offset, Class::UndefinedTemplate));
        };
        let dot = match pipeline {
            Some(pipeline) => self.pipeline(dot, pipeline)?,
            None => Value::Missing,
        };
        self.spend(offset, 1)?;
        let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        self.nodes(&dot, nodes)?;
        self.variables = outer;
        Ok(())
    }

    fn variable(&self, name: &str, offset: usize) -> Evaluated<Value> {
        let found = self.variables.iter().rev().find(|(n, _)| *n == name);
        found
            .map(|(_, value)| value.clone())
            .ok_or_else(|| failure(offset, Class::Type))
    }

    fn assign(&mut self, name: &str, value: Value, offset: usize) -> Evaluated<()> {
        let found = self.variables.iter_mut().rev().find(|(n, _)| *n == name);
        let (_, place) = found.ok_or_else(|| failure(offset, Class::Type))?;
        *place = value;
        Ok(())
    }

    fn spend(&mut self, offset: usize, steps: u64) -> Evaluated<()> {
        if self.depth > self.nesting {
            let fault = Fault::Budget(Resource::Nesting);
            return Err(at(offset, fault));
        }
        self.context
            .budget
            .spend(steps)
            .map_err(|fault| at(offset, fault))
    }

    fn pay(&mut self, offset: usize, elements: usize) -> Evaluated<()> {
        self.context
            .pay_for_elements(elements)
            .map_err(|fault| at(offset, fault))
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

fn at(offset: usize, fault: Fault) -> Failure {
    let class = match fault {
        Fault::Budget(resource) => Class::Budget(resource),
        Fault::Failed => Class::Type,
    };
    failure(offset, class)
}
