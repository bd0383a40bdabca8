//! Tests of the store as a whole: commands in, rows and answers out, and what a crash leaves.

use super::{FileFigures, List, NewCaller, NewListEntry, RecordingResult, RecordingState, Store, start};
use crate::scratch::Scratch;
use crate::switchboard::{Inbox, Messages};
use call_core::Input;
use call_core::command::StoreCommand;
use call_core::input::RecordingOutcome;
use call_core::ledger::{AgentInterval, Fact, FactKind, InteractionRecord, IntervalCause, Segment, SupervisionNote};
use call_core::origin::{Diversion, DiversionReason};
use call_core::voice::{LegMeasured, TalkMeasured};
use shared::model::{
    AgentId, AgentState, Caller, CallerCard, CallerPerson, Direction, EndReason, InteractionId, NotReadyReason, PhoneNumber, QueueId,
    RecordingId, SegmentId, SessionId, Side, SupervisorAct, TrunkId, UnixMillis, WatchMode,
};
use shared::model::{LegHealth, VoiceTrouble};
use shared::pii::Pii;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a test number is valid")
}

fn caller(text: &str) -> Caller {
    Caller { number: Some(Pii::new(number(text))) }
}

fn open(id: u64) -> StoreCommand {
    let (interaction, started) = (InteractionId(id), UnixMillis(1_000));
    StoreCommand::Open {
        interaction,
        started,
        caller: caller("+8613912345678"),
        dialled: number("12345"),
        probe: false,
        direction: Direction::Inbound,
        diversions: diversions(),
    }
}

fn diversions() -> Vec<Diversion> {
    let diversion = |number: Option<&str>, reason| Diversion { number: number.map(|text| Pii::new(self::number(text))), reason };
    vec![diversion(Some("051987654321"), DiversionReason::NoAnswer), diversion(None, DiversionReason::Other)]
}

fn fact(id: u64, number: u32, offset_ms: u64, kind: FactKind) -> Fact {
    let at = UnixMillis(1_000 + i64::try_from(offset_ms).expect("a small offset"));
    Fact { interaction: InteractionId(id), number, offset_ms, at, kind }
}

fn open_recording(id: u64, path: &str) -> StoreCommand {
    let (recording, interaction) = (RecordingId(id), InteractionId(id));
    StoreCommand::OpenRecording { recording, interaction, path: path.into(), started: UnixMillis(1_500) }
}

fn sound(recording: u64) -> StoreCommand {
    let leg = |lost_permille, round_trip_ms| LegMeasured {
        mean: LegHealth { lost_permille, round_trip_ms, level_dbfs: -20, ..LegHealth::default() },
        worst_score_hundredths: 300,
    };
    StoreCommand::TalkMeasured(Box::new(TalkMeasured {
        recording: RecordingId(recording),
        talk_ms: 9_000,
        citizen: leg(3, None),
        agent: leg(0, Some(40)),
        troubles: vec![VoiceTrouble::EchoFromAgent],
    }))
}

fn record(id: u64) -> InteractionRecord {
    InteractionRecord {
        interaction: InteractionId(id),
        trunk: TrunkId(1),
        caller: caller("+8613912345678"),
        dialled: number("12345"),
        probe: false,
        queue: Some(QueueId(3)),
        started: UnixMillis(1_000),
        ended: UnixMillis(61_000),
        length_ms: 60_000,
        wait_ms: Some(4_000),
        answered_by_agent: true,
        reason: EndReason::CallerHungUp,
        ended_by: Side::Caller,
        segments: vec![Segment {
            segment: SegmentId(1),
            agent: AgentId(7),
            started: UnixMillis(5_000),
            ring_ms: 2_000,
            talk_ms: 56_000,
            hold_ms: 3_000,
            holds: 1,
        }],
        recording: Some(RecordingId(id)),
        direction: Direction::Inbound,
        dial_result: None,
        transfers: 1,
        residual_ms: 2_000,
        callback: None,
    }
}

fn next(messages: &Messages) -> Input {
    messages.recv_timeout(LIMIT).expect("the store answers in time").into_input()
}

