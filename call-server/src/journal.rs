//! Writes down what the core is told, so that any moment of a run can be played back (`cargo xtask replay`). A thread of its own: the
//! switchboard hands over and never waits. Bounded in size, number and age; the oldest files go first.

use call_core::journal::{JournalLine, VERSION, without_secrets};
use call_core::plan::Plan;
use call_core::{Input, Now};
use shared::model::InteractionId;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// Most lines that wait for the disk; more leave a gap.
const WAITING_LIMIT: usize = 16_384;
/// Largest file of one run: about 80,000 calls.
const FILE_LIMIT_BYTES: u64 = 256 * 1024 * 1024;
/// Most files of earlier runs.
const KEPT_FILES: usize = 9;
/// Files of earlier runs are deleted after this.
const KEPT_FOR: Duration = Duration::from_secs(30 * 86_400);
/// How much less of a busy processor the writer gets than whoever sets calls up.
const LESS_URGENT: i32 = 5;
/// What comes within this time after a line wakes nobody: to be woken for each line costs more than to write it.
const GATHER: Duration = Duration::from_millis(100);

/// The way to the journal, held by the switchboard.
#[derive(Debug)]
pub(crate) struct Journal {
    lines: Option<SyncSender<JournalLine>>,
    writer: Option<JoinHandle<()>>,
}

impl Journal {
    /// Begins the journal of this run in `folder`. If that cannot be, the server runs without, and says so.
    pub(crate) fn begin(folder: &Path, plan: &Plan, next: InteractionId) -> Self {
        let opened = open(folder).and_then(|file| {
            let (sender, receiver) = sync_channel(WAITING_LIMIT);
            let writer = std::thread::Builder::new().name("journal".to_owned()).spawn(move || write(file, &receiver))?;
            Ok((sender, writer))
        });
        match opened {
            Ok((lines, writer)) => {
                let mut journal = Self { lines: Some(lines), writer: Some(writer) };
                journal.tell(JournalLine::Began { version: VERSION, next, plan: Box::new(plan.clone()) });
                journal
            }
            Err(error) => {
                tracing::warn!(%error, folder = %folder.display(), "no journal is written in this run");
                Self { lines: None, writer: None }
            }
        }
    }

    /// One input was handled.
    pub(crate) fn handled(&mut self, now: Now, input: Input, commands: usize) {
        if self.lines.is_some() {
            self.tell(JournalLine::Handled { now, input, commands });
        }
    }

    /// Whether inputs are to be told at all.
    pub(crate) fn copy_of(&self, input: &Input) -> Option<Input> {
        self.lines.is_some().then(|| without_secrets(input))
    }

    /// A line that finds no place ends the journal: what came after a gap could not be replayed.
    fn tell(&mut self, line: JournalLine) {
        let Some(lines) = &self.lines else { return };
        match lines.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                tracing::warn!("the disk is too slow for the journal: it ends here");
                // Dropping the sender lets the writer finish what it has.
                self.lines = None;
            }
            Err(TrySendError::Disconnected(_)) => self.lines = None,
        }
    }
}

/// The last lines of a run are written before it ends.
impl Drop for Journal {
    fn drop(&mut self) {
        self.lines = None;
        if self.writer.take().is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the journal's writer ended by a panic");
        }
    }
}

/// Opens a new file and deletes what is too old or too much.
fn open(folder: &Path) -> io::Result<File> {
    std::fs::create_dir_all(folder)?;
    let now = SystemTime::now();
    let known = files(folder)?;
    let path = folder.join(next_name(&known, now));
    for old in superfluous(known, now) {
        if let Err(error) = std::fs::remove_file(&old) {
            tracing::warn!(%error, file = %old.display(), "an old journal cannot be deleted");
        }
    }
    // It holds citizens' numbers, as the database does.
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// The name tells when a run began and sorts behind all earlier ones, also if two begin in one millisecond or the clock was set back.
fn next_name(known: &[(PathBuf, SystemTime)], now: SystemTime) -> String {
    let started = now.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let number = |(path, _): &(PathBuf, SystemTime)| path.file_stem()?.to_str()?.parse::<u128>().ok();
    let newest = known.iter().filter_map(number).max();
    format!("{:015}.jsonl", newest.map_or(started, |newest| started.max(newest + 1)))
}

/// Journals with the time of their last write, the oldest first.
fn files(folder: &Path) -> io::Result<Vec<(PathBuf, SystemTime)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            files.push((path.clone(), std::fs::metadata(&path)?.modified()?));
        }
    }
    files.sort();
    Ok(files)
}

