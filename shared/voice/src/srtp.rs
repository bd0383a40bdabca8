//! SRTP and SRTCP (RFC 3711, RFC 7714): packets are protected and opened in place, one context per stream and direction.
//!
//! Not here: key exchange, other suites than [`Suite`]. A context belongs to one SSRC; a key must never be used by two senders, and
//! with AES-GCM a repeated index gives the key away: a sender whose context is lost needs a new master key.

mod transform;

use crate::rtp::{Header, RtpError, SequenceWindow};
use transform::{CONTROL_HEADER_BYTES, Kind, Place, Transform};

/// Length of a master key with its salt, in bytes; of both together the longest.
pub const MASTER_BYTES: usize = 30;
/// What [`Suite::AesCm128HmacSha1`] adds to an RTP packet, in bytes.
pub const TAG_BYTES: usize = 10;
/// The most that any suite adds to an RTP packet, in bytes.
pub const MAX_TAG_BYTES: usize = 16;
/// The most that any suite adds to an RTCP packet, in bytes.
pub const MAX_CONTROL_BYTES: usize = MAX_TAG_BYTES + INDEX_BYTES;

const INDEX_BYTES: usize = 4;
/// RFC 3711 section 9.2: after 2^48 packets the key is used up.
const MAX_INDEX: u64 = (1 << 48) - 1;
/// Likewise after 2^31 control packets.
const MAX_CONTROL_INDEX: u32 = (1 << 31) - 1;
const ENCRYPTED: u32 = 1 << 31;

/// How packets are protected; both ends must be told the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Suite {
    /// AES_CM_128_HMAC_SHA1_80 (RFC 3711): understood by every device.
    #[default]
    AesCm128HmacSha1,
    /// AEAD_AES_128_GCM (RFC 7714): half the work for the processor.
    Aes128Gcm,
}

impl Suite {
    /// Bytes of master key and salt together, as key exchanges carry them.
    #[must_use]
    pub fn master_bytes(self) -> usize {
        match self {
            Self::AesCm128HmacSha1 => MASTER_BYTES,
            Self::Aes128Gcm => MASTER_BYTES - 2,
        }
    }

    /// Bytes that protection adds to an RTP packet.
    #[must_use]
    pub fn tag_bytes(self) -> usize {
        match self {
            Self::AesCm128HmacSha1 => TAG_BYTES,
            Self::Aes128Gcm => MAX_TAG_BYTES,
        }
    }

    /// Its name in SDP's crypto attribute (RFC 4568, RFC 7714 section 14.1).
    #[must_use]
    pub fn sdp_name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1 => "AES_CM_128_HMAC_SHA1_80",
            Self::Aes128Gcm => "AEAD_AES_128_GCM",
        }
    }
}

/// Master key and salt of one direction of one session, as carried by `MediaAccess`: 16 bytes key, 14 bytes salt.
/// [`Suite::Aes128Gcm`] has a salt of 12 bytes and does not use the last two.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKey(pub [u8; MASTER_BYTES]);

impl MasterKey {
    /// Of exactly as many bytes as the suite's key exchange carries.
    #[must_use]
    pub fn read(suite: Suite, bytes: &[u8]) -> Option<Self> {
        let mut master = [0; MASTER_BYTES];
        master.get_mut(..suite.master_bytes()).filter(|own| own.len() == bytes.len())?.copy_from_slice(bytes);
        Some(Self(master))
    }
}

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

/// The sender's side of one stream.
#[derive(Debug, Clone)]
pub struct SrtpSender {
    transform: Transform,
    newest: Option<u64>,
}

impl SrtpSender {
    /// A stream that has sent nothing, in the suite that everybody understands.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self::with_suite(Suite::default(), master)
    }

    /// A stream that has sent nothing.
    #[must_use]
    pub fn with_suite(suite: Suite, master: &MasterKey) -> Self {
        Self { transform: Transform::derive(suite, master, Kind::Rtp), newest: None }
    }

    /// Protects the RTP packet in `buffer[..length]`; the tag is written behind it. Gives the new length.
    ///
    /// # Errors
    /// No RTP, or no room for [`Suite::tag_bytes`]: the packet is unchanged.
    pub fn protect(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let end = length + self.transform.suite().tag_bytes();
        let buffer = buffer.get_mut(..end).ok_or(SrtpError::TooShort)?;
        let (packet, tag) = buffer.split_at_mut(length);
        let (header, body) = Header::read(packet)?;
        let index = guess_index(self.newest, header.sequence)?;
        self.newest = Some(self.newest.map_or(index, |newest| newest.max(index)));
        self.transform.seal(place(&header, index, body), packet, tag)?;
        Ok(end)
    }
}

