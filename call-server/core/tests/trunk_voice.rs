//! What the core tells the edges of a trunk's voice, keys and diversions.

use call_core::command::{MediaCommand, SipCommand, StoreCommand};
use call_core::input::CallOffered;
use call_core::origin::{Diversion, DiversionReason, Origin};
use call_core::plan::{KeyMode, Plan, QueuePlan, Srtp, TrunkCodec, TrunkPlan, TrunkVoice};
use call_core::{Command, Core, Input, Now, Time};
use shared::model::{Caller, InteractionId, LegId, PhoneNumber, QueueId, TrunkId, UnixMillis};

const LEG: LegId = LegId(1);

fn number(text: &str) -> PhoneNumber {
    PhoneNumber::parse(text).expect("a number")
}

/// The commands that follow an INVITE of a trunk with this voice.
fn offered(voice: TrunkVoice, origin: Origin) -> Vec<Command> {
    let mut trunk = TrunkPlan { voice, ..TrunkPlan::default() };
    trunk.numbers.caller_in.0.push("+86 -> 0".parse().expect("a rule"));
    let mut plan = Plan::default();
    plan.trunks.insert(TrunkId(3), trunk);
    plan.queues.insert(QueueId(1), QueuePlan::default());
    plan.numbers.insert(number("12345"), QueueId(1));
    let mut core = Core::new(plan, InteractionId(1));
    let call =
        CallOffered { leg: LEG, trunk: TrunkId(3), caller: Caller::default(), dialled: number("12345"), offer: None, probe: false, origin };
    core.handle(Now { time: Time(0), utc: UnixMillis(1) }, Input::CallOffered(call));
    std::iter::from_fn(|| core.poll()).collect()
}

fn media(commands: &[Command]) -> Vec<&MediaCommand> {
    commands.iter().filter_map(|command| if let Command::Media(command) = command { Some(command) } else { None }).collect()
}

#[test]
fn a_voice_path_is_opened_as_the_trunk_wants_it() {
    let voice = TrunkVoice { codecs: vec![TrunkCodec::Opus, TrunkCodec::Pcmu], keys: KeyMode::Rfc4733, srtp: Srtp::Required, nat: false };
    let commands = offered(voice.clone(), Origin { encrypted: true, ipv6: true, ..Origin::default() });
    let [MediaCommand::OpenTrunk { leg: LEG, offer: None, terms }] = media(&commands)[..] else { panic!("{commands:?}") };
    assert_eq!((&terms.voice, terms.encrypted, terms.ipv6), (&voice, true, true));
}

#[test]
fn tones_are_listened_to_where_keys_are_tones_and_keys_are_pressed_in_the_way_of_the_trunk() {
    let commands = offered(TrunkVoice { keys: KeyMode::InBand, ..TrunkVoice::default() }, Origin::default());
    assert!(matches!(media(&commands)[..], [MediaCommand::OpenTrunk { .. }, MediaCommand::HearTones { leg: LEG }]), "{commands:?}");
    for (mode, is_media) in [(KeyMode::Rfc4733, true), (KeyMode::InBand, true), (KeyMode::Info, false)] {
        let commands = offered(TrunkVoice { keys: mode, ..TrunkVoice::default() }, Origin::default());
        assert_eq!(media(&commands).len(), if mode == KeyMode::InBand { 2 } else { 1 });
        let pressed = Command::press_keys(mode, LEG, "1#".into());
        assert_eq!(matches!(pressed, Command::Media(MediaCommand::PressKeys { .. })), is_media);
        assert_eq!(matches!(pressed, Command::Sip(SipCommand::PressKeys { .. })), !is_media);
    }
}

#[test]
fn diversions_are_written_down_in_our_spelling_of_numbers() {
    let diversion = |text: Option<&str>| Diversion { number: text.map(|text| number(text).into()), reason: DiversionReason::Busy };
    let origin = Origin { diversions: vec![diversion(Some("+8651912345")), diversion(None)], ..Origin::default() };
    let commands = offered(TrunkVoice::default(), origin);
    let opened = commands.iter().find_map(|command| match command {
        Command::Store(StoreCommand::Open { diversions, .. }) => Some(diversions.clone()),
        _ => None,
    });
    assert_eq!(opened, Some(vec![diversion(Some("051912345")), diversion(None)]));
}
