//! One recording file being written: append-only, one `write` a record (the first one brings the head), hashed as it grows. It knows no thread and no clock.

use super::format::{Block, Chain, Digest, Head, Header, encode_envelope, hex};
use super::hash::Hash;
use super::keys::{DataKey, Envelope};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// A file that grows by whole records.
#[derive(Debug)]
pub(super) struct RecordingFile {
    file: Arc<File>,
    head: Head,
    envelope: Option<Envelope>,
    chain: Chain,
    /// Over everything but the envelope.
    hash: Hash,
    /// Whole records end here.
    bytes: u64,
    /// A write failed half-way: what lies behind `bytes` is cut off before the next one.
    torn: bool,
}

/// Figures of a closed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closed {
    /// Size in bytes.
    pub(super) bytes: u64,
    /// SHA-256 of everything but the envelope, lower-case hex.
    pub(super) digest: String,
}

impl RecordingFile {
    /// Makes the file and the folders above it. Only its owner may read it: it holds a citizen's voice.
    pub(super) fn create(path: &Path, head: Head, seal: Option<(DataKey, Envelope)>) -> io::Result<Self> {
        let open = || OpenOptions::new().append(true).create_new(true).mode(0o600).open(path);
        let file = match open() {
            // The first one of its folder.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(folder) = path.parent() {
                    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
                }
                open()?
            }
            other => other?,
        };
        Ok(Self::on(file, head, seal))
    }

    fn on(file: File, head: Head, seal: Option<(DataKey, Envelope)>) -> Self {
        let (data, envelope) = seal.unzip();
        Self { file: Arc::new(file), head, envelope, chain: Chain::after(&head, data), hash: Hash::new(), bytes: 0, torn: false }
    }

    /// Appends one record. After an error the file still ends with its last whole record, and the next try goes on from there.
    pub(super) fn append(&mut self, block: &Block) -> io::Result<()> {
        self.append_audio(block, false)
    }

    /// Appends one record in Opus, or one of silence.
    pub(super) fn append_compact(&mut self, block: &Block) -> io::Result<()> {
        self.append_audio(block, !block.payload.is_empty())
    }

    fn append_audio(&mut self, block: &Block, opus: bool) -> io::Result<()> {
        let Block { first_frame, frames, .. } = *block;
        self.append_record(&Header::Audio { first_frame, frames, payload_bytes: block.payload.len(), opus }, &block.payload)
    }

    /// The open file, for whoever brings it to the disk itself: that guards against loss of power, not of the process.
    pub(super) fn handle(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Appends the end mark.
    pub(super) fn finish(mut self, total_frames: u64) -> io::Result<Closed> {
        self.append_record(&Header::End { total_frames, compact: false }, &[])?;
        Ok(Closed { bytes: self.bytes, digest: hex(&self.hash.finish()) })
    }

    /// Appends the end mark of a recording that was made small from the file with this digest.
    pub(super) fn finish_compact(mut self, total_frames: u64, original: &Digest) -> io::Result<()> {
        self.append_record(&Header::End { total_frames, compact: true }, original)
    }

    fn append_record(&mut self, header: &Header, payload: &[u8]) -> io::Result<()> {
        let (record, next) = self.chain.seal(header, payload);
        if self.bytes == 0 {
            let head = self.head.encode(self.envelope.is_some());
            let envelope = self.envelope.iter().flat_map(encode_envelope);
            let bytes: Vec<u8> = head.into_iter().chain(envelope).chain(record.iter().copied()).collect();
            self.append_bytes(&bytes)?;
            self.hash.update(&head);
        } else {
            self.append_bytes(&record)?;
        }
        self.hash.update(&record);
        self.chain = next;
        Ok(())
    }

    fn append_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.bytes)?;
            self.torn = false;
        }
        (&*self.file).write_all(bytes).inspect_err(|_| self.torn = true)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Brings the lists of names from the file's folder up to `top` to the disk, so that a new file is still there after a loss of power.