fn superfluous(files: Vec<(PathBuf, SystemTime)>, now: SystemTime) -> Vec<PathBuf> {
    let too_many = files.len().saturating_sub(KEPT_FILES);
    let old = |written: &SystemTime| now.duration_since(*written).is_ok_and(|age| age > KEPT_FOR);
    let of = files.into_iter().enumerate().filter(|(place, (_, written))| *place < too_many || old(written));
    of.map(|(_, (path, _))| path).collect()
}

fn write(file: File, lines: &Receiver<JournalLine>) {
    // Nobody waits for it; it is no harm if the system does not permit it.
    let _ = rustix::process::nice(LESS_URGENT);
    if let Err(error) = write_all(BufWriter::new(file), lines, FILE_LIMIT_BYTES) {
        tracing::warn!(%error, "the journal cannot be written: it ends here");
    }
}

/// Writes until nobody tells any more, or until the file is as large as it may be.
fn write_all(mut file: impl Write, lines: &Receiver<JournalLine>, limit_bytes: u64) -> io::Result<()> {
    let (mut text, mut bytes) = (Vec::new(), 0);
    loop {
        let Ok(first) = lines.recv() else { return file.flush() };
        std::thread::sleep(GATHER);
        for line in std::iter::once(first).chain(lines.try_iter()) {
            text.clear();
            serde_json::to_writer(&mut text, &line)?;
            text.push(b'\n');
            bytes += text.len() as u64;
            if bytes > limit_bytes {
                tracing::warn!("the journal of this run is as large as it may be: it ends here");
                serde_json::to_writer(&mut file, &JournalLine::Gap)?;
                file.write_all(b"\n")?;
                return file.flush();
            }
            file.write_all(&text)?;
        }
        // A run that is killed, also under load, loses no more than what was being gathered.
        file.flush()?;
    }
}

#[cfg(test)]
mod tests {
    use super::{Journal, KEPT_FILES, files, next_name, superfluous, write_all};
    use crate::scratch::Scratch;
    use call_core::command::{AgentCommand, MediaAccess, MediaCommand, SessionText, StoreCommand};
    use call_core::input::{AgentAction, CallOffered, LegEnd, PastContact, RecordingOutcome};
    use call_core::journal::{JournalLine, Replay};
    use call_core::ledger::{FactKind, LastAgentOutcome};
    use call_core::plan::{AgentPlan, LastAgentRule, Plan, QueuePlan};
    use call_core::{Command, Core, Input, Now, Time};
    use shared::model::{
        AgentId, AgentState, Caller, InteractionId, LegId, NotReadyReason, OfferId, PhoneNumber, QueueId, RecordingId, RequestId,
        SessionId, TrunkId, UnixMillis,
    };
    use std::collections::BTreeMap;
    use std::io;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc::{Sender, sync_channel};
    use std::time::{Duration, SystemTime};

    fn plan() -> Plan {
        let number = PhoneNumber::parse("12345").expect("a number");
        Plan {
            numbers: BTreeMap::from([(number, QueueId(1))]),
            queues: BTreeMap::from([(
                QueueId(1),
                QueuePlan { max_wait_ms: 5_000, last_agent: Some(LastAgentRule::default()), ..QueuePlan::default() },
            )]),
            agents: BTreeMap::from([(AgentId(7), AgentPlan { queues: vec![QueueId(1)], ..AgentPlan::default() })]),
            ..Plan::default()
        }
    }

