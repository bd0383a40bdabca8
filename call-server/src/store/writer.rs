//! The threads of the store: one writer with group commit, one reader for cards. Not the SQL itself.
//!
//! The writer takes everything that waits, writes it in one transaction and answers after the commit. When the disk refuses, the
//! batch is kept and tried again; no record is lost while the process lives (back-pressure, never a silent drop).

use super::queue::{Put, Queue};
use super::write::{apply, subject};
use super::{Blame, Store, StoreError, callers, int, schema};
use crate::switchboard::Inbox;
use call_core::Input;
use call_core::command::StoreCommand;
use rusqlite::{Connection, TransactionBehavior};
use shared::model::{Caller, InteractionId};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// Most writes that may wait: ten thousand calls' worth. Beyond it the switchboard waits, because a call that cannot be put on
/// record must not be taken, and a dropped record could never be explained.
const WRITE_LIMIT: usize = 100_000;

/// Most card look-ups that may wait; beyond it a call rings without a card, which is allowed.
const READ_LIMIT: usize = 10_000;

/// What comes within this time is written together, unless somebody waits for it ([`StoreHandle::settle`]): each commit waits for the disk
/// and writes the ends of all tables and indices anew. So much is lost at most when the server is killed or the power fails.
const GATHER: Duration = Duration::from_millis(100);

/// The same for card look-ups: what is asked within it is asked of the same state of the database, which costs little more than one question.
/// A desk rings without its card by so much.
const GATHER_CARDS: Duration = Duration::from_millis(40);

/// Longest wait for what was sent to be on disk; who waited then sees the books as they are.
const SETTLE_LIMIT: Duration = Duration::from_secs(2);

/// Pause between two attempts at a batch that the disk refused.
const RETRY_PAUSE: Duration = Duration::from_millis(500);

/// Attempts at the last batches after [`StoreHandle::stop`]; then they are given up.
const LAST_ATTEMPTS: u32 = 10;

/// The way to the running store. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct StoreHandle {
    shared: Arc<Running>,
}

#[derive(Debug)]
struct Running {
    writes: Queue<StoreCommand>,
    reads: Queue<(InteractionId, Caller)>,
    lost_reads: AtomicU64,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Starts the writer and the reader. Their answers go to the inbox.
///
/// # Errors
/// The database cannot be opened a second time, or the system gives no thread.
pub(crate) fn start(store: &Store, inbox: Inbox) -> Result<StoreHandle, StoreError> {
    let writer = schema::open_again(&store.path)?;
    let reader = schema::open_again(&store.path)?;
    let running = Running {
        writes: Queue::new(WRITE_LIMIT),
        reads: Queue::new(READ_LIMIT),
        lost_reads: AtomicU64::new(0),
        threads: Mutex::new(Vec::new()),
    };
    let handle = StoreHandle { shared: Arc::new(running) };
    let answers = inbox.clone();
    handle.spawn("store-writer", store, move |shared| write_all(writer, &shared.writes, &answers))?;
    handle.spawn("store-reader", store, move |shared| read_all(&reader, &shared.reads, &inbox))?;
    Ok(handle)
}

impl StoreHandle {
    /// Hands a command over. A write waits only when [`WRITE_LIMIT`] writes are waiting already; a card look-up never waits.
    pub(crate) fn send(&self, command: StoreCommand) {
        match command {
            StoreCommand::FindCard { interaction, caller } => {
                if !self.shared.reads.offer((interaction, caller)) {
                    let lost = self.shared.lost_reads.fetch_add(1, Ordering::Relaxed) + 1;
                    tracing::warn!(%interaction, lost, "a caller's card is not looked up: too many look-ups wait");
                }
            }
            write @ (StoreCommand::Open { .. }
            | StoreCommand::OpenRecording { .. }
            | StoreCommand::CloseRecording { .. }
            | StoreCommand::Note(_)
            | StoreCommand::Save(_)
            | StoreCommand::Callback(_)
            | StoreCommand::AgentTime(_)
            | StoreCommand::Supervised(_)
            | StoreCommand::HoldRecordings { .. }
            | StoreCommand::TalkMeasured(_)) => self.put(write),
        }
    }

    /// Waits until everything that was sent before is on disk: whoever looks up a call for somebody finds what has just happened in it.
    pub(crate) fn settle(&self) {
        if !self.shared.writes.settle(SETTLE_LIMIT) {
            tracing::warn!("somebody looks at the books although writes wait for the disk");
        }
    }

    /// Writes everything that was sent, then ends the threads. What is sent later is refused with an error in the log.
    pub(crate) fn stop(&self) {
        self.shared.writes.close();
        self.shared.reads.close();
        let threads = std::mem::take(&mut *self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store ended by a panic");
            }
        }
    }

    fn put(&self, command: StoreCommand) {
        let (what, id) = subject(&command);
        match self.shared.writes.put(command) {
            Put::Taken => {}
            Put::TakenLate(waits) => tracing::warn!(waits, limit = WRITE_LIMIT, "the store does not keep up; the switchboard waited"),
            Put::Closed => tracing::error!(what, id, "a write came after the store had stopped and is lost"),
        }
    }