#[test]
fn a_finished_call_reads_back_as_it_was_told() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
    let (inbox, messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    let facts = [
        fact(1, 1, 0, FactKind::Entered),
        fact(1, 2, 4_000, FactKind::Connected { agent: AgentId(7), segment: SegmentId(1) }),
        fact(1, 3, 60_000, FactKind::Ended { reason: EndReason::CallerHungUp, by: Side::Caller }),
    ];
    handle.send(open(1));
    handle.send(open_recording(1, "a/1.rec"));
    facts.iter().cloned().map(StoreCommand::Note).for_each(|command| handle.send(command));
    handle.send(StoreCommand::Save(Box::new(record(1))));
    let outcome = RecordingOutcome::Complete { length_ms: 56_000, bytes: 900_000, digest: "ab".to_owned() };
    handle.send(StoreCommand::CloseRecording { recording: RecordingId(1), outcome });
    [1, 2, 77].into_iter().for_each(|recording| handle.send(sound(recording)));
    handle.send(sound(1));
    handle.stop();

    assert_eq!(next(&messages), Input::RecordingRowStored { recording: RecordingId(1) });
    let call = store.call(InteractionId(1)).expect("readable").expect("on record");
    let sounds: Vec<_> = call.sound.iter().map(|sound| (sound.talk, sound.leg.as_str(), sound.mean.lost_permille)).collect();
    assert_eq!(sounds, [(1, "citizen", 3), (1, "agent", 0), (2, "citizen", 3), (2, "agent", 0)]);
    assert_eq!(call.sound[0].troubles, [VoiceTrouble::EchoFromAgent]);
    assert_eq!((call.sound[0].mean.round_trip_ms, call.sound[1].mean.round_trip_ms), (None, Some(40)));
    assert_eq!(call.diversions, diversions());
    let result = call.result.as_ref().expect("it is closed");
    assert_eq!((result.wait_ms, result.talk_ms, result.length_ms), (Some(4_000), 56_000, 60_000));
    assert_eq!((result.reason, result.ended_by, result.trunk), (EndReason::CallerHungUp, Side::Caller, Some(TrunkId(1))));
    assert_eq!(call.caller, caller("+8613912345678"));
    assert_eq!(call.segments[0].talk_ms, 56_000);
    assert_eq!(call.facts, facts);
    let recording = call.recording.as_ref().expect("it was recorded");
    assert_eq!((recording.state, recording.length_ms, recording.bytes), (RecordingState::Complete, Some(56_000), Some(900_000)));
    assert_eq!(store.recording(RecordingId(1)).expect("readable").as_ref(), Some(recording));
    assert_eq!(store.calls(10).expect("readable"), [call]);
    assert_eq!(store.next_interaction().expect("readable"), InteractionId(2));
}

