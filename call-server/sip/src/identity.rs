//! Who calls whom, as a trunk says it (RFC 3325, RFC 3323, RFC 3261 section 20.20).
//!
//! Texts only: whether one is a telephone number is for the caller of these functions to judge.

use crate::fields::{USER_AGENT, decimal};
use crate::message::grammar::parts;
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

/// A diversion as it stands in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diverted {
    /// Whom the caller wanted, as text; `None` if that is withheld.
    pub from: Option<String>,
    /// Why the call went on.
    pub cause: DivertedFor,
}

/// Why a call went on to another number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DivertedFor {
    /// Always.
    Unconditional,
    /// The line was busy.
    Busy,
    /// Nobody answered.
    NoAnswer,
    /// The phone was not there.
    Unavailable,
    /// Whoever it rang at sent it on.
    Deflection,
    /// Anything else.
    Other,
}

impl DivertedFor {
    /// RFC 5806 section 5.
    fn of_word(word: &[u8]) -> Self {
        match word.to_ascii_lowercase().as_slice() {
            b"unconditional" => Self::Unconditional,
            b"user-busy" => Self::Busy,
            b"no-answer" => Self::NoAnswer,
            b"unavailable" | b"out-of-service" => Self::Unavailable,
            b"deflection" => Self::Deflection,
            _ => Self::Other,
        }
    }

    /// RFC 4458 section 2.
    fn of_status(status: u32) -> Self {
        match status {
            302 => Self::Unconditional,
            486 => Self::Busy,
            408 => Self::NoAnswer,
            503 => Self::Unavailable,
            480 | 487 => Self::Deflection,
            _ => Self::Other,
        }
    }
}

/// The numbers that the call was diverted from, the first one first: of Diversion (RFC 5806), else of History-Info (RFC 7044). The number of
/// one who asks for privacy stays unknown.
#[must_use]
pub fn diversions(request: &Request) -> Vec<Diverted> {
    let head = request.head();
    let values = |name: &'static str| head.named(name).flat_map(|field| parts(field, b',')).filter_map(NameAddr::parse);
    // The newest stands first.
    let mut diverted: Vec<Diverted> = values("Diversion").map(|value| of_diversion(&value)).collect();
    diverted.reverse();
    if diverted.is_empty() {
        let entries: Vec<NameAddr<'_>> = values("History-Info").collect();
        let pairs = entries.iter().zip(entries.iter().skip(1));
        diverted = pairs.filter_map(|(from, to)| of_history(from, to)).collect();
    }
    diverted
}

fn of_diversion(value: &NameAddr<'_>) -> Diverted {
    let is_private = value.parameter("privacy").flatten().is_some_and(|privacy| !privacy.eq_ignore_ascii_case(b"off"));
    let cause = value.parameter("reason").flatten().map_or(DivertedFor::Other, DivertedFor::of_word);
    Diverted { from: value.uri.user_text().filter(|_| !is_private), cause }
}

/// An entry from which the call went on to the next one, if that was a diversion: a mere route has no cause.
fn of_history(from: &NameAddr<'_>, to: &NameAddr<'_>) -> Option<Diverted> {
    let headers = from.uri.header_text().unwrap_or_default().to_ascii_lowercase();
    let after_cause = |text: &str| text.split_once("cause=").and_then(|(_, rest)| rest.get(..3)?.parse().ok());
    let said = headers.split('&').filter(|header| header.starts_with("reason=")).find_map(after_cause);
    let status = said.or_else(|| decimal(to.uri.parameter("cause").flatten()?))?;
    let is_private = headers.split('&').any(|header| matches!(header, "privacy=history" | "privacy=id" | "privacy=header"));
    Some(Diverted { from: from.uri.user_text().filter(|_| !is_private), cause: DivertedFor::of_status(status) })
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
    use super::{DivertedFor, called, caller, dialled, diversions};
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
    fn to_names_what_was_dialled_and_diversion_where_the_call_came_from() {
        assert_eq!(called(&request("sip:hotline@192.0.2.1", "From: <sip:1@h>\r\n")).as_deref(), Some("12345"));
        let fields = "From: <sip:1@h>\r\nDiversion: \"a, b\" <sip:051912345@h>;reason=no-answer;counter=1, <sip:2@h>;reason=user-busy\r\n\
            diversion: <sip:3@h;user=phone>;privacy=full\r\nHistory-Info: <sip:9@h>;index=1\r\n";
        let diverted = diversions(&request("sip:h", fields));
        let told: Vec<_> = diverted.iter().map(|one| (one.from.as_deref(), one.cause)).collect();
        assert_eq!(told, [(None, DivertedFor::Other), (Some("2"), DivertedFor::Busy), (Some("051912345"), DivertedFor::NoAnswer)]);
        assert_eq!(diversions(&request("sip:h", "From: <sip:1@h>\r\n")), []);
    }

    #[test]
    fn the_history_of_a_call_tells_its_diversions_and_not_its_routes() {
        let fields = "From: <sip:1@h>\r\nHistory-Info: <sip:051912345@h?Reason=SIP%3Bcause%3D486%3Btext%3D%22busy%22>;index=1,\r\n \
            <sip:2@h;cause=486>;index=1.1\r\nHistory-Info: <sip:2@proxy?Privacy=history>;index=1.1.1, <sip:12345@h;cause=302>;index=1.2;mp=1.1\r\n";
        let diverted = diversions(&request("sip:h", fields));
        let told: Vec<_> = diverted.iter().map(|one| (one.from.as_deref(), one.cause)).collect();
        assert_eq!(told, [(Some("051912345"), DivertedFor::Busy), (None, DivertedFor::Unconditional)]);
        assert_eq!(diversions(&request("sip:h", "From: <sip:1@h>\r\nHistory-Info: <sip:1@h>;index=1, <\r\n")), []);
    }
}
