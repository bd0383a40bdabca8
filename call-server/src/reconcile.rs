//! Brings the rows and the files of recordings together after a stop of any kind (I-15): each file has a row and each row a file.
//! It changes no file. It is the one place that knows both the store and the recordings folder.

use crate::recording::{self, Ending, Inspection, KeyRing, ReadError};
use crate::store::{FileFigures, NewRecording, RecordingResult, RecordingState, Store, StoreError};
use shared::model::RecordingId;
use std::path::Path;

/// Why the two could not be compared.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    /// The database refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder cannot be listed.
    #[error("the recordings folder cannot be listed: {0}")]
    Folder(#[from] std::io::Error),
}

/// What was found and done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Reconciled {
    /// Rows left open by a crash, now closed with what their file holds.
    pub(crate) closed: Vec<RecordingId>,
    /// Rows without a file, or with a file in which nothing can be heard: now failed.
    pub(crate) failed: Vec<RecordingId>,
    /// Files without a row that got one.
    pub(crate) adopted: Vec<RecordingId>,
    /// Files that belong to no interaction on record, relative to the folder. They are left where they are.
    pub(crate) strangers: Vec<String>,
}

/// Compares all rows with all files. To be called at the start, after [`Store::close_interrupted`] and before calls come in.
///
/// # Errors
/// See [`ReconcileError`]. A single unreadable file is no error: its row says so.
pub(crate) fn reconcile(store: &Store, folder: &Path, keys: &KeyRing) -> Result<Reconciled, ReconcileError> {
    compare(store, folder, keys, Moment::Start)
}

/// The same while calls are recorded: rows that are open are the recorder's, and stay as they are.
///
/// # Errors
/// See [`ReconcileError`].
pub(crate) fn reconcile_running(store: &Store, folder: &Path, keys: &KeyRing) -> Result<Reconciled, ReconcileError> {
    compare(store, folder, keys, Moment::Running)
}

/// When rows and files are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// Before calls come in: what is open was left so.
    Start,
    /// Any time later.
    Running,
}

fn compare(store: &Store, folder: &Path, keys: &KeyRing, moment: Moment) -> Result<Reconciled, ReconcileError> {
    let mut done = Reconciled::default();
    for file in recording::files(folder)? {
        if !store.knows_recording_path(&file)? {
            adopt(store, &Files { folder, keys }, file, &mut done)?;
        }
    }
    for (id, path, state) in store.recordings_with_file()? {
        if moment == Moment::Start || state != RecordingState::Open {
            settle(store, &Files { folder, keys }, &path, id, state, &mut done)?;
        }
    }
    report(&done);
    Ok(done)
}

/// Where the files are, and what opens them.
struct Files<'a> {
    folder: &'a Path,
    keys: &'a KeyRing,
}

fn adopt(store: &Store, files: &Files<'_>, file: String, done: &mut Reconciled) -> Result<(), StoreError> {
    let Ok(found) = recording::inspect(&files.folder.join(&file), files.keys) else {
        done.strangers.push(file);
        return Ok(());
    };
    let head = found.head;
    let new = NewRecording { recording: head.recording, interaction: head.interaction, path: file, started: head.started };
    if store.adopt_recording(&new)? {
        done.adopted.push(head.recording);
    } else {
        done.strangers.push(new.path);
    }
    Ok(())
}

fn settle(
    store: &Store,
    files: &Files<'_>,
    path: &str,
    id: RecordingId,
    state: RecordingState,
    done: &mut Reconciled,
) -> Result<(), StoreError> {
    let path = files.folder.join(path);
    let result = match state {
        RecordingState::Open => look(&path, files.keys, id),
        RecordingState::Complete | RecordingState::Cut if path.is_file() => return Ok(()),
        RecordingState::Complete | RecordingState::Cut => RecordingResult::Failed { reason: "the file is gone".to_owned() },
        RecordingState::Failed => return Ok(()),
    };
    match &result {
        RecordingResult::Complete(_) | RecordingResult::Cut(_) => done.closed.push(id),
        RecordingResult::Failed { .. } => done.failed.push(id),
    }
    store.settle_recording(id, &result)
}

fn look(path: &Path, keys: &KeyRing, id: RecordingId) -> RecordingResult {
    match recording::inspect(path, keys) {
        Ok(found) if found.head.recording != id => {
            RecordingResult::Failed { reason: format!("the file holds recording {}", found.head.recording) }
        }
        Ok(Inspection { ending, length_ms, bytes, digest, .. }) => {
            let figures = FileFigures { length_ms, bytes, digest };
            match ending {
                Ending::Complete => RecordingResult::Complete(figures),
                Ending::Cut { .. } => RecordingResult::Cut(figures),
                Ending::Damaged { at_ms } => RecordingResult::Failed { reason: format!("the file is damaged after {at_ms} ms") },
            }
        }
        Err(ReadError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            RecordingResult::Failed { reason: "there is no file".to_owned() }
        }
        Err(error @ (ReadError::Io { .. } | ReadError::Head { .. } | ReadError::Seal { .. })) => {
            RecordingResult::Failed { reason: error.to_string() }
        }
    }
}

