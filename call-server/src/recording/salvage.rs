//! Rescues what can be heard from a damaged file: each record speaks for itself, so a bad one costs only its own time. For whole
//! and for merely cut files the plain export is enough. It changes nothing in the file.

use super::compact::unpack;
use super::export::{ExportError, Wav};
use super::format::{
    Block, DIGEST_BYTES, HEAD_BYTES, HEADER_BYTES, Head, Header, RECORD_MAGIC, any_header, decode_envelope, length_ms, open_record,
};
use super::hash::sha256;
use super::keys::{DataKey, Envelope, KeyRing, SealFault, TAG_BYTES};
use super::reader::ReadError;
use serde::Serialize;
use shared::model::RecordingId;
use std::path::Path;

/// Longest recording that is believed, in frames: a week.
const LONGEST_FRAMES: u64 = 7 * 24 * 3_600 * super::format::FRAMES_A_SECOND;

/// What the recording's row still knows when the file's head is damaged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spare {
    /// Which recording.
    pub(crate) recording: RecordingId,
    /// Its wrapped key.
    pub(crate) envelope: Option<Envelope>,
}

/// What was rescued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Salvaged {
    /// Which recording, if that can still be known.
    pub(crate) recording: Option<RecordingId>,
    /// Length of the WAV file in ms, silence for lost parts included.
    pub(crate) length_ms: u64,
    /// Of it really recorded, in ms.
    pub(crate) rescued_ms: u64,
    /// The lost parts, in order.
    pub(crate) lost: Vec<Lost>,
    /// Whether the end mark was found; if not, an unknown length is missing behind the last part.
    pub(crate) has_end: bool,
}

/// A part that no sound record covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Lost {
    /// From the beginning of the recording.
    pub(crate) from_ms: u64,
    /// Where the next sound record begins.
    pub(crate) to_ms: u64,
}

/// Writes everything that can be rescued from `file` as WAV; lost parts are silence of the right length.
///
/// # Errors
/// The file cannot be read, no key opens it, or the WAV file cannot be written. Damage is no error.
pub(crate) fn salvage(file: &Path, keys: &KeyRing, spare: Option<Spare>, wav: &Path, overwrite: bool) -> Result<Salvaged, ExportError> {
    let bytes = std::fs::read(file).map_err(|source| ReadError::Io { path: file.to_path_buf(), source })?;
    let found = find_key(&bytes, keys, spare).map_err(|fault| ReadError::Seal { path: file.to_path_buf(), fault })?;
    let records = records(&bytes, found.data.as_ref());
    let mut wav = Wav::create(wav, overwrite)?;
    let mut salvaged = Salvaged { recording: found.recording, length_ms: 0, rescued_ms: 0, lost: Vec::new(), has_end: false };
    let mut position = 0;
    for (header, payload) in records {
        match header {
            Header::Audio { first_frame, frames, .. } if first_frame >= position => {
                fill_gap(&mut wav, &mut salvaged, position, first_frame)?;
                wav.write(&Block { first_frame, frames, payload })?;
                position = first_frame + u64::from(frames);
                salvaged.rescued_ms += length_ms(u64::from(frames));
            }
            // A record that says it begins before the last one ended can only be a copy.
            Header::Audio { .. } => {}
            Header::End { total_frames, .. } => {
                fill_gap(&mut wav, &mut salvaged, position, total_frames)?;
                position = position.max(total_frames);
                salvaged.has_end = true;
            }
        }
    }
    salvaged.length_ms = length_ms(position);
    wav.close()?;
    Ok(salvaged)
}

fn fill_gap(wav: &mut Wav, salvaged: &mut Salvaged, from: u64, to: u64) -> Result<(), ExportError> {
    let Some(missing) = to.checked_sub(from).filter(|missing| *missing > 0) else { return Ok(()) };
    salvaged.lost.push(Lost { from_ms: length_ms(from), to_ms: length_ms(to) });
    let frames = u32::try_from(missing).unwrap_or(u32::MAX);
    wav.write(&Block { first_frame: from, frames, payload: Vec::new() })
}

struct Found {
    recording: Option<RecordingId>,
    data: Option<DataKey>,
}

