//! A recording made small: its audio as Opus in a file of the same kind, sealed under a new key, chained and ended alike. Its end mark
//! carries the digest of the file that it was made from, so that the row, the day's root and `verify` go on to speak of that one.
//!
//! | Payload of a record in Opus | |
//! |---|---|
//! | 0 | samples by which the encoder is behind |
//! | for citizen, then agent: 2 | number of packets, each of 20 ms; 0 is silence |
//! | for each packet: 2, and so many | length, and the packet (RFC 6716) |
//!
//! Each record is decoded by itself: it begins with 80 ms of what was before, which are left out again. Numbers are little-endian.

use super::file::RecordingFile;
use super::format::{Block, FRAME_BYTES, SILENCE};
use super::keys::{Envelope, KeyRing};
use super::reader::{Ending, ReadError, inspect, open};
use std::io;
use std::path::{Path, PathBuf};
use voice::codec::{Codec, Encoder, MAX_PAYLOAD_BYTES};
use voice::g711::{decode_alaw, encode_alaw};

/// Frames in a record in Opus: 10 s.
pub(super) const MAX_COMPACT_FRAMES: u32 = 80_000;
/// Samples of 20 ms.
const PACKET: usize = 160;
/// What is encoded before a record's own beginning, so that the decoder is in step.
const LEAD: usize = 4 * PACKET;
/// Each side; both together are a sixth of A-law.
const BITS_PER_SECOND: i32 = 12_000;
/// How much louder or quieter the small file may be in all: more is another recording.
const LEVEL_TOLERANCE_DB: f64 = 2.0;
/// Quieter than this is not compared: noise below the last bit of A-law.
const QUIET_DBFS: f64 = -45.0;

/// Why a recording was not made small; the original is untouched then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompactError {
    /// The original cannot be read, or the small one not read back.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The disk refuses.
    #[error("the small file cannot be written: {0}")]
    Write(#[from] io::Error),
    /// It is not whole: it stays as it is.
    #[error("the recording is not whole")]
    NotWhole,
    /// The codec library refuses.
    #[error("the codec library does not encode")]
    Codec,
    /// What was written is not what was read.
    #[error("the small file does not sound as the original: {0}")]
    Differs(String),
}

/// Makes the file small, verifies the result and puts it in the original's place. Gives the envelope of the new file's key, and its size.
///
/// # Errors
/// See [`CompactError`].
pub(crate) fn compact(path: &Path, keys: &KeyRing) -> Result<(Envelope, u64), CompactError> {
    let original = inspect(path, keys)?;
    if original.ending != Ending::Complete {
        return Err(CompactError::NotWhole);
    }
    let small = small_path(path);
    let made = make(path, &small, keys, &original.digest).and_then(|envelope| {
        let found = inspect(&small, keys)?;
        if (found.ending, found.length_ms, &found.digest) != (Ending::Complete, original.length_ms, &original.digest) {
            return Err(CompactError::Differs(format!("{:?} after {} ms of {}", found.ending, found.length_ms, original.length_ms)));
        }
        compare_levels(path, &small, keys)?;
        Ok((envelope, found.bytes))
    });
    if made.is_err() {
        // What is left of it is found and removed before the next try.
        let _ = std::fs::remove_file(&small);
        return made;
    }
    std::fs::rename(&small, path)?;
    path.parent().map(std::fs::File::open).transpose()?.map_or(Ok(()), |folder| folder.sync_all())?;
    made
}

/// Whether the file has been made small.
///
/// # Errors
/// It cannot be read.
pub(crate) fn is_compact(path: &Path) -> io::Result<bool> {
    super::reader::ends_compact(path)
}

/// Beside the original, under a name that no recording has.
fn small_path(path: &Path) -> PathBuf {
    path.with_extension("small")
}

fn make(path: &Path, small: &Path, keys: &KeyRing, digest: &str) -> Result<Envelope, CompactError> {
    if small.try_exists()? {
        std::fs::remove_file(small)?;
    }
    let mut reader = open(path, keys)?;
    let head = reader.head();
    // Never the original's key: no two records may be sealed alike.
    let (data, envelope) = keys.new_data_key(head.recording)?;
    let mut file = RecordingFile::create(small, head, Some((data, envelope)))?;
    let mut packer = Packer::default();
    while let Some(block) = reader.next_block()? {
        for piece in packer.take(&block) {
            file.append_compact(&piece?)?;
        }
    }
    if let Some(rest) = packer.rest() {
        file.append_compact(&rest?)?;
    }
    let digest = super::format::unhex(digest).ok_or(CompactError::NotWhole)?;
    let handle = file.handle();
    file.finish_compact(packer.position, &digest)?;
    handle.sync_all()?;
    Ok(envelope)
}

/// Gathers blocks into records.
#[derive(Default)]
struct Packer {
    /// Both sides, as far as they are not in a record yet.
    sides: [Vec<i16>; 2],
    /// What was before them.
    before: [Vec<i16>; 2],
    /// Where they begin.
    position: u64,
}

