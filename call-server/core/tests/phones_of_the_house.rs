//! Phones of the house that dial each other or outside: what the core tells the edges, and what is written down.

use call_core::command::{CallTo, Dial, MediaCommand, RecordingCommand, SessionText, SipCommand, StoreCommand};
use call_core::input::{CallOffered, LegEnd, MediaFailure, RecordingOutcome};
use call_core::ledger::{Fact, FactKind, InteractionRecord};
use call_core::origin::Origin;
use call_core::plan::{PermissionClass, Plan, QueuePlan, TargetPlan, TrunkPlan};
use call_core::{Command, Core, Input, Now, Time};
use shared::model::{
    Caller, DialResult, Direction, EndReason, InteractionId, LegId, PhoneNumber, QueueId, RecordingId, Side, TrunkId, UnixMillis,
};

/// The phone that dials.
const PHONE: LegId = LegId(1);
const RECORDING: RecordingId = RecordingId(1);

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

fn text(text: &str) -> SessionText {
    SessionText(text.into())
}

struct House {
    core: Core,
    at: u64,
}

impl House {
    fn new() -> Self {
        let mut plan = Plan::default();
        plan.queues.insert(QueueId(1), QueuePlan::default());
        plan.numbers.insert(number("12345"), QueueId(1));
        plan.phones.insert(number("8001"), PermissionClass::Local);
        plan.phones.insert(number("8002"), PermissionClass::Internal);
        let targets = vec![TargetPlan { uri: "sip:192.0.2.1".to_owned(), priority: 1, weight: 1 }];
        let mut trunk = TrunkPlan { outbound: vec!["".parse().expect("a shape")], targets, ..TrunkPlan::default() };
        trunk.numbers.caller_out.0.push("8/4 -> 051987208".parse().expect("a rule"));
        plan.trunks.insert(TrunkId(3), trunk);
        Self { core: Core::new(plan, InteractionId(1)), at: 0 }
    }

    /// What follows from one input, a second after the last one.
    fn feed(&mut self, input: Input) -> Vec<Command> {
        self.at += 1_000;
        let now = Now { time: Time(0).plus(self.at), utc: UnixMillis(self.at as i64) };
        self.core.handle(now, input);
        std::iter::from_fn(|| self.core.poll()).collect()
    }

    fn dials(&mut self, from: &str, to: &str) -> Vec<Command> {
        self.offers(from, to, Origin { of_a_phone: true, ..Origin::default() })
    }

    fn offers(&mut self, from: &str, to: &str, origin: Origin) -> Vec<Command> {
        let (caller, dialled) = (Caller { number: Some(number(from).into()) }, number(to));
        let offer = Some(text("offer"));
        self.feed(Input::CallOffered(CallOffered { leg: PHONE, trunk: TrunkId(0), caller, dialled, offer, probe: false, origin }))
    }

    /// From the dialled number to the INVITE of ours; its leg is returned.
    fn calls(&mut self, from: &str, to: &str) -> Dial {
        let begun = self.dials(from, to);
        assert!(sips(&begun).is_empty(), "the phone hears nothing before there is something to hear: {begun:?}");
        let [MediaCommand::OpenTrunk { leg: PHONE, .. }] = medias(&begun)[..] else { panic!("{begun:?}") };
        let opened = self.feed(Input::MediaOpened { leg: PHONE, answer: text("answer") });
        let [MediaCommand::OfferTrunk { leg, near: Some(PHONE), .. }] = medias(&opened)[..] else { panic!("{opened:?}") };
        let placed = self.feed(Input::MediaOpened { leg: *leg, answer: text("our offer") });
        let [SipCommand::Dial(dial)] = sips(&placed)[..] else { panic!("{placed:?}") };
        assert_eq!((dial.leg, dial.offer.clone()), (*leg, text("our offer")));
        (**dial).clone()
    }

    /// To a talk; returns the leg of whom it calls.
    fn talks(&mut self, from: &str, to: &str) -> LegId {
        let leg = self.calls(from, to).leg;
        let answered = self.feed(Input::LegAnswered { leg, answer: Some(text("their answer")) });
        assert_eq!(sips(&answered), [&SipCommand::Answer { leg: PHONE, answer: text("answer") }]);
        assert_eq!(
            medias(&answered),
            [
                &MediaCommand::Follow { leg, description: text("their answer") },
                &MediaCommand::Connect { citizen: PHONE, agent: leg, recording: RECORDING }
            ]
        );
        leg
    }

