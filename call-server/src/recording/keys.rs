//! Keys of recordings: the master keys of a site, and the data key of one recording wrapped by one of them (rows 2.3, S-6).
//!
//! Each recording has a random data key of its own. It never stands anywhere in clear: a master key seals it (AES-256-GCM,
//! NIST SP 800-38D), and the result, the [`Envelope`], stands in the file's head and in the recording's row. The master keys stand
//! in a file of their own, which belongs in no backup of the recordings.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest as _, Sha256};
use shared::model::RecordingId;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Length of a key of AES-256.
const KEY_BYTES: usize = 32;
/// Length of a nonce of GCM.
pub(super) const NONCE_BYTES: usize = 12;
/// Length of a tag of GCM.
pub(super) const TAG_BYTES: usize = 16;
/// Length of a key id.
const KEY_ID_BYTES: usize = 16;
/// Length of an encoded envelope.
pub(super) const ENVELOPE_BYTES: usize = KEY_ID_BYTES + NONCE_BYTES + KEY_BYTES + TAG_BYTES;
/// Largest key file: some hundred keys.
const FILE_LIMIT_BYTES: u64 = 64 * 1024;
/// What a key file begins with.
const FILE_HEAD: &str = "\
# Master keys of the recordings, one a line, the first is the one in use. Without its key no recording can be played:
# keep a copy of this file, apart from the backups of the recordings.
";

/// Names a master key without telling it: the beginning of a SHA-256 over it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyId([u8; KEY_ID_BYTES]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why there are no master keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// No such file.
    #[error("the key file of the recordings {} does not exist", path.display())]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("the key file of the recordings {} may be read by others (mode {mode:04o})", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A line is not a key.
    #[error("the key file of the recordings {} holds no key of 32 bytes in line {line}", path.display())]
    Length {
        /// Which.
        path: PathBuf,
        /// Counted from 1; the line after the last if there is no key at all.
        line: usize,
    },
    /// The system refuses.
    #[error("the key file of the recordings {} cannot be used: {reason}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
}

impl KeyError {
    /// What to do about it.
    pub(crate) fn remedy(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "Restore it from its safe copy; a site that never had one gets it with `call-server recording new-key`. It is not made by itself: a key of which nobody keeps a copy is a loss to come."
            }
            Self::Open { .. } => "Give it to the server's user alone: chmod 600.",
            Self::Length { .. } => "Restore it from its safe copy; each line is a # comment or 44 characters of base64.",
            Self::Io { .. } => "Check [recording] key in hotline.toml, the file's owner and permissions.",
        }
    }
}

/// Why a sealed recording stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SealFault {
    /// Another master key is needed.
    #[error("it is sealed under the master key {0}, which is not in the key file")]
    NoKey(KeyId),
    /// The right master key does not open it.
    #[error("its wrapped key is damaged")]
    Broken,
}

/// A data key as it may be stored: wrapped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Envelope {
    key: KeyId,
    nonce: [u8; NONCE_BYTES],
    wrapped: [u8; KEY_BYTES],
    tag: [u8; TAG_BYTES],
}

impl Envelope {
    /// Under which master key.
    pub(crate) fn key(&self) -> KeyId {
        self.key
    }

    /// For the file's head.
    pub(super) fn encode(&self) -> [u8; ENVELOPE_BYTES] {
        let parts: [&[u8]; 4] = [&self.key.0, &self.nonce, &self.wrapped, &self.tag];
        let joined = parts.concat();
        std::array::from_fn(|at| joined[at])
    }

    /// The way back. Whether it opens shows only with the master key.
    pub(super) fn decode(bytes: &[u8; ENVELOPE_BYTES]) -> Self {
        Self {
            key: KeyId(part(bytes, 0)),
            nonce: part(bytes, KEY_ID_BYTES),
            wrapped: part(bytes, KEY_ID_BYTES + NONCE_BYTES),
            tag: part(bytes, KEY_ID_BYTES + NONCE_BYTES + KEY_BYTES),
        }
    }

