//! Semantic versions and constraints, as Masterminds' semver reads them.

use std::cmp::Ordering;
use std::fmt::{self, Write};
use std::sync::LazyLock;

use regex::{Captures, Regex};
use zeroize::Zeroizing;

/// A version.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Version {
    pub(crate) major: u64,
    pub(crate) minor: u64,
    pub(crate) patch: u64,
    pub(crate) prerelease: Zeroizing<String>,
    pub(crate) metadata: Zeroizing<String>,
    pub(crate) original: Zeroizing<String>,
}

const IDENTIFIERS: &str = r"[0-9A-Za-z\-]+(?:\.[0-9A-Za-z\-]+)*";

static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = format!(
        r"^v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-({IDENTIFIERS}))?(?:\+({IDENTIFIERS}))?$"
    );
    Regex::new(&pattern).ok()
});

impl Version {
    /// A version, of which the last numbers may be missing.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let parts = (*VERSION).as_ref()?.captures(text)?;
        let number = |index| -> Option<u64> {
            match parts.get(index) {
                Some(number) => number.as_str().parse().ok(),
                None => Some(0),
            }
        };
        let version = Self {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            prerelease: group(&parts, 4).to_owned().into(),
            metadata: group(&parts, 5).to_owned().into(),
            original: text.to_owned().into(),
        };
        let starts_with_zero = |part: &str| {
            part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit())
        };
        let is_valid = !version.prerelease.split('.').any(starts_with_zero);
        is_valid.then_some(version)
    }

    /// The next version of a kind: `major`, `minor` or `patch`.
    pub(crate) fn next(&self, kind: &str) -> Self {
        let mut next = Self {
            major: self.major,
            minor: self.minor,
            patch: self.patch,
            ..Self::default()
        };
        match kind {
            "major" => {
                next.major = next.major.wrapping_add(1);
                (next.minor, next.patch) = (0, 0);
            }
            "minor" => {
                next.minor = next.minor.wrapping_add(1);
                next.patch = 0;
            }
            _ if self.prerelease.is_empty() => next.patch = next.patch.wrapping_add(1),
            _ => {}
        }
        let prefix = if self.original.starts_with('v') {
            "v"
        } else {
            ""
        };
        next.original = format!("{prefix}{next}").into();
        next
    }

    /// The version as text.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let length = 64 + self.prerelease.len() + self.metadata.len();
        written(length, format_args!("{self}"))
    }

    /// The version as `%#v` prints it.
    pub(crate) fn go_syntax(&self) -> Zeroizing<String> {
        let length = 160 + 3 * self.original.len();
        let text = format_args!(
            "&semver.Version{{major:{:#x}, minor:{:#x}, patch:{:#x}, pre:{:?}, metadata:{:?}, original:{:?}}}",
            self.major, self.minor, self.patch, *self.prerelease, *self.metadata, *self.original
        );
        written(length, text)
    }

    /// The order of precedence; metadata does not count.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.prerelease.is_empty(), other.prerelease.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_prereleases(&self.prerelease, &other.prerelease),
            }
        })
    }
}

/// A text in a block that it does not outgrow, so that it is wiped as a whole.
fn written(length: usize, text: fmt::Arguments) -> Zeroizing<String> {
    let mut written = Zeroizing::new(String::with_capacity(length));
    // Writing to a String cannot fail.
    let _ = written.write_fmt(text);
    written
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.prerelease.is_empty() {
            write!(f, "-{}", *self.prerelease)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", *self.metadata)?;
        }
        Ok(())
    }
}

fn compare_prereleases(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => compare_parts(a.unwrap_or(""), b.unwrap_or("")),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Numbers stand before words, and what is missing before everything.
fn compare_parts(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    if a.is_empty() || b.is_empty() {
        return a.len().cmp(&b.len());
    }
    match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) if a > b => Ordering::Greater,
        (Ok(_), Ok(_)) => Ordering::Less,
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => a.cmp(b),
    }
}

/// Alternatives, each of which is a list of demands.
pub(crate) struct Constraints(Vec<Vec<Constraint>>);

struct Constraint {
    operator: String,
    version: Version,
    /// Which numbers were left open.
    open: Open,
}

#[derive(Clone, Copy, PartialEq)]
enum Open {
    Nothing,
    Patch,
    Minor,
    Major,
}

const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
const OPEN_VERSION: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";

struct Grammar {
    one: Regex,
    range: Regex,
    find: Regex,
    valid: Regex,
}

static GRAMMAR: LazyLock<Option<Grammar>> = LazyLock::new(|| {
    let space = r"[\t\n\f\r ]";
    let demand = format!("({OPERATORS}){space}*({OPEN_VERSION})");
    Some(Grammar {
        one: Regex::new(&format!("^{space}*{demand}{space}*$")).ok()?,
        range: Regex::new(&format!(
            "{space}*({OPEN_VERSION}){space}+-{space}+({OPEN_VERSION}){space}*"
        ))
        .ok()?,
        find: Regex::new(&demand).ok()?,
        valid: Regex::new(&format!(
            "^({space}*{demand}{space}*)((?:{space}+|,{space}*){demand}{space}*)*$"
        ))
        .ok()?,
    })
});

