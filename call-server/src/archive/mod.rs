//! The archive of recordings over the years: copies their wrapped keys into their rows, closes days, makes old ones small, deletes by
//! rule, verifies, and wraps keys anew. It knows the store and the recordings folder, as `reconcile` does; what it does has time.

mod days;
mod expiry;
mod night;
mod rotation;
#[cfg(test)]
mod tests;
mod verify;

pub(crate) use rotation::{Rotation, RotationError, new_key};
pub(crate) use verify::{Choice, VerifyFault, verify};

use crate::reconcile::reconcile_running;
use crate::recording::{self, Envelope, KeyRing, RecordingSettings};
use crate::store::{KeyText, RecordingPlace, Store, StoreError};
use night::Night;
use shared::model::UnixMillis;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often the archive is looked after.
const ROUND: Duration = Duration::from_secs(60);
/// How often rows and files are compared while the server runs (I-15); it has done so at its start.
const COMPARE: Duration = Duration::from_secs(24 * 3_600);
/// Wrapped keys that go into the books by one commit: each commit waits for the disk, and whoever else writes waits for it.
const ENVELOPES_AT_ONCE: usize = 200;

/// The thread that looks after the archive while the server runs.
#[derive(Debug)]
pub(crate) struct ArchiveThread {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

/// Looks after the archive now and every minute. To be started after `reconcile`.
///
/// # Errors
/// The system gives no thread.
pub(crate) fn start(store: Arc<Store>, settings: RecordingSettings) -> io::Result<ArchiveThread> {
    let (stop, stopped) = sync_channel(1);
    let thread = std::thread::Builder::new().name("archive".into()).spawn(move || run(&store, &settings, &stopped))?;
    Ok(ArchiveThread { stop, thread })
}

impl ArchiveThread {
    /// Ends the thread after what it is doing.
    pub(crate) fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the archive's thread ended by a panic");
        }
    }
}

fn run(store: &Store, settings: &RecordingSettings, stopped: &Receiver<()>) {
    let (mut compared, mut night) = (Instant::now(), Night::default());
    loop {
        if compared.elapsed() >= COMPARE {
            compared = Instant::now();
            compare(store, settings);
        }
        if let Err(error) = attend(store, settings, wall_clock()) {
            tracing::error!(%error, "the archive of recordings could not be looked after; it is tried again in a minute");
        }
        if let Err(error) = night.go_on(store, settings, wall_clock()) {
            tracing::error!(%error, "the night job could not go on; it is tried again in a minute");
        }
        match stopped.recv_timeout(ROUND) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn compare(store: &Store, settings: &RecordingSettings) {
    let keys = match KeyRing::load(&settings.key) {
        Ok(keys) => keys,
        Err(error) => return tracing::error!(%error, "rows and files of recordings are not compared today"),
    };
    if let Err(error) = reconcile_running(store, &settings.folder, &keys) {
        tracing::error!(%error, "rows and files of recordings could not be compared; it is tried again tomorrow");
    }
}

/// One round.
///
/// # Errors
/// The database refuses. A single file that cannot be read is no error.
fn attend(store: &Store, settings: &RecordingSettings, now: UnixMillis) -> Result<(), StoreError> {
    note_envelopes(store, settings)?;
    days::close_past(store, now)?;
    expiry::expire(store, settings, now, || recording::used_percent(&settings.folder))
}

/// A second copy of each wrapped key, so that a damaged head does not cost the recording.
fn note_envelopes(store: &Store, settings: &RecordingSettings) -> Result<(), StoreError> {
    for places in store.recordings_without_envelope()?.chunks(ENVELOPES_AT_ONCE) {
        // A file that cannot be read has nothing to copy; `verify` tells of it.
        let envelope = |place: &RecordingPlace| recording::envelope(&settings.folder.join(&place.path)).unwrap_or(None);
        let found: Vec<_> = places.iter().map(|place| (place.recording, envelope(place).map(key_text))).collect();
        store.set_envelopes(&found)?;
    }
    Ok(())
}

fn key_text(envelope: Envelope) -> KeyText {
    KeyText { key: envelope.key().to_string(), envelope: envelope.to_text() }
}

fn wall_clock() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