#[test]
fn the_row_of_a_recording_is_on_disk_before_it_is_reported() {
    let scratch = Scratch::new();
    let path = scratch.path("hotline.db");
    let store = Store::open(&path).expect("a new database");
    let (inbox, messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    for id in 1..=50 {
        handle.send(open(id));
        handle.send(open_recording(id, &format!("{id}.rec")));
        assert_eq!(next(&messages), Input::RecordingRowStored { recording: RecordingId(id) });
        let other = Store::open(&path).expect("a second process may look");
        assert!(other.recording(RecordingId(id)).expect("readable").is_some(), "row {id} was reported before its commit");
    }
    handle.stop();
}

#[test]
fn a_thousand_facts_are_written_in_order_and_none_is_lost() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
    let (inbox, _messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    handle.send(open(1));
    (1..=1_000).for_each(|n| handle.send(StoreCommand::Note(fact(1, n, u64::from(n), FactKind::Answered))));
    handle.stop();
    let facts = store.call(InteractionId(1)).expect("readable").expect("on record").facts;
    assert!(facts.iter().map(|fact| fact.number).eq(1..=1_000));
}

#[test]
fn whoever_waits_for_the_books_finds_what_was_told_to_them_before() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
    let (inbox, _messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    for call in 1..=3 {
        handle.send(open(call));
        handle.settle();
        assert_eq!(store.calls(9).expect("readable").len() as u64, call);
    }
    handle.stop();
}

#[test]
fn a_hit_of_a_listed_number_is_counted_by_the_fact_that_its_entry_fitted() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
    let new = |effect: &str| NewListEntry {
        list: List::Block,
        number: Pii::new(number("13912345678")),
        prefix: false,
        effect: effect.to_owned(),
        points: 0,
        rate_calls: 0,
        rate_within_ms: 0,
        reason: String::new(),
        evidence: String::new(),
        author: "2001".to_owned(),
        expires: UnixMillis(i64::MAX),
    };
    let entries = ["low_priority", "reject"].map(|effect| store.add_list_entry(&new(effect), UnixMillis(1)).expect("added"));
    let (inbox, _messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    // The first entry fitted twice and let the calls in; the third call is of the same number, and no entry was asked.
    for id in 1..=3 {
        handle.send(open(id));
    }
    for id in 1..=2 {
        handle.send(StoreCommand::Note(fact(id, 1, 0, FactKind::Blocked { entry: entries[0] })));
        handle.send(StoreCommand::Save(Box::new(record(id))));
    }
    handle.send(StoreCommand::Save(Box::new(InteractionRecord { reason: EndReason::Blocked, ..record(3) })));
    handle.stop();
    let hits: Vec<_> = store.list_entries(List::Block, None).expect("readable").iter().map(|entry| entry.hits).collect();
    assert_eq!(hits, [2, 0]);
}

#[test]
fn a_card_is_found_by_any_spelling_and_never_for_a_withheld_number() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
    let (name, address) = (Pii::new("李雷".to_owned()), Pii::new("和平路1号".to_owned()));
    let number = Pii::new(number("013912345678"));
    let new = NewCaller { number, name: name.clone(), address: address.clone(), tags: Vec::new(), author: "1001".to_owned() };
    let person = store.add_caller(&new, UnixMillis(1)).expect("writable");
    let persons = vec![CallerPerson { person, name, address, tags: Vec::new() }];
    let card = CallerCard { persons, ..CallerCard::default() };
    let (inbox, messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    for (who, expected) in [(caller("+8613912345678"), Some(card)), (caller("13800000000"), None), (Caller::default(), None)] {
        handle.send(StoreCommand::FindCard { interaction: InteractionId(9), caller: who });
        assert_eq!(next(&messages), Input::CardFound { interaction: InteractionId(9), card: expected });
    }
    handle.stop();
}

#[test]
fn a_second_record_for_the_same_call_is_left_out_and_its_neighbours_stand() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
    let (inbox, _messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    let other = InteractionRecord { reason: EndReason::AgentHungUp, length_ms: 1, segments: Vec::new(), ..record(1) };
    handle.send(open(1));
    handle.send(StoreCommand::Save(Box::new(record(1))));
    handle.send(StoreCommand::Save(Box::new(other)));
    handle.send(StoreCommand::Note(fact(99, 1, 0, FactKind::Entered)));
    handle.send(open(2));
    handle.stop();
    let first = store.call(InteractionId(1)).expect("readable").expect("on record");
    assert_eq!(first.result.expect("closed").reason, EndReason::CallerHungUp);
    assert_eq!(first.segments.len(), 1);
    assert!(store.call(InteractionId(2)).expect("readable").is_some());
}

#[test]
fn agent_time_is_stored_with_its_codes() {
    let scratch = Scratch::new();
    let path = scratch.path("hotline.db");
    let store = Store::open(&path).expect("a new database");
    let (inbox, _messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    handle.send(StoreCommand::AgentTime(AgentInterval {
        agent: AgentId(7),
        session: SessionId(4),
        number: 1,
        state: AgentState::NotReady(NotReadyReason::Meal),
        started: UnixMillis(10),
        offset_ms: 0,
        length_ms: 2_500,
        cause: IntervalCause::SignIn,
        session_end: Some(call_core::command::SessionEnd::Asked),
        interaction: None,
    }));
    handle.stop();
    let row: (String, String, i64, String, String) = rusqlite::Connection::open(&path)
        .and_then(|connection| {
            connection.query_row("SELECT state, reason, length_ms, cause, session_end FROM agent_intervals", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
        })
        .expect("one row");
    assert_eq!(row, ("not_ready".into(), "meal".into(), 2_500, "sign_in".into(), "asked".into()));
}

#[test]
fn interrupted_calls_are_closed_with_what_their_facts_prove() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
    let (inbox, _messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    (1..=3).for_each(|id| handle.send(open(id)));
    handle.send(open_recording(1, "1.rec"));
    let talk = [
        (0, FactKind::Entered),
        (100, FactKind::Queued { queue: QueueId(3) }),
        (1_100, FactKind::Offered { agent: AgentId(7) }),
        (4_100, FactKind::Connected { agent: AgentId(7), segment: SegmentId(1) }),
        (9_100, FactKind::Parted { segment: SegmentId(1) }),
        (9_600, FactKind::Offered { agent: AgentId(8) }),
    ];
    (1..).zip(talk).for_each(|(n, (offset, kind))| handle.send(StoreCommand::Note(fact(1, n, offset, kind))));
    handle.send(StoreCommand::Save(Box::new(record(2))));
    let abandoned = FactKind::Ended { reason: EndReason::Abandoned, by: Side::Caller };
    handle.send(StoreCommand::Note(fact(3, 1, 700, abandoned)));
    handle.stop();

    assert_eq!(store.close_interrupted(UnixMillis(99_000)).expect("writable"), 2);
    assert_eq!(store.close_interrupted(UnixMillis(99_000)).expect("writable"), 0);
    let call = store.call(InteractionId(1)).expect("readable").expect("on record");
    let result = call.result.expect("closed");
    assert_eq!((result.reason, result.ended_by), (EndReason::ServerCrashed, Side::Server));
    assert_eq!((result.ended, result.length_ms), (UnixMillis(10_600), 9_600));
    assert_eq!((result.queue, result.wait_ms, result.talk_ms), (Some(QueueId(3)), Some(4_000), 5_000));
    assert_eq!((call.segments[0].ring_ms, call.segments[0].talk_ms), (3_000, 5_000));
    let last = call.facts.last().expect("there are facts");
    assert_eq!((last.number, last.at), (7, UnixMillis(99_000)));
    assert_eq!(call.recording.expect("its row stays for the reconciler").state, RecordingState::Open);
    let kept = store.call(InteractionId(2)).expect("readable").expect("on record").result.expect("closed");
    assert_eq!(kept.reason, EndReason::CallerHungUp);
    let noted = store.call(InteractionId(3)).expect("readable").expect("on record");
    assert_eq!((noted.result.expect("closed").reason, noted.facts.len()), (EndReason::Abandoned, 1));
}

#[test]
fn a_settled_recording_is_attached_to_its_interrupted_call() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
    let (inbox, _messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    handle.send(open(1));
    handle.send(open_recording(1, "1.rec"));
    handle.stop();
    assert_eq!(store.recordings_with_file().expect("readable"), [(RecordingId(1), "1.rec".to_owned(), RecordingState::Open)]);
    let figures = FileFigures { length_ms: 5, bytes: 6, digest: "cd".to_owned() };
    store.settle_recording(RecordingId(1), &RecordingResult::Cut(figures)).expect("writable");
    let row = store.recording(RecordingId(1)).expect("readable").expect("on record");
    assert_eq!((row.state, row.length_ms, row.bytes, row.digest.as_deref()), (RecordingState::Cut, Some(5), Some(6), Some("cd")));
    assert!(store.knows_recording_path("1.rec").expect("readable"));
    assert!(!store.knows_recording_path("2.rec").expect("readable"));
}

#[test]
fn what_a_supervisor_did_stays_on_record_with_its_reason() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.path("hotline.db")).expect("a new database");
    let (inbox, _messages) = Inbox::new();
    let handle = start(&store, inbox).expect("the store starts");
    let act = SupervisorAct::Watch { agent: AgentId(7), mode: WatchMode::Whisper };
    let (supervisor, at, interaction, reason) = (AgentId(9), UnixMillis(5_000), Some(InteractionId(3)), "带教".to_owned());
    handle.send(StoreCommand::Supervised(Box::new(SupervisionNote { supervisor, at, act, interaction, reason })));
    handle.stop();
    let kept = store.supervision(10).expect("readable");
    let row = kept.first().expect("one row");
    assert_eq!((row.at, row.act.as_str(), row.interaction, row.reason.as_str()), (UnixMillis(5_000), "whisper", Some(3), "带教"));
    assert_eq!((row.agent.as_deref(), row.supervisor.as_deref()), (None, None), "neither is on the list of this test");
}
