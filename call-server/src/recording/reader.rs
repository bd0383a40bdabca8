//! Reads a recording file: whole, cut, or still growing. It changes nothing and needs no database.

use super::compact::unpack;
use super::format::{
    Block, Chain, DIGEST_BYTES, Digest, FRAME_BYTES, HEAD_BYTES, HEADER_BYTES, Head, HeadFault, Header, SEALED_ENVELOPE_BYTES, any_header,
    decode_envelope, encode_envelope, hex, length_ms,
};
use super::hash::Hash;
use super::keys::{DataKey, Envelope, KeyRing, SealFault, TAG_BYTES};
use shared::model::RecordingId;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The system refuses.
    #[error("the recording {} cannot be read: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No usable head.
    #[error("{}: {fault}", path.display())]
    Head {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        fault: HeadFault,
    },
    /// Sealed, and it cannot be opened.
    #[error("{}: {fault}", path.display())]
    Seal {
        /// Which file.
        path: PathBuf,
        /// Why.
        fault: SealFault,
    },
}

/// How a file ends. Positions in ms from the beginning of the recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With its end mark.
    Complete,
    /// Within or before a record: a crash, or a recording that still grows.
    Cut {
        /// Everything before is there.
        at_ms: u64,
    },
    /// A record is not what was written.
    Damaged {
        /// Everything before is as it was written.
        at_ms: u64,
    },
}

/// A recording file being read from its beginning.
#[derive(Debug)]
pub(crate) struct Reader<R> {
    source: R,
    path: PathBuf,
    head: Head,
    envelope: Option<Envelope>,
    chain: Chain,
    hash: Hash,
    bytes: u64,
    sound_bytes: u64,
    position: u64,
    /// A block that waits behind the silence before it.
    waiting: Option<Block>,
    ending: Option<Ending>,
    /// Digest of the file that this one was made from.
    original: Option<Digest>,
}

/// A file's figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inspection {
    /// Its head.
    pub(crate) head: Head,
    /// How it ends.
    pub(crate) ending: Ending,
    /// What can be played, in ms.
    pub(crate) length_ms: u64,
    /// Size of the file.
    pub(crate) bytes: u64,
    /// SHA-256 of the file without its envelope, lower-case hex; of one that was made small: of the file that it was made from.
    pub(crate) digest: String,
    /// Where its whole records end: everything before this byte is as it was written.
    pub(crate) sound_bytes: u64,
    /// The wrapped data key; `None` if it is not sealed.
    pub(crate) envelope: Option<Envelope>,
}

/// Opens a recording file.
///
/// # Errors
/// See [`ReadError`].
pub(crate) fn open(path: &Path, keys: &KeyRing) -> Result<Reader<BufReader<File>>, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_path_buf(), source })?;
    Reader::new(BufReader::new(file), path, keys)
}

/// Reads a whole file for its figures.
///
/// # Errors
/// See [`ReadError`].
pub(crate) fn inspect(path: &Path, keys: &KeyRing) -> Result<Inspection, ReadError> {
    let mut reader = open(path, keys)?;
    while reader.next_block()?.is_some() {}
    let ending = reader.ending();
    reader.read_to_end()?;
    let digest = hex(&reader.original.unwrap_or_else(|| reader.hash.finish()));
    Ok(Inspection {
        head: reader.head,
        ending,
        length_ms: length_ms(reader.position),
        bytes: reader.bytes,
        digest,
        sound_bytes: reader.sound_bytes,
        envelope: reader.envelope,
    })
}

/// What stands before the records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Preamble {
    pub(super) head: Head,
    pub(super) envelope: Option<Envelope>,
}

impl Preamble {
    /// Reads head and envelope; `path` is for messages only.
    pub(super) fn read(source: &mut impl Read, path: &Path) -> Result<Self, ReadError> {
        let mut read = |bytes: &mut [u8]| fill(source, bytes).map_err(|source| ReadError::Io { path: path.to_path_buf(), source });
        let faulty = |fault| ReadError::Head { path: path.to_path_buf(), fault };
        let mut bytes = [0; HEAD_BYTES];
        let length = read(&mut bytes)?;
        let (head, sealed) = Head::decode(&bytes[..length]).map_err(faulty)?;
        if !sealed {
            return Ok(Self { head, envelope: None });
        }
        let mut bytes = [0; SEALED_ENVELOPE_BYTES];
        let length = read(&mut bytes)?;
        Ok(Self { head, envelope: Some(decode_envelope(&bytes[..length]).map_err(faulty)?) })
    }

