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
    /// A field that this server does not look at.
    Other,
    /// Accept
    Accept,
    /// Allow
    Allow,
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
    /// Event, `o` (RFC 6665)
    Event,
    /// From, `f`
    From,
    /// Min-SE (RFC 4028)
    MinSe,
    /// P-Asserted-Identity (RFC 3325)
    PAssertedIdentity,
    /// Privacy (RFC 3323)
    Privacy,
    /// RAck (RFC 3262)
    RAck,
    /// Record-Route
    RecordRoute,
    /// Refer-To, `r` (RFC 3515)
    ReferTo,
    /// Replaces (RFC 3891)
    Replaces,
    /// Require
    Require,
    /// Route
    Route,
    /// RSeq (RFC 3262)
    RSeq,
    /// Session-Expires, `x` (RFC 4028)
    SessionExpires,
    /// Subscription-State (RFC 6665)
    SubscriptionState,
    /// Supported, `k`
    Supported,
    /// Timestamp
    Timestamp,
    /// To, `t`
    To,
    /// User-Agent
    UserAgent,
    /// Via, `v`
    Via,
}

/// Each name as the RFCs spell it, and its compact form.
const SPELLINGS: [(&str, Name); 39] = [
    ("v", Name::Via),
    ("f", Name::From),
    ("t", Name::To),
    ("i", Name::CallId),
    ("m", Name::Contact),
    ("l", Name::ContentLength),
    ("c", Name::ContentType),
    ("e", Name::ContentEncoding),
    ("k", Name::Supported),
    ("x", Name::SessionExpires),
    ("o", Name::Event),
    ("r", Name::ReferTo),
    ("To", Name::To),
    ("Via", Name::Via),
    ("From", Name::From),
    ("CSeq", Name::CSeq),
    ("RAck", Name::RAck),
    ("RSeq", Name::RSeq),
    ("Allow", Name::Allow),
    ("Route", Name::Route),
    ("Event", Name::Event),
    ("Accept", Name::Accept),
    ("Min-SE", Name::MinSe),
    ("Contact", Name::Contact),
    ("Call-ID", Name::CallId),
    ("Require", Name::Require),
    ("Privacy", Name::Privacy),
    ("Refer-To", Name::ReferTo),
    ("Replaces", Name::Replaces),
    ("Supported", Name::Supported),
    ("Timestamp", Name::Timestamp),
    ("User-Agent", Name::UserAgent),
    ("Content-Type", Name::ContentType),
    ("Record-Route", Name::RecordRoute),
    ("Content-Length", Name::ContentLength),
    ("Session-Expires", Name::SessionExpires),
    ("Content-Encoding", Name::ContentEncoding),
    ("Subscription-State", Name::SubscriptionState),
    ("P-Asserted-Identity", Name::PAssertedIdentity),
];

const SLOTS: usize = 128;

/// The one spelling that a name of this length and with these ends can be, whatever its case: the factors were looked for so that no two
/// spellings fall into one slot.
const fn slot(first: u8, last: u8, length: usize) -> usize {
    let ends = ((first | 0x20) as usize).wrapping_add(13_usize.wrapping_mul((last | 0x20) as usize));
    ends.wrapping_add(12_usize.wrapping_mul(length)) & (SLOTS - 1)
}

/// The spelling of each slot.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "evaluated when this is compiled, within the tables")]
const BY_SLOT: [(&str, Name); SLOTS] = {
    let mut table = [("", Name::Other); SLOTS];
    let mut place = 0;
    while place < SPELLINGS.len() {
        let bytes = SPELLINGS[place].0.as_bytes();
        let slot = slot(bytes[0], bytes[bytes.len() - 1], bytes.len());
        assert!(table[slot].0.is_empty(), "two spellings in one slot");
        table[slot] = SPELLINGS[place];
        place += 1;
    }
    table
};

impl Name {
    /// Reads a long or compact name in any case.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Self {
        let [first, .., last] = *token else { return token.first().map_or(Self::Other, |only| Self::at(slot(*only, *only, 1), token)) };
        Self::at(slot(first, last, token.len()), token)
    }

    fn at(slot: usize, token: &[u8]) -> Self {
        let Some((spelling, name)) = BY_SLOT.get(slot) else { return Self::Other };
        // Nearly everybody writes names as the RFCs do: comparing bytes alone is several times faster than comparing letters.
        let is = spelling.len() == token.len() && (is_same(token, spelling.as_bytes()) || token.eq_ignore_ascii_case(spelling.as_bytes()));
        if is { *name } else { Self::Other }
    }

    /// How many there are.
    pub(crate) const COUNT: usize = Self::Via as usize + 1;

    /// Its own bit among all names.
    pub(crate) fn bit(self) -> u32 {
        1_u32.checked_shl(self as u32).unwrap_or(0)
    }

    /// The bits of names of which a second field makes a message ambiguous and therefore invalid.
    pub(crate) const SINGLE: u32 =
        1 << Self::CallId as u32 | 1 << Self::ContentLength as u32 | 1 << Self::CSeq as u32 | 1 << Self::From as u32 | 1 << Self::To as u32;
}

/// Equality of two short texts of one length by their ends, which overlap in the middle: a few instructions without a call.
fn is_same(left: &[u8], right: &[u8]) -> bool {
    match left.len() {
        1..4 => left.first() == right.first() && left.get(1) == right.get(1) && left.last() == right.last(),
        4..8 => left.first_chunk::<4>() == right.first_chunk() && left.last_chunk::<4>() == right.last_chunk(),
        8..=16 => left.first_chunk::<8>() == right.first_chunk() && left.last_chunk::<8>() == right.last_chunk(),
        17..=32 => left.first_chunk::<16>() == right.first_chunk() && left.last_chunk::<16>() == right.last_chunk(),
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::{Method, Name, SPELLINGS};

    #[test]
    fn compact_and_long_names_in_any_case_are_one() {
        for spelling in ["Via", "VIA", "v", "V"] {
            assert_eq!(Name::from_token(spelling.as_bytes()), Name::Via);
        }
        for (spelling, name) in SPELLINGS {
            let all = [spelling.to_owned(), spelling.to_ascii_lowercase(), spelling.to_ascii_uppercase()];
            assert!(all.iter().all(|text| Name::from_token(text.as_bytes()) == name), "{spelling}");
            assert_eq!(Name::from_token(format!("{spelling}-").as_bytes()), Name::Other, "{spelling}");
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