/// The receiver's side of one stream.
#[derive(Debug, Clone)]
pub struct SrtpReceiver {
    transform: Transform,
    window: SequenceWindow,
}

impl SrtpReceiver {
    /// A stream of which nothing was received, in the suite that everybody understands. Its sender must not have wrapped its sequence
    /// number yet (rollover counter 0).
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self::with_suite(Suite::default(), master)
    }

    /// The same in any suite.
    #[must_use]
    pub fn with_suite(suite: Suite, master: &MasterKey) -> Self {
        Self { transform: Transform::derive(suite, master, Kind::Rtp), window: SequenceWindow::default() }
    }

    /// Opens the SRTP packet in `packet`; gives the length of the RTP packet that is there afterwards.
    ///
    /// # Errors
    /// The packet is not authentic, or was received before. Its bytes are unchanged then, and so is the context.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let length = packet.len().checked_sub(self.transform.suite().tag_bytes()).ok_or(SrtpError::TooShort)?;
        let (packet, tag) = packet.split_at_mut(length);
        let (header, body) = Header::read(packet)?;
        let index = guess_index(self.window.newest(), header.sequence)?;
        if !self.window.allows(index) {
            return Err(SrtpError::Replayed);
        }
        self.transform.open(place(&header, index, body), packet, tag)?;
        self.window.note(index);
        Ok(length)
    }

    /// As [`SrtpReceiver::unprotect`], for the first packet of another source under the same key: if it is authentic, the context is that
    /// source's from now on. Packets of a source before could be repeated then; that is for the owner to prevent.
    ///
    /// # Errors
    /// The packet is not authentic. Its bytes are unchanged then, and so is the context.
    pub fn adopt(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let before = std::mem::take(&mut self.window);
        self.unprotect(packet).inspect_err(|_| self.window = before)
    }
}

fn place(header: &Header, index: u64, body: usize) -> Place {
    Place { ssrc: header.ssrc, index, body, word: ((index >> 16) as u32).to_be_bytes() }
}

/// The sender's side of one stream's control packets.
#[derive(Debug, Clone)]
pub struct SrtcpSender {
    transform: Transform,
    next: u32,
}

impl SrtcpSender {
    /// A stream that has sent no control packet. The master key is that of its RTP.
    #[must_use]
    pub fn new(suite: Suite, master: &MasterKey) -> Self {
        Self { transform: Transform::derive(suite, master, Kind::Rtcp), next: 0 }
    }

    /// Protects the compound RTCP packet in `buffer[..length]`; gives the new length.
    ///
    /// # Errors
    /// No RTCP, or no room for [`MAX_CONTROL_BYTES`]: the packet is unchanged.
    pub fn protect(&mut self, buffer: &mut [u8], length: usize) -> Result<usize, SrtpError> {
        let ssrc = control_sender(buffer.get(..length).ok_or(SrtpError::TooShort)?)?;
        let end = length + INDEX_BYTES + self.transform.suite().tag_bytes();
        let (packet, rest) = buffer.get_mut(..end).ok_or(SrtpError::TooShort)?.split_at_mut(length);
        if self.next > MAX_CONTROL_INDEX {
            return Err(SrtpError::KeyUsedUp);
        }
        let word = (ENCRYPTED | self.next).to_be_bytes();
        let (own_word, tag) = split_control_end_mut(self.transform.suite(), rest);
        own_word.copy_from_slice(&word);
        let place = Place { ssrc, index: u64::from(self.next), body: CONTROL_HEADER_BYTES, word };
        self.next += 1;
        self.transform.seal(place, packet, tag)?;
        Ok(end)
    }
}

/// The receiver's side of one stream's control packets.
#[derive(Debug, Clone)]
pub struct SrtcpReceiver {
    transform: Transform,
    window: SequenceWindow,
}

impl SrtcpReceiver {
    /// A stream of which no control packet was received.
    #[must_use]
    pub fn new(suite: Suite, master: &MasterKey) -> Self {
        Self { transform: Transform::derive(suite, master, Kind::Rtcp), window: SequenceWindow::default() }
    }

    /// Another source counts anew under the same key.
    pub fn restart(&mut self) {
        self.window = SequenceWindow::default();
    }

