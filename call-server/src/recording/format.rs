//! The recording file, version 2 (sealed) and version 1 (not sealed, from before sealing): layout, encoding, checking. It opens
//! no file.
//!
//! All numbers are little-endian. A file is one head and then records, appended and never changed, so that a file cut at any byte
//! is readable up to its last whole record, and a changed byte is found (rows 1-12, 3-11).
//!
//! | Head, 76 bytes | |
//! |---|---|
//! | 0..8 | `HOTLREC` and a line feed |
//! | 8..10 | version: 2, or 1 |
//! | 10..12 | flags: 1 in version 2: payloads are sealed with AES-256-GCM; 0 in version 1 |
//! | 12..16 | frames a second, 8000 |
//! | 16 | channels, 2: citizen, agent |
//! | 17 | codec as RTP payload type, 8: A-law (RFC 3551 §6) |
//! | 18..20 | 0 |
//! | 20..28 | recording |
//! | 28..36 | interaction |
//! | 36..44 | start, ms since 1970 UTC |
//! | 44..76 | SHA-256 of bytes 0..44 |
//!
//! In version 2 the wrapped data key follows. It alone may change, when it is wrapped by another master key; so it counts neither
//! for the chain nor for the digest of the file.
//!
//! | Envelope, 108 bytes | |
//! |---|---|
//! | 0..16 | id of the master key |
//! | 16..28 | nonce of the wrapping |
//! | 28..60 | the data key, encrypted; bound to the recording's number |
//! | 60..76 | its tag |
//! | 76..108 | SHA-256 of 0..76 |
//!
//! | Record, 96 bytes (version 2: 112) and its payload | |
//! |---|---|
//! | 0..4 | `HREC` |
//! | 4 | kind: 1 audio, 2 end mark; in a recording that was made small 3 audio in Opus, 4 its end mark |
//! | 5..8 | 0 |
//! | 8..16 | record number: 1, 2, 3… |
//! | 16..24 | first frame; in the end mark the number of frames of the whole recording |
//! | 24..28 | frames in this record; 0 in the end mark |
//! | 28..32 | payload length: 2 bytes a frame, or 0 for silence on both sides; kind 3: any; kind 4: 32, the digest of the file it was made from |
//! | 32..64 | own SHA-256 of the record before, of the head for the first |
//! | 64.. | payload: citizen, agent, citizen, agent…; encrypted in version 2 |
//! | then, 16 | version 2: the tag over bytes 0..64 and the payload |
//! | last 32 | SHA-256 of everything before in this record |
//!
//! The nonce of a record is its number (4 bytes, big-endian), its first frame (7) and 1 for the end mark, 0 for others (1): the
//! construction of STREAM (Hoang and others, 2015). So no record passes for another or for the end, and a file without a genuine end
//! mark is cut. The first frame is in it because a record that the disk refused is followed by another one of the same number.
//!
//! A record in Opus is laid out in [`mod@super::compact`].
//!
//! A frame is one sample of both channels. Frames that no record covers were lost by the recorder and are played as silence.

use super::compact::MAX_COMPACT_FRAMES;
use super::hash::sha256;
use super::keys::{DataKey, ENVELOPE_BYTES, Envelope, NONCE_BYTES, TAG_BYTES};
use shared::model::{InteractionId, RecordingId, UnixMillis};
use std::sync::Arc;

/// Length of the head, without the envelope.
pub(super) const HEAD_BYTES: usize = 76;
/// Length of the envelope with its digest.
pub(super) const SEALED_ENVELOPE_BYTES: usize = ENVELOPE_BYTES + DIGEST_BYTES;
/// Length of a record's fixed part before the payload.
pub(super) const HEADER_BYTES: usize = 64;
/// Length of a SHA-256.
pub(super) const DIGEST_BYTES: usize = 32;
/// Frames a second.
pub(super) const FRAMES_A_SECOND: u64 = 8_000;
/// Most frames in a record with a payload: a second.
pub(super) const MAX_PAYLOAD_FRAMES: u32 = 8_000;
/// A-law silence (G.711, the code of the smallest positive value).
pub(super) const SILENCE: u8 = 0xD5;
/// Bytes of one frame: one of each channel.
pub(super) const FRAME_BYTES: usize = 2;

