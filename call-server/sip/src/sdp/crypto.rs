//! Keys for SRTP in a session description: `a=crypto` (RFC 4568, RFC 7714 section 14.2).
//!
//! Not here: SRTP itself, and making keys. Lines that ask for what we do not do (a master key index, several keys, session parameters)
//! are passed over, as RFC 4568 section 5.1.2 wants it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use std::fmt;

/// Most `a=crypto` lines looked at in one stream.
pub const MAX_CRYPTO_LINES: usize = 16;

/// A suite of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `AEAD_AES_128_GCM`
    AeadAes128Gcm,
    /// `AES_CM_128_HMAC_SHA1_80`
    AesCm128HmacSha1Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`
    AesCm128HmacSha1Tag32,
}

impl Suite {
    /// All of them, the liked one first.
    pub const ALL: [Self; 3] = [Self::AeadAes128Gcm, Self::AesCm128HmacSha1Tag80, Self::AesCm128HmacSha1Tag32];

    /// Its name in `a=crypto`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AesCm128HmacSha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// Length of master key and master salt together, in bytes.
    #[must_use]
    pub fn key_bytes(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 28,
            Self::AesCm128HmacSha1Tag80 | Self::AesCm128HmacSha1Tag32 => 30,
        }
    }
}

/// One usable `a=crypto` line: the key with which its writer encrypts.
#[derive(Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Tag; the answer repeats that of the chosen line.
    pub tag: u32,
    /// Its suite.
    pub suite: Suite,
    key: Vec<u8>,
}

/// The key is a secret.
impl fmt::Debug for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Crypto({}, {:?}, <secret>)", self.tag, self.suite)
    }
}

impl Crypto {
    /// With a key of our own: master key, then master salt. `None` if its length is not [`Suite::key_bytes`].
    #[must_use]
    pub fn new(tag: u32, suite: Suite, key: &[u8]) -> Option<Self> {
        (key.len() == suite.key_bytes()).then(|| Self { tag, suite, key: key.to_vec() })
    }

    /// Master key, then master salt. A secret.
    #[must_use]
    pub fn key(&self) -> &[u8] {
        &self.key
    }

    /// Reads what stands behind `a=crypto:`.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut words = value.split_ascii_whitespace();
        let (tag, name, key) = (words.next()?, words.next()?, words.next()?);
        let suite = Suite::ALL.into_iter().find(|suite| suite.name() == name)?;
        // A parameter may be ignored only if it says so itself; the window size is a hint (RFC 4568 section 6.3.7).
        let may_ignore = |parameter: &str| parameter.starts_with('-') || parameter.starts_with("WSH=");
        let is_tag = (1..=9).contains(&tag.len()) && tag.bytes().all(|byte| byte.is_ascii_digit());
        if !is_tag || !words.all(may_ignore) {
            return None;
        }
        Self::new(tag.parse().ok()?, suite, &inline_key(key)?)
    }
}

/// The bytes of `inline:KEY` or `inline:KEY|LIFETIME`. A lifetime is longer than any call; an index would change the packets' form.
fn inline_key(text: &str) -> Option<Vec<u8>> {
    let (method, rest) = text.split_once(':')?;
    let mut parts = rest.split('|');
    let key = parts.next()?;
    let is_plain = parts.all(|part| !part.contains(':'));
    let key = STANDARD.decode(key).or_else(|_| STANDARD_NO_PAD.decode(key)).ok()?;
    (method.eq_ignore_ascii_case("inline") && is_plain).then_some(key)
}

/// The value as it stands behind `a=crypto:`; for the wire alone.
impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} inline:{}", self.tag, self.suite.name(), STANDARD.encode(&self.key))
    }
}

/// The first line of the first of `suites` (ours, best first) that is offered.
#[must_use]
pub(super) fn choose<'a>(offered: &'a [Crypto], suites: &[Suite]) -> Option<&'a Crypto> {
    suites.iter().find_map(|suite| offered.iter().find(|line| line.suite == *suite))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn the_lines_of_rfc_4568_are_read_and_written_back() {
        let line = Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20")).expect("a usable line");
        assert_eq!((line.tag, line.suite, line.key().len()), (1, Suite::AesCm128HmacSha1Tag80, 30));
        assert_eq!(line.to_string(), format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"));
        let gcm = Crypto::new(2, Suite::AeadAes128Gcm, &[7; 28]).expect("28 bytes");
        assert_eq!(Crypto::parse(&gcm.to_string()), Some(gcm.clone()));
        assert!(!format!("{line:?} {gcm:?}").contains(KEY));
    }

    #[test]
    fn lines_that_ask_for_more_than_we_do_are_passed_over() {
        for bad in [
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};inline:{KEY}"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AEAD_AES_128_GCM inline:{KEY}"),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}"),
            "1 AES_CM_128_HMAC_SHA1_80 inline:short".to_owned(),
            "1 AES_CM_128_HMAC_SHA1_80".to_owned(),
            String::new(),
        ] {
            assert_eq!(Crypto::parse(&bad), None, "{bad}");
        }
        assert!(Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_32 inline:{KEY} WSH=128 -FUTURE=1")).is_some());
    }

    #[test]
    fn our_order_decides_which_line_is_chosen() {
        let lines = [(1, Suite::AesCm128HmacSha1Tag32), (2, Suite::AesCm128HmacSha1Tag80)]
            .map(|(tag, suite)| Crypto::new(tag, suite, &[1; 30]).expect("30 bytes"));
        assert_eq!(choose(&lines, &Suite::ALL).map(|line| line.tag), Some(2));
        assert_eq!(choose(&lines, &[Suite::AeadAes128Gcm]), None);
    }
}
