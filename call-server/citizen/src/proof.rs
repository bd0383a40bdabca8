//! Proving who one is, by rsip's digest (RFC 2617 and RFC 7616 with MD5; rsip spells SHA-256 in a way that no server does).

use rsip::headers::auth::AuthQop;
use rsip::headers::{ToTypedHeader, UntypedHeader};
use rsip::services::DigestGenerator;
use rsip::{Header, Method, Response, Uri, typed};

/// Who a phone is to its registrar or trunk.
#[derive(Clone)]
pub struct Credentials {
    /// User name.
    pub user: String,
    /// Secret.
    pub secret: String,
}

/// The secret is one.
impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, <secret>)", self.user)
    }
}

/// The field that answers a 401 or 407 of this request; `None` if rsip can read none of its challenges.
pub(crate) fn answer(response: &Response, credentials: &Credentials, method: Method, uri: &Uri) -> Option<Header> {
    response.headers.iter().find_map(|header| {
        let (value, is_proxy) = match header {
            Header::WwwAuthenticate(challenge) => (challenge.value().to_owned(), false),
            Header::ProxyAuthenticate(challenge) => (challenge.value().to_owned(), true),
            _ => return None,
        };
        let challenge = rsip::headers::WwwAuthenticate::new(value).typed().ok()?;
        let proof = authorization(&challenge, credentials, method, uri);
        Some(if is_proxy { rsip::headers::ProxyAuthorization::new(proof).into() } else { rsip::headers::Authorization::new(proof).into() })
    })
}

fn authorization(challenge: &typed::WwwAuthenticate, credentials: &Credentials, method: Method, uri: &Uri) -> String {
    let qop = challenge.qop.as_ref().map(|_| AuthQop::Auth { cnonce: format!("{:016x}", fastrand::u64(..)), nc: 1 });
    let algorithm = challenge.algorithm.unwrap_or_default();
    let generator = DigestGenerator {
        username: &credentials.user,
        password: &credentials.secret,
        nonce: &challenge.nonce,
        uri,
        realm: &challenge.realm,
        method: &method,
        qop: qop.as_ref(),
        algorithm,
    };
    let response = generator.compute();
    typed::Authorization {
        scheme: challenge.scheme.clone(),
        username: credentials.user.clone(),
        realm: challenge.realm.clone(),
        nonce: challenge.nonce.clone(),
        uri: uri.clone(),
        response,
        algorithm: challenge.algorithm,
        opaque: challenge.opaque.clone(),
        qop,
    }
    .to_string()
}