const HEAD_MAGIC: &[u8; 8] = b"HOTLREC\n";
/// What a record begins with.
pub(super) const RECORD_MAGIC: &[u8; 4] = b"HREC";
const VERSION_PLAIN: u16 = 1;
const VERSION_SEALED: u16 = 2;
const CHANNELS: u8 = 2;
const CODEC_PCMA: u8 = 8;
const KIND_AUDIO: u8 = 1;
const KIND_END: u8 = 2;
const KIND_OPUS: u8 = 3;
const KIND_COMPACT_END: u8 = 4;

/// SHA-256.
pub(super) type Digest = [u8; DIGEST_BYTES];

/// What stands at the beginning of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// Which recording.
    pub(crate) recording: RecordingId,
    /// Of which interaction.
    pub(crate) interaction: InteractionId,
    /// When its first frame began.
    pub(crate) started: UnixMillis,
}

/// Why a head is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum HeadFault {
    /// Fewer bytes than a head has.
    #[error("the file ends within its head")]
    Short,
    /// Another kind of file.
    #[error("the file is not a recording of ours")]
    Foreign,
    /// A later version.
    #[error("the file has a version or an encryption that this program does not know")]
    Unknown,
    /// Bytes were changed.
    #[error("the head of the file is damaged")]
    Damaged,
}

/// One stretch of both channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    /// Position of its first frame in the recording.
    pub(crate) first_frame: u64,
    /// How many frames.
    pub(crate) frames: u32,
    /// A-law, citizen and agent in turn; empty when both are silent throughout.
    pub(crate) payload: Vec<u8>,
}

/// One record's fixed part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// Audio.
    Audio {
        /// Position of the first frame.
        first_frame: u64,
        /// How many frames.
        frames: u32,
        /// Bytes of payload.
        payload_bytes: usize,
        /// The payload is Opus, and not A-law.
        opus: bool,
    },
    /// The end mark.
    End {
        /// Frames of the whole recording.
        total_frames: u64,
        /// The payload is the digest of the file that this one was made from.
        compact: bool,
    },
}

impl Header {
    /// Bytes of payload that follow.
    pub(super) fn payload_bytes(&self) -> usize {
        match self {
            Self::Audio { payload_bytes, .. } => *payload_bytes,
            Self::End { compact, .. } => {
                if *compact {
                    DIGEST_BYTES
                } else {
                    0
                }
            }
        }
    }
}

impl Head {
    /// The head's bytes, without the envelope.
    pub(super) fn encode(&self, sealed: bool) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..8].copy_from_slice(HEAD_MAGIC);
        bytes[8..10].copy_from_slice(&if sealed { VERSION_SEALED } else { VERSION_PLAIN }.to_le_bytes());
        bytes[10..12].copy_from_slice(&u16::from(sealed).to_le_bytes());
        bytes[12..16].copy_from_slice(&8_000_u32.to_le_bytes());
        (bytes[16], bytes[17]) = (CHANNELS, CODEC_PCMA);
        bytes[20..28].copy_from_slice(&self.recording.0.to_le_bytes());
        bytes[28..36].copy_from_slice(&self.interaction.0.to_le_bytes());
        bytes[36..44].copy_from_slice(&self.started.0.to_le_bytes());
        let digest = sha256(&[&bytes[..44]]);
        bytes[44..].copy_from_slice(&digest);
        bytes
    }

    /// Reads a head, and whether an envelope follows.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, bool), HeadFault> {
        if !bytes.starts_with(HEAD_MAGIC) {
            return Err(if HEAD_MAGIC.starts_with(bytes) { HeadFault::Short } else { HeadFault::Foreign });
        }
        let bytes: &[u8; HEAD_BYTES] = bytes.get(..HEAD_BYTES).and_then(|head| head.try_into().ok()).ok_or(HeadFault::Short)?;
        if sha256(&[&bytes[..44]]) != bytes[44..] {
            return Err(HeadFault::Damaged);
        }
        let known =
            Self { recording: RecordingId(u64_at(bytes, 20)), interaction: InteractionId(u64_at(bytes, 28)), started: UnixMillis(0) };
        let head = Self { started: UnixMillis(u64_at(bytes, 36).cast_signed()), ..known };
        let sealed = bytes[8..10] == VERSION_SEALED.to_le_bytes();
        if head.encode(sealed) == *bytes { Ok((head, sealed)) } else { Err(HeadFault::Unknown) }
    }
}

/// The envelope's bytes behind the head.
pub(super) fn encode_envelope(envelope: &Envelope) -> [u8; SEALED_ENVELOPE_BYTES] {
    let mut bytes = [0; SEALED_ENVELOPE_BYTES];
    bytes[..ENVELOPE_BYTES].copy_from_slice(&envelope.encode());
    let digest = sha256(&[&bytes[..ENVELOPE_BYTES]]);
    bytes[ENVELOPE_BYTES..].copy_from_slice(&digest);
    bytes
}