    /// Opens the SRTCP packet in `packet`; gives the length of the compound RTCP packet that is there afterwards.
    ///
    /// # Errors
    /// As [`SrtpReceiver::unprotect`]; a packet that its sender did not encrypt counts as not authentic.
    pub fn unprotect(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let added = INDEX_BYTES + self.transform.suite().tag_bytes();
        let length = packet.len().checked_sub(added).ok_or(SrtpError::TooShort)?;
        let ssrc = control_sender(&packet[..length])?;
        let (packet, rest) = packet.split_at_mut(length);
        let (word, tag) = split_control_end_mut(self.transform.suite(), rest);
        let word: [u8; INDEX_BYTES] = (&*word).try_into().map_err(|_| SrtpError::TooShort)?;
        if u32::from_be_bytes(word) & ENCRYPTED == 0 {
            return Err(SrtpError::NotAuthentic);
        }
        let index = u64::from(u32::from_be_bytes(word) & !ENCRYPTED);
        if !self.window.allows(index) {
            return Err(SrtpError::Replayed);
        }
        self.transform.open(Place { ssrc, index, body: CONTROL_HEADER_BYTES, word }, packet, tag)?;
        self.window.note(index);
        Ok(length)
    }
}

/// RFC 3711 puts the index before the tag, RFC 7714 behind it.
fn split_control_end_mut(suite: Suite, rest: &mut [u8]) -> (&mut [u8], &mut [u8]) {
    match suite {
        Suite::AesCm128HmacSha1 => rest.split_at_mut(INDEX_BYTES),
        Suite::Aes128Gcm => {
            let (tag, word) = rest.split_at_mut(suite.tag_bytes());
            (word, tag)
        }
    }
}

