//! `spec.template.data`: texts that are rendered with the opened values.

use std::collections::BTreeMap;
use std::time::{Instant, SystemTime};

use gotemplate::{Budget, Clock, Data, Environment, Error, Explanation, Limits, Randomness};

use crate::Plaintext;

/// What rendering may use and how much of it. Only who holds one can unseal with templates, and
/// the controller's HTTP side holds none. By default it has neither clocks nor randomness: the
/// functions that need them fail, and nothing ends because it takes long.
#[derive(Clone, Debug, Default)]
pub struct Renderer {
    limits: Limits,
    clock: Option<fn() -> SystemTime>,
    timer: Option<Clock>,
    random: Option<Randomness>,
}

impl Renderer {
    /// Sees the time and randomness through these functions; `timer` says how long something takes, and
    /// `random` fills a buffer and tells whether it could.
    pub fn new(
        clock: fn() -> SystemTime,
        timer: fn() -> Instant,
        random: fn(&mut [u8]) -> bool,
    ) -> Self {
        Self {
            limits: Limits::default(),
            clock: Some(clock),
            timer: Some(timer),
            random: Some(random),
        }
    }

    /// The same within other limits.
    pub fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Parses each template; a null one adds nothing. No value is needed for that, so that whatever it finds may
    /// be told.
    pub(crate) fn parse<'a>(
        &self,
        templates: &'a BTreeMap<String, Option<String>>,
    ) -> (Parsed<'a>, Vec<(String, Error)>) {
        let texts = templates
            .iter()
            .filter_map(|(name, text)| Some((name, text.as_ref()?)));
        let mut parsed = Vec::new();
        let mut failures = Vec::new();
        let mut budget = self.budget();
        for (name, text) in texts {
            match gotemplate::Template::parse_within(name, text, &mut budget) {
                Ok(template) => parsed.push((name, &**text, template)),
                Err(error) => failures.push((name.clone(), error)),
            }
        }
        (Parsed(parsed), failures)
    }

    /// Renders each template; dot is the map of values, where the raw text of a template stands in
    /// for a name that has no value. All templates share one budget.
    pub(crate) fn render(
        &self,
        templates: &Parsed<'_>,
        values: &BTreeMap<String, Plaintext>,
    ) -> Result<BTreeMap<String, Plaintext>, NotRendered> {
        let (dot, environment) = (templates.dot(values), self.environment());
        // One object, one budget: many templates may not make what one may not.
        let mut budget = self.budget();
        let mut rendered = BTreeMap::new();
        for (name, _, template) in &templates.0 {
            let output = template.render(&dot, &environment, &mut budget);
            let output = output.map_err(|_| NotRendered)?;
            rendered.insert((*name).clone(), Plaintext::new(output));
        }
        Ok(rendered)
    }

    /// Renders each template as unsealing does, and explains every failure to somebody who may see the
    /// values; what is rendered is thrown away.
    pub fn explain(
        &self,
        templates: &BTreeMap<String, Option<String>>,
        values: &BTreeMap<String, Plaintext>,
    ) -> Vec<Explanation> {
        let (templates, broken) = self.parse(templates);
        let (dot, environment) = (templates.dot(values), self.environment());
        let mut budget = self.budget();
        let broken = broken.into_iter().map(|(name, error)| (name, error.into()));
        let mut failures: BTreeMap<String, Explanation> = broken.collect();
        for (name, _, template) in &templates.0 {
            if let Err(failure) = template.explain(&dot, &environment, &mut budget) {
                failures.insert((*name).clone(), failure);
            }
        }
        failures.into_values().collect()
    }

    fn environment(&self) -> Environment {
        Environment {
            now: self.clock.map(|clock| clock()),
            random: self.random,
        }
    }

    fn budget(&self) -> Budget {
        match self.timer {
            Some(timer) => Budget::timed(&self.limits, timer),
            None => Budget::new(&self.limits),
        }
    }
}

/// Templates that parse.
pub(crate) struct Parsed<'a>(Vec<(&'a String, &'a str, gotemplate::Template)>);

impl Parsed<'_> {
    fn dot(&self, values: &BTreeMap<String, Plaintext>) -> Data {
        let raw = self.0.iter();
        let raw = raw.map(|(name, text, _)| (*name, text.as_bytes()));
        // Templates are rendered from values: this is what they are for.
        let opened = values.iter().map(|(name, value)| (name, value.expose()));
        Data::new(raw.chain(opened))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A template that parses could not be rendered. Which one, where and why may depend on the values, and who writes a
/// template could ask for one character after the other: so nothing is told.
pub(crate) struct NotRendered;