/// Reads the envelope behind the head.
pub(super) fn decode_envelope(bytes: &[u8]) -> Result<Envelope, HeadFault> {
    let bytes: &[u8; SEALED_ENVELOPE_BYTES] =
        bytes.get(..SEALED_ENVELOPE_BYTES).and_then(|envelope| envelope.try_into().ok()).ok_or(HeadFault::Short)?;
    let envelope = Envelope::decode(&std::array::from_fn(|at| bytes[at]));
    if encode_envelope(&envelope) == *bytes { Ok(envelope) } else { Err(HeadFault::Damaged) }
}

/// The place of the next record in the chain of digests. Writer and reader walk it alike.
#[derive(Debug, Clone)]
pub(super) struct Chain {
    number: u64,
    previous: Digest,
    /// `None` in version 1.
    data: Option<Arc<DataKey>>,
}

impl Chain {
    /// The chain behind a head.
    pub(super) fn after(head: &Head, data: Option<DataKey>) -> Self {
        let bytes = head.encode(data.is_some());
        Self { number: 1, previous: sha256(&[&bytes[..44]]), data: data.map(Arc::new) }
    }

    /// Bytes of a record behind its payload.
    pub(super) fn tail_bytes(&self) -> usize {
        DIGEST_BYTES + if self.data.is_some() { TAG_BYTES } else { 0 }
    }

    fn next(&self, own: Digest) -> Self {
        Self { number: self.number + 1, previous: own, data: self.data.clone() }
    }

    /// The bytes of the next record, and the chain behind it. A payload longer than [`MAX_PAYLOAD_FRAMES`] is the caller's fault.
    pub(super) fn seal(&self, header: &Header, payload: &[u8]) -> (Vec<u8>, Self) {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len() + self.tail_bytes());
        let fixed = self.encode_header(header, payload.len());
        bytes.extend_from_slice(&fixed);
        bytes.extend_from_slice(payload);
        if let Some(data) = &self.data {
            let tag = data.seal(&nonce(&fixed), &fixed, &mut bytes[HEADER_BYTES..]);
            bytes.extend_from_slice(&tag);
        }
        let digest = sha256(&[&bytes]);
        bytes.extend_from_slice(&digest);
        (bytes, self.next(digest))
    }

    fn encode_header(&self, header: &Header, payload_bytes: usize) -> [u8; HEADER_BYTES] {
        let (kind, first_frame, frames) = match header {
            Header::Audio { first_frame, frames, opus, .. } => (if *opus { KIND_OPUS } else { KIND_AUDIO }, *first_frame, *frames),
            Header::End { total_frames, compact } => (if *compact { KIND_COMPACT_END } else { KIND_END }, *total_frames, 0),
        };
        let length = u32::try_from(payload_bytes).unwrap_or(u32::MAX);
        let mut bytes = [0; HEADER_BYTES];
        bytes[..4].copy_from_slice(RECORD_MAGIC);
        bytes[4] = kind;
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..24].copy_from_slice(&first_frame.to_le_bytes());
        bytes[24..28].copy_from_slice(&frames.to_le_bytes());
        bytes[28..32].copy_from_slice(&length.to_le_bytes());
        bytes[32..64].copy_from_slice(&self.previous);
        bytes
    }

    /// Reads the fixed part of the next record; `None` if it does not continue this chain.
    pub(super) fn header(&self, bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
        let header = any_header(bytes)?;
        (self.encode_header(&header, header.payload_bytes()) == *bytes).then_some(header)
    }

    /// The chain behind the next record if everything in it is right; `rest` is all behind the header, and then the payload alone.
    pub(super) fn step(&self, header: &[u8; HEADER_BYTES], rest: &mut Vec<u8>) -> Option<Self> {
        let digest = rest.split_off(rest.len().checked_sub(DIGEST_BYTES)?);
        let own = sha256(&[header, rest]);
        (own == *digest && open_record(self.data.as_deref(), header, rest)).then(|| self.next(own))
    }
}

