//! SRTP with AES_CM_128_HMAC_SHA1_80 (RFC 3711): packets are protected and opened in place, one context per stream and direction.
//!
//! Not here: SRTCP, key exchange, other transforms. A context belongs to one SSRC; a key must never be used by two senders.

use crate::rtp::{Header, RtpError, SequenceWindow};
use aes::Aes128;
use ctr::cipher::{InnerIvInit, KeyInit, StreamCipher, StreamCipherCoreWrapper};
use ctr::{CtrCore, flavors};
use hmac::{Hmac, Mac};
use sha1::Sha1;

/// Length of a master key with its salt, in bytes.
pub const MASTER_BYTES: usize = 30;
/// What protection adds to a packet, in bytes.
pub const TAG_BYTES: usize = 10;

const KEY_BYTES: usize = 16;
const SALT_BYTES: usize = 14;
const AUTHENTICATION_KEY_BYTES: usize = 20;
/// RFC 3711 section 9.2: after 2^48 packets the key is used up.
const MAX_INDEX: u64 = (1 << 48) - 1;

/// Master key and salt of one direction of one session, as carried by `MediaAccess`: 16 bytes key, 14 bytes salt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey(pub [u8; MASTER_BYTES]);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(<secret>)")
    }
}

/// Why a packet was not protected or not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// It is not RTP.
    #[error("not an RTP packet: {0}")]
    NotRtp(#[from] RtpError),
    /// The buffer has no room for the tag, or the packet is too short to have one.
    #[error("no room for the authentication tag")]
    TooShort,
    /// The tag is wrong: another key, or changed on the way.
    #[error("the packet is not authentic")]
    NotAuthentic,
    /// It came before, or is older than the window.
    #[error("the packet was received before")]
    Replayed,
    /// The key has protected as many packets as it may.
    #[error("the key is used up")]
    KeyUsedUp,
}

/// Keys of one session, derived from a master key (RFC 3711 section 4.3, key derivation rate 0).
#[derive(Clone)]
struct SessionKeys {
    cipher: Aes128,
    salt: [u8; SALT_BYTES],
    authentication: Hmac<Sha1>,
}

impl SessionKeys {
    fn derive(master: &MasterKey) -> Self {
        let (key, salt) = split_master(master);
        let master_cipher = Aes128::new(&key.into());
        let mut cipher_key = [0; KEY_BYTES];
        let mut authentication_key = [0; AUTHENTICATION_KEY_BYTES];
        let mut session_salt = [0; SALT_BYTES];
        derive(&master_cipher, &salt, 0, &mut cipher_key);
        derive(&master_cipher, &salt, 1, &mut authentication_key);
        derive(&master_cipher, &salt, 2, &mut session_salt);
        Self {
            cipher: Aes128::new(&cipher_key.into()),
            salt: session_salt,
            authentication: Hmac::new_from_slice(&authentication_key).expect("HMAC takes keys of any length"),
        }
    }

    /// Encrypts or decrypts the part behind the header (section 4.1.1).
    fn apply(&self, ssrc: u32, index: u64, body: &mut [u8]) {
        let mut counter = [0; KEY_BYTES];
        counter[..SALT_BYTES].copy_from_slice(&self.salt);
        xor(&mut counter[4..8], &ssrc.to_be_bytes());
        xor(&mut counter[8..14], &index.to_be_bytes()[2..]);
        apply_keystream(&self.cipher, counter, body);
    }

    /// Computes over the packet and its rollover counter (section 4.2).
    fn authenticate(&self, packet: &[u8], index: u64) -> Hmac<Sha1> {
        let rollover = (index >> 16) as u32;
        let mut hmac = self.authentication.clone();
        hmac.update(packet);
        hmac.update(&rollover.to_be_bytes());
        hmac
    }
}

impl std::fmt::Debug for SessionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionKeys(<secret>)")
    }
}

fn split_master(master: &MasterKey) -> ([u8; KEY_BYTES], [u8; SALT_BYTES]) {
    let mut key = [0; KEY_BYTES];
    let mut salt = [0; SALT_BYTES];
    key.copy_from_slice(&master.0[..KEY_BYTES]);
    salt.copy_from_slice(&master.0[KEY_BYTES..]);
    (key, salt)
}

