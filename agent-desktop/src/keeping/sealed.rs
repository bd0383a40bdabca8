//! A draft as it lies on the disk: AES-256-GCM (NIST SP 800-38D) under its person's key, which the server hands out at the sign-in.
//!
//! A fresh random nonce stands before the cipher text; staff number and call are bound to it, so no draft passes for another.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use shared::pii::Pii;

const NONCE_BYTES: usize = 12;

/// A person's key.
pub(super) struct DraftKey(Aes256Gcm);

impl DraftKey {
    /// From base64; `None` if it is not 32 bytes long.
    pub(super) fn read(key: &Pii<String>) -> Option<Self> {
        let bytes: [u8; 32] = BASE64.decode(key.reveal()).ok()?.try_into().ok()?;
        Some(Self(Aes256Gcm::new(&bytes.into())))
    }

    /// Seals a draft of this name.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(super) fn seal(&self, name: &str, mut draft: Vec<u8>) -> std::io::Result<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(std::io::Error::other)?;
        self.0.encrypt_in_place(&Nonce::from(nonce), name.as_bytes(), &mut draft).expect("GCM seals up to 64 GiB");
        Ok([&nonce[..], &draft].concat())
    }

    /// Opens what was sealed under this key and name; `None` for anything else.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let mut draft = rest.to_vec();
        self.0.decrypt_in_place(&Nonce::from(*nonce), name.as_bytes(), &mut draft).ok()?;
        Some(draft)
    }
}
