//! URLs, as Go's net/url takes them apart and puts them together.

use std::net::Ipv6Addr;

use memchr::{memchr, memmem, memrchr};
use zeroize::Zeroizing;

use crate::fmt::hex_digits;

/// Bytes that are wiped when they go: they may be a password.
pub(crate) type Wiped = Zeroizing<Vec<u8>>;

/// A URL in parts; the parts are decoded, except for the query and what is opaque.
#[derive(Default)]
pub(crate) struct Url {
    pub(crate) scheme: Wiped,
    pub(crate) opaque: Wiped,
    pub(crate) user: Option<User>,
    pub(crate) host: Wiped,
    pub(crate) path: Wiped,
    pub(crate) query: Wiped,
    pub(crate) fragment: Wiped,
}

/// A name, and perhaps a password.
pub(crate) struct User {
    name: Wiped,
    password: Option<Wiped>,
}

/// Where in a URL a text stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Path,
    User,
    Host,
    Zone,
    Query,
    Fragment,
}

impl Url {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let (text, fragment) = cut(text, b'#');
        if text.iter().any(u8::is_ascii_control) {
            return None;
        }
        let mut url = Self {
            fragment: unescape(fragment, Place::Fragment)?,
            ..Self::default()
        };
        if text == b"*" {
            url.path = b"*".to_vec().into();
            return Some(url);
        }
        let (scheme, rest) = scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase().into();
        let (rest, query) = cut(rest, b'?');
        url.query = query.to_vec().into();
        let has_scheme = !url.scheme.is_empty();
        if !rest.starts_with(b"/") {
            if has_scheme {
                url.opaque = rest.to_vec().into();
                return Some(url);
            }
            if cut(rest, b'/').0.contains(&b':') {
                return None;
            }
        }
        let mut path = rest;
        if rest.starts_with(b"//") && (has_scheme || !rest.starts_with(b"///")) {
            let slash = memchr(b'/', &rest[2..]).unwrap_or(rest.len() - 2);
            let authority = &rest[2..2 + slash];
            path = &rest[2 + slash..];
            url.authority(authority)?;
        }
        url.path = unescape(path, Place::Path)?;
        Some(url)
    }

    fn authority(&mut self, authority: &[u8]) -> Option<()> {
        let Some(at) = memrchr(b'@', authority) else {
            self.host = host(&self.scheme, authority)?;
            return Some(());
        };
        self.host = host(&self.scheme, &authority[at + 1..])?;
        self.user = Some(User::parse(&authority[..at])?);
        Some(())
    }

    /// The host without its port and brackets.
    pub(crate) fn hostname(&self) -> &[u8] {
        let mut host = self.host.as_slice();
        if let Some(colon) = memrchr(b':', host)
            && is_optional_port(&host[colon..])
        {
            host = &host[..colon];
        }
        host.strip_prefix(b"[")
            .and_then(|host| host.strip_suffix(b"]"))
            .unwrap_or(host)
    }

    pub(crate) fn to_text(&self) -> Wiped {
        // Nothing grows to more than three times its length.
        let parts = [&self.scheme, &self.opaque, &self.host, &self.path];
        let parts = parts.into_iter().chain([&self.query, &self.fragment]);
        let user = self.user.as_ref().map_or(0, User::len);
        let length = parts.map(|part| part.len()).sum::<usize>() + user;
        let mut text = Wiped::new(Vec::with_capacity(3 * length + 16));
        if !self.scheme.is_empty() {
            text.extend_from_slice(&self.scheme);
            text.push(b':');
        }
        if self.opaque.is_empty() {
            self.write_authority_and_path(&mut text);
        } else {
            text.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            text.push(b'?');
            text.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            text.push(b'#');
            text.extend_from_slice(&escape(&self.fragment, Place::Fragment));
        }
        text
    }

    fn write_authority_and_path(&self, text: &mut Vec<u8>) {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        if has_authority || !self.scheme.is_empty() && !self.path.is_empty() {
            text.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            text.extend_from_slice(&user.to_text());
            text.push(b'@');
        }
        text.extend_from_slice(&escape(&self.host, Place::Host));
        let path = match self.path.as_slice() {
            b"*" => b"*".to_vec().into(),
            path => escape(path, Place::Path),
        };
        if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
            text.push(b'/');
        }
        if text.is_empty() && cut(&path, b'/').0.contains(&b':') {
            text.extend_from_slice(b"./");
        }
        text.extend_from_slice(&path);
    }
}

