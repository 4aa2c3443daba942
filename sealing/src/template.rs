//! `spec.template.data`: texts that are rendered with the opened values.

use std::collections::BTreeMap;

use gotemplate::{Error, Limits};

use crate::Plaintext;

/// What rendering may use and how much of it. Only who holds one can unseal with templates, and
/// the controller's HTTP side holds none.
#[derive(Clone, Debug, Default)]
pub struct Renderer {
    limits: Limits,
}

impl Renderer {
    /// Renders within these limits.
    pub fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Renders each template; dot is the map of values, where the raw text of a template stands in
    /// for a name that has no value. A null template adds nothing.
    pub(crate) fn render_all(
        &self,
        templates: &BTreeMap<String, Option<String>>,
        values: &BTreeMap<String, Plaintext>,
    ) -> (BTreeMap<String, Plaintext>, Vec<(String, Error)>) {
        let texts: Vec<(&String, &String)> = templates
            .iter()
            .filter_map(|(name, text)| Some((name, text.as_ref()?)))
            .collect();
        let mut dot: BTreeMap<&str, &[u8]> = texts
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_bytes()))
            .collect();
        // Templates are rendered from values: this is what they are for.
        dot.extend(
            values
                .iter()
                .map(|(name, value)| (name.as_str(), value.expose())),
        );

        // One object, one budget: many templates may not make what one may not.
        let mut limits = self.limits.clone();
        let mut rendered = BTreeMap::new();
        let mut failures = Vec::new();
        for (name, text) in texts {
            let output = gotemplate::Template::parse(name, text, &limits)
                .and_then(|template| template.render(&dot, &limits));
            match output {
                Ok(bytes) => {
                    limits.output_bytes -= bytes.len();
                    rendered.insert(name.clone(), Plaintext::new(bytes));
                }
                Err(error) => failures.push((name.clone(), error)),
            }
        }
        (rendered, failures)
    }
}
