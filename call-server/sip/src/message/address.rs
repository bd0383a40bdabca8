//! `name-addr` and Via views over header values (RFC 3261 sections 20.10 and 20.42).

use super::grammar::{
    cut, cut_outside, first_bracket, has_empty_part, has_empty_plain_part, host_port, ip_address, is_closed, is_plain, is_space, is_token,
    parameter, parts, plain_value, trim,
};
use super::uri::{DEFAULT_PORT, Uri};
use std::fmt;
use std::net::IpAddr;

/// A value of From, To, Contact, Route, Record-Route or P-Asserted-Identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NameAddr<'a> {
    /// Display name as it came, quotes included; empty if there is none.
    pub display: &'a [u8],
    /// The URI without angle brackets.
    pub uri: Uri<'a>,
    tag: Option<&'a [u8]>,
    parameters: &'a [u8],
}

/// The display name is a citizen's: only the URI's harmless part is shown.
impl fmt::Debug for NameAddr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NameAddr({:?})", self.uri)
    }
}

impl<'a> NameAddr<'a> {
    /// Reads one value. `None` if quotes or brackets are not closed, the URI is none, or a tag stands twice.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let value = trim(value);
        let (display, uri, parameters) = match first_bracket(value)? {
            Some((open, behind)) => {
                let uri = value.get(open.checked_add(1)?..behind.checked_sub(1)?)?;
                let parameters = trim(value.get(behind..)?);
                (parameters.is_empty() || parameters.starts_with(b";")).then_some(())?;
                (trim(value.get(..open)?), trim(uri), parameters)
            }
            None => {
                let (uri, parameters) = cut(value, b';').unwrap_or((value, b""));
                // Without brackets nobody could say whose the part behind a '?' is (RFC 3261 section 20.10).
                (!uri.contains(&b'?')).then_some(())?;
                (&b""[..], trim(uri), parameters)
            }
        };
        // The usual cases at once: nothing, or a tag and nothing else.
        if parameters.is_empty() {
            return Some(Self { display, uri: Uri::parse(uri)?, tag: None, parameters });
        }
        if let Some(tag) = parameters.strip_prefix(b";tag=").filter(|tag| is_token(tag)) {
            return Some(Self { display, uri: Uri::parse(uri)?, tag: Some(tag), parameters });
        }
        is_closed(parameters).then_some(())?;
        let mut tags = super::grammar::parameters(parameters).filter(|(name, _)| name.eq_ignore_ascii_case(b"tag"));
        let tag = tags.next().and_then(|(_, tag)| tag).filter(|tag| is_token(tag));
        tags.next().is_none().then_some(())?;
        Some(Self { display, uri: Uri::parse(uri)?, tag, parameters })
    }

    /// A parameter's presence and value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Option<&'a [u8]>> {
        parameter(self.parameters, name)
    }

    /// The `tag` parameter, if it is there and a token.
    #[must_use]
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.tag
    }
}

/// One Via value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via<'a> {
    /// Transport token, such as `UDP`.
    pub transport: &'a [u8],
    /// Host of `sent-by`.
    pub host: &'a [u8],
    /// Port of `sent-by`, if it is given.
    pub port: Option<u16>,
    branch: &'a [u8],
    parameters: &'a [u8],
}

impl<'a> Via<'a> {
    /// Reads the first value of a field. `None` as well if there is a stray separator in the field: it could make two readers see two
    /// different ways back (RFC 4475 section 3.1.2.1).
    #[must_use]
    pub fn first(field: &'a [u8]) -> Option<Self> {
        if is_plain(field) {
            return if has_empty_plain_part(field, b';') { None } else { Self::parse(field) };
        }
        let is_tidy = !has_empty_part(field, b',') && !has_empty_part(field, b';');
        Self::parse(parts(field, b',').next().filter(|_| is_tidy)?)
    }