fn report(done: &Reconciled) {
    let (closed, adopted) = (done.closed.len(), done.adopted.len());
    if closed + adopted > 0 {
        tracing::info!(closed, adopted, "recordings of an earlier run were closed and attached");
    }
    if !done.failed.is_empty() || !done.strangers.is_empty() {
        let (failed, strangers) = (done.failed.len(), done.strangers.len());
        tracing::warn!(failed, strangers, "there are recordings without a file, or files that are no recording on record");
    }
}

#[cfg(test)]
mod tests {
    use super::{Reconciled, reconcile, reconcile_running};
    use crate::media::frame::{Channel, TAP_FRAME_SAMPLES, TapAudio, TapFrame, TapKind};
    use crate::recording::{self, Ending, KeyRing, RecordingSettings, inspect};
    use crate::scratch::Scratch;
    use crate::store::{self, RecordingState, Store};
    use crate::switchboard::Inbox;
    use call_core::Input;
    use call_core::command::{RecordingCommand, StoreCommand};
    use shared::model::{Caller, Direction, InteractionId, PhoneNumber, RecordingId, UnixMillis};
    use std::sync::Arc;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(20);

    fn open_row(id: u64, path: &str) -> [StoreCommand; 2] {
        let (interaction, started) = (InteractionId(id), UnixMillis(1));
        let dialled = PhoneNumber::parse("12345").expect("valid");
        [
            StoreCommand::Open {
                interaction,
                started,
                caller: Caller::default(),
                dialled,
                probe: false,
                direction: Direction::Inbound,
                diversions: Vec::new(),
            },
            StoreCommand::OpenRecording { recording: RecordingId(id), interaction, path: path.into(), started },
        ]
    }

    fn store_with(scratch: &Scratch, commands: impl IntoIterator<Item = StoreCommand>) -> Store {
        let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
        let (inbox, _messages) = Inbox::new();
        let handle = store::start(&store, inbox).expect("the store starts");
        commands.into_iter().for_each(|command| handle.send(command));
        handle.stop();
        store
    }

    /// The same store with more in it.
    fn reopened(scratch: &Scratch, store: Store, commands: impl IntoIterator<Item = StoreCommand>) -> Store {
        drop(store);
        store_with(scratch, commands)
    }

    /// Records two seconds under this id through the real edge.
    fn record(scratch: &Scratch, id: u64, path: &str) {
        let recording = RecordingId(id);
        let (mut taps, consumer) = rtrb::RingBuffer::new(1_024);
        let (inbox, messages) = Inbox::new();
        let settings = RecordingSettings::for_test(scratch.path("recordings"));
        let handle = recording::start(settings, Arc::new(KeyRing::for_test()), vec![consumer], inbox).expect("scratch is writable");
        handle.send(RecordingCommand::Prepare { recording, interaction: InteractionId(id), path: path.into() });
        handle.send(RecordingCommand::Write { recording });
        let mut tap = |ms: u64, kind| taps.push(TapFrame { recording, arrival_us: ms * 1_000, kind }).expect("there is room");
        tap(0, TapKind::Begin);
        for n in 0..100 {
            let samples = [n as u8; TAP_FRAME_SAMPLES];
            let audio = TapAudio { channel: Channel::Citizen, ssrc: 1, timestamp: n * 160, length: 160, samples };
            tap(u64::from(n) * 20, TapKind::Audio(audio));
        }
        tap(2_000, TapKind::End);
        handle.send(RecordingCommand::Finish { recording });
        let input = messages.recv_timeout(LIMIT).expect("the edge answers in time").into_input();
        assert!(matches!(input, Input::RecordingFinished { .. }));
        handle.stop();
    }

    /// What kill -9 leaves: the file without its last records.
    fn cut(scratch: &Scratch, path: &str, bytes: usize) {
        let path = scratch.path("recordings").join(path);
        let whole = std::fs::read(&path).expect("it was recorded");
        std::fs::write(&path, &whole[..whole.len() - bytes]).expect("scratch is writable");
    }

