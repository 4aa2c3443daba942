//! Texts in order: each comparison is paid for, so that a sort ends where the budget does.

use std::cmp::Ordering;

use crate::budget::Budget;
use crate::error::Fault;
use crate::text::Text;

/// Sorts texts, by merging ever longer runs.
pub(super) fn sorted(budget: &mut Budget, mut texts: Vec<Text>) -> Result<Vec<Text>, Fault> {
    budget.allocate(texts.len().saturating_mul(size_of::<Text>()))?;
    let mut length = 1;
    while length < texts.len() {
        let mut merged = Vec::with_capacity(texts.len());
        for pair in texts.chunks(2 * length) {
            let (left, right) = pair.split_at(length.min(pair.len()));
            merge(budget, left, right, &mut merged)?;
        }
        texts = merged;
        length *= 2;
    }
    Ok(texts)
}

fn merge(
    budget: &mut Budget,
    mut left: &[Text],
    mut right: &[Text],
    merged: &mut Vec<Text>,
) -> Result<(), Fault> {
    while let ([a, rest_of_left @ ..], [b, rest_of_right @ ..]) = (left, right) {
        budget.spend(1 + a.len().min(b.len()) as u64 / 64)?;
        if a.cmp(b) == Ordering::Greater {
            merged.push(b.clone());
            right = rest_of_right;
        } else {
            merged.push(a.clone());
            left = rest_of_left;
        }
    }
    budget.spend(1 + (left.len() + right.len()) as u64 / 4)?;
    merged.extend(left.iter().chain(right).cloned());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Limits;
    use crate::error::Resource;

    #[test]
    fn sorts_as_the_standard_library_does() {
        let mut budget = Budget::new(&Limits::default());
        let mut number = 7u32;
        for count in [0, 1, 2, 3, 7, 8, 9, 100, 1000] {
            let texts: Vec<Text> = (0..count)
                .map(|_| {
                    number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    Text::from(format!("{}", number % 500).into_bytes())
                })
                .collect();
            let mut expected = texts.clone();
            expected.sort();
            assert!(sorted(&mut budget, texts) == Ok(expected), "{count}");
        }
    }

    #[test]
    fn pays_for_what_it_compares() {
        let limits = Limits {
            steps: 100_000,
            ..Limits::default()
        };
        let long = Text::from(vec![b'a'; 100_000]);
        let sorted = sorted(&mut Budget::new(&limits), vec![long; 1000]);
        assert_eq!(sorted.err(), Some(Fault::Budget(Resource::Steps)));
    }
}