impl User {
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        let is_allowed =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
        if !text.iter().all(is_allowed) {
            return None;
        }
        let (name, password) = cut(text, b':');
        let password = if text.contains(&b':') {
            Some(unescape(password, Place::User)?)
        } else {
            None
        };
        let name = unescape(name, Place::User)?;
        Some(Self { name, password })
    }

    fn len(&self) -> usize {
        self.name.len() + self.password.as_ref().map_or(0, |password| password.len())
    }

    pub(crate) fn to_text(&self) -> Wiped {
        let mut text = Wiped::new(Vec::with_capacity(3 * self.len() + 1));
        text.extend_from_slice(&escape(&self.name, Place::User));
        if let Some(password) = &self.password {
            text.push(b':');
            text.extend_from_slice(&escape(password, Place::User));
        }
        text
    }
}

/// A text as a part of a query.
pub(crate) fn escape_query(text: &[u8]) -> Wiped {
    escape(text, Place::Query)
}

/// The parts before and after the first such byte.
fn cut(text: &[u8], separator: u8) -> (&[u8], &[u8]) {
    match memchr(separator, text) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, b""),
    }
}

fn scheme(text: &[u8]) -> Option<(&[u8], &[u8])> {
    for (i, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return None,
            b':' => return Some((&text[..i], &text[i + 1..])),
            _ => break,
        }
    }
    Some((b"", text))
}

fn host(scheme: &[u8], text: &[u8]) -> Option<Wiped> {
    match memrchr(b'[', text) {
        Some(0) => return ip_literal(text),
        Some(_) => return None,
        None => {}
    }
    if let Some(first) = memchr(b':', text) {
        // Databases list several hosts with ports; on the web that is a mistake.
        let is_web = matches!(scheme, b"http" | b"https");
        let colon = if is_web {
            Some(first)
        } else {
            memrchr(b':', text)
        };
        if !is_optional_port(&text[colon?..]) {
            return None;
        }
    }
    unescape(text, Place::Host)
}

/// `[::1%25zone]:80`
fn ip_literal(text: &[u8]) -> Option<Wiped> {
    let close = memrchr(b']', text)?;
    let port = &text[close + 1..];
    if !is_optional_port(port) {
        return None;
    }
    let name = &text[1..close];
    let zone = memmem::find(name, b"%25").unwrap_or(name.len());
    let address = unescape(&name[..zone], Place::Host)?;
    let zone = unescape(&name[zone..], Place::Zone)?;
    let is_address = std::str::from_utf8(&address).is_ok_and(|a| a.parse::<Ipv6Addr>().is_ok());
    if !is_address || zone.as_slice() == b"%" {
        return None;
    }
    let literal = [b"[", address.as_slice(), &zone, b"]", port].concat();
    Some(literal.into())
}

fn is_optional_port(text: &[u8]) -> bool {
    match text.split_first() {
        None => true,
        Some((b':', digits)) => digits.iter().all(u8::is_ascii_digit),
        Some(_) => false,
    }
}

fn escape(text: &[u8], place: Place) -> Wiped {
    let escapes = text.iter().filter(|byte| !is_plain(**byte, place)).count();
    let mut escaped = Wiped::new(Vec::with_capacity(text.len() + 2 * escapes));
    for byte in text {
        if *byte == b' ' && place == Place::Query {
            escaped.push(b'+');
        } else if is_plain(*byte, place) {
            escaped.push(*byte);
        } else {
            let digits = hex_digits(*byte).map(|digit| digit.to_ascii_uppercase());
            escaped.push(b'%');
            escaped.extend(digits);
        }
    }
    escaped
}

fn unescape(text: &[u8], place: Place) -> Option<Wiped> {
    let is_host = matches!(place, Place::Host | Place::Zone);
    let mut bytes = Wiped::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte == b'%' {
            let code = hex(*rest.first()?)? << 4 | hex(*rest.get(1)?)?;
            let is_percent = rest.starts_with(b"25");
            let is_ascii_in_host = place == Place::Host && code < 0x80;
            let is_odd_in_zone =
                place == Place::Zone && code != b' ' && !is_plain(code, Place::Host);
            if !is_percent && (is_ascii_in_host || is_odd_in_zone) {
                return None;
            }
            bytes.push(code);
            rest = &rest[2..];
        } else {
            if is_host && byte.is_ascii() && !is_plain(*byte, place) {
                return None;
            }
            bytes.push(*byte);
        }
    }
    Some(bytes)
}

fn hex(digit: u8) -> Option<u8> {
    let digit = char::from(digit).to_digit(16)?;
    u8::try_from(digit).ok()
}

/// Whether a byte needs no escape there.
fn is_plain(byte: u8, place: Place) -> bool {
    let others: &[u8] = match place {
        Place::Path => b"$&+,/:;=@",
        Place::User => b"$&+,;=",
        Place::Host | Place::Zone => b"!\"$&'()*+,:;<=>[]",
        Place::Query => b"",
        Place::Fragment => b"!$&()*+,/:;=?@",
    };
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || others.contains(&byte)
}