impl Constraints {
    /// `>= 1.2, < 2 || ~3.1`
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let grammar = (*GRAMMAR).as_ref()?;
        let mut rewritten = text.to_owned();
        for range in grammar.range.captures_iter(text) {
            let bounds = format!(">= {}, <= {} ", group(&range, 1), group(&range, 11));
            rewritten = rewritten.replacen(group(&range, 0), &bounds, 1);
        }
        let mut alternatives = Vec::new();
        for alternative in rewritten.split("||") {
            if !grammar.valid.is_match(alternative) {
                return None;
            }
            let demands = grammar.find.find_iter(alternative);
            let demands = demands.map(|demand| Constraint::parse(grammar, demand.as_str()));
            alternatives.push(demands.collect::<Option<Vec<_>>>()?);
        }
        Some(Self(alternatives))
    }

    pub(crate) fn allow(&self, version: &Version) -> bool {
        self.0
            .iter()
            .any(|demands| demands.iter().all(|demand| demand.allows(version)))
    }
}

impl Constraint {
    fn parse(grammar: &Grammar, text: &str) -> Option<Self> {
        let parts = grammar.one.captures(text)?;
        let is_open = |part: &str| matches!(part.trim_start_matches('.'), "" | "x" | "X" | "*");
        let (major, minor, patch) = (group(&parts, 3), group(&parts, 4), group(&parts, 5));
        let prerelease = group(&parts, 6);
        let (open, version) = if is_open(major) {
            (Open::Major, format!("0.0.0{prerelease}"))
        } else if is_open(minor) {
            (Open::Minor, format!("{major}.0.0{prerelease}"))
        } else if is_open(patch) {
            (Open::Patch, format!("{major}{minor}.0{prerelease}"))
        } else {
            (Open::Nothing, group(&parts, 2).to_owned())
        };
        Some(Self {
            operator: group(&parts, 1).to_owned(),
            version: Version::parse(&version)?,
            open,
        })
    }

    fn allows(&self, version: &Version) -> bool {
        // Who asks for releases gets no prerelease; an exact inequality asks for nothing.
        let is_stray = !version.prerelease.is_empty() && self.version.prerelease.is_empty();
        if is_stray && !(self.operator == "!=" && self.open == Open::Nothing) {
            return false;
        }
        let order = version.compare(&self.version);
        match self.operator.as_str() {
            "!=" => self.differs(version),
            ">" => self.is_exceeded_by(version),
            "<" => order == Ordering::Less,
            ">=" | "=>" => order != Ordering::Less,
            "<=" | "=<" => self.is_not_exceeded_by(version),
            "~" | "~>" => self.is_near(version),
            "^" => self.is_compatible_with(version),
            _ if self.open != Open::Nothing => self.is_near(version),
            _ => order == Ordering::Equal,
        }
    }

    fn differs(&self, version: &Version) -> bool {
        let own = &self.version;
        match self.open {
            Open::Nothing => version.compare(own) != Ordering::Equal,
            _ if own.major != version.major => true,
            Open::Minor => false,
            _ if own.minor != version.minor => true,
            Open::Major if own.patch != version.patch => true,
            Open::Major => version.compare(own) != Ordering::Equal,
            Open::Patch => {
                let (a, b) = (&version.prerelease, &own.prerelease);
                (!a.is_empty() || !b.is_empty()) && compare_prereleases(a, b) != Ordering::Equal
            }
        }
    }

    fn is_exceeded_by(&self, version: &Version) -> bool {
        let own = &self.version;
        match self.open {
            Open::Nothing => version.compare(own) == Ordering::Greater,
            _ if version.major != own.major => version.major > own.major,
            Open::Minor => false,
            Open::Patch => version.minor > own.minor,
            Open::Major => version.compare(own) == Ordering::Greater,
        }
    }

    fn is_not_exceeded_by(&self, version: &Version) -> bool {
        let own = &self.version;
        if self.open == Open::Nothing {
            return version.compare(own) != Ordering::Greater;
        }
        version.major < own.major
            || version.major == own.major
                && (version.minor <= own.minor || self.open == Open::Minor)
    }

    fn is_near(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.compare(own) == Ordering::Less {
            return false;
        }
        let is_zero = own.major == 0 && own.minor == 0 && own.patch == 0;
        if is_zero && !matches!(self.open, Open::Minor | Open::Patch) {
            return true;
        }
        version.major == own.major && (version.minor == own.minor || self.open == Open::Minor)
    }

    fn is_compatible_with(&self, version: &Version) -> bool {
        let own = &self.version;
        if version.compare(own) == Ordering::Less {
            return false;
        }
        if own.major > 0 || self.open == Open::Minor {
            return version.major == own.major;
        }
        if version.major > 0 {
            return false;
        }
        if own.minor > 0 || self.open == Open::Patch {
            return version.minor == own.minor;
        }
        version.minor == 0 && version.patch == own.patch
    }
}

fn group<'t>(captures: &Captures<'t>, index: usize) -> &'t str {
    captures.get(index).map_or("", |group| group.as_str())
}
