//! The arithmetic of digest authentication: algorithms, HA1, the response value (RFC 7616 section 3.4, RFC 8760 section 2).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};
use std::fmt;

/// A hash function, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HashFunction {
    /// MD5: broken as a hash, still what most trunks and phones know.
    Md5,
    /// SHA-256.
    Sha256,
    /// SHA-512/256.
    Sha512Over256,
}

impl HashFunction {
    fn hex(self, parts: &[&[u8]]) -> String {
        match self {
            Self::Md5 => hex_of(Md5::new(), parts),
            Self::Sha256 => hex_of(Sha256::new(), parts),
            Self::Sha512Over256 => hex_of(Sha512_256::new(), parts),
        }
    }
}

/// The parts joined by colons, hashed, in lower case hexadecimal digits.
fn hex_of<D: Digest>(mut hasher: D, parts: &[&[u8]]) -> String {
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            hasher.update(b":");
        }
        hasher.update(part);
    }
    hex(hasher.finalize().as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

/// The value of the `algorithm` parameter; ordered by strength.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Algorithm {
    /// Its hash function.
    pub hash: HashFunction,
    /// The `-sess` variant: HA1 takes in the first nonce and cnonce.
    pub is_session: bool,
}

impl Algorithm {
    /// `MD5`, also meant where no algorithm is named.
    pub const MD5: Self = Self { hash: HashFunction::Md5, is_session: false };
    /// `SHA-256`
    pub const SHA_256: Self = Self { hash: HashFunction::Sha256, is_session: false };
    /// `SHA-512-256`
    pub const SHA_512_256: Self = Self { hash: HashFunction::Sha512Over256, is_session: false };

    /// Reads a token of RFC 7616 in any case; `None` for what is not ours.
    #[must_use]
    pub fn from_token(token: &[u8]) -> Option<Self> {
        let suffix = token.len().checked_sub(5).and_then(|place| token.split_at_checked(place));
        let (name, is_session) = match suffix {
            Some((name, suffix)) if suffix.eq_ignore_ascii_case(b"-sess") => (name, true),
            Some(_) | None => (token, false),
        };
        let hash = [HashFunction::Md5, HashFunction::Sha256, HashFunction::Sha512Over256]
            .into_iter()
            .find(|hash| Self { hash: *hash, is_session: false }.token().as_bytes().eq_ignore_ascii_case(name))?;
        Some(Self { hash, is_session })
    }

    /// Its token.
    #[must_use]
    pub fn token(self) -> &'static str {
        match (self.hash, self.is_session) {
            (HashFunction::Md5, false) => "MD5",
            (HashFunction::Md5, true) => "MD5-sess",
            (HashFunction::Sha256, false) => "SHA-256",
            (HashFunction::Sha256, true) => "SHA-256-sess",
            (HashFunction::Sha512Over256, false) => "SHA-512-256",
            (HashFunction::Sha512Over256, true) => "SHA-512-256-sess",
        }
    }
}

/// Quality of protection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Qop {
    /// The request line is protected.
    Auth,
    /// The request line and the body are protected.
    AuthInt,
}

impl Qop {
    /// Its token.
    #[must_use]
    pub fn token(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }

    pub(super) fn from_token(token: &[u8]) -> Option<Self> {
        [Self::Auth, Self::AuthInt].into_iter().find(|qop| qop.token().as_bytes().eq_ignore_ascii_case(token))
    }
}

/// H(user ":" realm ":" secret): as good as the secret within its realm, so it is kept only for random secrets that this server gave
/// out itself, never for a person's password (requirement T3).
#[derive(Clone, PartialEq, Eq)]
pub struct Ha1 {
    hash: HashFunction,
    hex: String,
}

/// It is a secret.
impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ha1({:?}, <secret>)", self.hash)
    }
}

impl Ha1 {
    /// From the secret itself.
    #[must_use]
    pub fn new(hash: HashFunction, user: &str, realm: &str, secret: &str) -> Self {
        Self { hash, hex: hash.hex(&[user.as_bytes(), realm.as_bytes(), secret.as_bytes()]) }
    }

    /// From what a store kept: hexadecimal digits as of [`Ha1::to_hex`]. `None` if they cannot be of this hash function.
    #[must_use]
    pub fn from_hex(hash: HashFunction, hex: &str) -> Option<Self> {
        let digits = match hash {
            HashFunction::Md5 => 32,
            HashFunction::Sha256 | HashFunction::Sha512Over256 => 64,
        };
        let is_hex = hex.len() == digits && hex.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
        is_hex.then(|| Self { hash, hex: hex.to_owned() })
    }

    /// For a store: lower case hexadecimal digits. A secret.
    #[must_use]
    pub fn to_hex(&self) -> &str {
        &self.hex
    }

    /// Its hash function.
    #[must_use]
    pub fn hash(&self) -> HashFunction {
        self.hash
    }
}

/// The request that credentials belong to.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// Its method.
    pub method: &'a [u8],
    /// Its Request-URI as it stands on the line.
    pub uri: &'a [u8],
    /// Its body.
    pub body: &'a [u8],
}

/// What goes into the response value beside HA1 and the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms<'a> {
    pub(super) is_session: bool,
    pub(super) nonce: &'a [u8],
    pub(super) cnonce: &'a [u8],
    /// Quality and nonce count; `None` in the manner of RFC 2069.
    pub(super) qop: Option<(Qop, u32)>,
}

