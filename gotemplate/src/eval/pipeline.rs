//! Pipelines, commands and calls → values.

use crate::error::{Class, Fault};
use crate::eval::{Evaluated, State, at, failure};
use crate::function::{Arguments, Function, Parameter};
use crate::functions::{AND, CALL, OR};
use crate::methods;
use crate::text::Text;
use crate::tree::{Number, Operand, Pipeline, Term};
use crate::value::{Map, Value};

impl<'a> State<'a, '_> {
    pub(super) fn pipeline(&mut self, dot: &Value, pipeline: &'a Pipeline) -> Evaluated<Value> {
        self.spend(pipeline.offset, 1)?;
        self.depth += 1;
        self.context
            .budget
            .check_depth(self.depth)
            .map_err(|fault| at(pipeline.offset, fault))?;
        let mut last = None;
        for command in &pipeline.commands {
            let value = self.command(dot, command, last)?;
            // A pipeline looks into interfaces: a nil one holds no value.
            last = Some(match value {
                Value::Nil => Value::Missing,
                value => value,
            });
        }
        self.depth -= 1;
        let value = last.unwrap_or(Value::Missing);
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.assign(name, value.clone(), pipeline.offset)?;
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    /// A command; the value of the one before it is its last argument.
    fn command(
        &mut self,
        dot: &Value,
        words: &'a [Operand],
        last: Option<Value>,
    ) -> Evaluated<Value> {
        let Some((first, arguments)) = words.split_first() else {
            return Ok(Value::Missing);
        };
        let has_arguments = !arguments.is_empty() || last.is_some();
        match &first.term {
            Term::Function(function) => self.call(dot, first.offset, function, arguments, last),
            Term::Field(path) => {
                let path = (dot.clone(), path.as_slice());
                self.fields(dot, first.offset, path, arguments, last)
            }
            Term::Chain(inner, path) => {
                let receiver = self.untyped(dot, inner)?;
                self.fields(dot, first.offset, (receiver, path), arguments, last)
            }
            Term::Variable(name, path) if !path.is_empty() => {
                let receiver = self.variable(name, first.offset)?;
                self.fields(dot, first.offset, (receiver, path), arguments, last)
            }
            _ if has_arguments => Err(failure(first.offset, Class::Type)),
            Term::Nil => Err(failure(first.offset, Class::Type)),
            _ => self.untyped(dot, first),
        }
    }

    /// The value of a word whatever its type.
    fn untyped(&mut self, dot: &Value, word: &'a Operand) -> Evaluated<Value> {
        match &word.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Value::Nil),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Number(number) => ideal(number).ok_or_else(|| failure(word.offset, Class::Type)),
            Term::String(text) => Ok(Value::String(text.clone())),
            Term::Variable(name, path) if path.is_empty() => self.variable(name, word.offset),
            Term::Variable(name, path) => {
                let receiver = self.variable(name, word.offset)?;
                self.fields(dot, word.offset, (receiver, path), &[], None)
            }
            Term::Field(path) => self.fields(dot, word.offset, (dot.clone(), path), &[], None),
            Term::Chain(inner, path) => {
                if matches!(inner.term, Term::Nil) {
                    return Err(failure(word.offset, Class::Type));
                }
                let receiver = self.untyped(dot, inner)?;
                self.fields(dot, word.offset, (receiver, path), &[], None)
            }
            Term::Function(function) => self.call(dot, word.offset, function, &[], None),
            Term::Pipeline(pipeline) => self.pipeline(dot, pipeline),
        }
    }

    fn fields(
        &mut self,
        dot: &Value,
        offset: usize,
        (mut receiver, path): (Value, &'a [Text]),
        arguments: &'a [Operand],
        last: Option<Value>,
    ) -> Evaluated<Value> {
        let Some((name, before)) = path.split_last() else {
            return Ok(receiver);
        };
        for name in before {
            receiver = self.field(dot, offset, &receiver, name, &[], None)?;
        }
        self.field(dot, offset, &receiver, name, arguments, last)
    }

    /// A key of a map, or a method.
    fn field(
        &mut self,
        dot: &Value,
        offset: usize,
        receiver: &Value,
        name: &Text,
        arguments: &'a [Operand],
        last: Option<Value>,
    ) -> Evaluated<Value> {
        let has_arguments = !arguments.is_empty() || last.is_some();
        match receiver {
            Value::Missing => Ok(Value::Missing),
            Value::Map(_) | Value::Strings(_) if has_arguments => Err(failure(offset, Class::Type)),
            Value::Map(map) => Ok(map.get(name).unwrap_or(Value::Missing)),
            Value::Strings(map) => Ok(map
                .get(name)
                .map_or(Value::Missing, |text| Value::String(text.clone()))),
            receiver => match methods::find(receiver, name) {
                Some(method) => {
                    let receiver = vec![receiver.clone()];
                    let values =
                        self.arguments((dot, offset), method, receiver, arguments, last)?;
                    self.run(offset, method, &values)
                }
                None => Err(failure(offset, Class::Type)),
            },
        }
    }

    fn call(
        &mut self,
        dot: &Value,
        offset: usize,
        function: &'static Function,
        words: &'a [Operand],
        last: Option<Value>,
    ) -> Evaluated<Value> {
        self.spend(offset, 1)?;
        if function.name == AND || function.name == OR {
            return self.short_circuit(dot, offset, function, words, last);
        }
        let values = self.arguments((dot, offset), function, Vec::new(), words, last)?;
        if function.name == CALL {
            // There are no values that could be called.
            return Err(failure(offset, Class::Function(CALL)));
        }
        self.run(offset, function, &values)
    }

    fn run(
        &mut self,
        offset: usize,
        function: &'static Function,
        values: &[Value],
    ) -> Evaluated<Value> {
        (function.run)(&mut self.context, Arguments(values)).map_err(|fault| match fault {
            Fault::Failed => failure(offset, Class::Function(function.name)),
            fault => at(offset, fault),
        })
    }

    /// `and` and `or` evaluate no more than they need.
    fn short_circuit(
        &mut self,
        dot: &Value,
        offset: usize,
        function: &'static Function,
        words: &'a [Operand],
        last: Option<Value>,
    ) -> Evaluated<Value> {
        if words.is_empty() && last.is_none() {
            return Err(failure(offset, Class::Arguments(function.name)));
        }
        let mut value = Value::Missing;
        for word in words {
            value = self.argument(dot, Parameter::Value, word)?;
            if value.is_true() == (function.name == OR) {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// The arguments of a call, after those that are there already.
    fn arguments(
        &mut self,
        (dot, offset): (&Value, usize),
        function: &'static Function,
        mut values: Vec<Value>,
        words: &'a [Operand],
        last: Option<Value>,
    ) -> Evaluated<Vec<Value>> {
        let count = values.len() + words.len() + usize::from(last.is_some());
        let fixed = function.fixed();
        if count < fixed || (count > fixed && !function.is_variadic()) {
            return Err(failure(offset, Class::Arguments(function.name)));
        }
        values.reserve(count);
        for word in words {
            let parameter = function.parameter(values.len());
            values.push(self.argument(dot, parameter, word)?);
        }
        if let Some(last) = last {
            let parameter = function.parameter(values.len());
            values.push(fit(last, parameter).ok_or_else(|| failure(offset, Class::Type))?);
        }
        Ok(values)
    }

    fn argument(
        &mut self,
        dot: &Value,
        parameter: Parameter,
        word: &'a Operand,
    ) -> Evaluated<Value> {
        let wrong_type = || failure(word.offset, Class::Type);
        match (&word.term, parameter) {
            (Term::Nil, Parameter::Value) => Ok(Value::Missing),
            (Term::Nil, Parameter::Any) => Ok(Value::Nil),
            (Term::Nil, Parameter::Map) => Ok(Value::Map(Map(None))),
            (Term::Nil, _) => Err(wrong_type()),
            (Term::Number(number), Parameter::Int) => {
                number.int.map(Value::Int).ok_or_else(wrong_type)
            }
            (Term::Number(number), Parameter::Duration) => {
                number.int.map(Value::Duration).ok_or_else(wrong_type)
            }
            (Term::Number(number), Parameter::Float) => {
                number.float.map(Value::Float).ok_or_else(wrong_type)
            }
            _ => {
                let value = self.untyped(dot, word)?;
                fit(value, parameter).ok_or_else(wrong_type)
            }
        }
    }
}

/// The value as an argument of this type, if it is one.
fn fit(value: Value, parameter: Parameter) -> Option<Value> {
    match (parameter, &value) {
        (Parameter::Value, _)
        | (Parameter::String, Value::String(_))
        | (Parameter::Int, Value::Int(_))
        | (Parameter::Float, Value::Float(_))
        | (Parameter::Bool, Value::Bool(_))
        | (Parameter::Map, Value::Map(_))
        | (Parameter::Time, Value::Time(_))
        | (Parameter::Duration, Value::Duration(_))
        | (Parameter::Version, Value::Version(_)) => Some(value),
        (Parameter::Any, _) => Some(value.or_nil()),
        (Parameter::Map, Value::Missing) => Some(Value::Map(Map(None))),
        _ => None,
    }
}

/// The value of a number where any type will do.
fn ideal(number: &Number) -> Option<Value> {
    if let Some((real, imaginary)) = number.complex {
        return Some(Value::Complex(real, imaginary));
    }
    match number.float {
        Some(float) if number.is_written_as_float => Some(Value::Float(float)),
        _ => number.int.map(Value::Int),
    }
}