impl Packer {
    fn take(&mut self, block: &Block) -> Vec<Result<Block, CompactError>> {
        for (citizen, agent) in block.frames() {
            for (side, sample) in self.sides.iter_mut().zip([citizen, agent]) {
                side.push(voice::g711::alaw_to_linear(sample));
            }
        }
        let mut pieces = Vec::new();
        while self.sides[0].len() >= MAX_COMPACT_FRAMES as usize {
            pieces.push(self.cut(MAX_COMPACT_FRAMES as usize));
        }
        pieces
    }

    fn rest(&mut self) -> Option<Result<Block, CompactError>> {
        let frames = self.sides[0].len();
        (frames > 0).then(|| self.cut(frames))
    }

    fn cut(&mut self, frames: usize) -> Result<Block, CompactError> {
        let quiet = voice::g711::alaw_to_linear(SILENCE);
        let mut payload = Vec::new();
        if self.sides.iter().any(|side| side[..frames].iter().any(|sample| *sample != quiet)) {
            payload.push(0);
            for (side, before) in self.sides.iter().zip(&self.before) {
                let behind = encode(before, &side[..frames], quiet, &mut payload)?;
                payload[0] = payload[0].max(behind);
            }
        }
        for (side, before) in self.sides.iter_mut().zip(&mut self.before) {
            *before = side[frames.saturating_sub(LEAD)..frames].to_vec();
            side.drain(..frames);
        }
        let block = Block { first_frame: self.position, frames: frames as u32, payload };
        self.position += frames as u64;
        Ok(block)
    }
}

/// One side of a record; gives by how many samples the encoder is behind, 0 for silence.
fn encode(before: &[i16], samples: &[i16], quiet: i16, payload: &mut Vec<u8>) -> Result<u8, CompactError> {
    if samples.iter().all(|sample| *sample == quiet) {
        payload.extend([0, 0]);
        return Ok(0);
    }
    let codec = Codec::Opus { expected_loss_percent: 0 };
    let mut encoder: Encoder = codec.encoder().map_err(|_| CompactError::Codec)?;
    encoder.set_bits_per_second(BITS_PER_SECOND).map_err(|_| CompactError::Codec)?;
    let behind = encoder.samples_behind();
    let mut all = vec![quiet; LEAD - before.len().min(LEAD)];
    all.extend(&before[before.len().saturating_sub(LEAD)..]);
    all.extend(samples);
    all.resize((all.len() + behind).next_multiple_of(PACKET), quiet);
    payload.extend(((all.len() / PACKET) as u16).to_le_bytes());
    for frame in all.chunks_exact(PACKET) {
        let mut packet = [0; MAX_PAYLOAD_BYTES];
        let length = encoder.encode(frame, &mut packet).map_err(|_| CompactError::Codec)?;
        payload.extend((length as u16).to_le_bytes());
        payload.extend(&packet[..length]);
    }
    u8::try_from(behind).map_err(|_| CompactError::Codec)
}

/// A-law of both sides in turn; `None` if the payload is no such record of so many frames.
pub(super) fn unpack(frames: u32, payload: &[u8]) -> Option<Vec<u8>> {
    let frames = usize::try_from(frames).ok()?;
    let (behind, mut rest) = payload.split_first()?;
    let mut alaw = vec![SILENCE; frames * FRAME_BYTES];
    for side in 0..FRAME_BYTES {
        let count = take_number(&mut rest)?;
        if count == 0 {
            continue;
        }
        // As many as there are samples, and those before and behind them; what claims more is not ours.
        (usize::from(count) <= (LEAD + frames) / PACKET + 3).then_some(())?;
        let mut decoder = Codec::Opus { expected_loss_percent: 0 }.decoder().ok()?;
        let mut samples = Vec::with_capacity(usize::from(count) * PACKET);
        for _ in 0..count {
            let length = usize::from(take_number(&mut rest)?);
            let (packet, after) = rest.split_at_checked(length)?;
            let mut frame = [0; PACKET];
            (decoder.decode(packet, &mut frame).ok()? == PACKET).then_some(())?;
            samples.extend(frame);
            rest = after;
        }
        let own = samples.get(LEAD + usize::from(*behind)..)?.get(..frames)?;
        let mut coded = vec![SILENCE; frames];
        encode_alaw(own, &mut coded);
        alaw.iter_mut().skip(side).step_by(FRAME_BYTES).zip(coded).for_each(|(place, sample)| *place = sample);
    }
    rest.is_empty().then_some(alaw)
}

fn take_number(bytes: &mut &[u8]) -> Option<u16> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u16::from_le_bytes(*number))
}

/// Both files' sides as a whole are about as loud as each other.
fn compare_levels(original: &Path, small: &Path, keys: &KeyRing) -> Result<(), CompactError> {
    let (first, second) = (loudness(original, keys)?, loudness(small, keys)?);
    for (place, (before, after)) in first.iter().zip(second).enumerate() {
        if *before > QUIET_DBFS && (before - after).abs() > LEVEL_TOLERANCE_DB {
            return Err(CompactError::Differs(format!("side {place} has {after:.1} instead of {before:.1} dBFS")));
        }
    }
    Ok(())
}