    /// The recorder closes its file, if there is one; gives the record.
    fn saved(&mut self, ended: &[Command]) -> InteractionRecord {
        let outcome = RecordingOutcome::Complete { length_ms: 1, bytes: 1, digest: String::new() };
        let later = self.feed(Input::RecordingFinished { recording: RECORDING, outcome });
        let mut all = ended.iter().chain(&later).filter_map(|command| match command {
            Command::Store(StoreCommand::Save(record)) => Some((**record).clone()),
            _ => None,
        });
        let record = all.next().expect("a record");
        assert!(all.next().is_none() && self.core.is_idle(), "one record, and nothing is left");
        assert_eq!((self.core.next_deadline(), self.core.interaction_of(PHONE)), (None, None), "nothing waits for it");
        record
    }
}

fn sips(commands: &[Command]) -> Vec<&SipCommand> {
    commands.iter().filter_map(|command| if let Command::Sip(command) = command { Some(command) } else { None }).collect()
}

fn medias(commands: &[Command]) -> Vec<&MediaCommand> {
    commands.iter().filter_map(|command| if let Command::Media(command) = command { Some(command) } else { None }).collect()
}

fn facts(commands: &[Command]) -> Vec<&FactKind> {
    let notes =
        commands.iter().filter_map(|command| if let Command::Store(StoreCommand::Note(fact)) = command { Some(fact) } else { None });
    notes.map(|Fact { kind, .. }| kind).collect()
}

#[test]
fn a_class_is_kept_to_and_each_refusal_is_on_record() {
    for (from, to, reason) in [
        ("8001", "13912345678", EndReason::NotPermitted),
        ("8002", "87210088", EndReason::NotPermitted),
        ("8001", "9", EndReason::UnknownNumber),
        ("8009", "87210088", EndReason::UnknownSource),
    ] {
        let mut house = House::new();
        let refused = house.dials(from, to);
        assert_eq!(sips(&refused), [&SipCommand::Refuse { leg: PHONE, reason }], "{from} dials {to}");
        let record = house.saved(&refused);
        assert_eq!((record.reason, record.direction, record.dial_result), (reason, Direction::Outbound, None));
    }
    for (from, to) in [("8001", "87210088"), ("8001", "8002"), ("8002", "8001"), ("8002", "110"), ("8002", "12345")] {
        assert!(sips(&House::new().dials(from, to)).iter().all(|command| !matches!(command, SipCommand::Refuse { .. })), "{from} {to}");
    }
}

#[test]
fn a_trunk_that_shows_the_number_of_a_phone_dials_nowhere() {
    let refused = House::new().offers("8001", "87210088", Origin::default());
    assert_eq!(sips(&refused), [&SipCommand::Refuse { leg: PHONE, reason: EndReason::UnknownNumber }]);
}

