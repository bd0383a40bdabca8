//! Who calls whom, as a trunk says it (RFC 3325, RFC 3323, RFC 3261 section 20.20).
//!
//! Texts only: whether one is a telephone number is for the caller of these functions to judge.

use crate::fields::USER_AGENT;
use crate::message::{Name, NameAddr, Request, Uri};

/// The calling number as text: of P-Asserted-Identity if there is one, else of From. `None` if it is withheld.
#[must_use]
pub fn caller(request: &Request) -> Option<String> {
    if is_withheld(request) {
        return None;
    }
    let head = request.head();
    let asserted = head.values(Name::PAssertedIdentity).filter_map(NameAddr::parse).find_map(|identity| identity.uri.user_text());
    asserted.or_else(|| head.first(Name::From).and_then(NameAddr::parse).and_then(|from| from.uri.user_text()))
}

/// The dialled number as text: the Request-URI's user part.
#[must_use]
pub fn dialled(request: &Request) -> Option<String> {
    Uri::parse(request.uri())?.user_text()
}

/// The number that To names: what was dialled, where the Request-URI names us by our own Contact (RFC 3261 section 16.6, step 2).
#[must_use]
pub fn called(request: &Request) -> Option<String> {
    request.head().first(Name::To).and_then(NameAddr::parse)?.uri.user_text()
}

/// The number that the call was diverted from: of the newest Diversion (RFC 5806), which stands first.
#[must_use]
pub fn diverted_from(request: &Request) -> Option<String> {
    let diversion = request.head().named("Diversion").next()?;
    NameAddr::parse(diversion.split(|byte| *byte == b',').next()?)?.uri.user_text()
}

/// The program that the sender says it is.
#[must_use]
pub fn agent(request: &Request) -> Option<&[u8]> {
    USER_AGENT.first(request.head())
}

/// A caller who asks for privacy stays unknown to us even where the trunk would tell: the number is withheld (1-11).
fn is_withheld(request: &Request) -> bool {
    let asks = |value: &[u8]| value.eq_ignore_ascii_case(b"id") || value.eq_ignore_ascii_case(b"user");
    let mut privacy =
        request.head().fields(Name::Privacy).flat_map(|text| text.split(|byte| matches!(byte, b';' | b','))).map(<[u8]>::trim_ascii);
    if privacy.any(asks) {
        return true;
    }
    let from = request.head().first(Name::From).and_then(NameAddr::parse);
    let is_anonymous = from.is_some_and(|from| {
        from.uri.host.eq_ignore_ascii_case(b"anonymous.invalid")
            || from.uri.user.is_some_and(|user| user.eq_ignore_ascii_case(b"anonymous"))
    });
    is_anonymous && request.head().first(Name::PAssertedIdentity).is_none()
}

#[cfg(test)]
mod tests {
    use super::{called, caller, dialled, diverted_from};
    use crate::message::{Message, Request, parse};

    fn request(uri: &str, fields: &str) -> Request {
        let text = format!(
            "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nTo: <sip:12345@h>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n{fields}\r\n"
        );
        match parse(text.into()) {
            Ok(Message::Request(request)) => *request,
            other => panic!("not a request: {other:?}"),
        }
    }

    fn calls(fields: &str) -> Option<String> {
        caller(&request("sip:12345@h", fields))
    }

    #[test]
    fn the_asserted_number_goes_before_the_claimed_one() {
        let from = "From: \"x\" <sip:110@h>;tag=1\r\n";
        assert_eq!(calls(from).as_deref(), Some("110"));
        let two = format!("{from}P-Asserted-Identity: \"A, B\" <sip:+8613900000000@h>, <tel:1>\r\n");
        assert_eq!(calls(&two).as_deref(), Some("+8613900000000"));
        assert_eq!(calls(&format!("{from}P-Asserted-Identity: <tel:+86-512-1>\r\n")).as_deref(), Some("+86-512-1"));
    }

    #[test]
    fn a_withheld_number_stays_withheld() {
        assert_eq!(calls("From: <sip:110@h>;tag=1\r\nPrivacy: critical;id\r\nP-Asserted-Identity: <sip:110@h>\r\n"), None);
        assert_eq!(calls("From: \"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=1\r\n"), None);
        assert_eq!(calls("From: <sip:Anonymous@carrier.example>;tag=1\r\n"), None);
        assert_eq!(calls("From: <sip:h>;tag=1\r\n"), None);
    }

    #[test]
    fn an_anonymous_from_with_an_asserted_number_is_known_unless_privacy_is_asked() {
        let from = "From: <sip:anonymous@anonymous.invalid>;tag=1\r\nP-Asserted-Identity: <sip:110@h>\r\n";
        assert_eq!(calls(from).as_deref(), Some("110"));
        assert_eq!(calls(&format!("{from}Privacy: none\r\n")).as_deref(), Some("110"));
    }

    #[test]
    fn the_dialled_number_is_the_request_uris_user() {
        assert_eq!(dialled(&request("sip:12345;phone-context=0512@h;user=phone", "From: <sip:1@h>\r\n")).as_deref(), Some("12345"));
        assert_eq!(dialled(&request("tel:12345", "From: <sip:1@h>\r\n")).as_deref(), Some("12345"));
        assert_eq!(dialled(&request("sip:h", "From: <sip:1@h>\r\n")), None);
    }

    #[test]
    fn to_names_what_was_dialled_and_diversion_where_it_came_from() {
        let fields = "From: <sip:1@h>\r\nDiversion: <sip:051912345@h>;reason=no-answer;counter=1, <sip:2@h>\r\n";
        let diverted = request("sip:hotline@192.0.2.1", fields);
        assert_eq!(called(&diverted).as_deref(), Some("12345"));
        assert_eq!(diverted_from(&diverted).as_deref(), Some("051912345"));
        assert_eq!(diverted_from(&request("sip:h", "From: <sip:1@h>\r\n")), None);
    }
}
