//! Header fields of the SIP extensions: found by their name, read by their grammar. Not here: what they do to a call.

use crate::message::{Head, Name};

/// A field of an extension.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extension(Name);

pub(crate) const ACCEPT: Extension = Extension(Name::Accept);
pub(crate) const ALLOWED: Extension = Extension(Name::Allow);
pub(crate) const EVENT: Extension = Extension(Name::Event);
pub(crate) const MIN_SE: Extension = Extension(Name::MinSe);
pub(crate) const RACK: Extension = Extension(Name::RAck);
pub(crate) const REFER_TO: Extension = Extension(Name::ReferTo);
pub(crate) const REPLACES: Extension = Extension(Name::Replaces);
pub(crate) const REQUIRE: Extension = Extension(Name::Require);
pub(crate) const ROUTE: Extension = Extension(Name::Route);
pub(crate) const RSEQ: Extension = Extension(Name::RSeq);
pub(crate) const SESSION_EXPIRES: Extension = Extension(Name::SessionExpires);
pub(crate) const SUBSCRIPTION_STATE: Extension = Extension(Name::SubscriptionState);
pub(crate) const SUPPORTED: Extension = Extension(Name::Supported);

pub(crate) const USER_AGENT: Extension = Extension(Name::UserAgent);

impl Head {
    /// The values of all fields that are spelt like this, in any case, each whole and with its folds: for those that [`Name`] does not
    /// list, such as WWW-Authenticate.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.iter().filter_map(move |field| {
            // The value starts behind the colon: the name is what stands before it on its line.
            let before = self.packet.get(..field.range().start.saturating_sub(1))?;
            let found = before.rsplit(|byte| *byte == b'\n').next()?.trim_ascii();
            found.eq_ignore_ascii_case(name.as_bytes()).then(|| self.text(field))
        })
    }
}

impl Extension {
    /// The values of all fields of this name, each whole, folds kept.
    pub(crate) fn of(self, head: &Head) -> impl Iterator<Item = &[u8]> {
        head.fields(self.0)
    }

    /// The first field of this name.
    pub(crate) fn first(self, head: &Head) -> Option<&[u8]> {
        self.of(head).next()
    }

    /// Whether a comma list of tokens holds this one.
    pub(crate) fn lists(self, head: &Head, token: &str) -> bool {
        self.tokens(head).any(|found| found.eq_ignore_ascii_case(token.as_bytes()))
    }

    /// The tokens of a comma list.
    pub(crate) fn tokens(self, head: &Head) -> impl Iterator<Item = &[u8]> {
        self.of(head).flat_map(|text| text.split(|byte| *byte == b',')).map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
    }

    /// The number that the field begins with, up to white space or a parameter.
    pub(crate) fn number(self, head: &Head) -> Option<u32> {
        decimal(self.first(head)?.split(|byte| *byte == b';').next()?.trim_ascii())
    }
}

/// A decimal number without sign.
pub(crate) fn decimal(text: &[u8]) -> Option<u32> {
    std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

/// The value of `;name=value` in a field; quotes do not occur in the fields that are read with this.
pub(crate) fn parameter<'a>(field: &'a [u8], name: &str) -> Option<&'a [u8]> {
    field.split(|byte| *byte == b';').skip(1).find_map(|part| {
        let place = part.iter().position(|byte| *byte == b'=')?;
        let (found, value) = part.split_at_checked(place)?;
        found.trim_ascii().eq_ignore_ascii_case(name.as_bytes()).then(|| value.get(1..).unwrap_or_default().trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, RSEQ, SESSION_EXPIRES, SUPPORTED, parameter};
    use crate::message::{Message, parse};

    #[test]
    fn extension_fields_are_found_by_long_and_compact_name_in_any_case() {
        let text = "OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:h>\r\nFrom: <sip:h>;tag=1\r\nCall-ID: a\r\n\
            CSeq: 1 OPTIONS\r\nX: 1800 ; Refresher = uas\r\nk: timer\r\nSUPPORTED : 100rel, replaces\r\nRSeq: 4294967295\r\n\r\n";
        let Ok(Message::Request(request)) = parse(text.into()) else { panic!("a request") };
        let head = request.head();
        assert_eq!((SESSION_EXPIRES.number(head), RSEQ.number(head), ALLOWED.number(head)), (Some(1_800), Some(u32::MAX), None));
        assert_eq!(SESSION_EXPIRES.first(head).and_then(|field| parameter(field, "refresher")), Some(&b"uas"[..]));
        assert!(SUPPORTED.lists(head, "TIMER") && SUPPORTED.lists(head, "replaces") && !SUPPORTED.lists(head, "path"));
    }
}