/// Tries what the head says and what the row says, each with each.
fn find_key(bytes: &[u8], keys: &KeyRing, spare: Option<Spare>) -> Result<Found, SealFault> {
    let head = Head::decode(bytes).ok();
    if let Some((head, false)) = head {
        return Ok(Found { recording: Some(head.recording), data: None });
    }
    let named = head.map(|(head, _)| head.recording);
    let written = bytes.get(20..28).and_then(|id| id.try_into().ok()).map(|id| RecordingId(u64::from_le_bytes(id)));
    let in_file = bytes.get(HEAD_BYTES..).and_then(|rest| decode_envelope(rest).ok());
    let envelopes: Vec<_> = in_file.into_iter().chain(spare.and_then(|spare| spare.envelope)).collect();
    let mut fault = None;
    for recording in named.into_iter().chain(spare.map(|spare| spare.recording)).chain(written) {
        for envelope in &envelopes {
            match keys.unwrap(recording, envelope) {
                Ok(data) => return Ok(Found { recording: Some(recording), data: Some(data) }),
                Err(why @ SealFault::NoKey(_)) => fault = Some(why),
                Err(SealFault::Broken) => fault = fault.or(Some(SealFault::Broken)),
            }
        }
    }
    // A head of which nothing is left may be that of a file from before sealing.
    match fault.or(head.map(|_| SealFault::Broken)) {
        Some(fault) => Err(fault),
        None => Ok(Found { recording: spare.map(|spare| spare.recording), data: None }),
    }
}

/// Every sound record, wherever it begins.
fn records(bytes: &[u8], data: Option<&DataKey>) -> Vec<(Header, Vec<u8>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = bytes[at..].windows(RECORD_MAGIC.len()).position(|window| window == RECORD_MAGIC) {
        at += offset;
        match record(&bytes[at..], data) {
            Some((header, payload, length)) => {
                found.push((header, payload));
                at += length;
            }
            None => at += 1,
        }
    }
    found
}

fn record(bytes: &[u8], data: Option<&DataKey>) -> Option<(Header, Vec<u8>, usize)> {
    let fixed: [u8; HEADER_BYTES] = bytes.get(..HEADER_BYTES)?.try_into().ok()?;
    let header = any_header(&fixed)?;
    let (Header::Audio { first_frame: last, .. } | Header::End { total_frames: last, .. }) = header;
    let tag_bytes = if data.is_some() { TAG_BYTES } else { 0 };
    let end = HEADER_BYTES + header.payload_bytes() + tag_bytes;
    let mut payload = bytes.get(HEADER_BYTES..end)?.to_vec();
    let sound = match data {
        // The tag proves more than the digest behind it, which may be what is damaged.
        Some(_) => open_record(data, &fixed, &mut payload),
        None => bytes.get(end..end + DIGEST_BYTES)? == sha256(&[&bytes[..end]]),
    };
    if sound && let Header::Audio { frames, opus: true, .. } = header {
        payload = unpack(frames, &payload)?;
    }
    (sound && last <= LONGEST_FRAMES).then(|| (header, payload, (end + DIGEST_BYTES).min(bytes.len())))
}

#[cfg(test)]
mod tests {
    use super::{ExportError, Lost, Salvaged, Spare, salvage};
    use crate::recording::{KeyRing, envelope, file_with_new_key, write_for_test};
    use crate::scratch::Scratch;
    use shared::model::RecordingId;

    const ID: RecordingId = RecordingId(7);
    /// Head and envelope, and a record of 10 ms, of a sealed file.
    const PREAMBLE: usize = 184;
    const RECORD: usize = 64 + 160 + 16 + 32;

    struct Case {
        scratch: Scratch,
        bytes: Vec<u8>,
    }

    impl Case {
        /// Five records of 10 ms and the end mark.
        fn new(sealed: bool) -> Self {
            let (scratch, keys) = (Scratch::new(), KeyRing::for_test());
            write_for_test(&scratch.path("7.rec"), ID, sealed.then_some(&keys), 5, true);
            let bytes = std::fs::read(scratch.path("7.rec")).expect("written");
            Self { scratch, bytes }
        }

