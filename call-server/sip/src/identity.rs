//! Who calls whom, as a trunk says it (RFC 3325, RFC 3323, RFC 3261 section 20.20).
//!
//! Texts only: whether one is a telephone number is for the caller of these functions to judge.

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

/// A caller who asks for privacy stays unknown to us even where the trunk would tell: the number is withheld (1-11).
fn is_withheld(request: &Request) -> bool {
    let asks =
        |value: &[u8]| value.eq_ignore_ascii_case(b"id") || value.eq_ignore_ascii_case(b"user") || value.eq_ignore_ascii_case(b"header");
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