    /// A day in short: what is known, somebody who signs in and talks, a new plan in mid-call, and the end.
    fn inputs(leg: u64) -> Vec<Input> {
        let caller = Caller { number: Some(PhoneNumber::parse("13900000001").expect("a number").into()) };
        let dialled = PhoneNumber::parse("12345").expect("a number");
        let offer = Some(SessionText("a=crypto secret".into()));
        let (agent, session, voice) = (AgentId(7), SessionId(leg), LegId(1 << 62));
        let asked = |request, action| Input::AgentAsked { agent, session, request: RequestId(request), action };
        let past = PastContact { caller: caller.clone(), at: UnixMillis(1_799_990_000_000), agent: Some(agent), avoid: false };
        let mut changed = plan();
        changed.queues.values_mut().for_each(|queue| queue.wrap_up_ms = 4_000);
        let (trunk, probe, origin) = (TrunkId(1), false, Default::default());
        let outcome = RecordingOutcome::Complete { length_ms: 6_000, bytes: 9, digest: "00".to_owned() };
        vec![
            Input::ContactsKnown(vec![past]),
            Input::AgentArrived { agent, session, voice: None },
            Input::AgentMediaOpened { agent, leg: voice, access: MediaAccess("secret keys".into()) },
            Input::AgentMediaReachable { leg: voice, reachable: true },
            asked(1, AgentAction::GoReady),
            Input::CallOffered(CallOffered { leg: LegId(leg), trunk, caller, dialled, offer, probe, origin }),
            Input::MediaOpened { leg: LegId(leg), answer: SessionText("secret answer".into()) },
            asked(2, AgentAction::Accept(OfferId(1))),
            Input::RecordingRowStored { recording: RecordingId(leg) },
            Input::PlanChanged(Box::new(changed)),
            asked(3, AgentAction::GoNotReady(NotReadyReason::Break)),
            Input::LegEnded { leg: LegId(leg), cause: LegEnd::ByeReceived },
            Input::RecordingFinished { recording: RecordingId(leg), outcome },
            Input::Tick,
            Input::Stop,
        ]
    }

    /// One run of a server: its commands.
    fn run(folder: &Path, next: u64) -> Vec<Command> {
        let mut journal = Journal::begin(folder, &plan(), InteractionId(next));
        let mut core = Core::new(plan(), InteractionId(next));
        let mut all = Vec::new();
        for (step, input) in (0..).zip(inputs(next)) {
            let now = Now { time: Time(step * 2_000), utc: UnixMillis(1_800_000_000_000 + step as i64 * 2_000) };
            let copy = journal.copy_of(&input);
            core.handle(now, input);
            let commands: Vec<Command> = std::iter::from_fn(|| core.poll()).collect();
            journal.handled(now, copy.expect("a journal is written"), commands.len());
            all.extend(commands);
        }
        drop(journal);
        all
    }

    fn lines(text: &str) -> Vec<JournalLine> {
        text.lines().map(|line| serde_json::from_str(line).expect("a line of a journal")).collect()
    }

