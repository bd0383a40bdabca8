//! URIs as views over their bytes: `sip:`, `sips:`, `tel:` and the rest (RFC 3261 section 19.1, RFC 3966).
//!
//! The raw form is what is echoed and routed by; nothing here re-encodes a user part.

use super::grammar::{UriMarks, cut, host_port, ip_address, parameter, uri_marks};
use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// Port that a SIP URI or Via without one means over UDP.
pub const DEFAULT_PORT: u16 = 5060;

/// The same over TLS.
pub const DEFAULT_SECURE_PORT: u16 = 5061;

/// Kind of URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Anything else; only its raw form is known.
    Other,
}

impl Scheme {
    fn from_token(token: &[u8]) -> Self {
        let known: [(&[u8], Self); 3] = [(b"sip", Self::Sip), (b"sips", Self::Sips), (b"tel", Self::Tel)];
        known.into_iter().find(|(name, _)| token.eq_ignore_ascii_case(name)).map_or(Self::Other, |(_, scheme)| scheme)
    }
}

/// One URI.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Uri<'a> {
    /// The whole as it came.
    pub raw: &'a [u8],
    /// Its kind.
    pub scheme: Scheme,
    /// User part without password, escapes untouched; for `tel:` the number.
    pub user: Option<&'a [u8]>,
    /// Host, IPv6 in brackets; empty for `tel:` and unknown schemes.
    pub host: &'a [u8],
    /// Port, if it is given.
    pub port: Option<u16>,
    parameters: &'a [u8],
    headers: Option<&'a [u8]>,
}

/// The user part is a citizen's number: only kind and host are shown.
impl fmt::Debug for Uri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Uri({:?}, {})", self.scheme, String::from_utf8_lossy(self.host))
    }
}

impl<'a> Uri<'a> {
    /// Reads a bare URI (without `<>`). `None` if it is none.
    #[must_use]
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        let marks = uri_marks(raw)?;
        let (scheme, rest) = raw.split_at_checked(marks.colon?)?;
        let rest = rest.get(1..)?;
        if !scheme.first()?.is_ascii_alphabetic() || rest.is_empty() {
            return None;
        }
        match Scheme::from_token(scheme) {
            Scheme::Sip => Self::with_host(raw, Scheme::Sip, &marks),
            Scheme::Sips => Self::with_host(raw, Scheme::Sips, &marks),
            Scheme::Tel => {
                let (number, parameters) = cut(rest, b';').unwrap_or((rest, b""));
                (!number.is_empty()).then_some(Self {
                    raw,
                    scheme: Scheme::Tel,
                    user: Some(number),
                    host: b"",
                    port: None,
                    parameters,
                    headers: None,
                })
            }
            Scheme::Other => Some(Self { raw, scheme: Scheme::Other, user: None, host: b"", port: None, parameters: b"", headers: None }),
        }
    }

    fn with_host(raw: &'a [u8], scheme: Scheme, marks: &UriMarks) -> Option<Self> {
        let start = marks.colon?.checked_add(1)?;
        let (user, host_start) = match marks.at {
            Some(at) => (Some(raw.get(start..marks.password.unwrap_or(at))?), at.checked_add(1)?),
            None => (None, start),
        };
        // An unescaped '@' has no place behind the user part: two readers could see two different users.
        if marks.has_more_ats || user.is_some_and(<[u8]>::is_empty) {
            return None;
        }
        let headers = marks.question.and_then(|question| raw.get(question.checked_add(1)?..));
        let headers_start = marks.question.unwrap_or(raw.len());
        let host_end = marks.semicolon.unwrap_or(headers_start);
        let parameters = raw.get(host_end.checked_add(1)?..headers_start).unwrap_or_default();
        let (host, port) = host_port(raw.get(host_start..host_end)?)?;
        Some(Self { raw, scheme, user, host, port, parameters, headers })
    }

    /// Whether header fields for a new request follow behind `?`.
    #[must_use]
    pub fn has_headers(&self) -> bool {
        self.headers.is_some()
    }

    /// These header fields, `name=value` joined by `&`, for reading: escapes resolved.
    #[must_use]
    pub fn header_text(&self) -> Option<String> {
        Some(String::from_utf8_lossy(&unescaped(self.headers?)).into_owned())
    }

    /// A parameter's presence and value.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<Option<&'a [u8]>> {
        parameter(self.parameters, name)
    }

    /// The user part for reading: escapes resolved, parameters of a telephone number (`;phone-context=`) cut off.
    #[must_use]
    pub fn user_text(&self) -> Option<String> {
        let user = self.user?;
        let number = cut(user, b';').map_or(user, |(number, _)| number);
        Some(String::from_utf8_lossy(&unescaped(number)).into_owned())
    }

    /// The address it names, if its host is one and not a name.
    #[must_use]
    pub fn socket_address(&self) -> Option<SocketAddr> {
        Some(SocketAddr::new(self.address()?, self.port.unwrap_or_else(|| self.default_port())))
    }

    /// Its host, if that is an IP address and not a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        ip_address(self.host)
    }

    fn default_port(&self) -> u16 {
        let is_secure = self.scheme == Scheme::Sips
            || self.parameter("transport").flatten().is_some_and(|transport| transport.eq_ignore_ascii_case(b"tls"));
        if is_secure { DEFAULT_SECURE_PORT } else { DEFAULT_PORT }
    }
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let escaped = if *first == b'%' { tail.split_at_checked(2).and_then(|(hex, after)| Some((hex_pair(hex)?, after))) } else { None };
        let (byte, after) = escaped.unwrap_or((*first, tail));
        out.push(byte);
        rest = after;
    }
    out
}