    /// For the recording's row.
    pub(crate) fn to_text(self) -> String {
        BASE64.encode(self.encode())
    }

    /// From the recording's row; `None` if it is not an envelope.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let bytes: [u8; ENVELOPE_BYTES] = BASE64.decode(text).ok()?.try_into().ok()?;
        Some(Self::decode(&bytes))
    }
}

fn part<const N: usize>(bytes: &[u8; ENVELOPE_BYTES], at: usize) -> [u8; N] {
    std::array::from_fn(|offset| bytes[at + offset])
}

/// Seals and opens the records of one recording.
pub(super) struct DataKey(Aes256Gcm);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl DataKey {
    /// Encrypts in place; `authenticated` is bound to the result.
    pub(super) fn seal(&self, nonce: &[u8; NONCE_BYTES], authenticated: &[u8], payload: &mut [u8]) -> [u8; TAG_BYTES] {
        encrypt(&self.0, nonce, authenticated, payload)
    }

    /// Decrypts in place; false, and nothing usable in `payload`, if one bit of it or of what is bound to it is not as it was.
    pub(super) fn open(&self, nonce: &[u8; NONCE_BYTES], authenticated: &[u8], payload: &mut [u8], tag: &[u8; TAG_BYTES]) -> bool {
        decrypt(&self.0, nonce, authenticated, payload, tag)
    }
}

/// A site's master keys: the first wraps, all unwrap.
pub(crate) struct KeyRing {
    keys: Vec<(KeyId, Aes256Gcm)>,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|(id, _)| id)).finish()
    }
}

impl KeyRing {
    /// No keys: good for recordings that are not sealed.
    pub(crate) fn empty() -> Self {
        Self { keys: Vec::new() }
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub(crate) fn load(path: &Path) -> Result<Self, KeyError> {
        let own = || path.to_path_buf();
        let failed = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => KeyError::Missing { path: own() },
            _ => KeyError::Io { path: own(), reason: error.to_string() },
        };
        let metadata = std::fs::metadata(path).map_err(failed)?;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Open { path: own(), mode });
        }
        if metadata.len() > FILE_LIMIT_BYTES {
            return Err(KeyError::Io { path: own(), reason: "it is larger than 64 KiB".to_owned() });
        }
        let text = std::fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text).map_err(|line| KeyError::Length { path: own(), line })
    }

    /// The keys of a file's text; the error is the line that is none.
    pub(crate) fn parse(text: &str) -> Result<Self, usize> {
        let mut keys = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let bytes: [u8; KEY_BYTES] = BASE64.decode(line).ok().and_then(|bytes| bytes.try_into().ok()).ok_or(index + 1)?;
            keys.push((key_id(&bytes), Aes256Gcm::new(&bytes.into())));
        }
        if keys.is_empty() { Err(text.lines().count() + 1) } else { Ok(Self { keys }) }
    }

    /// The key that wraps from now on; `None` in an empty ring.
    pub(crate) fn current(&self) -> Option<KeyId> {
        self.keys.first().map(|(id, _)| *id)
    }

    /// A data key for a new recording, and the same wrapped.
    ///
    /// # Errors
    /// The ring is empty, or the system gives no random bytes.
    pub(super) fn new_data_key(&self, recording: RecordingId) -> std::io::Result<(DataKey, Envelope)> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
        let envelope = self.wrap(recording, bytes)?;
        Ok((DataKey(Aes256Gcm::new(&bytes.into())), envelope))
    }

    /// The data key in an envelope. The number of the recording is bound to it, so that no recording passes for another.
    pub(super) fn unwrap(&self, recording: RecordingId, envelope: &Envelope) -> Result<DataKey, SealFault> {
        Ok(DataKey(Aes256Gcm::new(&self.unwrap_bytes(recording, envelope)?.into())))
    }

    /// The same data key under the current master key.
    ///
    /// # Errors
    /// The envelope does not open, or the system gives no random bytes.
    pub(super) fn rewrap(&self, recording: RecordingId, envelope: &Envelope) -> std::io::Result<Envelope> {
        let bytes = self.unwrap_bytes(recording, envelope).map_err(std::io::Error::other)?;
        self.wrap(recording, bytes)
    }

    fn wrap(&self, recording: RecordingId, mut wrapped: [u8; KEY_BYTES]) -> std::io::Result<Envelope> {
        let (key, cipher) = self.keys.first().ok_or_else(|| std::io::Error::other("there is no master key"))?;
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(std::io::Error::other)?;
        let tag = encrypt(cipher, &nonce, &bound(recording), &mut wrapped);
        Ok(Envelope { key: *key, nonce, wrapped, tag })
    }

    fn unwrap_bytes(&self, recording: RecordingId, envelope: &Envelope) -> Result<[u8; KEY_BYTES], SealFault> {
        let (_, cipher) = self.keys.iter().find(|(id, _)| *id == envelope.key).ok_or(SealFault::NoKey(envelope.key))?;
        let mut bytes = envelope.wrapped;
        let opened = decrypt(cipher, &envelope.nonce, &bound(recording), &mut bytes, &envelope.tag);
        if opened { Ok(bytes) } else { Err(SealFault::Broken) }
    }
}