        fn salvage(&self, bytes: &[u8], spare: Option<Spare>) -> Result<Salvaged, ExportError> {
            std::fs::write(self.scratch.path("bad.rec"), bytes).expect("scratch is writable");
            salvage(&self.scratch.path("bad.rec"), &KeyRing::for_test(), spare, &self.scratch.path("out.wav"), true)
        }

        /// The left side of each 10 ms of the WAV file, one sample for each.
        fn heard(&self) -> Vec<i16> {
            let mut wav = hound::WavReader::open(self.scratch.path("out.wav")).expect("a WAV file");
            let samples: Vec<i16> = wav.samples().collect::<Result<_, _>>().expect("PCM");
            samples.chunks(160).map(|part| part[0]).collect()
        }
    }

    fn whole() -> Salvaged {
        Salvaged { recording: Some(ID), length_ms: 50, rescued_ms: 50, lost: Vec::new(), has_end: true }
    }

    #[test]
    fn one_changed_byte_costs_at_most_its_own_record_wherever_it_is() {
        for sealed in [true, false] {
            let case = Case::new(sealed);
            assert_eq!(case.salvage(&case.bytes, None).expect("whole"), whole());
            let spoken = case.heard();
            let spare = Some(Spare { recording: ID, envelope: envelope(&case.scratch.path("7.rec")).expect("readable") });
            for at in 0..case.bytes.len() {
                let mut bytes = case.bytes.clone();
                bytes[at] ^= 0x10;
                let found = case.salvage(&bytes, spare).unwrap_or_else(|error| panic!("byte {at}, sealed {sealed}: {error}"));
                let (heard, end) = (case.heard(), u64::from(!found.has_end) * 10);
                assert!(found.rescued_ms >= 40 && found.length_ms + end >= 50, "byte {at}, sealed {sealed}: {found:?}");
                assert!(found.lost.len() + usize::from(!found.has_end) <= 1, "byte {at}: {found:?}");
                for lost in &found.lost {
                    assert_eq!(heard[(lost.from_ms / 10) as usize], 8, "silence instead of noise");
                }
                let same = heard.iter().zip(&spoken).filter(|(heard, spoken)| heard == spoken).count();
                assert_eq!(same + found.lost.len(), heard.len(), "byte {at}: what is rescued is what was spoken");
            }
        }
    }

    #[test]
    fn a_hole_in_the_middle_is_silence_of_the_right_length() {
        let case = Case::new(true);
        let mut bytes = case.bytes.clone();
        bytes.drain(PREAMBLE + RECORD + 7..PREAMBLE + 3 * RECORD + 50);
        let found = case.salvage(&bytes, None).expect("there is something");
        assert_eq!(found, Salvaged { rescued_ms: 20, lost: vec![Lost { from_ms: 10, to_ms: 40 }], ..whole() });
        let heard = case.heard();
        assert_eq!((heard.len(), &heard[1..4]), (5, &[8, 8, 8][..]));
    }

    #[test]
    fn a_file_without_its_beginning_is_rescued_with_what_the_row_knows() {
        let case = Case::new(true);
        let envelope = envelope(&case.scratch.path("7.rec")).expect("readable");
        let bytes = &case.bytes[PREAMBLE + 9..];
        let found = case.salvage(bytes, Some(Spare { recording: ID, envelope })).expect("the row has the key");
        assert_eq!(found, Salvaged { rescued_ms: 40, lost: vec![Lost { from_ms: 0, to_ms: 10 }], ..whole() });
        let nothing = case.salvage(bytes, None).expect("a file of which nothing is known");
        assert_eq!(nothing.rescued_ms, 0, "without its key nothing can be heard");
    }

    #[test]
    fn with_another_key_nothing_is_rescued_and_the_missing_key_is_named() {
        let case = Case::new(true);
        let other = KeyRing::parse(&file_with_new_key("").expect("random")).expect("a key file");
        let (file, wav) = (case.scratch.path("7.rec"), case.scratch.path("out.wav"));
        let refused = salvage(&file, &other, None, &wav, true).expect_err("it is sealed");
        let key = KeyRing::for_test().current().expect("a key").to_string();
        assert!(refused.to_string().contains(&key), "{refused}");
        assert!(!wav.exists());
    }
}
