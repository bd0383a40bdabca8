//! Digest authentication, both sides (RFC 7616, RFC 8760, RFC 3261 section 22).
//!
//! Pure: the server's key and the time, the client's cnonce, and all secrets come in as values. Not here: where secrets are kept, and
//! what happens to whoever fails too often.

mod client;
mod hash;
mod nonce;
mod server;

pub use client::{Account, Challenge, Login, MAX_CHALLENGES, choose};
pub use hash::{Algorithm, Ha1, HashFunction, Qop, Signed};
pub use nonce::NonceKey;
pub use server::{Guard, GuardLimits, Verdict};

use crate::message::grammar::{cut, is_space, is_token, parts, trim, unquoted};

/// Longest field value that is read, in bytes.
pub const MAX_FIELD_BYTES: usize = 4 * 1024;

/// The parameters of a `Digest` challenge or credentials. Quotes around a value are taken off, escapes are kept as they came: they are
/// echoed and hashed in that form.
struct Parameters<'a> {
    text: &'a [u8],
}

impl<'a> Parameters<'a> {
    /// `None` if it is of another scheme or too long.
    fn parse(value: &'a [u8]) -> Option<Self> {
        let value = trim(value);
        let (scheme, text) = value.split_at_checked(value.iter().position(|byte| is_space(*byte))?)?;
        (scheme.eq_ignore_ascii_case(b"Digest") && value.len() <= MAX_FIELD_BYTES).then_some(Self { text })
    }

    /// The value of a parameter; `None` if it is missing or, ambiguous, there twice.
    fn get(&self, wanted: &str) -> Option<&'a [u8]> {
        let mut found = parts(self.text, b',').filter_map(|part| {
            let (name, value) = cut(part, b'=')?;
            let name = trim(name);
            (is_token(name) && name.eq_ignore_ascii_case(wanted.as_bytes())).then(|| unquoted(trim(value)))
        });
        found.next().filter(|_| found.next().is_none())
    }
}