    /// Waits for the writer's thread: it ends with the journal.
    fn written(folder: &Path, runs: usize) -> Vec<String> {
        let limit = SystemTime::now() + Duration::from_secs(20);
        loop {
            let found: Vec<String> =
                files(folder).expect("a folder").iter().map(|(path, _)| std::fs::read_to_string(path).expect("a file")).collect();
            let whole = |text: &&String| text.lines().count() == 1 + inputs(1).len() && text.ends_with('\n');
            if found.iter().filter(whole).count() == runs {
                return found;
            }
            assert!(SystemTime::now() < limit, "the journal was not written: {found:?}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_journal_replays_to_the_same_commands_across_a_restart_and_holds_no_secret() {
        let scratch = Scratch::new();
        let folder = scratch.path("journal");
        let first = run(&folder, 1);
        written(&folder, 1);
        let second = run(&folder, 2);
        let texts = written(&folder, 2);
        assert!(texts.iter().all(|text| !text.contains("secret")), "a key is on disk");
        let mut replay = Replay::default();
        let replayed: Vec<Command> =
            texts.iter().flat_map(|text| lines(text)).flat_map(|line| replay.play(line).expect("it replays")).collect();
        let without = |commands: &[Command]| {
            let text = format!("{commands:?}");
            // The lengths of what was left out are all that may differ.
            text.replace("SessionText(15 bytes)", "SessionText(0 bytes)").replace("SessionText(13 bytes)", "SessionText(0 bytes)")
        };
        for run in [&first, &second] {
            let talked = |command: &Command| matches!(command, Command::Media(MediaCommand::Connect { .. }));
            let hit = |command: &Command| matches!(command, Command::Store(StoreCommand::Note(fact)) if matches!(fact.kind, FactKind::LastAgent { outcome: LastAgentOutcome::Hit, .. }));
            let wrapped =
                |command: &Command| matches!(command, Command::Agent(AgentCommand::Show { desk, .. }) if desk.state == AgentState::WrapUp);
            let seen = [run.iter().any(talked), run.iter().any(hit), run.iter().any(wrapped)];
            assert_eq!(seen, [true; 3], "a talk, the last agent and the new plan's wrap-up must be in it");
        }
        assert_eq!(without(&replayed), without(&[first, second].concat()));
    }

    #[test]
    fn a_file_that_is_as_large_as_it_may_be_ends_with_a_gap() {
        let (sender, receiver) = sync_channel(8);
        let line = JournalLine::Handled { now: Now { time: Time(0), utc: UnixMillis(0) }, input: Input::Tick, commands: 0 };
        (0..3).for_each(|_| sender.send(line.clone()).expect("there is room"));
        drop(sender);
        let size = serde_json::to_vec(&line).expect("a line").len() as u64 + 1;
        let mut file = Vec::new();
        write_all(&mut file, &receiver, 2 * size).expect("memory takes everything");
        let text = String::from_utf8(file).expect("text");
        assert_eq!(lines(&text), [line.clone(), line, JournalLine::Gap]);
    }

    /// Tells how many bytes were written whenever it is flushed.
    struct Told(u64, Sender<u64>);

    impl io::Write for Told {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.1.send(self.0).map_err(io::Error::other)
        }
    }

    #[test]
    fn what_was_told_is_in_the_file_soon_although_the_run_goes_on() {
        let (sender, receiver) = sync_channel(8);
        let (flushed, told) = std::sync::mpsc::channel();
        let writer = std::thread::spawn(move || write_all(Told(0, flushed), &receiver, u64::MAX));
        let line = JournalLine::Handled { now: Now { time: Time(0), utc: UnixMillis(0) }, input: Input::Tick, commands: 0 };
        let size = serde_json::to_vec(&line).expect("a line").len() as u64 + 1;
        for round in 1..=2 {
            sender.send(line.clone()).expect("the writer listens");
            assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(round * size));
        }
        drop(sender);
        writer.join().expect("no panic").expect("it takes everything");
    }

    #[test]
    fn a_run_that_begins_in_the_millisecond_of_another_or_before_it_has_a_later_name() {
        let at = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
        let known = [(PathBuf::from("journal/000000000000500.jsonl"), at(500)), (PathBuf::from("journal/notes.jsonl"), at(900))];
        assert_eq!(next_name(&[], at(500)), "000000000000500.jsonl");
        assert_eq!(next_name(&known, at(700)), "000000000000700.jsonl");
        for not_later in [500, 300] {
            assert_eq!(next_name(&known, at(not_later)), "000000000000501.jsonl");
        }
    }

    #[test]
    fn the_oldest_journals_go_first() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100 * 86_400);
        let file = |number: u64, days: u64| (PathBuf::from(format!("{number:03}.jsonl")), now - Duration::from_secs(days * 86_400));
        let many: Vec<_> = (0..12).map(|number| file(number, 1)).collect();
        assert_eq!(superfluous(many, now), ["000.jsonl", "001.jsonl", "002.jsonl"].map(PathBuf::from));
        assert_eq!(superfluous(vec![file(1, 31), file(2, 29)], now), [PathBuf::from("001.jsonl")]);
        assert_eq!(KEPT_FILES, 9);
    }
}
