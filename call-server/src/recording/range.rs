//! Plays a part of a recording without reading the whole: an index of the records from their fixed parts, then only the records
//! that the part needs. Each is checked by itself; the chain over all of them is for [`super::inspect`].

use super::compact::unpack;
use super::format::{DIGEST_BYTES, FRAME_BYTES, FRAMES_A_SECOND, HEADER_BYTES, Header, SILENCE, any_header, length_ms, open_record};
use super::hash::sha256;
use super::keys::{DataKey, KeyRing};
use super::reader::{Preamble, ReadError, fill};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Longest part that is read at once, in ms: ten minutes, 9.6 MB.
pub(crate) const LONGEST_RANGE_MS: u64 = 600_000;

/// An indexed recording.
#[derive(Debug)]
pub(crate) struct RangeReader {
    file: BufReader<File>,
    path: PathBuf,
    data: Option<DataKey>,
    index: Vec<Entry>,
    total_frames: u64,
}

/// Where one record stands.
#[derive(Debug, Clone, Copy)]
struct Entry {
    at: u64,
    first_frame: u64,
    /// Behind its last frame.
    end: u64,
    frames: u32,
    payload_bytes: usize,
    opus: bool,
}

/// A part of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Range {
    /// Where it begins, in ms from the beginning of the recording.
    pub(crate) start_ms: u64,
    /// A-law, citizen and agent in turn; shorter than asked at the end of the recording.
    pub(crate) samples: Vec<u8>,
    /// How much of it is silence because its records are damaged, in ms.
    pub(crate) unreadable_ms: u64,
}

impl RangeReader {
    /// Opens a file and indexes the records that are there. A recording that still grows is indexed as far as it goes.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub(crate) fn open(path: &Path, keys: &KeyRing) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { path: path.to_path_buf(), source };
        let mut file = BufReader::new(File::open(path).map_err(failed)?);
        let preamble = Preamble::read(&mut file, path)?;
        let data = preamble.data_key(keys, path)?;
        let mut reader = Self { file, path: path.to_path_buf(), data, index: Vec::new(), total_frames: 0 };
        reader.build_index(preamble.bytes()).map_err(failed)?;
        Ok(reader)
    }

    /// Length of the recording in ms, as far as it is there.
    pub(crate) fn length_ms(&self) -> u64 {
        length_ms(self.total_frames)
    }

    /// The part that begins at `start_ms`, at most `length_ms` and [`LONGEST_RANGE_MS`] long. What no record covers is silence.
    ///
    /// # Errors
    /// [`ReadError::Io`] only: a damaged record is silence and counted.
    pub(crate) fn read_range(&mut self, start_ms: u64, length_ms: u64) -> Result<Range, ReadError> {
        let frames = |ms: u64| ms.saturating_mul(FRAMES_A_SECOND / 1_000).min(self.total_frames);
        let (start, end) = (frames(start_ms), frames(start_ms.saturating_add(length_ms.min(LONGEST_RANGE_MS))));
        let mut samples = vec![SILENCE; (end - start) as usize * FRAME_BYTES];
        let mut unreadable = 0;
        let first = self.index.partition_point(|entry| entry.end <= start);
        let needed: Vec<_> = self.index[first..].iter().take_while(|entry| entry.first_frame < end).copied().collect();
        for entry in needed {
            let (from, to) = (entry.first_frame.max(start), entry.end.min(end));
            match self.payload(entry).map_err(|source| ReadError::Io { path: self.path.clone(), source })? {
                Some(payload) if payload.is_empty() => {}
                Some(payload) => {
                    let source = bytes(from - entry.first_frame)..bytes(to - entry.first_frame);
                    samples[bytes(from - start)..bytes(to - start)].copy_from_slice(&payload[source]);
                }
                None => unreadable += to - from,
            }
        }
        Ok(Range { start_ms, samples, unreadable_ms: super::format::length_ms(unreadable) })
    }

    /// Walks from fixed part to fixed part, up to the end, a cut, or a fixed part that cannot be one.
    fn build_index(&mut self, mut at: u64) -> std::io::Result<()> {
        let tail = DIGEST_BYTES + if self.data.is_some() { super::keys::TAG_BYTES } else { 0 };
        let length = self.file.get_ref().metadata()?.len();
        let mut fixed = [0; HEADER_BYTES];
        while fill(&mut self.file, &mut fixed)? == HEADER_BYTES {
            let Some(header) = any_header(&fixed) else { return Ok(()) };
            let whole = (HEADER_BYTES + header.payload_bytes() + tail) as u64;
            if at + whole > length {
                return Ok(());
            }
            match header {
                Header::Audio { first_frame, frames, payload_bytes, opus } if first_frame >= self.total_frames => {
                    let Some(end) = first_frame.checked_add(u64::from(frames)) else { return Ok(()) };
                    self.index.push(Entry { at, first_frame, end, frames, payload_bytes, opus });
                    self.total_frames = end;
                }
                Header::Audio { .. } => return Ok(()),
                Header::End { total_frames, .. } => {
                    self.total_frames = self.total_frames.max(total_frames);
                    return Ok(());
                }
            }
            at += whole;
            self.file.seek_relative((whole - HEADER_BYTES as u64).cast_signed())?;
        }
        Ok(())
    }

    /// One record's samples; `None` if it is not as it was written.
    fn payload(&mut self, entry: Entry) -> std::io::Result<Option<Vec<u8>>> {
        let sealed = self.data.is_some();
        let tag = if sealed { super::keys::TAG_BYTES } else { 0 };
        let mut fixed = [0; HEADER_BYTES];
        let mut payload = vec![0; entry.payload_bytes + tag];
        let mut digest = [0; DIGEST_BYTES];
        self.file.seek(SeekFrom::Start(entry.at))?;
        self.file.read_exact(&mut fixed)?;
        self.file.read_exact(&mut payload)?;
        self.file.read_exact(&mut digest)?;
        let sound = sha256(&[&fixed, &payload]) == digest && open_record(self.data.as_ref(), &fixed, &mut payload);
        let samples = if entry.opus { sound.then(|| unpack(entry.frames, &payload)).flatten() } else { sound.then_some(payload) };
        Ok(samples)
    }
}