/// The text of a key file with a new key in front of the keys of `old`, another key file's text.
///
/// # Errors
/// The system gives no random bytes.
pub(crate) fn file_with_new_key(old: &str) -> std::io::Result<String> {
    let mut bytes = [0; KEY_BYTES];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    let kept: Vec<_> = old.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty()).collect();
    let kept = kept.iter().fold(String::new(), |text, line| text + line.trim() + "\n");
    Ok(format!("{FILE_HEAD}{}\n{kept}", BASE64.encode(bytes)))
}

fn key_id(key: &[u8; KEY_BYTES]) -> KeyId {
    let digest: [u8; 32] = Sha256::new_with_prefix(b"hotline recording key id").chain_update(key).finalize().into();
    KeyId(std::array::from_fn(|at| digest[at]))
}

fn bound(recording: RecordingId) -> [u8; 24] {
    let mut bytes = *b"hotline data key\0\0\0\0\0\0\0\0";
    bytes[16..].copy_from_slice(&recording.0.to_le_bytes());
    bytes
}

fn encrypt(cipher: &Aes256Gcm, nonce: &[u8; NONCE_BYTES], authenticated: &[u8], payload: &mut [u8]) -> [u8; TAG_BYTES] {
    let tag = cipher.encrypt_inout_detached(&Nonce::from(*nonce), authenticated, payload.into());
    tag.expect("GCM seals up to 64 GiB, and a record is far smaller").into()
}

fn decrypt(cipher: &Aes256Gcm, nonce: &[u8; NONCE_BYTES], authenticated: &[u8], payload: &mut [u8], tag: &[u8; TAG_BYTES]) -> bool {
    cipher.decrypt_inout_detached(&Nonce::from(*nonce), authenticated, payload.into(), &Tag::from(*tag)).is_ok()
}

#[cfg(test)]
impl KeyRing {
    /// A ring with one key that only tests know.
    pub(crate) fn for_test() -> Self {
        let key = BASE64.encode([42; KEY_BYTES]);
        Self::parse(&key).expect("it is a key")
    }
}

#[cfg(test)]
mod tests {
    use super::{Envelope, KeyError, KeyRing, SealFault, file_with_new_key};
    use crate::scratch::Scratch;
    use aes_gcm::Aes256Gcm;
    use aes_gcm::aead::KeyInit;
    use shared::model::RecordingId;
    use std::os::unix::fs::PermissionsExt;

    const ID: RecordingId = RecordingId(7);

    fn ring(text: &str) -> KeyRing {
        KeyRing::parse(text).expect("a key file")
    }

