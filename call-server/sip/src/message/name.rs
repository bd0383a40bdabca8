//! Names: methods and the header fields that this server looks at (RFC 3261 sections 7.3.3 and 20, RFC 3325).

use bytes::Bytes;

/// A request's method. Case matters (RFC 3261 section 7.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// INVITE
    Invite,
    /// ACK
    Ack,
    /// BYE
    Bye,
    /// CANCEL
    Cancel,
    /// OPTIONS
    Options,
    /// Any other token: answered with 405.
    Other(Bytes),
}

impl Method {
    /// Reads a method; the caller has checked that it is a token.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Self {
        match token {
            b"INVITE" => Self::Invite,
            b"ACK" => Self::Ack,
            b"BYE" => Self::Bye,
            b"CANCEL" => Self::Cancel,
            b"OPTIONS" => Self::Options,
            other => Self::Other(Bytes::copy_from_slice(other)),
        }
    }

    /// The method as it stands on the line.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Invite => b"INVITE",
            Self::Ack => b"ACK",
            Self::Bye => b"BYE",
            Self::Cancel => b"CANCEL",
            Self::Options => b"OPTIONS",
            Self::Other(token) => token,
        }
    }
}

/// A header field's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name {
    /// Call-ID, `i`
    CallId,
    /// Contact, `m`
    Contact,
    /// Content-Encoding, `e`
    ContentEncoding,
    /// Content-Length, `l`
    ContentLength,
    /// Content-Type, `c`
    ContentType,
    /// CSeq
    CSeq,
    /// From, `f`
    From,
    /// P-Asserted-Identity (RFC 3325)
    PAssertedIdentity,
    /// Privacy (RFC 3323)
    Privacy,
    /// Record-Route
    RecordRoute,
    /// Require
    Require,
    /// Timestamp
    Timestamp,
    /// To, `t`
    To,
    /// Via, `v`
    Via,
    /// A field that this server does not look at.
    Other,
}

/// Long form, compact form (empty if there is none), name.
const NAMES: [(&str, &str, Name); 14] = [
    ("Call-ID", "i", Name::CallId),
    ("Contact", "m", Name::Contact),
    ("Content-Encoding", "e", Name::ContentEncoding),
    ("Content-Length", "l", Name::ContentLength),
    ("Content-Type", "c", Name::ContentType),
    ("CSeq", "", Name::CSeq),
    ("From", "f", Name::From),
    ("P-Asserted-Identity", "", Name::PAssertedIdentity),
    ("Privacy", "", Name::Privacy),
    ("Record-Route", "", Name::RecordRoute),
    ("Require", "", Name::Require),
    ("Timestamp", "", Name::Timestamp),
    ("To", "t", Name::To),
    ("Via", "v", Name::Via),
];

impl Name {
    /// Reads a long or compact name in any case.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Self {
        let is_compact = token.len() == 1;
        let is_spelt =
            |(long, compact, _): &&(&str, &str, Self)| token.eq_ignore_ascii_case(if is_compact { compact } else { long }.as_bytes());
        NAMES.iter().find(is_spelt).map_or(Self::Other, |(_, _, name)| *name)
    }

    /// A second field of one of these names makes a message ambiguous and therefore invalid.
    pub(crate) const SINGLE: [Self; 5] = [Self::CallId, Self::ContentLength, Self::CSeq, Self::From, Self::To];
}

#[cfg(test)]
mod tests {
    use super::{Method, Name};

    #[test]
    fn compact_and_long_names_in_any_case_are_one() {
        for spelling in ["Via", "VIA", "v", "V"] {
            assert_eq!(Name::from_token(spelling.as_bytes()), Name::Via);
        }
        assert_eq!(Name::from_token(b"X-Via"), Name::Other);
        assert_eq!(Name::from_token(b""), Name::Other);
    }

    #[test]
    fn methods_are_case_sensitive_and_unknown_ones_are_kept() {
        assert_eq!(Method::from_token(b"INVITE"), Method::Invite);
        assert_eq!(Method::from_token(b"invite").as_bytes(), b"invite");
    }
}