fn derive(master: &Aes128, salt: &[u8; SALT_BYTES], label: u8, out: &mut [u8]) {
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

/// The sender's side of one stream.
#[derive(Debug, Clone)]
pub struct SrtpSender {
    keys: SessionKeys,
    newest: Option<u64>,
}

impl SrtpSender {
    /// A stream that has sent nothing.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self { keys: SessionKeys::derive(master), newest: None }
    }

    /// Protects the RTP packet in `buffer[..length]`; the tag is written behind it. Gives the new length.
    ///
    /// # Errors
    /// No RTP, or no room for [`TAG_BYTES`]: the packet is unchanged.
    pub fn protect(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let end = length + TAG_BYTES;
        let buffer = buffer.get_mut(..end).ok_or(SrtpError::TooShort)?;
        let (packet, tag) = buffer.split_at_mut(length);
        let (header, header_end) = Header::read(packet)?;
        let index = guess_index(self.newest, header.sequence)?;
        self.newest = Some(self.newest.map_or(index, |newest| newest.max(index)));
        self.keys.apply(header.ssrc, index, &mut packet[header_end..]);
        let full_tag = self.keys.authenticate(packet, index).finalize().into_bytes();
        tag.copy_from_slice(&full_tag[..TAG_BYTES]);
        Ok(end)
    }
}

/// The receiver's side of one stream.
#[derive(Debug, Clone)]
pub struct SrtpReceiver {
    keys: SessionKeys,
    window: SequenceWindow,
}

impl SrtpReceiver {
    /// A stream of which nothing was received. Its sender must not have wrapped its sequence number yet (rollover counter 0).
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self { keys: SessionKeys::derive(master), window: SequenceWindow::default() }
    }

    /// Opens the SRTP packet in `packet`; gives the length of the RTP packet that is there afterwards.
    ///
    /// # Errors
    /// The packet is not authentic, or was received before. Its bytes are unchanged then, and so is the context.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let length = packet.len().checked_sub(TAG_BYTES).ok_or(SrtpError::TooShort)?;
        let (packet, tag) = packet.split_at_mut(length);
        let (header, header_end) = Header::read(packet)?;
        let index = guess_index(self.window.newest(), header.sequence)?;
        if !self.window.allows(index) {
            return Err(SrtpError::Replayed);
        }
        self.keys.authenticate(packet, index).verify_truncated_left(tag).map_err(|_| SrtpError::NotAuthentic)?;
        self.window.note(index);
        self.keys.apply(header.ssrc, index, &mut packet[header_end..]);
        Ok(length)
    }
}