#[test]
fn a_phone_hears_what_sounds_outside_talks_recorded_and_is_written_down() {
    let mut house = House::new();
    let Dial { leg, to, shown, .. } = house.calls("8001", "87210088");
    assert_eq!((to, shown), (CallTo::Number(number("87210088")), Caller { number: Some(number("8001").into()) }));
    let rings = house.feed(Input::LegRinging { leg, early: None });
    assert_eq!((sips(&rings), medias(&rings)), (vec![&SipCommand::Ring { leg: PHONE }], vec![]));
    assert!(sips(&house.feed(Input::LegRinging { leg, early: None })).is_empty(), "it rings once");
    let sounds = house.feed(Input::LegRinging { leg, early: Some(text("early")) });
    assert_eq!(sips(&sounds), [&SipCommand::Sound { leg: PHONE, answer: text("answer") }]);
    assert!(medias(&sounds).contains(&&MediaCommand::Confer { first: leg, second: PHONE, recording: None }), "{sounds:?}");
    let answered = house.feed(Input::LegAnswered { leg, answer: None });
    assert_eq!(sips(&answered), [&SipCommand::Answer { leg: PHONE, answer: text("answer") }]);
    assert_eq!(
        medias(&answered),
        [&MediaCommand::Disconnect { citizen: leg }, &MediaCommand::Connect { citizen: PHONE, agent: leg, recording: RECORDING }]
    );
    let stored = house.feed(Input::RecordingRowStored { recording: RECORDING });
    assert_eq!(stored, [Command::Recording(RecordingCommand::Write { recording: RECORDING })]);
    let held = house.feed(Input::FarDescribed { leg: PHONE, description: text("inactive") });
    assert_eq!(medias(&held), [&MediaCommand::Follow { leg: PHONE, description: text("inactive") }]);
    let key = house.feed(Input::Digit { leg: PHONE, digit: '7' });
    assert_eq!(medias(&key), [&MediaCommand::PressKeys { leg, keys: "7".into() }]);
    let ended = house.feed(Input::LegEnded { leg: PHONE, cause: LegEnd::ByeReceived });
    assert_eq!(sips(&ended), [&SipCommand::HangUp { leg, reason: EndReason::CallerHungUp }]);
    for close in [MediaCommand::Close { leg }, MediaCommand::Close { leg: PHONE }] {
        assert!(medias(&ended).contains(&&close), "{ended:?}");
    }
    let record = house.saved(&ended);
    assert_eq!((record.reason, record.ended_by), (EndReason::CallerHungUp, Side::Caller));
    assert_eq!((record.dial_result, record.recording, record.residual_ms), (Some(DialResult::Answered), Some(RECORDING), 4_000));
    assert_eq!(record.caller, Caller { number: Some(number("8001").into()) });
    assert!(!record.answered_by_agent && record.queue.is_none());
}

#[test]
fn phones_call_each_other_and_the_called_one_may_hang_up_first() {
    let mut house = House::new();
    let begun = house.dials("8002", "8001");
    assert!(facts(&begun).contains(&&FactKind::PhoneDialled { inside: true }), "{begun:?}");
    let mut house = House::new();
    let Dial { to, shown, .. } = house.calls("8002", "8001");
    assert_eq!((to, shown), (CallTo::Phone(number("8001")), Caller { number: Some(number("8002").into()) }));
    let mut house = House::new();
    let leg = house.talks("8002", "8001");
    let key = house.feed(Input::Digit { leg, digit: '#' });
    assert_eq!(medias(&key), [&MediaCommand::PressKeys { leg: PHONE, keys: "#".into() }]);
    let ended = house.feed(Input::LegEnded { leg, cause: LegEnd::ByeReceived });
    assert_eq!(sips(&ended), [&SipCommand::HangUp { leg: PHONE, reason: EndReason::PartyHungUp }]);
    assert_eq!(house.saved(&ended).reason, EndReason::PartyHungUp);
}

#[test]
fn whatever_a_call_comes_to_is_told_to_the_phone_and_written_down() {
    let ends = [
        (LegEnd::Refused { status: 486 }, DialResult::Busy),
        (LegEnd::Refused { status: 404 }, DialResult::Invalid),
        (LegEnd::Refused { status: 603 }, DialResult::Rejected),
        (LegEnd::NoLine, DialResult::NoLine),
        (LegEnd::Timeout, DialResult::NoAnswer),
    ];
    for (cause, result) in ends {
        let mut house = House::new();
        let leg = house.calls("8001", "87210088").leg;
        let ended = house.feed(Input::LegEnded { leg, cause });
        assert_eq!(sips(&ended), [&SipCommand::NotReached { leg: PHONE, result }]);
        let record = house.saved(&ended);
        assert_eq!((record.reason, record.dial_result), (EndReason::NotReached, Some(result)));
    }
}