/// Reads a record's fixed part by itself, whatever its place in the chain. `None` if it cannot be one.
pub(super) fn any_header(bytes: &[u8; HEADER_BYTES]) -> Option<Header> {
    let (first, frames, length) = (u64_at(bytes, 16), u32_at(bytes, 24), u32_at(bytes, 28));
    let payload_bytes = usize::try_from(length).ok()?;
    let whole = u64::from(frames) * 2 == u64::from(length) && frames <= MAX_PAYLOAD_FRAMES;
    let small = frames <= MAX_COMPACT_FRAMES && (1..=2 * MAX_COMPACT_FRAMES).contains(&length);
    let (header, fits) = match bytes[4] {
        KIND_AUDIO => (Header::Audio { first_frame: first, frames, payload_bytes, opus: false }, length == 0 || whole),
        KIND_OPUS => (Header::Audio { first_frame: first, frames, payload_bytes, opus: true }, small),
        KIND_END => (Header::End { total_frames: first, compact: false }, length == 0),
        KIND_COMPACT_END => (Header::End { total_frames: first, compact: true }, payload_bytes == DIGEST_BYTES),
        _ => return None,
    };
    (bytes.starts_with(RECORD_MAGIC) && fits).then_some(header)
}

/// Decrypts a record in place: `sealed` is payload and tag, and then the payload. Without a data key there is nothing to do.
pub(super) fn open_record(data: Option<&DataKey>, header: &[u8; HEADER_BYTES], sealed: &mut Vec<u8>) -> bool {
    let Some(data) = data else { return true };
    let Some(length) = sealed.len().checked_sub(TAG_BYTES) else { return false };
    let tag: [u8; TAG_BYTES] = std::array::from_fn(|at| sealed[length + at]);
    sealed.truncate(length);
    data.open(&nonce(header), header, sealed, &tag)
}

/// See the head of this file.
fn nonce(header: &[u8; HEADER_BYTES]) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce[..4].copy_from_slice(&u64_at(header, 8).to_be_bytes()[4..]);
    nonce[4..11].copy_from_slice(&u64_at(header, 16).to_be_bytes()[1..]);
    nonce[11] = u8::from(matches!(header[4], KIND_END | KIND_COMPACT_END));
    nonce
}

/// Lower-case hex.
pub(super) fn hex(digest: &Digest) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(2 * DIGEST_BYTES), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A digest from lower-case hex; `None` if it is none.
pub(super) fn unhex(text: &str) -> Option<Digest> {
    let mut digest = [0; DIGEST_BYTES];
    (text.len() == 2 * DIGEST_BYTES).then_some(())?;
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(digest)
}

/// Length in ms of a number of frames.
pub(super) fn length_ms(frames: u64) -> u64 {
    frames / (FRAMES_A_SECOND / 1_000)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..at + 8].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{Chain, HEADER_BYTES, Head, HeadFault, Header};
    use shared::model::{InteractionId, RecordingId, UnixMillis};

    const HEAD: Head = Head { recording: RecordingId(7), interaction: InteractionId(8), started: UnixMillis(-9) };

    #[test]
    fn a_head_reads_back_and_each_changed_byte_is_found() {
        for sealed in [false, true] {
            assert_eq!(Head::decode(&HEAD.encode(sealed)), Ok((HEAD, sealed)));
        }
        let bytes = HEAD.encode(true);
        for at in 0..bytes.len() {
            let mut changed = bytes;
            changed[at] ^= 1;
            assert!(Head::decode(&changed).is_err(), "byte {at}");
            let fault = Head::decode(&bytes[..at]).expect_err("a part is not enough");
            assert_eq!(fault, HeadFault::Short, "length {at}");
        }
        assert_eq!(Head::decode(b"RIFF....WAVE"), Err(HeadFault::Foreign));
    }

    #[test]
    fn a_later_file_is_refused_and_not_misread() {
        for at in [8, 10] {
            let mut bytes = HEAD.encode(true);
            bytes[at] += 1;
            let digest = super::sha256(&[&bytes[..44]]);
            bytes[44..].copy_from_slice(&digest);
            assert_eq!(Head::decode(&bytes), Err(HeadFault::Unknown));
        }
    }

    #[test]
    fn a_record_continues_only_its_own_chain() {
        let chain = Chain::after(&HEAD, None);
        let header = Header::Audio { first_frame: 3, frames: 1, payload_bytes: 2, opus: false };
        let (bytes, next) = chain.seal(&header, &[1, 2]);
        let fixed: [u8; HEADER_BYTES] = bytes[..HEADER_BYTES].try_into().expect("long enough");
        assert_eq!(chain.header(&fixed), Some(header));
        assert_eq!(next.header(&fixed), None);
        let other = Chain::after(&Head { recording: RecordingId(1), ..HEAD }, None);
        assert_eq!(other.header(&fixed), None);
    }
}
