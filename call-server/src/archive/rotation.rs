//! A new master key: it is put in front of the others, and every recording's key is wrapped by it. No audio is written anew. The old
//! keys stay in the key file, since backups are wrapped by them.

use super::key_text;
use crate::recording::{self, Envelope, KeyError, KeyId, KeyRing, RecordingSettings};
use crate::store::{RecordingPlace, Store, StoreError};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// How a new key was asked for and refused, or given.
#[derive(Debug)]
pub(crate) enum Rotation {
    /// Done.
    Done(Rotated),
    /// Recordings are sealed, but the key file that opens them is not there: another key would hide that.
    KeyLost,
}

/// What was done.
#[derive(Debug)]
pub(crate) struct Rotated {
    /// The key in use from now on.
    pub(crate) key: KeyId,
    /// Recordings wrapped by it.
    pub(crate) wrapped: u64,
    /// Recordings that stay as they were, with the reason.
    pub(crate) left: Vec<(RecordingPlace, String)>,
}

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RotationError {
    /// The key file that is there is not usable.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The database refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key file cannot be written.
    #[error("the key file cannot be written: {0}")]
    Write(#[from] io::Error),
}

/// Makes a new key and wraps all recordings by it. Whoever calls holds the site's lock: no server writes recordings meanwhile.
///
/// # Errors
/// See [`RotationError`]; the old keys are never lost. A recording that cannot be wrapped anew is no error.
pub(crate) fn new_key(store: &Store, settings: &RecordingSettings) -> Result<Rotation, RotationError> {
    let old = match KeyRing::load(&settings.key) {
        Ok(_) => std::fs::read_to_string(&settings.key)?,
        Err(KeyError::Missing { .. }) => String::new(),
        Err(error) => return Err(error.into()),
    };
    let sealed = store.sealed_recordings()?;
    let envelopes: Vec<_> = sealed.into_iter().map(|place| (known_envelope(settings, &place), place)).collect();
    if old.is_empty() && envelopes.iter().any(|(envelope, _)| matches!(envelope, Ok(Some(_)))) {
        return Ok(Rotation::KeyLost);
    }
    replace(&settings.key, &recording::file_with_new_key(&old)?)?;
    let keys = KeyRing::load(&settings.key)?;
    let key = keys.current().ok_or_else(|| io::Error::other("the file that was just written holds no key"))?;
    let mut done = Rotated { key, wrapped: 0, left: Vec::new() };
    for (envelope, place) in envelopes {
        match envelope.and_then(|known| known.map(|known| recording::rewrap(place.recording, &known, &keys)).transpose()) {
            Ok(None) => {}
            Ok(Some(new)) => {
                // The row first: if the power goes now, one of the two copies opens.
                store.set_envelope(place.recording, key_text(new))?;
                match recording::replace_envelope(&settings.folder.join(&place.path), &new) {
                    Ok(()) => done.wrapped += 1,
                    Err(error) => done.left.push((place, error.to_string())),
                }
            }
            Err(error) => done.left.push((place, error.to_string())),
        }
    }
    Ok(Rotation::Done(done))
}

/// From the file's head, or from the row if the head is damaged; `None` for a recording that is not sealed or has no file.
fn known_envelope(settings: &RecordingSettings, place: &RecordingPlace) -> io::Result<Option<Envelope>> {
    match recording::envelope(&settings.folder.join(&place.path)) {
        Ok(envelope) => Ok(envelope),
        Err(recording::ReadError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => match place.envelope.as_deref().and_then(Envelope::from_text) {
            Some(envelope) => Ok(Some(envelope)),
            None => Err(io::Error::other(error.to_string())),
        },
    }
}

/// Writes the file beside the old one and takes its place, so that a loss of power leaves one of the two.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let fresh = path.with_extension("new");
    if fresh.exists() {
        std::fs::remove_file(&fresh)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    File::open(folder)?.sync_all()
}
