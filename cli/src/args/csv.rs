//! Lists in one flag, as Go's `encoding/csv` reads a line: `a,"b,c","d""e"`.

use std::str::FromStr;

/// The first line of such a list.
#[derive(Clone)]
pub(super) struct List(pub(super) Vec<String>);

impl FromStr for List {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        read(text).map(Self)
    }
}

fn read(text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let line = text.trim_start_matches('\n');
    if line.is_empty() {
        return Err("EOF".to_owned());
    }
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let column = line.len() - rest.len();
        let (field, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted, column + 1)?,
            None => bare_field(rest, column)?,
        };
        fields.push(field);
        match behind {
            Some(behind) => rest = behind,
            None => return Ok(fields),
        }
    }
}

/// A field and what follows its comma, if there is one.
type Field<'a> = (String, Option<&'a str>);

fn bare_field(text: &str, column: usize) -> Result<Field<'_>, String> {
    let end = text.find([',', '\n']).unwrap_or(text.len());
    let field = &text[..end];
    match field.find('"') {
        Some(quote) => Err(wrong("bare \" in non-quoted field", column + quote)),
        None => Ok((field.to_owned(), text[end..].strip_prefix(','))),
    }
}

fn quoted_field(text: &str, column: usize) -> Result<Field<'_>, String> {
    let mut field = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('"') {
        field.push_str(before);
        match behind.chars().next() {
            None | Some('\n') => return Ok((field, None)),
            Some(',') => return Ok((field, Some(&behind[1..]))),
            Some('"') => field.push('"'),
            Some(_) => {
                let at = column + text.len() - behind.len() - 1;
                return Err(wrong("extraneous or missing \" in quoted-field", at));
            }
        }
        rest = &behind[1..];
    }
    Err(wrong(
        "extraneous or missing \" in quoted-field",
        column + text.len(),
    ))
}

fn wrong(what: &str, column: usize) -> String {
    format!("parse error on line 1, column {}: {what}", column + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_at_commas_outside_of_quotes() {
        for (text, fields) in [
            ("", &[][..]),
            ("a", &["a"]),
            ("a,b", &["a", "b"]),
            ("a,", &["a", ""]),
            ("\"a,b\",c", &["a,b", "c"]),
            ("\"a\"\"b\"", &["a\"b"]),
            ("a\nb", &["a"]),
            (" a, b", &[" a", " b"]),
        ] {
            assert_eq!(read(text).unwrap(), fields, "{text:?}");
        }
    }

    #[test]
    fn refuses_quotes_that_go_does_not_read() {
        for text in ["a\"b", "\"a", "\"a\"b", "x,\""] {
            assert!(read(text).is_err(), "{text:?}");
        }
        assert_eq!(
            read("a\"b").unwrap_err(),
            "parse error on line 1, column 2: bare \" in non-quoted field"
        );
    }
}
