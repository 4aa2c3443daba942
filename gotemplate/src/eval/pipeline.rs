//! Pipelines, commands and calls → values.

use crate::error::{Class, Failure, Fault};
use crate::eval::{Evaluated, State, failure};
use crate::explain::word;
use crate::function::{Arguments, Function, Parameter};
use crate::functions::{AND, CALL, OR};
use crate::methods;
use crate::text::Text;
use crate::tree::{Number, Operand, Pipeline, Term};
use crate::value::{Map, Value};

impl<'a> State<'a, '_, '_> {
    pub(super) fn pipeline(&mut self, dot: &Value, pipeline: &'a Pipeline) -> Evaluated<Value> {
        self.spend(pipeline.offset, 1)?;
        self.depth += 1;
        self.context
            .budget
            .check_depth(self.depth)
            .map_err(|fault| fault.at(pipeline.offset))?;
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
            self.spend(pipeline.offset, 1)?;
            if pipeline.assigns {
                self.assign(*name, value.clone(), pipeline.offset)?;
            } else {
                self.declare(*name, value.clone(), pipeline.offset)?;
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
        self.spend(first.offset, 1)?;
        let has_arguments = !arguments.is_empty() || last.is_some();
        match &first.term {
            Term::Function(function) => self.call(dot, first.offset, function, arguments, last),
            Term::Field(path) => {
                let path = (dot.clone(), &**path);
                self.fields(dot, first.offset, path, arguments, last)
            }
            Term::Chain(chain) => {
                let receiver = self.untyped(dot, &chain.receiver)?;
                let path = (receiver, &*chain.path);
                self.fields(dot, first.offset, path, arguments, last)
            }
            Term::Variable(name, path) if !path.is_empty() => {
                let path = (self.variable(*name, first.offset)?, &**path);
                self.fields(dot, first.offset, path, arguments, last)
            }
            _ if has_arguments => Err(self.wrong(first.offset, |source| {
                let word = word(source, first.offset);
                format!("can't give argument to non-function {word}")
            })),
            Term::Nil => Err(self.wrong(first.offset, |_| "nil is not a command".into())),
            _ => self.untyped(dot, first),
        }
    }

    /// The value of a word whatever its type.
    fn untyped(&mut self, dot: &Value, operand: &'a Operand) -> Evaluated<Value> {
        let offset = operand.offset;
        self.spend(offset, 1)?;
        match &operand.term {
            Term::Dot => Ok(dot.clone()),
            Term::Nil => Ok(Value::Nil),
            Term::Bool(value) => Ok(Value::Bool(*value)),
            Term::Number(number) => match ideal(number) {
                Some(value) => Ok(value),
                None => Err(self.wrong(offset, |source| {
                    format!("{} overflows int", word(source, offset))
                })),
            },
            Term::String(text) => Ok(Value::String(text.clone())),
            Term::Variable(name, path) => {
                let receiver = self.variable(*name, offset)?;
                self.fields(dot, offset, (receiver, path), &[], None)
            }
            Term::Field(path) => self.fields(dot, offset, (dot.clone(), path), &[], None),
            Term::Chain(chain) => {
                if matches!(chain.receiver.term, Term::Nil) {
                    return Err(self.wrong(offset, |source| {
                        format!(
                            "indirection through explicit nil in {}",
                            word(source, offset)
                        )
                    }));
                }
                let receiver = self.untyped(dot, &chain.receiver)?;
                self.fields(dot, offset, (receiver, &chain.path), &[], None)
            }
            Term::Function(function) => self.call(dot, offset, function, &[], None),
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
        self.spend(offset, 1 + name.len() as u64 / 32)?;
        let has_arguments = !arguments.is_empty() || last.is_some();
        match receiver {
            Value::Missing => Ok(Value::Missing),
            Value::Map(_) | Value::Strings(_) if has_arguments => Err(self.wrong(offset, |_| {
                let name = String::from_utf8_lossy(name);
                format!("{name} is not a method but has arguments")
            })),
            Value::Map(map) => Ok(map.get(name).unwrap_or(Value::Missing)),
            Value::Strings(map) => Ok(map
                .get(name)
                .map_or(Value::Missing, |text| Value::String(text.clone()))),
            receiver => match methods::find(receiver, name) {
                Some(method) => {
                    let values = vec![receiver.clone()];
                    let values = self.arguments((dot, offset), method, values, arguments, last)?;
                    self.run(offset, method, &values)
                }
                None => Err(self.wrong(offset, |_| {
                    let name = String::from_utf8_lossy(name);
                    format!(
                        "can't evaluate field {name} in type {}",
                        receiver.type_name()
                    )
                })),
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
        if function.name == AND || function.name == OR {
            return self.short_circuit(dot, offset, function, words, last);
        }
        let values = self.arguments((dot, offset), function, Vec::new(), words, last)?;
        if function.name == CALL {
            // There are no values that could be called.
            let type_name = values.first().map_or("<nil>", Value::type_name);
            self.wrong(offset, |source| {
                let word = words.first().map(|first| word(source, first.offset));
                let word = word.unwrap_or_default();
                format!("non-function {word} of type {type_name}")
            });
            return Err(failure(offset, Class::Function(CALL)));
        }
        self.run(offset, function, &values)
    }

    /// Runs a function. Whatever it does with its texts, it pays for looking at them once; and of longer
    /// ones nothing would come that fits an output.
    fn run(
        &mut self,
        offset: usize,
        function: &'static Function,
        values: &[Value],
    ) -> Evaluated<Value> {
        let bytes = values.iter().fold(0, |bytes, value| match value {
            Value::String(text) => bytes + text.len() as u64,
            Value::Version(version) => bytes + version.original.len() as u64,
            _ => bytes,
        });
        let spent = self.context.budget.spend_at_once(1 + bytes / 16);
        spent.map_err(|fault| fault.at(offset))?;
        self.context.forget_message();
        (function.run)(self.context, Arguments(values)).map_err(|fault| match fault {
            Fault::Failed => failure(offset, Class::Function(function.name)),
            fault => fault.at(offset),
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
            return Err(self.wrong_count(offset, function, 0));
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
            return Err(self.wrong_count(offset, function, count));
        }
        values.reserve(count);
        for word in words {
            let parameter = function.parameter(values.len());
            values.push(self.argument(dot, parameter, word)?);
        }
        if let Some(last) = last {
            let parameter = function.parameter(values.len());
            values.push(self.fitting(last, parameter, offset)?);
        }
        Ok(values)
    }

    fn argument(
        &mut self,
        dot: &Value,
        parameter: Parameter,
        operand: &'a Operand,
    ) -> Evaluated<Value> {
        let constant = match (&operand.term, parameter) {
            (Term::Nil, Parameter::Value) => Some(Value::Missing),
            (Term::Nil, Parameter::Any) => Some(Value::Nil),
            (Term::Nil, Parameter::Map) => Some(Value::Map(Map(None))),
            (Term::Nil, _) => None,
            (Term::Number(number), Parameter::Int) => number.int.map(Value::Int),
            (Term::Number(number), Parameter::Duration) => number.int.map(Value::Duration),
            (Term::Number(number), Parameter::Float) => number.float.map(Value::Float),
            (Term::Number(_) | Term::Bool(_) | Term::String(_), _) => {
                fit(self.untyped(dot, operand)?, parameter)
            }
            _ => {
                let value = self.untyped(dot, operand)?;
                return self.fitting(value, parameter, operand.offset);
            }
        };
        self.spend(operand.offset, 1)?;
        constant.ok_or_else(|| self.unexpected(operand, parameter))
    }

    /// A constant where another was expected.
    fn unexpected(&mut self, operand: &Operand, parameter: Parameter) -> Failure {
        let offset = operand.offset;
        let wanted = match parameter {
            Parameter::Int | Parameter::Duration => "integer",
            Parameter::Float => "float",
            parameter => parameter.type_name(),
        };
        self.wrong(offset, |source| match operand.term {
            Term::Nil => format!("cannot assign nil to {}", parameter.type_name()),
            _ => format!("expected {wanted}; found {}", word(source, offset)),
        })
    }

    /// The value as an argument of this type.
    fn fitting(&mut self, value: Value, parameter: Parameter, offset: usize) -> Evaluated<Value> {
        let type_name = value.type_name();
        let is_missing = value.is_nil();
        fit(value, parameter).ok_or_else(|| {
            self.wrong(offset, |_| {
                let wanted = parameter.type_name();
                if is_missing {
                    format!("invalid value; expected {wanted}")
                } else {
                    format!("wrong type for value; expected {wanted}; got {type_name}")
                }
            })
        })
    }

    fn wrong_count(&mut self, offset: usize, function: &'static Function, count: usize) -> Failure {
        self.context.failed(|| {
            let least = if function.is_variadic() {
                "at least "
            } else {
                ""
            };
            let (name, wanted) = (function.name, function.fixed());
            format!("wrong number of args for {name}: want {least}{wanted} got {count}")
        });
        failure(offset, Class::Arguments(function.name))
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
