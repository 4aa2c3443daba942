//! Variables in scope; the innermost of a name is found at once, however many there are.

use crate::budget::Budget;
use crate::error::Fault;

/// The number of a variable's name.
pub(crate) type Name = u32;

/// `$`, which every template has.
pub(crate) const ROOT: Name = 0;

/// The variables in scope, the innermost last.
pub(crate) struct Scope<T> {
    variables: Vec<Variable<T>>,
    /// By name, the place of its innermost variable.
    innermost: Vec<Option<usize>>,
    /// The variables before belong to the templates that called this one.
    start: usize,
}

struct Variable<T> {
    name: Name,
    /// The place of the variable that this one hides.
    hidden: Option<usize>,
    value: T,
}

impl<T> Scope<T> {
    pub(crate) fn new() -> Self {
        Self {
            variables: Vec::new(),
            innermost: Vec::new(),
            start: 0,
        }
    }

    pub(crate) fn declare(
        &mut self,
        budget: &mut Budget,
        name: Name,
        value: T,
    ) -> Result<(), Fault> {
        let index = name as usize;
        while self.innermost.len() <= index {
            budget.push(&mut self.innermost, None)?;
        }
        let place = self.variables.len();
        let hidden = self.innermost[index].replace(place);
        let variable = Variable {
            name,
            hidden,
            value,
        };
        budget.push(&mut self.variables, variable)
    }

    pub(crate) fn find(&self, name: Name) -> Option<&T> {
        let place = self.place(name)?;
        self.variables.get(place).map(|variable| &variable.value)
    }

    pub(crate) fn find_mut(&mut self, name: Name) -> Option<&mut T> {
        let place = self.place(name)?;
        let variable = self.variables.get_mut(place);
        variable.map(|variable| &mut variable.value)
    }

    /// The variable declared last, or so many before it.
    pub(crate) fn last_mut(&mut self, before: usize) -> Option<&mut T> {
        let variable = self.variables.iter_mut().rev().nth(before);
        variable.map(|variable| &mut variable.value)
    }

    /// Where the scope ends at the moment.
    pub(crate) fn mark(&self) -> usize {
        self.variables.len()
    }

    /// Forgets what was declared since.
    pub(crate) fn close(&mut self, mark: usize) {
        while self.variables.len() > mark {
            if let Some(last) = self.variables.pop() {
                self.innermost[last.name as usize] = last.hidden;
            }
        }
    }

    /// Begins a scope that sees none of the variables so far; gives what [`Scope::leave`] wants.
    pub(crate) fn enter(&mut self) -> usize {
        std::mem::replace(&mut self.start, self.variables.len())
    }

    /// Ends the scope that was begun last.
    pub(crate) fn leave(&mut self, outer: usize) {
        self.close(self.start);
        self.start = outer;
    }

    fn place(&self, name: Name) -> Option<usize> {
        let place = self.innermost.get(name as usize).copied().flatten();
        place.filter(|place| *place >= self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;

    #[test]
    fn finds_the_innermost_until_its_scope_is_closed() {
        let mut budget = Budget::new(&Limits::default());
        let mut scope = Scope::new();
        scope.declare(&mut budget, ROOT, 'a').unwrap();
        scope.declare(&mut budget, 7, 'b').unwrap();
        let mark = scope.mark();
        scope.declare(&mut budget, 7, 'c').unwrap();
        scope.declare(&mut budget, 7, 'd').unwrap();
        assert_eq!(scope.find(7), Some(&'d'));
        scope.close(mark);
        assert_eq!(scope.find(7), Some(&'b'));
        assert_eq!(scope.find(3), None);
    }

    #[test]
    fn a_template_sees_no_variables_of_its_caller() {
        let mut budget = Budget::new(&Limits::default());
        let mut scope = Scope::new();
        scope.declare(&mut budget, 1, 'a').unwrap();
        let outer = scope.enter();
        assert_eq!(scope.find(1), None);
        scope.declare(&mut budget, 1, 'b').unwrap();
        assert_eq!(scope.find(1), Some(&'b'));
        scope.leave(outer);
        assert_eq!(scope.find(1), Some(&'a'));
    }
}
