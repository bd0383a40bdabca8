//! At the limit: who is refused, who is not, and that whoever talks goes on.

use super::*;

#[test]
fn a_full_machine_refuses_new_calls_politely_and_the_running_one_goes_on() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    rig.media.figures.gauges[0].late_for_test();
    let offer = offer(&socket("127.0.0.1"), "127.0.0.1", "8");
    assert_eq!(rig.open(LegId(3), Some(&offer)), Err(MediaFailure::Overloaded));
    citizen.say(8, 1, &voice_of(1));
    assert_eq!(agent.hear().1, voice_of(1));
    assert_eq!(rig.media.figures().read().refused_calls, 1);
    let opened = wait_for(|| rig.open(LegId(3), Some(&offer)).ok());
    assert!(opened.contains("m=audio"), "calm again, it takes calls");
}

/// Waits for the word whether another voice may come to a talk.
fn room(rig: &mut Rig) -> bool {
    room_of(rig).1
}

#[test]
fn a_thread_without_room_says_so_goes_on_with_its_talk_and_takes_an_emergency() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    // Work so dear that one call is more than the thread can do.
    rig.media.figures.gauges[0].set_for_test(0, 2_000_000);
    assert!(!room(&mut rig));
    let offer = offer(&socket("127.0.0.1"), "127.0.0.1", "8");
    assert_eq!(rig.open(LegId(3), Some(&offer)), Err(MediaFailure::Overloaded));
    let ours = |leg, urgent| MediaCommand::OfferTrunk { leg, near: None, urgent, terms: VoiceTerms::default() };
    rig.send(ours(LegId(4), false));
    assert_eq!(rig.input(), Input::MediaFailed { leg: LegId(4), reason: MediaFailure::Overloaded });
    rig.send(ours(LegId(5), true));
    assert!(matches!(rig.input(), Input::MediaOpened { leg: LegId(5), .. }), "an emergency");
    rig.send(MediaCommand::Attend { leg: LegId(5), citizen: CITIZEN, part: Part::Talk });
    rig.settle();
    let mixed = rig.media.figures().read().mixed;
    citizen.say(8, 1, &voice_of(1));
    agent.say(1, &voice_of(2));
    rig.wait_until(|counters| counters.mixed >= mixed + 10);
    agent.hear();
    rig.media.figures.gauges[0].set_for_test(0, 1_000);
    assert!(room(&mut rig));
}

/// Opens the voice of a citizen; the word of it comes among others.
fn open_citizen(rig: &mut Rig, leg: u64) {
    let offer = SessionText(offer(&socket("127.0.0.1"), "127.0.0.1", "8").into());
    rig.send(MediaCommand::OpenTrunk { leg: LegId(leg), offer: Some(offer), terms: VoiceTerms::default() });
}

#[test]
fn a_site_that_limits_its_calls_refuses_the_next_over_all_threads_and_takes_it_when_one_is_over() {
    let mut rig = Rig::with_call_limit(Some(4), 2, Limits::default(), free_ports(64));
    let offer = offer(&socket("127.0.0.1"), "127.0.0.1", "8");
    for leg in 11..=14 {
        rig.open(LegId(leg), Some(&offer)).expect("as many as the site says");
    }
    assert_eq!(rig.open(LegId(15), Some(&offer)), Err(MediaFailure::Overloaded));
    rig.send(MediaCommand::OfferTrunk { leg: LegId(16), near: None, urgent: true, terms: VoiceTerms::default() });
    assert!(matches!(rig.input(), Input::MediaOpened { leg: LegId(16), .. }), "an emergency");
    rig.send(MediaCommand::Close { leg: LegId(16) });
    rig.send(MediaCommand::Close { leg: LegId(12) });
    rig.open(LegId(15), Some(&offer)).expect("there is room again");
    assert_eq!(rig.open(LegId(17), Some(&offer)), Err(MediaFailure::Overloaded));
    assert_eq!(rig.media.figures().read().refused_calls, 2);
}

/// Waits for the word of a thread whether another voice may come to its talks.
fn room_of(rig: &mut Rig) -> (u8, bool) {
    loop {
        if let VoiceInput::RoomForVoices { thread, has_room } = rig.voice() {
            return (thread, has_room);
        }
    }
}