#[test]
fn a_phone_that_gives_up_or_fails_takes_its_call_back() {
    let mut house = House::new();
    let leg = house.calls("8001", "87210088").leg;
    let ended = house.feed(Input::LegEnded { leg: PHONE, cause: LegEnd::CancelReceived });
    assert_eq!(sips(&ended), [&SipCommand::HangUp { leg, reason: EndReason::CancelledBeforeAnswer }]);
    let record = house.saved(&ended);
    assert_eq!((record.reason, record.dial_result), (EndReason::CancelledBeforeAnswer, Some(DialResult::Cancelled)));

    let mut house = House::new();
    let _ = house.dials("8001", "87210088");
    let ended = house.feed(Input::MediaFailed { leg: PHONE, reason: MediaFailure::NoCommonCodec });
    assert_eq!(sips(&ended), [&SipCommand::Refuse { leg: PHONE, reason: EndReason::NoCommonCodec }]);
    assert_eq!(house.saved(&ended).reason, EndReason::NoCommonCodec);

    let mut house = House::new();
    let leg = house.talks("8001", "87210088");
    let ended = house.feed(Input::LegEnded { leg: PHONE, cause: LegEnd::Expired });
    assert_eq!(sips(&ended), [&SipCommand::HangUp { leg, reason: EndReason::SignallingTimeout }]);
    assert_eq!(house.saved(&ended).reason, EndReason::SignallingTimeout);
}

#[test]
fn nothing_waits_for_ever() {
    for (steps, said) in [
        (0, SipCommand::Refuse { leg: PHONE, reason: EndReason::MediaFailed }),
        (1, SipCommand::NotReached { leg: PHONE, result: DialResult::NoLine }),
        (2, SipCommand::NotReached { leg: PHONE, result: DialResult::NoAnswer }),
    ] {
        let mut house = House::new();
        let begun = house.dials("8001", "87210088");
        assert!(!begun.is_empty());
        let mut leg = PHONE;
        for _ in 0..steps {
            let opened = house.feed(Input::MediaOpened { leg, answer: text("") });
            leg = medias(&opened)
                .iter()
                .find_map(|c| if let MediaCommand::OfferTrunk { leg, .. } = c { Some(*leg) } else { None })
                .unwrap_or(leg);
        }
        let (due, _) = house.core.next_deadline().expect("a deadline");
        house.at = due.since(Time(0));
        let ended = house.feed(Input::Tick);
        assert!(sips(&ended).contains(&&said), "after {steps} steps: {ended:?}");
        assert_eq!(sips(&ended).len(), if steps == 2 { 2 } else { 1 }, "what is out is taken back: {ended:?}");
        let _ = house.saved(&ended);
    }
}

#[test]
fn another_trunk_gets_its_offer_and_what_sounded_before_sounds_no_more() {
    let mut house = House::new();
    let leg = house.calls("8001", "87210088").leg;
    let _ = house.feed(Input::LegRinging { leg, early: Some(text("early")) });
    let again = house.feed(Input::LegWantsOffer { leg, terms: Default::default() });
    let [MediaCommand::Disconnect { citizen }, MediaCommand::OfferTrunk { leg: anew, .. }] = medias(&again)[..] else {
        panic!("{again:?}")
    };
    assert_eq!((*citizen, *anew), (leg, leg));
    let offered = house.feed(Input::MediaOpened { leg, answer: text("second") });
    assert_eq!(sips(&offered), [&SipCommand::Offer { leg, offer: text("second") }]);
    let rings = house.feed(Input::LegRinging { leg, early: None });
    assert!(sips(&rings).is_empty(), "it was told already: {rings:?}");
    assert!(matches!(medias(&rings)[..], [MediaCommand::Play { leg: PHONE, .. }]), "the tone is ours now: {rings:?}");
}

#[test]
fn a_call_for_help_goes_out_of_every_phone_and_its_recording_is_evidence() {
    let mut house = House::new();
    let begun = house.dials("8002", "110");
    let held = |command: &Command| matches!(command, Command::Store(StoreCommand::HoldRecordings { interaction: InteractionId(1), .. }));
    assert!(begun.iter().any(held), "{begun:?}");
}

#[test]
fn the_end_of_the_server_ends_them_and_lets_none_begin() {
    let mut house = House::new();
    let leg = house.talks("8001", "87210088");
    let ended = house.feed(Input::Stop);
    let reason = EndReason::ServerStopping;
    assert_eq!(sips(&ended), [&SipCommand::HangUp { leg: PHONE, reason }, &SipCommand::HangUp { leg, reason }]);
    assert_eq!(house.saved(&ended).reason, reason);
    assert_eq!(sips(&house.dials("8001", "8002")), [&SipCommand::Refuse { leg: PHONE, reason }]);
}
