//! Nonces that carry their own proof: when and as which one they were made, signed with the server's key. Nothing is kept for those
//! that nobody ever answers (RFC 7616 section 5.4).

use super::hash::{equal_in_constant_time, hex};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// The key that nonces are signed with: random, secret, new at each start.
#[derive(Clone)]
pub struct NonceKey(pub [u8; 32]);

/// It is a secret.
impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey(<secret>)")
    }
}

/// Hexadecimal digits of the signature: 128 bits.
const SIGNATURE_DIGITS: usize = 32;

/// One nonce: the older is the smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nonce {
    /// When it was made, in ms of the server's clock.
    pub(super) made_at: u64,
    /// Number among all nonces of one key.
    pub(super) serial: u64,
}

impl Nonce {
    pub(super) fn text(self, key: &NonceKey) -> String {
        let claim = format!("{:016x}{:016x}", self.made_at, self.serial);
        let signature = signature(key, claim.as_bytes());
        claim + &signature
    }

    /// `None` if it was not made with this key.
    pub(super) fn read(text: &[u8], key: &NonceKey) -> Option<Self> {
        let (claim, signed) = text.split_at_checked(32).filter(|(_, signed)| signed.len() == SIGNATURE_DIGITS)?;
        if !equal_in_constant_time(signature(key, claim).as_bytes(), signed) {
            return None;
        }
        let claim = std::str::from_utf8(claim).ok()?;
        let (made_at, serial) = claim.split_at_checked(16)?;
        Some(Self { made_at: u64::from_str_radix(made_at, 16).ok()?, serial: u64::from_str_radix(serial, 16).ok()? })
    }
}

fn signature(key: &NonceKey, claim: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("HMAC takes keys of any length");
    mac.update(claim);
    let mut digits = hex(&mac.finalize().into_bytes());
    digits.truncate(SIGNATURE_DIGITS);
    digits
}

#[cfg(test)]
mod tests {
    use super::{Nonce, NonceKey};

    #[test]
    fn a_nonce_is_read_back_and_no_digit_of_it_can_be_changed() {
        let key = NonceKey([7; 32]);
        let nonce = Nonce { made_at: 1_234, serial: 9 };
        let text = nonce.text(&key);
        assert_eq!(Nonce::read(text.as_bytes(), &key), Some(nonce));
        assert_eq!(Nonce::read(text.as_bytes(), &NonceKey([8; 32])), None);
        for place in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
            assert_eq!(Nonce::read(&forged, &key), None, "digit {place}");
        }
        assert_eq!(Nonce::read(&text.as_bytes()[..63], &key), None);
        assert_eq!(Nonce::read(b"", &key), None);
    }
}