    /// How many bytes it takes.
    pub(super) fn bytes(&self) -> u64 {
        (HEAD_BYTES + if self.envelope.is_some() { SEALED_ENVELOPE_BYTES } else { 0 }) as u64
    }

    /// The chain of records behind it.
    fn chain(&self, keys: &KeyRing, path: &Path) -> Result<Chain, ReadError> {
        Ok(Chain::after(&self.head, self.data_key(keys, path)?))
    }

    /// What opens its records; `None` if they are not sealed.
    pub(super) fn data_key(&self, keys: &KeyRing, path: &Path) -> Result<Option<DataKey>, ReadError> {
        let data = self.envelope.as_ref().map(|envelope| keys.unwrap(self.head.recording, envelope)).transpose();
        data.map_err(|fault| ReadError::Seal { path: path.to_path_buf(), fault })
    }
}

/// The wrapped data key in the head of a file; `None` if it is not sealed.
///
/// # Errors
/// See [`ReadError`].
pub(crate) fn envelope(path: &Path) -> Result<Option<Envelope>, ReadError> {
    let mut file = File::open(path).map_err(|source| ReadError::Io { path: path.to_path_buf(), source })?;
    Ok(Preamble::read(&mut file, path)?.envelope)
}

/// The recording's data key under the current master key.
///
/// # Errors
/// The envelope does not open.
pub(crate) fn rewrap(recording: RecordingId, envelope: &Envelope, keys: &KeyRing) -> io::Result<Envelope> {
    keys.rewrap(recording, envelope)
}

/// Writes another envelope of the same data key into a file's head. It lies in the file's first 512 bytes, so a loss of power
/// leaves the old one or the new one.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn replace_envelope(path: &Path, envelope: &Envelope) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.write_all_at(&encode_envelope(envelope), HEAD_BYTES as u64)?;
    file.sync_data()
}

/// Whether the file ends with the end mark of a recording that was made small.
///
/// # Errors
/// It cannot be read.
pub(super) fn ends_compact(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    let last = (HEADER_BYTES + DIGEST_BYTES + TAG_BYTES + DIGEST_BYTES) as u64;
    let Some(at) = file.metadata()?.len().checked_sub(last) else { return Ok(false) };
    let mut fixed = [0; HEADER_BYTES];
    file.read_exact_at(&mut fixed, at)?;
    Ok(matches!(any_header(&fixed), Some(Header::End { compact: true, .. })))
}

impl<R: Read> Reader<R> {
    /// What stands at its beginning.
    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Reads the head; `path` is for messages only.
    fn new(mut source: R, path: &Path, keys: &KeyRing) -> Result<Self, ReadError> {
        let preamble = Preamble::read(&mut source, path)?;
        let Preamble { head, envelope } = preamble;
        let mut hash = Hash::new();
        hash.update(&head.encode(envelope.is_some()));
        Ok(Self {
            source,
            path: path.to_path_buf(),
            head,
            envelope,
            chain: preamble.chain(keys, path)?,
            hash,
            bytes: preamble.bytes(),
            sound_bytes: preamble.bytes(),
            position: 0,
            waiting: None,
            ending: None,
            original: None,
        })
    }

    /// The next stretch; the stretches follow each other without a hole. `None` at the end of what can be read.
    ///
    /// # Errors
    /// [`ReadError::Io`] only: a cut or damaged file just ends.
    pub(crate) fn next_block(&mut self) -> Result<Option<Block>, ReadError> {
        if self.ending.is_some() {
            return Ok(None);
        }
        let block = match self.waiting.take() {
            Some(block) => Some(block),
            None => self.read_record()?,
        };
        if let Some(block) = &block {
            self.position += u64::from(block.frames);
        }
        Ok(block)
    }