    #[test]
    fn at_the_very_first_start_there_is_nothing_to_do() {
        let scratch = Scratch::new();
        let store = store_with(&scratch, []);
        assert_eq!(
            reconcile(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("no folder is no error"),
            Reconciled::default()
        );
    }

    #[test]
    fn i_15_i_16_a_killed_recording_is_closed_as_cut_and_attached() {
        let scratch = Scratch::new();
        let store = store_with(&scratch, open_row(1, "a/1.rec"));
        record(&scratch, 1, "a/1.rec");
        cut(&scratch, "a/1.rec", 116);
        store.close_interrupted(UnixMillis(9)).expect("writable");
        let done = reconcile(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("readable");
        assert_eq!(done, Reconciled { closed: vec![RecordingId(1)], ..Reconciled::default() });
        let call = store.call(InteractionId(1)).expect("readable").expect("on record");
        let row = call.recording.expect("attached");
        let found = inspect(&scratch.path("recordings/a/1.rec"), &KeyRing::for_test()).expect("readable");
        assert_eq!(found.ending, Ending::Cut { at_ms: 1_600 }, "the end mark and four bytes of the last record are gone");
        assert_eq!((row.state, row.length_ms, row.bytes), (RecordingState::Cut, Some(1_600), Some(found.bytes)));
        assert_eq!(row.digest, Some(found.digest));
        assert_eq!(reconcile(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("readable"), Reconciled::default());
    }

    #[test]
    fn a_recording_that_was_whole_when_the_server_died_is_complete() {
        let scratch = Scratch::new();
        let store = store_with(&scratch, open_row(1, "1.rec"));
        record(&scratch, 1, "1.rec");
        reconcile(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("readable");
        assert_eq!(store.recording(RecordingId(1)).expect("readable").expect("on record").state, RecordingState::Complete);
    }

    #[test]
    fn i_15_a_row_without_a_file_fails_with_its_reason() {
        let scratch = Scratch::new();
        let store = store_with(&scratch, open_row(1, "1.rec").into_iter().chain(open_row(2, "2.rec")));
        std::fs::create_dir(scratch.path("recordings")).expect("scratch is writable");
        std::fs::write(scratch.path("recordings/2.rec"), b"HOTL").expect("scratch is writable");
        let done = reconcile(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("readable");
        assert_eq!(done.failed, [RecordingId(1), RecordingId(2)]);
        let first = store.recording(RecordingId(1)).expect("readable").expect("on record");
        assert_eq!((first.state, first.failure.as_deref()), (RecordingState::Failed, Some("there is no file")));
        let second = store.recording(RecordingId(2)).expect("readable").expect("on record");
        assert!(second.failure.is_some_and(|reason| reason.contains("ends within its head")));
    }

    #[test]
    fn a_closed_recording_whose_file_vanishes_is_noticed() {
        let scratch = Scratch::new();
        let store = store_with(&scratch, open_row(1, "1.rec"));
        record(&scratch, 1, "1.rec");
        reconcile(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("readable");
        std::fs::remove_file(scratch.path("recordings/1.rec")).expect("it was made");
        let done = reconcile(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("readable");
        assert_eq!(done.failed, [RecordingId(1)]);
    }

    #[test]
    fn i_15_each_day_the_two_are_compared_again_and_what_is_being_recorded_is_left_alone() {
        let scratch = Scratch::new();
        let store = store_with(&scratch, open_row(1, "1.rec").into_iter().chain(open_row(2, "2.rec")));
        record(&scratch, 1, "1.rec");
        reconcile(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("readable");
        let store = reopened(&scratch, store, open_row(3, "3.rec"));
        record(&scratch, 3, "3.rec");
        std::fs::remove_file(scratch.path("recordings/1.rec")).expect("it was made");
        std::fs::write(scratch.path("recordings/note.txt"), b"hello").expect("scratch is writable");
        let done = reconcile_running(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("readable");
        assert_eq!((done.failed, done.strangers), (vec![RecordingId(1)], vec!["note.txt".to_owned()]));
        assert_eq!(store.recording(RecordingId(3)).expect("readable").expect("on record").state, RecordingState::Open);
    }

    #[test]
    fn i_15_a_file_without_a_row_is_adopted_if_its_call_is_on_record() {
        let scratch = Scratch::new();
        let [open, _] = open_row(1, "");
        let store = store_with(&scratch, [open]);
        record(&scratch, 1, "1.rec");
        record(&scratch, 5, "5.rec");
        std::fs::write(scratch.path("recordings/note.txt"), b"hello").expect("scratch is writable");
        let done = reconcile(&store, &scratch.path("recordings"), &KeyRing::for_test()).expect("readable");
        assert_eq!((done.adopted.as_slice(), done.closed.as_slice()), ([RecordingId(1)].as_slice(), [RecordingId(1)].as_slice()));
        assert_eq!(done.strangers, ["5.rec", "note.txt"]);
        assert_eq!(store.recording(RecordingId(1)).expect("readable").expect("on record").state, RecordingState::Complete);
    }
}
