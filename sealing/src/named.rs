//! Names of items in a message. Whoever writes a SealedSecret chooses them.

use std::fmt::{self, Write};

/// So many are named.
const NAMED: usize = 20;
/// A name that is longer is none that Kubernetes has.
const NAME: usize = 253;

/// The first of some names, and how many more there are.
#[derive(Default)]
pub(crate) struct Named<'a> {
    first: Vec<&'a str>,
    more: usize,
}

impl<'a> Named<'a> {
    pub(crate) fn add(&mut self, name: &'a str) {
        match self.first.len() < NAMED {
            true => self.first.push(name),
            false => self.more += 1,
        }
    }
}

impl<'a> FromIterator<&'a str> for Named<'a> {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        let mut named = Self::default();
        names.into_iter().for_each(|name| named.add(name));
        named
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.first.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            write_name(f, name)?;
        }
        match self.more {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// A name on one line.
fn write_name(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    let shown = &name[..name.floor_char_boundary(NAME)];
    for char in shown.chars() {
        match char.is_control() {
            true => write!(f, "{}", char.escape_default())?,
            false => f.write_char(char)?,
        }
    }
    f.write_str(if shown.len() < name.len() { "…" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_and_counts_the_rest() {
        let names: Vec<String> = (0..23).map(|index| format!("item{index:02}")).collect();
        let named: Named<'_> = names.iter().map(String::as_str).collect();
        let text = named.to_string();
        assert!(text.starts_with("item00, item01, "), "{text}");
        assert!(text.ends_with(", item19 and 3 more"), "{text}");
    }

    #[test]
    fn keeps_a_name_on_its_line_and_no_longer_than_a_name_can_be() {
        let long = "x".repeat(1000);
        let named: Named<'_> = ["a\nb\u{1b}", &long].into_iter().collect();
        let text = named.to_string();
        assert_eq!(text, format!("a\\nb\\u{{1b}}, {}…", "x".repeat(253)));
    }
}
