//! Marks in an exported WAV file: a `cue ` chunk and its labels (`LIST` `adtl`, Microsoft RIFF, Multimedia Programming Interface 1.0,
//! "WAVE"). Sound editors show them; players that do not know them pass them over.

use super::export::ExportError;
use std::fs::OpenOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

/// Frames a ms.
const FRAMES_A_MS: u64 = 8;
/// Where a RIFF file says how long it is, and how many bytes that does not count.
const SIZE_AT: u64 = 4;
const UNCOUNTED: u64 = 8;

/// Appends the marks, each in ms from the beginning and its label, to a finished WAV file.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn add_cues(wav: &Path, cues: &[(u64, String)]) -> Result<(), ExportError> {
    if cues.is_empty() {
        return Ok(());
    }
    append(wav, cues).map_err(|error| ExportError::Write { path: wav.to_path_buf(), reason: error.to_string() })
}

fn append(wav: &Path, cues: &[(u64, String)]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(wav)?;
    let end = file.seek(SeekFrom::End(0))?;
    file.write_all(&chunks(cues))?;
    let size = file.stream_position()?.saturating_sub(UNCOUNTED);
    let size = u32::try_from(size).map_err(|_| io::Error::new(io::ErrorKind::FileTooLarge, "a WAV file holds 4 GiB"))?;
    debug_assert!(end % 2 == 0, "PCM of 16 bits ends at a word");
    file.seek(SeekFrom::Start(SIZE_AT))?;
    file.write_all(&size.to_le_bytes())
}

fn chunks(cues: &[(u64, String)]) -> Vec<u8> {
    let numbered = || (1_u32..).zip(cues);
    let mut points = length(cues.len()).to_vec();
    let mut labels = b"adtl".to_vec();
    for (number, (at_ms, label)) in numbered() {
        let frame = u32::try_from(at_ms.saturating_mul(FRAMES_A_MS)).unwrap_or(u32::MAX).to_le_bytes();
        // Name, place in the play order, chunk, start of chunk and block, frame within it.
        for field in [number.to_le_bytes(), frame, *b"data", [0; 4], [0; 4], frame] {
            points.extend_from_slice(&field);
        }
        let mut text = number.to_le_bytes().to_vec();
        text.extend_from_slice(label.as_bytes());
        text.push(0);
        push_chunk(&mut labels, b"labl", &text);
    }
    let mut chunks = Vec::new();
    push_chunk(&mut chunks, b"cue ", &points);
    push_chunk(&mut chunks, b"LIST", &labels);
    chunks
}

fn push_chunk(into: &mut Vec<u8>, name: &[u8; 4], body: &[u8]) {
    into.extend_from_slice(name);
    into.extend_from_slice(&length(body.len()));
    into.extend_from_slice(body);
    // A chunk begins at a word.
    into.extend_from_slice(&[0][..body.len() % 2]);
}

fn length(bytes: usize) -> [u8; 4] {
    u32::try_from(bytes).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_file_with_marks_is_still_the_same_sound() {
        let scratch = Scratch::new();
        let path = scratch.path("1.wav");
        let spec = hound::WavSpec { channels: 2, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut writer = hound::WavWriter::create(&path, spec).expect("scratch is writable");
        (0..1_600_i16).for_each(|sample| writer.write_sample(sample).expect("room"));
        writer.finalize().expect("scratch is writable");
        let before = std::fs::read(&path).expect("readable").len();
        add_cues(&path, &[(10, "hold".to_owned()), (60, "retrieve".to_owned())]).expect("scratch is writable");
        let bytes = std::fs::read(&path).expect("readable");
        let size = u32::from_le_bytes(bytes[4..8].try_into().expect("four"));
        assert_eq!(size as usize + 8, bytes.len());
        let cue = &bytes[before..];
        assert_eq!((&cue[..4], u32::from_le_bytes(cue[8..12].try_into().expect("four"))), (&b"cue "[..], 2));
        assert_eq!(u32::from_le_bytes(cue[32..36].try_into().expect("four")), 80, "10 ms are 80 frames");
        assert!(bytes.ends_with(b"retrieve\0\0"), "an odd length is filled up");
        let samples: Vec<i16> = hound::WavReader::open(&path).expect("a WAV file").samples().collect::<Result<_, _>>().expect("PCM");
        assert_eq!(samples, (0..1_600).collect::<Vec<i16>>());
    }
}