    /// How the file ends, once [`Self::next_block`] has given `None`; before that, cut where the reading stands.
    pub(crate) fn ending(&self) -> Ending {
        self.ending.unwrap_or(Ending::Cut { at_ms: length_ms(self.position) })
    }

    fn read_record(&mut self) -> Result<Option<Block>, ReadError> {
        let mut fixed = [0; HEADER_BYTES];
        if self.take(&mut fixed)? < HEADER_BYTES {
            return Ok(self.stop(Ending::Cut { at_ms: length_ms(self.position) }));
        }
        let damaged = Ending::Damaged { at_ms: length_ms(self.position) };
        let Some(header) = self.chain.header(&fixed) else { return Ok(self.stop(damaged)) };
        let mut rest = vec![0; header.payload_bytes() + self.chain.tail_bytes()];
        if self.take(&mut rest)? < rest.len() {
            return Ok(self.stop(Ending::Cut { at_ms: length_ms(self.position) }));
        }
        let Some(next) = self.chain.step(&fixed, &mut rest) else { return Ok(self.stop(damaged)) };
        self.chain = next;
        self.sound_bytes = self.bytes;
        match header {
            Header::Audio { first_frame, frames, opus, .. } => {
                let samples = if opus { unpack(frames, &rest) } else { Some(rest) };
                let Some(payload) = samples else { return Ok(self.stop(damaged)) };
                Ok(self.accept(Block { first_frame, frames, payload }))
            }
            Header::End { total_frames, compact } => {
                self.original = if compact { rest.try_into().ok() } else { None };
                self.accept_end(total_frames)
            }
        }
    }

    /// Frames that no record covers were lost by the recorder: they are played as silence.
    fn accept(&mut self, block: Block) -> Option<Block> {
        match self.gap_before(block.first_frame) {
            Gap::None => Some(block),
            Gap::Silence(silence) => {
                self.waiting = Some(block);
                Some(silence)
            }
            Gap::Overlap => self.stop(Ending::Damaged { at_ms: length_ms(self.position) }),
        }
    }

    fn accept_end(&mut self, total_frames: u64) -> Result<Option<Block>, ReadError> {
        let after = self.take(&mut [0; 1])?;
        let gap = self.gap_before(total_frames);
        if after > 0 || matches!(gap, Gap::Overlap) {
            return Ok(self.stop(Ending::Damaged { at_ms: length_ms(self.position) }));
        }
        self.ending = Some(Ending::Complete);
        match gap {
            Gap::Silence(silence) => Ok(Some(silence)),
            Gap::None | Gap::Overlap => Ok(None),
        }
    }

    fn gap_before(&self, first_frame: u64) -> Gap {
        match first_frame.checked_sub(self.position) {
            None => Gap::Overlap,
            Some(0) => Gap::None,
            Some(missing) => {
                let frames = u32::try_from(missing).unwrap_or(u32::MAX);
                Gap::Silence(Block { first_frame: self.position, frames, payload: Vec::new() })
            }
        }
    }

    fn stop(&mut self, ending: Ending) -> Option<Block> {
        self.ending = Some(ending);
        None
    }

    fn read_to_end(&mut self) -> Result<(), ReadError> {
        let mut rest = [0; 8_192];
        while self.take(&mut rest)? > 0 {}
        Ok(())
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<usize, ReadError> {
        let length = fill(&mut self.source, bytes).map_err(|source| ReadError::Io { path: self.path.clone(), source })?;
        self.hash.update(&bytes[..length]);
        self.bytes += length as u64;
        Ok(length)
    }
}

enum Gap {
    None,
    Silence(Block),
    Overlap,
}

/// Reads until the buffer is full or the source ends.
pub(super) fn fill(source: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match source.read(&mut buffer[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

impl Block {
    /// Citizen's and agent's A-law samples, frame by frame.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (u8, u8)> + '_ {
        let silence = if self.payload.is_empty() { self.frames as usize } else { 0 };
        let heard = self.payload.chunks_exact(FRAME_BYTES).map(|frame| (frame[0], frame[1]));
        heard.chain(std::iter::repeat_n((super::format::SILENCE, super::format::SILENCE), silence))
    }
}