/// Level of each side over the whole recording, in dB below full scale.
fn loudness(path: &Path, keys: &KeyRing) -> Result<[f64; 2], ReadError> {
    let mut reader = open(path, keys)?;
    let (mut energy, mut count) = ([0.0; 2], 0.0_f64);
    while let Some(block) = reader.next_block()? {
        for (citizen, agent) in block.frames() {
            let mut samples = [0; 2];
            decode_alaw(&[citizen, agent], &mut samples);
            energy.iter_mut().zip(samples).for_each(|(sum, sample)| *sum += f64::from(sample) * f64::from(sample));
            count += 1.0;
        }
    }
    Ok(energy.map(|sum| 10.0 * (sum / count.max(1.0)).max(1e-9).log10() - 90.309))
}

#[cfg(test)]
mod tests {
    use super::super::range::RangeReader;
    use super::super::reader::{Ending, inspect, open};
    use super::super::{KeyRing, export_wav, salvage, write_tones_for_test};
    use super::{CompactError, compact, is_compact};
    use crate::scratch::Scratch;
    use shared::model::RecordingId;
    use std::path::Path;

    const ID: RecordingId = RecordingId(7);

    fn heard(path: &Path, keys: &KeyRing) -> Vec<(u8, u8)> {
        let mut reader = open(path, keys).expect("readable");
        let mut frames = Vec::new();
        while let Some(block) = reader.next_block().expect("readable") {
            frames.extend(block.frames());
        }
        frames
    }

    #[test]
    fn a_recording_made_small_sounds_alike_and_keeps_its_digest_and_its_length() {
        let (scratch, keys) = (Scratch::new(), KeyRing::for_test());
        let path = scratch.path("7.rec");
        write_tones_for_test(&path, ID, &keys, true);
        let (before, original) = (inspect(&path, &keys).expect("readable"), heard(&path, &keys));
        assert!(!is_compact(&path).expect("readable"));
        let (envelope, bytes) = compact(&path, &keys).expect("made small");
        let after = inspect(&path, &keys).expect("readable");
        assert_eq!((after.ending, after.length_ms, &after.digest), (Ending::Complete, before.length_ms, &before.digest));
        assert_eq!((after.envelope, after.bytes), (Some(envelope), bytes));
        assert!(is_compact(&path).expect("readable") && bytes * 4 < before.bytes, "{bytes} of {}", before.bytes);
        let small = heard(&path, &keys);
        assert_eq!(small.len(), original.len());
        // In step to the sample: the tones still cancel each other.
        let linear = |frames: &[(u8, u8)]| frames.iter().map(|frame| f64::from(voice::g711::alaw_to_linear(frame.0))).collect::<Vec<_>>();
        let (was, is) = (linear(&original[8_000..72_000]), linear(&small[8_000..72_000]));
        let noise: f64 = was.iter().zip(&is).map(|(a, b)| (a - b) * (a - b)).sum();
        let signal: f64 = was.iter().map(|a| a * a).sum();
        assert!(noise * 10.0 < signal, "the difference has {:.2} of the energy", noise / signal);
        assert!(small[80_000..160_000].iter().all(|frame| *frame == (super::SILENCE, super::SILENCE)));
    }

    #[test]
    fn parts_exports_and_rescue_work_on_a_small_recording_and_changes_are_found() {
        let (scratch, keys) = (Scratch::new(), KeyRing::for_test());
        let path = scratch.path("7.rec");
        write_tones_for_test(&path, ID, &keys, true);
        compact(&path, &keys).expect("made small");
        let whole: Vec<u8> = heard(&path, &keys).iter().flat_map(|frame| [frame.0, frame.1]).collect();
        let part = RangeReader::open(&path, &keys).and_then(|mut reader| reader.read_range(9_500, 1_000)).expect("readable");
        assert_eq!((part.samples.as_slice(), part.unreadable_ms), (&whole[152_000..168_000], 0));
        assert_eq!(export_wav(&path, &keys, &scratch.path("7.wav"), false).expect("exported").length_ms, 25_200);
        assert_eq!(salvage(&path, &keys, None, &scratch.path("s.wav"), false).expect("rescued").rescued_ms, 25_200);
        let bytes = std::fs::read(&path).expect("readable");
        let digest = inspect(&path, &keys).expect("readable").digest;
        for place in (184..bytes.len()).step_by(97) {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            std::fs::write(&path, &changed).expect("scratch is writable");
            let found = inspect(&path, &keys).expect("the head is whole");
            assert!(found.ending != Ending::Complete, "byte {place}: {found:?} {digest}");
        }
    }

    #[test]
    fn what_is_not_whole_is_left_as_it_is() {
        let (scratch, keys) = (Scratch::new(), KeyRing::for_test());
        let path = scratch.path("7.rec");
        write_tones_for_test(&path, ID, &keys, false);
        let bytes = std::fs::read(&path).expect("readable");
        assert!(matches!(compact(&path, &keys), Err(CompactError::NotWhole)));
        assert_eq!(std::fs::read(&path).expect("readable"), bytes);
        assert_eq!(std::fs::read_dir(scratch.folder()).expect("readable").count(), 1, "nothing is left over");
    }
}
