//! The two transforms: AES in counter mode with HMAC-SHA1 (RFC 3711 section 4) and AES-GCM (RFC 7714), for RTP and RTCP alike.
//!
//! Not here: packet indices, windows, the order of fields behind a packet.

use super::{MasterKey, SrtpError, Suite};
use aes::Aes128;
use aes_gcm::Aes128Gcm;
use aes_gcm::aead::AeadInOut;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, Mac};
use sha1::Sha1;

pub(super) const KEY_BYTES: usize = 16;
pub(super) const SALT_BYTES: usize = 14;
const AUTHENTICATION_KEY_BYTES: usize = 20;
const NONCE_BYTES: usize = 12;
/// The part of an RTCP packet that stays readable: its first header and the sender.
pub(super) const CONTROL_HEADER_BYTES: usize = 8;

/// What is protected; the keys of both differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rtp,
    Rtcp,
}

impl Kind {
    /// Added to the labels 0, 1 and 2 of RFC 3711 section 4.3.2.
    fn first_label(self) -> u8 {
        match self {
            Kind::Rtp => 0,
            Kind::Rtcp => 3,
        }
    }
}

/// Which packet it is, and which part of it is encrypted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    pub(super) index: u64,
    /// End of the readable header.
    pub(super) body: usize,
    /// Authenticated, but not part of the packet: rollover counter, or the word with RTCP's index.
    pub(super) word: [u8; 4],
}

/// Keys of one stream, derived from a master key (RFC 3711 section 4.3, key derivation rate 0).
#[derive(Clone)]
pub(super) enum Transform {
    CounterMode(CounterMode),
    Galois(Galois),
}

impl std::fmt::Debug for Transform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Transform(<secret>)")
    }
}

impl Transform {
    pub(super) fn derive(suite: Suite, master: &MasterKey, kind: Kind) -> Self {
        let (key, mut salt) = split_master(master);
        if suite == Suite::Aes128Gcm {
            salt[NONCE_BYTES..].fill(0);
        }
        let cipher = Aes128::new(&key.into());
        let first = kind.first_label();
        let (mut session_key, mut authentication_key, mut session_salt) = ([0; KEY_BYTES], [0; AUTHENTICATION_KEY_BYTES], [0; SALT_BYTES]);
        derive(&cipher, &salt, first, &mut session_key);
        derive(&cipher, &salt, first + 1, &mut authentication_key);
        derive(&cipher, &salt, first + 2, &mut session_salt);
        match suite {
            Suite::AesCm128HmacSha1 => Self::CounterMode(CounterMode::new(&session_key, session_salt, &authentication_key)),
            Suite::Aes128Gcm => Self::Galois(Galois::new(kind, &session_key, &session_salt)),
        }
    }

    pub(super) fn suite(&self) -> Suite {
        match self {
            Self::CounterMode(_) => Suite::AesCm128HmacSha1,
            Self::Galois(_) => Suite::Aes128Gcm,
        }
    }

    /// Encrypts in place and writes the tag, which has the suite's length.
    pub(super) fn seal(&self, place: Place, packet: &mut [u8], tag: &mut [u8]) -> Result<(), SrtpError> {
        match self {
            Self::CounterMode(keys) => keys.seal(place, packet, tag),
            Self::Galois(keys) => return keys.seal(place, packet, tag),
        }
        Ok(())
    }

    /// Checks the tag and decrypts in place; a packet that is not authentic is left as it was.
    pub(super) fn open(&self, place: Place, packet: &mut [u8], tag: &[u8]) -> Result<(), SrtpError> {
        match self {
            Self::CounterMode(keys) => keys.open(place, packet, tag),
            Self::Galois(keys) => keys.open(place, packet, tag),
        }
    }
}

#[derive(Clone)]
pub(super) struct CounterMode {
    cipher: Aes128,
    salt: [u8; SALT_BYTES],
    authentication: Hmac<Sha1>,
}

impl CounterMode {
    pub(super) fn new(key: &[u8; KEY_BYTES], salt: [u8; SALT_BYTES], authentication_key: &[u8]) -> Self {
        let authentication = Hmac::new_from_slice(authentication_key).expect("HMAC takes keys of any length");
        Self { cipher: Aes128::new(&(*key).into()), salt, authentication }
    }

    fn seal(&self, place: Place, packet: &mut [u8], tag: &mut [u8]) {
        self.apply(place.ssrc, place.index, &mut packet[place.body..]);
        let full_tag = self.authenticate(packet, place.word).finalize().into_bytes();
        tag.iter_mut().zip(full_tag).for_each(|(byte, computed)| *byte = computed);
    }

    fn open(&self, place: Place, packet: &mut [u8], tag: &[u8]) -> Result<(), SrtpError> {
        self.authenticate(packet, place.word).verify_truncated_left(tag).map_err(|_| SrtpError::NotAuthentic)?;
        self.apply(place.ssrc, place.index, &mut packet[place.body..]);
        Ok(())
    }