/// The 48-bit packet index nearest to the newest one (section 3.3.1 and appendix A).
fn guess_index(newest: Option<u64>, sequence: u16) -> Result<u64, SrtpError> {
    let Some(newest) = newest else { return Ok(u64::from(sequence)) };
    let step = i64::from(sequence.wrapping_sub(newest as u16).cast_signed());
    // Before the first rollover there is no earlier cycle that a packet could belong to.
    let index = newest.checked_add_signed(step).unwrap_or(u64::from(sequence));
    if index > MAX_INDEX { Err(SrtpError::KeyUsedUp) } else { Ok(index) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let mut bytes = [0; N];
        assert_eq!(digits.len(), 2 * N);
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).expect("digits"), 16).expect("hexadecimal");
        }
        bytes
    }

    /// Of RFC 3711 appendix B.3.
    fn master() -> MasterKey {
        MasterKey(hex("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6"))
    }

    fn packet(sequence: u16) -> ([u8; 200], usize) {
        let mut buffer = [0xAB; 200];
        Header { marker: false, payload_type: 8, sequence, timestamp: 160 * u32::from(sequence), ssrc: 77 }
            .write(&mut buffer)
            .expect("room for it");
        (buffer, 172)
    }

    fn protected(sender: &mut SrtpSender, sequence: u16) -> Vec<u8> {
        let (mut buffer, length) = packet(sequence);
        let length = sender.protect(&mut buffer, length).expect("room for it");
        buffer[..length].to_vec()
    }

    fn pair() -> (SrtpSender, SrtpReceiver) {
        (SrtpSender::new(&master()), SrtpReceiver::new(&master()))
    }

    #[test]
    fn the_key_stream_is_that_of_the_standard() {
        let keys = SessionKeys {
            cipher: Aes128::new(&hex("2B7E151628AED2A6ABF7158809CF4F3C").into()),
            salt: hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"),
            authentication: Hmac::new_from_slice(&[]).expect("any length"),
        };
        let mut stream = vec![0; 0xFF02 * 16];
        keys.apply(0, 0, &mut stream);
        assert_eq!(
            stream[..48],
            hex::<48>("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0")
        );
        assert_eq!(
            stream[0xFEFF * 16..],
            hex::<48>("EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44")
        );
    }

    #[test]
    fn derived_keys_are_those_of_the_standard() {
        let (key, salt) = split_master(&master());
        let cipher = Aes128::new(&key.into());
        let derived = |label, length| {
            let mut out = vec![0; length];
            derive(&cipher, &salt, label, &mut out);
            out
        };
        assert_eq!(derived(0, 16), hex::<16>("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(2, 14), hex::<14>("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(derived(1, 20), hex::<20>("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    #[test]
    fn a_whole_packet_is_protected_as_other_implementations_do() {
        let mut buffer = [0; 38];
        buffer[..28].copy_from_slice(&hex::<28>("800f1234 decafbad cafebabe abababab abababab abababab abababab"));
        let length = SrtpSender::new(&master()).protect(&mut buffer, 28).expect("room for it");
        assert_eq!(length, 38);
        assert_eq!(buffer, hex::<38>("800f1234 decafbad cafebabe 4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb"));
    }

    #[test]
    fn packets_survive_the_way_over_three_cycles_of_sequence_numbers() {
        let (mut sender, mut receiver) = pair();
        for number in 0_u32..200_000 {
            let (plain, length) = packet(number as u16);
            let mut bytes = protected(&mut sender, number as u16);
            assert_eq!(receiver.unprotect(&mut bytes), Ok(length), "packet {number}");
            assert_eq!(bytes[..length], plain[..length]);
        }
    }

    #[test]
    fn disorder_around_the_wrap_is_understood() {
        let (mut sender, mut receiver) = pair();
        let mut packets: Vec<Vec<u8>> = (65_500_u32..65_600).map(|number| protected(&mut sender, number as u16)).collect();
        for pair in packets.chunks_mut(2) {
            pair.swap(0, 1);
        }
        for mut bytes in packets {
            assert_eq!(receiver.unprotect(&mut bytes), Ok(172));
        }
    }

    #[test]
    fn a_repeated_packet_is_refused_and_a_late_one_is_not() {
        let (mut sender, mut receiver) = pair();
        let packets: Vec<Vec<u8>> = (0..200).map(|number| protected(&mut sender, number)).collect();
        for number in [0, 1, 2, 5, 100] {
            assert_eq!(receiver.unprotect(&mut packets[number].clone()), Ok(172), "packet {number}");
        }
        assert_eq!(receiver.unprotect(&mut packets[100].clone()), Err(SrtpError::Replayed));
        assert_eq!(receiver.unprotect(&mut packets[36].clone()), Err(SrtpError::Replayed));
        assert_eq!(receiver.unprotect(&mut packets[37].clone()), Ok(172));
        assert_eq!(receiver.unprotect(&mut packets[37].clone()), Err(SrtpError::Replayed));
    }

    #[test]
    fn each_changed_byte_is_noticed_and_changes_nothing() {
        let (mut sender, mut receiver) = pair();
        let good = protected(&mut sender, 9);
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            let before = bad.clone();
            assert!(receiver.unprotect(&mut bad).is_err(), "byte {place}");
            assert_eq!(bad, before);
        }
        assert_eq!(receiver.unprotect(&mut good.clone()), Ok(172));
    }

    #[test]
    fn another_key_opens_nothing() {
        let mut bytes = protected(&mut pair().0, 1);
        assert_eq!(SrtpReceiver::new(&MasterKey([7; MASTER_BYTES])).unprotect(&mut bytes), Err(SrtpError::NotAuthentic));
    }

    #[test]
    fn too_little_room_and_random_bytes_are_survived() {
        let (mut sender, mut receiver) = pair();
        let (mut buffer, length) = packet(1);
        assert_eq!(sender.protect(&mut buffer[..length + 9], length), Err(SrtpError::TooShort));
        let mut random = fastrand::Rng::with_seed(3);
        let mut bytes = [0; 48];
        for _ in 0..20_000 {
            random.fill(&mut bytes);
            bytes[0] = (bytes[0] & 0x3F) | 0x80;
            let length = random.usize(..=48);
            assert!(receiver.unprotect(&mut bytes[..length]).is_err());
        }
    }

    #[test]
    fn keys_do_not_show_in_debug_output() {
        let text = format!("{:?} {:?}", master(), pair());
        assert!(!text.contains("225") && text.contains("<secret>"), "{text}");
    }
}
