//! Looks for values where none may be: in whatever shape a careless line would print them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A value that nothing else looks like.
#[derive(Clone)]
pub struct Canary(String);

/// A place that may hold no value, and all that it holds.
pub struct Sink {
    pub name: String,
    pub text: String,
}

impl Canary {
    /// Makes a value of 32 random hexadecimal digits, with something to escape at its ends.
    pub fn new() -> Self {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).unwrap();
        Self(format!("\"{}&", hex(&bytes)))
    }

    pub fn value(&self) -> &str {
        &self.0
    }

    /// The middle of the value in every shape: a quoted or cut value is a leak all the same.
    fn shapes(&self) -> Vec<String> {
        let core = &self.0[1..self.0.len() - 1];
        let windows = (0..core.len() - 16)
            .step_by(4)
            .map(|start| core[start..start + 16].to_owned());
        let bytes: Vec<String> = core.bytes().take(8).map(|byte| byte.to_string()).collect();
        let shapes = [
            core.chars().rev().collect(),
            hex(&core.as_bytes()[..12]),
            hex(&core.as_bytes()[..12]).to_uppercase(),
            bytes.join(", "),
        ];
        // Three alignments; the first and last characters depend on the neighbours.
        let base64 = (0..3).map(|shift| {
            let text = STANDARD.encode(&core.as_bytes()[shift..]);
            text[..16].to_owned()
        });
        let shifted = (0..3).map(|shift| {
            let text = STANDARD.encode(&self.0.as_bytes()[shift..]);
            text[4..20].to_owned()
        });
        windows.chain(shapes).chain(base64).chain(shifted).collect()
    }
}

impl Default for Canary {
    fn default() -> Self {
        Self::new()
    }
}

/// The names of the sinks that hold one of the values in any shape.
pub fn find_leaks(canaries: &[Canary], sinks: &[Sink]) -> Vec<String> {
    let shapes: Vec<String> = canaries.iter().flat_map(Canary::shapes).collect();
    let leaks = |sink: &&Sink| shapes.iter().any(|shape| sink.text.contains(shape));
    sinks
        .iter()
        .filter(leaks)
        .map(|sink| sink.name.clone())
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
