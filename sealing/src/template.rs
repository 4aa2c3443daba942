//! `spec.template.data`: texts that are rendered with the opened values.

use std::collections::BTreeMap;
use std::time::SystemTime;

use gotemplate::{Budget, Data, Environment, Error, Limits, Randomness};

use crate::Plaintext;

/// What rendering may use and how much of it. Only who holds one can unseal with templates, and
/// the controller's HTTP side holds none. By default it has neither a clock nor randomness, and the
/// functions that need them fail.
#[derive(Clone, Debug, Default)]
pub struct Renderer {
    limits: Limits,
    clock: Option<fn() -> SystemTime>,
    random: Option<Randomness>,
}

impl Renderer {
    /// Sees the time and randomness through these functions; `random` fills a buffer and tells
    /// whether it could.
    pub fn new(clock: fn() -> SystemTime, random: fn(&mut [u8]) -> bool) -> Self {
        Self {
            limits: Limits::default(),
            clock: Some(clock),
            random: Some(random),
        }
    }

    /// The same within other limits.
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Renders each template; dot is the map of values, where the raw text of a template stands in
    /// for a name that has no value. A null template adds nothing. All templates share one budget.
    pub(crate) fn render_all(
        &self,
        templates: &BTreeMap<String, Option<String>>,
        values: &BTreeMap<String, Plaintext>,
    ) -> (BTreeMap<String, Plaintext>, Vec<(String, Error)>) {
        let texts: Vec<(&String, &String)> = templates
            .iter()
            .filter_map(|(name, text)| Some((name, text.as_ref()?)))
            .collect();
        if texts.is_empty() {
            return (BTreeMap::new(), Vec::new());
        }
        let raw = texts.iter().map(|(name, text)| (*name, text.as_bytes()));
        // Templates are rendered from values: this is what they are for.
        let opened = values.iter().map(|(name, value)| (name, value.expose()));
        let dot = Data::new(raw.chain(opened));
        let environment = Environment {
            now: self.clock.map(|clock| clock()),
            random: self.random,
        };
        // One object, one budget: many templates may not make what one may not.
        let mut budget = Budget::new(&self.limits);

        let mut rendered = BTreeMap::new();
        let mut failures = Vec::new();
        for (name, text) in texts {
            let output = gotemplate::Template::parse(name, text, &self.limits)
                .and_then(|template| template.render(&dot, &environment, &mut budget));
            match output {
                Ok(bytes) => {
                    rendered.insert(name.clone(), Plaintext::new(bytes));
                }
                Err(error) => failures.push((name.clone(), error)),
            }
        }
        (rendered, failures)
    }
}