/// The `response` parameter (RFC 7616 sections 3.4.1 to 3.4.3).
pub(super) fn response(ha1: &Ha1, terms: &Terms<'_>, signed: &Signed<'_>) -> String {
    let hash = ha1.hash;
    let session = terms.is_session.then(|| hash.hex(&[ha1.hex.as_bytes(), terms.nonce, terms.cnonce]));
    let a1 = session.as_ref().unwrap_or(&ha1.hex).as_bytes();
    let Some((qop, count)) = terms.qop else {
        let a2 = hash.hex(&[signed.method, signed.uri]);
        return hash.hex(&[a1, terms.nonce, a2.as_bytes()]);
    };
    let a2 = match qop {
        Qop::Auth => hash.hex(&[signed.method, signed.uri]),
        Qop::AuthInt => hash.hex(&[signed.method, signed.uri, hash.hex(&[signed.body]).as_bytes()]),
    };
    let count = format!("{count:08x}");
    hash.hex(&[a1, terms.nonce, count.as_bytes(), terms.cnonce, qop.token().as_bytes(), a2.as_bytes()])
}

/// Whether two texts are equal, in a time that depends on their lengths alone.
pub(super) fn equal_in_constant_time(one: &[u8], other: &[u8]) -> bool {
    let difference = one.iter().zip(other).fold(0_u8, |sum, (left, right)| std::hint::black_box(sum | (left ^ right)));
    one.len() == other.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<'a>(uri: &'a [u8]) -> Signed<'a> {
        Signed { method: b"GET", uri, body: b"" }
    }

    #[test]
    fn the_example_of_rfc_2617_comes_out() {
        let ha1 = Ha1::new(HashFunction::Md5, "Mufasa", "testrealm@host.com", "Circle Of Life");
        assert_eq!(ha1.to_hex(), "939e7578ed9e3c518a452acee763bce9");
        let nonce = b"dcd98b7102dd2f0e8b11d0f600bfb0c093";
        let terms = Terms { is_session: false, nonce, cnonce: b"0a4f113b", qop: Some((Qop::Auth, 1)) };
        assert_eq!(response(&ha1, &terms, &get(b"/dir/index.html")), "6629fae49393a05397450978507c4ef1");
        let old = Terms { qop: None, ..terms };
        assert_eq!(response(&ha1, &old, &get(b"/dir/index.html")), "670fd8c2df070c60b045671b8b24ff02");
    }

    #[test]
    fn the_examples_of_rfc_7616_come_out() {
        let terms = Terms {
            is_session: false,
            nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            qop: Some((Qop::Auth, 1)),
        };
        let of = |hash| response(&Ha1::new(hash, "Mufasa", "http-auth@example.org", "Circle of Life"), &terms, &get(b"/dir/index.html"));
        assert_eq!(of(HashFunction::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(of(HashFunction::Sha256), "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
        // The 31st request under that nonce, worked out by another program: the count is hexadecimal.
        let later = Terms { qop: Some((Qop::Auth, 31)), ..terms };
        let ha1 = Ha1::new(HashFunction::Md5, "Mufasa", "http-auth@example.org", "Circle of Life");
        assert_eq!(response(&ha1, &later, &get(b"/dir/index.html")), "b73d3a33f555d3e92224325b96a4020c");
        // Section 3.9.2 as corrected by its erratum 4897: the printed value came from a truncated SHA-512.
        let terms = Terms {
            nonce: b"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            cnonce: b"NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
            ..terms
        };
        let ha1 = Ha1::new(HashFunction::Sha512Over256, "J\u{e4}s\u{f8}n Doe", "api@example.org", "Secret, or not?");
        assert_eq!(response(&ha1, &terms, &get(b"/doe.json")), "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5");
    }

    #[test]
    fn the_tokens_of_rfc_8760_and_no_others_are_known() {
        for token in ["MD5", "md5", "SHA-256", "sha-512-256", "MD5-sess", "SHA-256-sess"] {
            let found = Algorithm::from_token(token.as_bytes()).expect("a token of the standard");
            assert!(found.token().eq_ignore_ascii_case(token));
        }
        for token in ["SHA256", "SHA-512", "SHA-1", "", "-sess", "AKAv1-MD5"] {
            assert_eq!(Algorithm::from_token(token.as_bytes()), None, "{token}");
        }
        assert!(Algorithm::MD5 < Algorithm::SHA_256 && Algorithm::SHA_256 < Algorithm::SHA_512_256);
    }

    #[test]
    fn a_stored_ha1_must_have_the_digits_of_its_hash() {
        let ha1 = Ha1::new(HashFunction::Sha256, "a", "b", "c");
        assert_eq!(Ha1::from_hex(HashFunction::Sha256, ha1.to_hex()), Some(ha1.clone()));
        assert_eq!(Ha1::from_hex(HashFunction::Md5, ha1.to_hex()), None);
        assert_eq!(Ha1::from_hex(HashFunction::Md5, &"g".repeat(32)), None);
        assert!(!format!("{ha1:?}").contains(ha1.to_hex()));
    }

    #[test]
    fn equality_looks_at_every_byte_and_the_length() {
        assert!(equal_in_constant_time(b"abc", b"abc") && equal_in_constant_time(b"", b""));
        for other in [&b"abd"[..], b"bbc", b"ab", b"abcd", b""] {
            assert!(!equal_in_constant_time(b"abc", other));
        }
    }
}