fn bytes(frames: u64) -> usize {
    frames as usize * FRAME_BYTES
}

#[cfg(test)]
mod tests {
    use super::RangeReader;
    use crate::recording::{KeyRing, write_for_test};
    use crate::scratch::Scratch;
    use shared::model::RecordingId;
    use std::path::{Path, PathBuf};

    fn written(scratch: &Scratch, sealed: bool, end: bool) -> PathBuf {
        let path = scratch.path(&format!("{sealed}{end}.rec"));
        let keys = KeyRing::for_test();
        write_for_test(&path, RecordingId(1), sealed.then_some(&keys), 20, end);
        path
    }

    fn open(path: &Path) -> RangeReader {
        RangeReader::open(path, &KeyRing::for_test()).expect("readable")
    }

    #[test]
    fn every_part_is_the_same_as_in_the_whole() {
        let scratch = Scratch::new();
        let whole: Vec<u8> = (1..=20).flat_map(|number| [number; 160]).collect();
        for (sealed, end) in [(true, true), (true, false), (false, true)] {
            let mut reader = open(&written(&scratch, sealed, end));
            assert_eq!(reader.length_ms(), 200);
            for start in (0..=210).step_by(3) {
                for length in [0, 1, 9, 10, 11, 57, 500, u64::MAX] {
                    let range = reader.read_range(start, length).expect("readable");
                    let (from, to) = (start.min(200), start.saturating_add(length).min(200));
                    assert_eq!(range.samples, whole[from as usize * 16..to as usize * 16], "{start} ms, {length} ms");
                    assert_eq!(range.unreadable_ms, 0);
                }
            }
        }
    }

    #[test]
    fn a_damaged_record_is_silence_only_for_who_asks_for_it() {
        let scratch = Scratch::new();
        let path = written(&scratch, true, true);
        let mut bytes = std::fs::read(&path).expect("readable");
        bytes[184 + 5 * 272 + 100] ^= 1;
        std::fs::write(&path, &bytes).expect("scratch is writable");
        let mut reader = open(&path);
        assert_eq!(reader.read_range(0, 50).expect("readable").unreadable_ms, 0);
        let around = reader.read_range(45, 10).expect("readable");
        assert_eq!((around.unreadable_ms, &around.samples[..80], &around.samples[80..]), (5, &[5; 80][..], &[0xD5; 80][..]));
    }

    #[test]
    fn another_records_bytes_do_not_pass_for_a_record() {
        let scratch = Scratch::new();
        let path = written(&scratch, true, true);
        let mut bytes = std::fs::read(&path).expect("readable");
        let third = bytes[184 + 2 * 272 + 64..184 + 3 * 272].to_vec();
        bytes[184 + 272 + 64..184 + 2 * 272].copy_from_slice(&third);
        std::fs::write(&path, &bytes).expect("scratch is writable");
        let second = open(&path).read_range(10, 10).expect("readable");
        assert_eq!((second.unreadable_ms, second.samples), (10, vec![0xD5; 160]));
    }
}