fn hex_pair(text: &[u8]) -> Option<u8> {
    if !text.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u8::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri<'_> {
        Uri::parse(text.as_bytes()).expect("a URI")
    }

    #[test]
    fn a_sip_uri_is_taken_apart() {
        let found = uri("sip:+86512;phone-context=a:secret@192.0.2.1:5070;user=phone;lr?subject=x");
        assert_eq!((found.scheme, found.host, found.port), (Scheme::Sip, &b"192.0.2.1"[..], Some(5070)));
        assert_eq!(found.user_text().as_deref(), Some("+86512"));
        assert_eq!((found.parameter("user"), found.parameter("LR")), (Some(Some(&b"phone"[..])), Some(None)));
        assert_eq!(found.socket_address(), Some("192.0.2.1:5070".parse().expect("an address")));
    }

    #[test]
    fn a_user_part_may_hold_a_semicolon_and_an_escaped_at() {
        let found = uri("sip:user;par=u%40example.net@example.com");
        assert_eq!((found.user, found.host), (Some(&b"user;par=u%40example.net"[..]), &b"example.com"[..]));
    }

    #[test]
    fn ipv6_tel_and_foreign_uris_are_known() {
        assert_eq!(uri("sips:[2001:db8::10]").socket_address(), Some("[2001:db8::10]:5061".parse().expect("an address")));
        assert_eq!(uri("tel:+86-10-12345;ext=1").user_text().as_deref(), Some("+86-10-12345"));
        assert_eq!(uri("nobodyKnowsThisScheme:totallyopaque").scheme, Scheme::Other);
    }

    #[test]
    fn escapes_are_resolved_once_and_only_when_whole() {
        assert_eq!(uri("sip:%31%32%2345%4@h").user_text().as_deref(), Some("12#45%4"));
    }

    #[test]
    fn ambiguous_and_broken_uris_are_none() {
        for bad in ["", "sip", "sip:", ":x", "sip:@host", "sip:a@b@c", "sip:a b@c", "sip:a@", "sip:a@[::1", "tel:", "sip:a@h:99999", "1a:b"]
        {
            assert_eq!(Uri::parse(bad.as_bytes()), None, "{bad}");
        }
    }
}