fn control_sender(packet: &[u8]) -> Result<u32, RtpError> {
    let [flags, _, _, _, s0, s1, s2, s3] = *packet.first_chunk::<CONTROL_HEADER_BYTES>().ok_or(RtpError::TooShort)?;
    if flags >> 6 == 2 { Ok(u32::from_be_bytes([s0, s1, s2, s3])) } else { Err(RtpError::WrongVersion) }
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
    use super::transform::{CounterMode, Galois, derive, split_master};
    use super::*;
    use aes::Aes128;
    use aes::cipher::KeyInit;

    const SUITES: [Suite; 2] = [Suite::AesCm128HmacSha1, Suite::Aes128Gcm];

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
        pair_of(Suite::default())
    }

    fn pair_of(suite: Suite) -> (SrtpSender, SrtpReceiver) {
        (SrtpSender::with_suite(suite, &master()), SrtpReceiver::with_suite(suite, &master()))
    }

    #[test]
    fn the_key_stream_is_that_of_the_standard() {
        let keys = CounterMode::new(&hex("2B7E151628AED2A6ABF7158809CF4F3C"), hex("F0F1F2F3F4F5F6F7F8F9FAFBFCFD"), &[]);
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
        for suite in SUITES {
            let (mut sender, mut receiver) = pair_of(suite);
            let mut packets: Vec<Vec<u8>> = (65_500_u32..65_600).map(|number| protected(&mut sender, number as u16)).collect();
            for pair in packets.chunks_mut(2) {
                pair.swap(0, 1);
            }
            for mut bytes in packets {
                assert_eq!(receiver.unprotect(&mut bytes), Ok(172));
            }
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
        for suite in SUITES {
            let (mut sender, mut receiver) = pair_of(suite);
            let good = protected(&mut sender, 9);
            assert_eq!(good.len(), 172 + suite.tag_bytes());
            for place in 0..good.len() {
                let mut bad = good.clone();
                bad[place] ^= 1;
                let before = bad.clone();
                assert!(receiver.unprotect(&mut bad).is_err(), "byte {place}");
                assert_eq!(bad, before);
            }
            assert_eq!(receiver.unprotect(&mut good.clone()), Ok(172));
        }
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

    const GCM_KEY: &str = "000102030405060708090a0b0c0d0e0f";
    const GCM_SALT: &str = "517569642070726f2071756f";

    fn galois(kind: Kind) -> Transform {
        Transform::Galois(Galois::new(kind, &hex(GCM_KEY), &hex::<12>(GCM_SALT)))
    }

    #[test]
    fn aes_gcm_gives_the_rtp_packet_of_the_standard() {
        let plain =
            hex::<50>("8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 73207472 6573");
        let sealed = hex::<66>(
            "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d
             7f27beb1 6a9152cf 765ee439 0cce",
        );
        let mut buffer = [0; 66];
        buffer[..50].copy_from_slice(&plain);
        assert_eq!(SrtpSender { transform: galois(Kind::Rtp), newest: None }.protect(&mut buffer, 50), Ok(66));
        assert_eq!(buffer, sealed);
        let mut receiver = SrtpReceiver { transform: galois(Kind::Rtp), window: SequenceWindow::default() };
        assert_eq!(receiver.unprotect(&mut buffer), Ok(50));
        assert_eq!(buffer[..50], plain);
    }

    #[test]
    fn aes_gcm_gives_the_control_packet_of_the_standard() {
        let plain = hex::<52>(
            "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef deadbeef deadbeef",
        );
        let sealed = hex::<72>(
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b
             c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
        );
        let mut buffer = [0; 72];
        buffer[..52].copy_from_slice(&plain);
        assert_eq!(SrtcpSender { transform: galois(Kind::Rtcp), next: 0x5D4 }.protect(&mut buffer, 52), Ok(72));
        assert_eq!(buffer, sealed);
        let mut receiver = SrtcpReceiver { transform: galois(Kind::Rtcp), window: SequenceWindow::default() };
        assert_eq!(receiver.unprotect(&mut buffer), Ok(52));
        assert_eq!(buffer[..52], plain);
        assert_eq!(receiver.unprotect(&mut sealed.clone()), Err(SrtpError::Replayed));
    }

    #[test]
    fn control_packets_survive_the_way_in_both_suites_and_no_changed_byte_does() {
        for suite in SUITES {
            let (mut sender, mut receiver) = (SrtcpSender::new(suite, &master()), SrtcpReceiver::new(suite, &master()));
            for number in 0..70 {
                let mut buffer = [number; 28 + MAX_CONTROL_BYTES];
                buffer[..8].copy_from_slice(&[0x80, 201, 0, 1, 9, 9, 9, 9]);
                let plain = buffer;
                let length = sender.protect(&mut buffer, 28).expect("room for it");
                assert_eq!(length, 28 + 4 + suite.tag_bytes());
                assert_ne!(buffer[8..28], plain[8..28]);
                for place in 0..length {
                    let mut bad = buffer;
                    bad[place] ^= 1;
                    assert!(receiver.unprotect(&mut bad[..length]).is_err(), "byte {place}");
                }
                let mut unencrypted = buffer;
                let word = if suite == Suite::Aes128Gcm { length - 4 } else { 28 };
                unencrypted[word] ^= 0x80;
                assert_eq!(receiver.unprotect(&mut unencrypted[..length]), Err(SrtpError::NotAuthentic));
                assert_eq!(receiver.unprotect(&mut buffer[..length]), Ok(28));
                assert_eq!(buffer[..28], plain[..28]);
            }
            assert_eq!(receiver.unprotect(&mut [0x80; 11]), Err(SrtpError::TooShort));
            assert_eq!(receiver.unprotect(&mut [0x40; 60]), Err(SrtpError::NotRtp(RtpError::WrongVersion)));
        }
    }

    #[test]
    fn a_used_up_key_protects_no_more_control_packets() {
        let mut sender = SrtcpSender { next: MAX_CONTROL_INDEX, ..SrtcpSender::new(Suite::default(), &master()) };
        let mut buffer = [0x80; 60];
        assert!(sender.protect(&mut buffer.clone(), 28).is_ok());
        assert_eq!(sender.protect(&mut buffer, 28), Err(SrtpError::KeyUsedUp));
    }

    #[test]
    fn master_keys_have_the_length_of_their_suite_and_aes_gcm_ignores_the_rest() {
        assert!(MasterKey::read(Suite::Aes128Gcm, &[1; 30]).is_none() && MasterKey::read(Suite::default(), &[1; 28]).is_none());
        let short = MasterKey::read(Suite::Aes128Gcm, &[1; 28]).expect("the right length");
        let mut sealed = protected(&mut SrtpSender::with_suite(Suite::Aes128Gcm, &short), 5);
        assert_eq!(SrtpReceiver::with_suite(Suite::Aes128Gcm, &MasterKey([1; 30])).unprotect(&mut sealed), Ok(172));
    }

    #[test]
    fn keys_do_not_show_in_debug_output() {
        let text = format!("{:?} {:?}", master(), pair());
        assert!(!text.contains("225") && text.contains("<secret>"), "{text}");
    }
}