pub(super) fn sync_folders(top: &Path, path: &Path) -> io::Result<()> {
    let folders = path.ancestors().skip(1).take_while(|folder| folder.starts_with(top));
    folders.map(File::open).try_for_each(|folder| folder?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::super::format::{Block, HEAD_BYTES, Head, SEALED_ENVELOPE_BYTES};
    use super::super::keys::{KeyRing, file_with_new_key};
    use super::super::reader::{self, Ending, Inspection, ReadError, Reader};
    use super::RecordingFile;
    use crate::scratch::Scratch;
    use shared::model::{InteractionId, RecordingId, UnixMillis};
    use std::fs::File;
    use std::io::BufReader;
    use std::path::Path;

    const HEAD: Head = Head { recording: RecordingId(7), interaction: InteractionId(8), started: UnixMillis(9) };

    /// A sealed file.
    fn create(path: &Path) -> RecordingFile {
        let seal = KeyRing::for_test().new_data_key(HEAD.recording).expect("random");
        RecordingFile::create(path, HEAD, Some(seal)).expect("scratch is writable")
    }

    fn inspect(path: &Path) -> Result<Inspection, ReadError> {
        reader::inspect(path, &KeyRing::for_test())
    }

    fn open(path: &Path) -> Result<Reader<BufReader<File>>, ReadError> {
        reader::open(path, &KeyRing::for_test())
    }

    fn block(number: u64, frames: u32) -> Block {
        Block { first_frame: number * 80, frames, payload: vec![number as u8 + 1; frames as usize * 2] }
    }

    /// Three records of 10 ms, the last but one lost, and the end mark at 40 ms; returns where each whole record ends.
    fn write_small(path: &Path) -> Vec<u64> {
        let mut file = create(path);
        let mut ends = Vec::new();
        for number in [0, 1, 3] {
            file.append(&block(number, 80)).expect("scratch is writable");
            ends.push(file.bytes);
        }
        let closed = file.finish(320).expect("scratch is writable");
        ends.push(closed.bytes);
        let figures = inspect(path).expect("readable");
        assert_eq!((figures.digest, figures.bytes), (closed.digest, closed.bytes));
        ends
    }

    fn heard(path: &Path) -> (Vec<u8>, Ending) {
        let mut reader = open(path).expect("it has a head");
        let mut samples = Vec::new();
        while let Some(block) = reader.next_block().expect("readable") {
            assert_eq!(block.first_frame, samples.len() as u64);
            samples.extend(block.frames().map(|(citizen, _)| citizen));
        }
        (samples, reader.ending())
    }

    #[test]
    fn what_was_written_is_heard_and_lost_frames_are_silence() {
        let scratch = Scratch::new();
        let path = scratch.path("day/7.rec");
        write_small(&path);
        let (samples, ending) = heard(&path);
        assert_eq!(samples, [[1; 80], [2; 80], [0xD5; 80], [4; 80]].concat());
        assert_eq!(ending, Ending::Complete);
        let figures = inspect(&path).expect("readable");
        assert_eq!((figures.head, figures.length_ms), (HEAD, 40));
    }

    #[test]
    fn i_16_a_file_cut_at_any_byte_gives_exactly_the_whole_records_before_the_cut() {
        let scratch = Scratch::new();
        let (path, cut) = (scratch.path("7.rec"), scratch.path("cut.rec"));
        let ends = write_small(&path);
        let bytes = std::fs::read(&path).expect("readable");
        for length in 0..bytes.len() {
            std::fs::write(&cut, &bytes[..length]).expect("scratch is writable");
            if length < HEAD_BYTES + SEALED_ENVELOPE_BYTES {
                assert!(matches!(open(&cut), Err(ReadError::Head { .. })), "{length}");
                continue;
            }
            let whole = ends.iter().filter(|end| **end <= length as u64).count();
            let expected_ms = [0, 10, 20, 40][whole];
            let (samples, ending) = heard(&cut);
            assert_eq!(samples.len(), expected_ms * 8, "cut at {length}");
            assert_eq!(ending, Ending::Cut { at_ms: expected_ms as u64 }, "cut at {length}");
            assert_eq!(inspect(&cut).expect("readable").bytes, length as u64);
        }
    }

    #[test]
    fn a_changed_byte_is_found_wherever_it_is() {
        let scratch = Scratch::new();
        let (path, changed) = (scratch.path("7.rec"), scratch.path("changed.rec"));
        let ends = write_small(&path);
        let bytes = std::fs::read(&path).expect("readable");
        for at in 0..bytes.len() {
            let mut copy = bytes.clone();
            copy[at] ^= 0x40;
            std::fs::write(&changed, &copy).expect("scratch is writable");
            if at < HEAD_BYTES + SEALED_ENVELOPE_BYTES {
                assert!(matches!(open(&changed), Err(ReadError::Head { .. })), "byte {at}");
                continue;
            }
            let untouched = ends.iter().filter(|end| **end <= at as u64).count();
            let (samples, ending) = heard(&changed);
            assert_eq!(ending, Ending::Damaged { at_ms: [0, 10, 20, 40][untouched] }, "byte {at}");
            assert_eq!(samples.len(), [0, 80, 160, 320][untouched], "byte {at}");
        }
    }

    #[test]
    fn no_audio_stands_in_the_file_and_another_key_opens_nothing() {
        let scratch = Scratch::new();
        let path = scratch.path("7.rec");
        write_small(&path);
        let bytes = std::fs::read(&path).expect("readable");
        assert!(!bytes.windows(8).any(|window| (1..=4).any(|sample| window == [sample; 8])), "eight equal samples stand in the file");
        let other = KeyRing::parse(&file_with_new_key("").expect("random")).expect("a key file");
        for ring in [other, KeyRing::empty()] {
            assert!(matches!(reader::open(&path, &ring), Err(ReadError::Seal { .. })));
        }
    }

    #[test]
    fn who_has_no_key_cannot_forge_a_record_or_an_end() {
        let scratch = Scratch::new();
        let path = scratch.path("7.rec");
        let ends = write_small(&path);
        let bytes = std::fs::read(&path).expect("readable");
        // Everything that stands in clear is computed anew for a shorter recording, as an insider without the key could.
        let mut forged = bytes[..ends[1] as usize].to_vec();
        let end = &bytes[ends[2] as usize..];
        let mut fixed = end[..64].to_vec();
        fixed[8..16].copy_from_slice(&3_u64.to_le_bytes());
        fixed[16..24].copy_from_slice(&160_u64.to_le_bytes());
        fixed[32..].copy_from_slice(&bytes[ends[1] as usize - 32..ends[1] as usize]);
        let own = super::super::hash::sha256(&[&fixed, &end[64..80]]);
        forged.extend([&fixed[..], &end[64..80], &own].concat());
        std::fs::write(&path, &forged).expect("scratch is writable");
        assert_eq!(heard(&path).1, Ending::Damaged { at_ms: 20 });
    }

    #[test]
    fn a_file_from_before_sealing_is_read_without_a_key() {
        let scratch = Scratch::new();
        let path = scratch.path("7.rec");
        let mut file = RecordingFile::create(&path, HEAD, None).expect("scratch is writable");
        file.append(&block(0, 80)).expect("scratch is writable");
        let closed = file.finish(80).expect("scratch is writable");
        let figures = reader::inspect(&path, &KeyRing::empty()).expect("readable");
        assert_eq!((figures.ending, figures.bytes, &figures.digest), (Ending::Complete, 76 + 96 + 160 + 96, &closed.digest));
        let bytes = std::fs::read(&path).expect("readable");
        assert_eq!(closed.digest, super::hex(&super::super::hash::sha256(&[&bytes])));
        assert_eq!(bytes[76 + 64..76 + 64 + 160], [1; 160]);
    }

    #[test]
    fn bytes_behind_the_end_mark_are_found() {
        let scratch = Scratch::new();
        let path = scratch.path("7.rec");
        write_small(&path);
        let mut bytes = std::fs::read(&path).expect("readable");
        bytes.push(0);
        std::fs::write(&path, &bytes).expect("scratch is writable");
        assert_eq!(heard(&path).1, Ending::Damaged { at_ms: 40 });
    }

    #[test]
    fn a_file_that_still_grows_can_be_read() {
        let scratch = Scratch::new();
        let path = scratch.path("7.rec");
        let mut file = create(&path);
        file.append(&block(0, 80)).expect("scratch is writable");
        assert_eq!(heard(&path), (vec![1; 80], Ending::Cut { at_ms: 10 }));
        file.append(&block(1, 80)).expect("scratch is writable");
        assert_eq!(heard(&path).0.len(), 160);
    }

    #[test]
    fn after_a_torn_write_the_file_goes_on_from_its_last_whole_record() {
        let scratch = Scratch::new();
        let path = scratch.path("7.rec");
        let mut file = create(&path);
        file.append(&block(0, 80)).expect("scratch is writable");
        std::io::Write::write_all(&mut &*file.file, b"half a record").expect("scratch is writable");
        file.torn = true;
        file.append(&block(1, 80)).expect("scratch is writable");
        file.finish(160).expect("scratch is writable");
        assert_eq!(heard(&path), ([[1; 80], [2; 80]].concat(), Ending::Complete));
    }

    #[test]
    fn a_full_disk_is_an_error_and_an_existing_file_is_never_touched() {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("the system has it");
        let mut file = RecordingFile::on(full, HEAD, None);
        assert!(file.append(&block(0, 80)).is_err());
        assert_eq!(file.bytes, 0);
        let scratch = Scratch::new();
        std::fs::write(scratch.path("7.rec"), b"somebody's").expect("scratch is writable");
        assert!(RecordingFile::create(&scratch.path("7.rec"), HEAD, None).is_err());
        assert_eq!(std::fs::read(scratch.path("7.rec")).expect("readable"), b"somebody's");
    }
}