#[test]
fn a_site_at_its_limit_has_no_room_for_voices_on_any_thread_until_calls_have_ended() {
    let mut rig = Rig::with_call_limit(Some(4), 2, Limits::default(), free_ports(64));
    (11..=14).for_each(|leg| open_citizen(&mut rig, leg));
    assert_eq!([room_of(&mut rig), room_of(&mut rig)], [(0, false), (1, false)]);
    rig.send(MediaCommand::Close { leg: LegId(11) });
    rig.send(MediaCommand::Close { leg: LegId(12) });
    assert_eq!([room_of(&mut rig), room_of(&mut rig)], [(0, true), (1, true)]);
}

#[test]
fn a_full_thread_of_two_has_no_room_for_its_own_talks_only_and_which_those_are_is_told() {
    let mut rig = Rig::with_threads(2, Limits::default(), free_ports(64));
    let mut threads = Vec::new();
    for leg in 11..=14 {
        open_citizen(&mut rig, leg);
        loop {
            match rig.next() {
                Input::Voice(VoiceInput::ThreadOf { leg, thread }) => threads.push((leg.0, thread)),
                Input::MediaOpened { leg: opened, .. } if opened == LegId(leg) => break,
                _ => {}
            }
        }
    }
    assert_eq!(threads, [(12, 1), (14, 1)], "one after the other; those on the first need not be told");
    rig.media.figures.gauges[1].set_for_test(0, 2_000_000);
    assert_eq!(room_of(&mut rig), (1, false));
    let offer = offer(&socket("127.0.0.1"), "127.0.0.1", "8");
    rig.open(LegId(15), Some(&offer)).expect("the other one takes calls");
}

#[test]
fn whoever_comes_to_a_talk_is_charged_at_once_and_whoever_leaves_is_not_any_more() {
    use budget::{CALL, talk};
    let mut rig = Rig::new();
    let (_citizen, _agent) = rig.talk("8");
    let promised = |rig: &Rig| rig.media.control.promised(0);
    assert_eq!(promised(&rig), u64::from(CALL));
    let third = LegId(5);
    rig.send(MediaCommand::OfferTrunk { leg: third, near: Some(CITIZEN), urgent: false, terms: VoiceTerms::default() });
    assert_eq!(promised(&rig), u64::from(CALL), "who rings costs nothing yet");
    rig.send(MediaCommand::Attend { leg: third, citizen: CITIZEN, part: Part::Listen });
    assert_eq!(promised(&rig), u64::from(CALL + talk(3, 1, true)));
    rig.send(MediaCommand::Withdraw { leg: third });
    assert_eq!(promised(&rig), u64::from(CALL));
    rig.send(MediaCommand::Attend { leg: third, citizen: CITIZEN, part: Part::Talk });
    rig.send(MediaCommand::Close { leg: third });
    assert_eq!(promised(&rig), u64::from(CALL));
    rig.send(MediaCommand::Close { leg: CITIZEN });
    assert_eq!(promised(&rig), 0);
}

#[test]
fn on_a_full_machine_a_bad_link_stays_pcma_and_gets_opus_once_there_is_time() {
    let mut rig = Rig::new();
    let (_citizen, mut agent) = rig.talk("8");
    rig.send(MediaCommand::AgentVoice { leg: AGENT, opus: true, muted: false });
    let mut number = 0_u16;
    let mut say_over_a_bad_link = |rig: &mut Rig| {
        number = number.wrapping_add(if number.is_multiple_of(10) { 2 } else { 1 });
        let from_agents = rig.media.figures().read().from_agents;
        agent.say(number, &voice_of(number % 50));
        rig.wait_until(|counters| counters.from_agents > from_agents);
        match rig.news_soon() {
            Some(Input::Voice(VoiceInput::SendAs { codec, .. })) => Some(codec),
            _ => None,
        }
    };
    let began = Instant::now();
    while rig.media.figures().read().refused_opus == 0 {
        rig.media.figures.gauges[0].late_for_test();
        assert_eq!(say_over_a_bad_link(&mut rig), None, "no time for Opus");
        assert!(began.elapsed() < 3 * PATIENCE, "the link was never found bad");
    }
    let codec = loop {
        if let Some(codec) = say_over_a_bad_link(&mut rig) {
            break codec;
        }
        assert!(began.elapsed() < 6 * PATIENCE, "Opus was never asked for again");
    };
    assert_eq!(codec, shared::model::VoiceCodec::Opus, "it is asked for again");
    let cost = budget::CALL + budget::OPUS + budget::talk(2, 1, true);
    assert_eq!(rig.media.control.promised(0), u64::from(cost), "and charged");
}
