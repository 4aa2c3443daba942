//! A first slice of Go's text/template: literal text, `{{ .name }}` and `{{ index . "name" }}`.
//!
//! Everything else of the language is a parse error, never a silent empty result. The crate is pure
//! and knows nothing of Kubernetes. Errors carry the template's name, a position and a class; they
//! never carry a value.
#![deny(missing_docs)]

mod error;
mod parse;

use std::collections::BTreeMap;

pub use error::{Class, Error};
use parse::Node;

/// How much a template may use.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest source that is parsed, in bytes.
    pub source_bytes: usize,
    /// The longest output that is made, in bytes.
    pub output_bytes: usize,
}

impl Default for Limits {
    /// 1 MiB each: a Secret holds no more.
    fn default() -> Self {
        Self {
            source_bytes: 1 << 20,
            output_bytes: 1 << 20,
        }
    }
}

/// A parsed template.
#[derive(Debug)]
pub struct Template {
    name: String,
    nodes: Vec<Node>,
}

impl Template {
    /// Parses a template; `name` is what errors call it.
    pub fn parse(name: &str, source: &str, limits: &Limits) -> Result<Self, Error> {
        if source.len() > limits.source_bytes {
            return Err(Error::new(name, source, 0, Class::Budget));
        }
        let nodes = parse::parse(source)
            .map_err(|(offset, class)| Error::new(name, source, offset, class))?;
        Ok(Self {
            name: name.to_owned(),
            nodes,
        })
    }

    /// Renders the template; dot is a map of texts, which need not be UTF-8.
    ///
    /// A missing name is `<no value>` as a field and empty as an index, as Go has it.
    pub fn render(&self, dot: &BTreeMap<&str, &[u8]>, limits: &Limits) -> Result<Vec<u8>, Error> {
        let mut output = Vec::new();
        for node in &self.nodes {
            let piece = match node {
                Node::Text(text) => text.as_bytes(),
                Node::Field { name, .. } => {
                    dot.get(name.as_str()).copied().unwrap_or(b"<no value>")
                }
                Node::Index { name, .. } => dot.get(name.as_str()).copied().unwrap_or_default(),
            };
            if output.len().saturating_add(piece.len()) > limits.output_bytes {
                return Err(Error::at(&self.name, node.position(), Class::Budget));
            }
            output.extend_from_slice(piece);
        }
        Ok(output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> Result<String, String> {
        let dot = BTreeMap::from([("user", &b"ann"[..]), ("a-b", b"c"), ("raw", b"\xff\x00")]);
        let limits = Limits::default();
        Template::parse("t", source, &limits)
            .and_then(|template| template.render(&dot, &limits))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn copies_text() {
        assert_eq!(render("a { b }} c\n").as_deref(), Ok("a { b }} c\n"));
    }

    #[test]
    fn inserts_fields_and_indexed_values() {
        assert_eq!(
            render("<{{ .user }}{{.user}}|{{ index . \"a-b\" }}>").as_deref(),
            Ok("<annann|c>")
        );
        assert_eq!(render("{{ index . `a-b` }}").as_deref(), Ok("c"));
    }

    #[test]
    fn prints_what_go_prints_for_a_missing_name() {
        assert_eq!(
            render("{{ .x }}|{{ index . \"x\" }}").as_deref(),
            Ok("<no value>|")
        );
    }

    #[test]
    fn keeps_bytes_that_are_not_text() {
        let limits = Limits::default();
        let template = Template::parse("t", "{{ .raw }}", &limits).unwrap();
        let dot = BTreeMap::from([("raw", &b"\xff\x00"[..])]);
        assert_eq!(template.render(&dot, &limits), Ok(b"\xff\x00".to_vec()));
    }

    #[test]
    fn refuses_the_rest_of_the_language_with_a_position() {
        assert_eq!(
            render("ab\n {{ env \"x\" }}"),
            Err("template: t:2:5: function \"env\" not defined".into())
        );
        assert_eq!(
            render("{{ if .x }}"),
            Err("template: t:1:4: unsupported action".into())
        );
        assert_eq!(
            render("{{ .x | quote }}"),
            Err("template: t:1:7: unsupported action".into())
        );
        assert_eq!(
            render("{{- .x }}"),
            Err("template: t:1:3: unsupported action".into())
        );
        assert_eq!(
            render("{{ .x"),
            Err("template: t:1:1: unclosed action".into())
        );
        assert_eq!(
            render("{{ index . \"x }}"),
            Err("template: t:1:12: unterminated quoted string".into())
        );
        assert_eq!(
            render("{{ }}"),
            Err("template: t:1:1: missing value for command".into())
        );
    }

    #[test]
    fn stops_at_its_limits() {
        let limits = Limits {
            source_bytes: 20,
            output_bytes: 3,
        };
        let dot = BTreeMap::from([("x", &b"abcd"[..])]);
        let template = Template::parse("t", "{{ .x }}", &limits).unwrap();
        let error = template.render(&dot, &limits).unwrap_err();
        assert_eq!(error.to_string(), "template: t:1:1: budget exceeded");
        assert!(Template::parse("t", "a very long text indeed", &limits).is_err());
    }
}