    #[test]
    fn the_cipher_agrees_with_the_published_vector() {
        // The GCM specification (McGrew, Viega), test case 14: key, nonce and plaintext of zeros.
        let mut text = [0; 16];
        let tag = super::encrypt(&Aes256Gcm::new(&[0; 32].into()), &[0; 12], &[], &mut text);
        assert_eq!(u128::from_be_bytes(text), 0xcea7_403d_4d60_6b6e_074e_c5d3_baf3_9d18);
        assert_eq!(u128::from_be_bytes(tag), 0xd0d1_c8a7_9999_6bf0_265b_98b5_d48a_b919);
    }

    #[test]
    fn a_data_key_opens_only_with_its_master_key_and_for_its_recording() {
        let (ours, other) = (ring(&file_with_new_key("").expect("random")), ring(&file_with_new_key("").expect("random")));
        let (_, envelope) = ours.new_data_key(ID).expect("random");
        assert!(ours.unwrap(ID, &envelope).is_ok());
        assert_eq!(ours.unwrap(RecordingId(8), &envelope).err(), Some(SealFault::Broken));
        assert_eq!(other.unwrap(ID, &envelope).err(), Some(SealFault::NoKey(envelope.key())));
        assert_eq!(Envelope::from_text(&envelope.to_text()), Some(envelope));
        assert_eq!(Envelope::from_text("AAAA"), None);
    }

    #[test]
    fn every_changed_bit_of_an_envelope_keeps_it_closed() {
        let ours = ring(&file_with_new_key("").expect("random"));
        let (_, envelope) = ours.new_data_key(ID).expect("random");
        for at in 0..super::ENVELOPE_BYTES * 8 {
            let mut bytes = envelope.encode();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(ours.unwrap(ID, &Envelope::decode(&bytes)).is_err(), "bit {at}");
        }
    }

    #[test]
    fn a_new_key_wraps_and_the_old_one_still_opens() {
        let old = file_with_new_key("").expect("random");
        let both = file_with_new_key(&old).expect("random");
        let (old, both) = (ring(&old), ring(&both));
        let (data, envelope) = old.new_data_key(ID).expect("random");
        let again = both.rewrap(ID, &envelope).expect("it opens");
        assert_eq!(Some(again.key()), both.current());
        assert_ne!(again.key(), envelope.key());
        let (mut one, mut two) = ([5; 4], [5; 4]);
        data.seal(&[0; 12], &[], &mut one);
        both.unwrap(ID, &again).expect("it opens").seal(&[0; 12], &[], &mut two);
        assert_eq!(one, two, "the data key itself is the same");
    }

    #[test]
    fn a_key_file_that_cannot_be_used_is_told_by_its_fault() {
        let scratch = Scratch::new();
        let path = scratch.path("recording.key");
        let load = || KeyRing::load(&path);
        assert!(matches!(load(), Err(KeyError::Missing { .. })));
        let write = |text: &str, mode| {
            std::fs::write(&path, text).expect("scratch is writable");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("scratch is writable");
        };
        let good = file_with_new_key("").expect("random");
        write(&good, 0o640);
        assert!(matches!(load(), Err(KeyError::Open { mode: 0o640, .. })));
        write("AAAA\n", 0o600);
        assert!(matches!(load(), Err(KeyError::Length { line: 1, .. })));
        write("# none\n", 0o600);
        assert!(matches!(load(), Err(KeyError::Length { line: 2, .. })));
        write(&good, 0o600);
        assert!(load().expect("a key file").current().is_some());
    }

    #[test]
    fn nothing_that_can_be_printed_tells_a_key() {
        let text = file_with_new_key("").expect("random");
        let ring = ring(&text);
        let (data, _) = ring.new_data_key(ID).expect("random");
        let shown = format!("{ring:?} {data:?}");
        let key = text.lines().last().expect("a key");
        assert!(!shown.contains(key));
        assert_eq!(shown, format!("[{}] DataKey", ring.current().expect("a key")));
    }
}