    /// Encrypts or decrypts (RFC 3711 section 4.1.1).
    pub(super) fn apply(&self, ssrc: u32, index: u64, body: &mut [u8]) {
        let mut counter = [0; KEY_BYTES];
        counter[..SALT_BYTES].copy_from_slice(&self.salt);
        xor(&mut counter[4..8], &ssrc.to_be_bytes());
        xor(&mut counter[8..14], &index.to_be_bytes()[2..]);
        apply_keystream(&self.cipher, counter, body);
    }

    fn authenticate(&self, packet: &[u8], word: [u8; 4]) -> Hmac<Sha1> {
        let mut hmac = self.authentication.clone();
        hmac.update(packet);
        hmac.update(&word);
        hmac
    }
}

#[derive(Clone)]
pub(super) struct Galois {
    kind: Kind,
    cipher: Aes128Gcm,
    salt: [u8; NONCE_BYTES],
}

impl Galois {
    pub(super) fn new(kind: Kind, key: &[u8; KEY_BYTES], salt: &[u8]) -> Self {
        let mut own_salt = [0; NONCE_BYTES];
        own_salt.iter_mut().zip(salt).for_each(|(byte, given)| *byte = *given);
        Self { kind, cipher: Aes128Gcm::new(&(*key).into()), salt: own_salt }
    }

    fn seal(&self, place: Place, packet: &mut [u8], tag: &mut [u8]) -> Result<(), SrtpError> {
        let (header, body) = packet.split_at_mut(place.body);
        let control = control_associated_data(header, place.word);
        let associated = self.associated(header, &control);
        let computed =
            self.cipher.encrypt_inout_detached(&self.nonce(place).into(), associated, body.into()).map_err(|_| SrtpError::TooShort)?;
        tag.copy_from_slice(&computed);
        Ok(())
    }

    fn open(&self, place: Place, packet: &mut [u8], tag: &[u8]) -> Result<(), SrtpError> {
        let tag = tag.try_into().map_err(|_| SrtpError::TooShort)?;
        let (header, body) = packet.split_at_mut(place.body);
        let control = control_associated_data(header, place.word);
        let associated = self.associated(header, &control);
        self.cipher.decrypt_inout_detached(&self.nonce(place).into(), associated, body.into(), tag).map_err(|_| SrtpError::NotAuthentic)
    }

    /// RFC 7714 sections 8.1 and 9.1: both put the same fields at the same places.
    pub(super) fn nonce(&self, place: Place) -> [u8; NONCE_BYTES] {
        let mut nonce = self.salt;
        xor(&mut nonce[2..6], &place.ssrc.to_be_bytes());
        xor(&mut nonce[6..], &place.index.to_be_bytes()[2..]);
        nonce
    }

    /// The rollover counter is in the nonce only, RTCP's index is authenticated too (sections 8.2 and 9.2).
    fn associated<'a>(&self, header: &'a [u8], control: &'a [u8]) -> &'a [u8] {
        match self.kind {
            Kind::Rtp => header,
            Kind::Rtcp => control,
        }
    }
}

fn control_associated_data(header: &[u8], word: [u8; 4]) -> [u8; CONTROL_HEADER_BYTES + 4] {
    let mut data = [0; CONTROL_HEADER_BYTES + 4];
    data.iter_mut().zip(header.iter().take(CONTROL_HEADER_BYTES)).for_each(|(byte, given)| *byte = *given);
    data[CONTROL_HEADER_BYTES..].copy_from_slice(&word);
    data
}

pub(super) fn split_master(master: &MasterKey) -> ([u8; KEY_BYTES], [u8; SALT_BYTES]) {
    let mut key = [0; KEY_BYTES];
    let mut salt = [0; SALT_BYTES];
    key.copy_from_slice(&master.0[..KEY_BYTES]);
    salt.copy_from_slice(&master.0[KEY_BYTES..]);
    (key, salt)
}

pub(super) fn derive(master: &Aes128, salt: &[u8; SALT_BYTES], label: u8, out: &mut [u8]) {
    let mut counter = [0; KEY_BYTES];
    counter[..SALT_BYTES].copy_from_slice(salt);
    counter[7] ^= label;
    apply_keystream(master, counter, out);
}

fn apply_keystream(cipher: &Aes128, counter: [u8; KEY_BYTES], bytes: &mut [u8]) {
    let core = CtrCore::<&Aes128, flavors::Ctr128BE>::inner_iv_init(cipher, &counter.into());
    StreamCipherCoreWrapper::from_core(core).apply_keystream(bytes);
}

fn xor(target: &mut [u8], with: &[u8]) {
    target.iter_mut().zip(with).for_each(|(byte, other)| *byte ^= other);
}