    /// Reads one value; white space around `/` and `:` is legal.
    #[must_use]
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let (name, rest) = cut(trim(value), b'/')?;
        let (version, rest) = cut(rest, b'/')?;
        if !trim(name).eq_ignore_ascii_case(b"SIP") || trim(version) != b"2.0" {
            return None;
        }
        let rest = trim(rest);
        let (transport, rest) = rest.split_at_checked(rest.iter().position(|byte| is_space(*byte))?)?;
        let (sent_by, parameters) = cut(rest, b';').unwrap_or((rest, b""));
        let (host, port) = host_port(sent_by)?;
        is_token(transport).then_some(Self { transport, host, port, branch: branch(parameters), parameters })
    }

    /// A parameter's presence and value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Option<&'a [u8]>> {
        parameter(self.parameters, name)
    }

    /// The branch; empty if there is none, or one that could not be repeated unchanged.
    #[must_use]
    pub fn branch(&self) -> &'a [u8] {
        self.branch
    }

    /// Whether the sender asks for answers to the port it sends from (RFC 3581).
    #[must_use]
    pub fn asks_rport(&self) -> bool {
        parameter(self.parameters, "rport").is_some()
    }

    /// The address that a receiver before us wrote down; IPv6 with or without brackets (RFC 5118 section 4.5).
    #[must_use]
    pub fn received(&self) -> Option<IpAddr> {
        let text = parameter(self.parameters, "received").flatten()?;
        ip_address(text).or_else(|| std::str::from_utf8(text).ok()?.parse().ok())
    }

    /// Port of `sent-by`, given or meant.
    #[must_use]
    pub fn port_or_default(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }

    /// Its parameters as they came, quotes and spaces kept, but those that the receiver writes (`received`, `rport`).
    pub fn senders_parameters(&self) -> impl Iterator<Item = &'a [u8]> {
        let is_receivers = |part: &[u8]| {
            let name = trim(cut_outside(part, b'=').map_or(part, |(name, _)| name));
            name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport")
        };
        parts(self.parameters, b';').filter(move |part| !is_receivers(part))
    }
}

/// See [`Via::branch`]. Mostly it is the first parameter.
fn branch(parameters: &[u8]) -> &[u8] {
    if let Some(branch) = parameters.strip_prefix(b"branch=").and_then(plain_value) {
        return branch;
    }
    // A bracket or a quote that is never closed would swallow what an answer adds behind it.
    let whole = |branch: &&[u8]| !branch.iter().any(|byte| is_space(*byte) || matches!(byte, b'<' | b'"'));
    parameter(parameters, "branch").flatten().filter(whole).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_inside_a_quoted_display_name_is_not_the_address() {
        let found = NameAddr::parse(br#""A <sip:911@evil>" <sip:caller@x>;x="a;tag=evil;b";tag=real"#).expect("a value");
        assert_eq!((found.uri.user, found.tag()), (Some(&b"caller"[..]), Some(&b"real"[..])));
    }

    #[test]
    fn latin_1_names_bare_addresses_and_odd_spaces_are_read() {
        let latin: &[u8] = b"\"J\xfcrgen\" < sip:a@b > ; tag = 1";
        assert_eq!(NameAddr::parse(latin).expect("a value").tag(), Some(&b"1"[..]));
        let bare = NameAddr::parse(b"sip:a@b:5061;tag=2").expect("a value");
        assert_eq!((bare.uri.raw, bare.tag()), (&b"sip:a@b:5061"[..], Some(&b"2"[..])));
    }

    #[test]
    fn broken_addresses_are_none() {
        for bad in [&b"\"Mr. J. User <sip:j.user@example.com>"[..], b"<sip:a@b", b"", b"<>", b"<sip:a@b> tag=1 x", b"<sip:a@b>;tag=1;tag=2"]
        {
            assert_eq!(NameAddr::parse(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn a_via_with_spaces_everywhere_is_read() {
        let via = Via::parse(b"SIP  / 2.0\r\n /UDP\r\n    192.0.2.2 : 5070 ;branch=z9hG4bK390skdjuw;rport").expect("a Via");
        assert_eq!((via.transport, via.host, via.port), (&b"UDP"[..], &b"192.0.2.2"[..], Some(5070)));
        assert_eq!((via.branch(), via.asks_rport()), (&b"z9hG4bK390skdjuw"[..], true));
    }

    #[test]
    fn broken_vias_are_none() {
        for bad in [&b"SIP/2.0/UDP"[..], b"SIP/7.0/UDP a", b"SIP/2.0 a", b"SIP/2.0/UDP ;branch=x", b"SIP/2.0/UDP a b;branch=x", b""] {
            assert_eq!(Via::parse(bad), None, "{}", String::from_utf8_lossy(bad));
        }
    }
}