    fn spawn(&self, name: &str, store: &Store, body: impl FnOnce(&Running) + Send + 'static) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || body(&shared))
            .map_err(|error| StoreError::Database { path: store.path.clone(), reason: format!("no thread: {error}") })?;
        self.shared.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }
}

fn write_all(mut connection: Connection, queue: &Queue<StoreCommand>, inbox: &Inbox) {
    while let Some(batch) = queue.take_gathered(GATHER) {
        for answer in commit_stubbornly(&mut connection, &batch, queue) {
            inbox.send(answer);
        }
        queue.carried_out(batch.len());
    }
}

/// Tries until the batch is on disk; gives up only while stopping, after [`LAST_ATTEMPTS`].
fn commit_stubbornly(connection: &mut Connection, batch: &VecDeque<StoreCommand>, queue: &Queue<StoreCommand>) -> Vec<Input> {
    let mut attempts = 0_u32;
    let mut last_attempts = 0_u32;
    loop {
        match commit(connection, batch) {
            Ok(answers) => {
                if attempts > 0 {
                    tracing::warn!(attempts, writes = batch.len(), "the database can be written again; nothing was lost");
                }
                return answers;
            }
            Err(error) if attempts == 0 => {
                tracing::error!(%error, writes = batch.len(), "the database cannot be written; the records are kept in memory and tried again");
            }
            Err(_) => {}
        }
        attempts = attempts.saturating_add(1);
        if queue.pause(RETRY_PAUSE) {
            last_attempts += 1;
            if last_attempts >= LAST_ATTEMPTS {
                tracing::error!(
                    writes = batch.len(),
                    waiting = queue.len(),
                    "the database could not be written before the stop: records are lost"
                );
                return Vec::new();
            }
        }
    }
}

/// One transaction. A command that breaks a rule of its table is logged and left out; any other error undoes the whole batch.
fn commit(connection: &mut Connection, batch: &VecDeque<StoreCommand>) -> rusqlite::Result<Vec<Input>> {
    match commit_whole(connection, batch) {
        Err(error) if schema::blame(&error) == Blame::Refused => commit_one_by_one(connection, batch),
        done => done,
    }
}

/// As if nothing could be refused, which costs half as much.
fn commit_whole(connection: &mut Connection, batch: &VecDeque<StoreCommand>) -> rusqlite::Result<Vec<Input>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut answers = Vec::new();
    for command in batch {
        answers.extend(apply(&transaction, command)?);
    }
    transaction.commit()?;
    Ok(answers)
}

fn commit_one_by_one(connection: &mut Connection, batch: &VecDeque<StoreCommand>) -> rusqlite::Result<Vec<Input>> {
    let mut transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut answers = Vec::new();
    for command in batch {
        let step = transaction.savepoint()?;
        match apply(&step, command) {
            Ok(answer) => {
                step.commit()?;
                answers.extend(answer);
            }
            Err(error) if schema::blame(&error) == Blame::Refused => {
                let (what, id) = subject(command);
                tracing::error!(what, id, %error, "the database refuses a write; it is left out");
            }
            Err(error) => return Err(error),
        }
    }
    transaction.commit()?;
    Ok(answers)
}

fn read_all(connection: &Connection, queue: &Queue<(InteractionId, Caller)>, inbox: &Inbox) {
    while let Some(waiting) = queue.take_gathered(GATHER_CARDS) {
        // One look at the database for all questions; without it each asks by itself, which costs more and says the same.
        let _one_look = connection.unchecked_transaction();
        for (interaction, caller) in waiting {
            let card = callers::find_card(connection, &caller, Some(interaction)).unwrap_or_else(|error| {
                tracing::error!(interaction = int(interaction.0), %error, "a caller's card could not be read");
                None
            });
            inbox.send(Input::CardFound { interaction, card });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::commit;
    use crate::scratch::Scratch;
    use crate::store::{Store, schema};
    use call_core::command::StoreCommand;
    use shared::model::{Caller, InteractionId, PhoneNumber, UnixMillis};
    use std::collections::VecDeque;
    use std::time::Duration;

    #[test]
    fn a_batch_that_the_disk_refuses_leaves_no_trace_and_goes_through_later() {
        let scratch = Scratch::new();
        let path = scratch.path("hotline.db");
        let store = Store::open(&path).expect("a new database");
        let mut connection = schema::open_again(&path).expect("it exists");
        connection.busy_timeout(Duration::ZERO).expect("a valid limit");
        let dialled = PhoneNumber::parse("12345").expect("valid");
        let open = |id| StoreCommand::Open {
            interaction: InteractionId(id),
            started: UnixMillis(1),
            caller: Caller::default(),
            dialled: dialled.clone(),
            probe: false,
            direction: shared::model::Direction::Inbound,
            diversions: Vec::new(),
        };
        let batch: VecDeque<_> = (1..=3).map(open).collect();
        let blocker = schema::open_again(&path).expect("it exists");
        blocker.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
        assert!(commit(&mut connection, &batch).is_err());
        assert!(store.calls(9).expect("readable").is_empty());
        blocker.execute_batch("ROLLBACK").expect("it was begun");
        assert!(commit(&mut connection, &batch).is_ok());
        assert_eq!(store.calls(9).expect("readable").len(), 3);
    }
}
