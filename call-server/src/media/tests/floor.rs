//! What supervisors and hold need of media: whispers on a track of their own, music for an agent who is swapped out, texts into a talk; and
//! late and forged packets, which nobody may hear.

use super::*;
use call_core::command::Part;
use shared::model::{InteractionId, Track};
use std::net::UdpSocket;

const SUPERVISOR: LegId = LegId(3);
const EXPERT: LegId = LegId(4);

impl Rig {
    fn supervisor(&mut self) -> Agent {
        self.send(MediaCommand::OpenAgent { agent: AgentId(6), leg: SUPERVISOR });
        let Input::AgentMediaOpened { leg: SUPERVISOR, access, .. } = self.input() else { panic!("no access") };
        let mut supervisor = Agent::new(serde_json::from_str(&access.0).expect("a media access"));
        supervisor.say(0, &[ALAW_SILENCE; 160]);
        assert_eq!(self.input(), Input::AgentMediaReachable { leg: SUPERVISOR, reachable: true });
        supervisor
    }

    /// Waits for a frame of this recording of which something holds; others are passed over, and counted if they are `bad`.
    fn tap_of(&mut self, recording: RecordingId, holds: impl Fn(&TapKind) -> bool) {
        wait_for(|| {
            let frame = self.taps[0].pop().ok()?;
            (frame.recording == recording && holds(&frame.kind)).then_some(())
        });
    }
}

fn is_loud(kind: &TapKind) -> bool {
    matches!(kind, TapKind::Audio(TapAudio { channel: Channel::Agent, samples, .. }) if samples.iter().any(|byte| alaw_to_linear(*byte).abs() > 5_000))
}

#[test]
fn a_whisper_is_on_its_own_track_from_its_beginning_to_its_end_and_not_in_the_main_recording() {
    let mut rig = Rig::new();
    let (_citizen, mut agent) = rig.talk("8");
    let mut supervisor = rig.supervisor();
    let whispers = RecordingId::of(InteractionId(RECORDING.0), Track::Whisper);
    rig.send(MediaCommand::Attend { leg: SUPERVISOR, citizen: CITIZEN, part: Part::Whisper });
    rig.tap_of(whispers, |kind| matches!(kind, TapKind::Begin));
    let loud = [linear_to_alaw(20_000); 160];
    let quiet = [linear_to_alaw(100); 160];
    let heard = wait_for({
        let mut number = 0;
        let (mut main, mut track) = (0, 0);
        let rig = &mut rig;
        let (agent, supervisor) = (&mut agent, &mut supervisor);
        move || {
            number += 1;
            agent.say(number, &quiet);
            supervisor.say(number, &loud);
            // The mix is the pace: one packet every 20 ms.
            let _ = agent.hear();
            while let Ok(frame) = rig.taps[0].pop() {
                match frame.recording {
                    RECORDING => main += usize::from(is_loud(&frame.kind)),
                    id if id == whispers => track += usize::from(is_loud(&frame.kind)),
                    other => panic!("{other:?} is nobody's"),
                }
            }
            (track > 3).then_some((main, track))
        }
    });
    assert_eq!(heard.0, 0, "the whisper is in the main recording");
    rig.send(MediaCommand::Attend { leg: SUPERVISOR, citizen: CITIZEN, part: Part::Listen });
    rig.tap_of(whispers, |kind| matches!(kind, TapKind::End));
    rig.send(MediaCommand::Attend { leg: SUPERVISOR, citizen: CITIZEN, part: Part::Whisper });
    rig.tap_of(whispers, |kind| matches!(kind, TapKind::Begin));
    rig.send(MediaCommand::Withdraw { leg: SUPERVISOR });
    rig.tap_of(whispers, |kind| matches!(kind, TapKind::End));
    rig.send(MediaCommand::Attend { leg: SUPERVISOR, citizen: CITIZEN, part: Part::Whisper });
    rig.tap_of(whispers, |kind| matches!(kind, TapKind::Begin));
    rig.send(MediaCommand::Disconnect { citizen: CITIZEN });
    rig.tap_of(whispers, |kind| matches!(kind, TapKind::End));
}

#[test]
fn an_agent_in_no_talk_hears_music_until_something_else_is_to_be_heard() {
    let mut rig = Rig::new();
    let citizen = rig.citizen("8");
    let mut agent = rig.reachable_agent();
    rig.send(MediaCommand::Play { leg: AGENT, sound: Sound::Music });
    let music: Vec<u8> = (0..4_000).map(|n| (n % 251) as u8).collect();
    let first = wait_for(|| Some(agent.hear().1).filter(|payload| payload[..] == music[..160]));
    assert_eq!((agent.hear().1, agent.hear().1), (music[160..320].to_vec(), music[320..480].to_vec()));
    assert_eq!(first.len(), 160);
    rig.connect();
    citizen.say(8, 1, &voice_of(1));
    wait_for(|| Some(agent.hear().1).filter(|payload| *payload == voice_of(1)));
    rig.send(MediaCommand::Disconnect { citizen: CITIZEN });
    rig.send(MediaCommand::Play { leg: AGENT, sound: Sound::Music });
    wait_for(|| Some(agent.hear().1).filter(|payload| payload[..] == music[..160]));
    rig.send(MediaCommand::Play { leg: AGENT, sound: Sound::Silence });
    rig.settle();
    let sent = rig.media.figures().read().music;
    rig.settle();
    assert_eq!(rig.media.figures().read().music, sent, "the music is over");
}

#[test]
fn a_text_into_a_talk_of_trunks_is_heard_by_both_and_recorded() {
    let mut rig = Rig::new();
    let citizen = rig.citizen("8");
    let expert = socket("127.0.0.1");
    let answer = rig.open(EXPERT, Some(&offer(&expert, "127.0.0.1", "8"))).expect("an answer");
    let expert = Citizen { socket: expert, server: rtp_address(&answer), answer };
    rig.send(MediaCommand::Connect { citizen: CITIZEN, agent: EXPERT, recording: RECORDING });
    rig.send(MediaCommand::Speak { talk: CITIZEN, prompts: vec![PromptName::from("nobody-has-it")] });
    let text = linear_to_alaw(alaw_to_linear(7));
    for (number, one) in [&citizen, &expert].into_iter().cycle().take(20).enumerate() {
        one.say(8, number as u16, &[ALAW_SILENCE; 160]);
    }
    rig.send(MediaCommand::Speak { talk: CITIZEN, prompts: vec![PromptName::from("please-wait")] });
    let spoken = |payload: &[u8]| payload.iter().filter(|byte| byte.abs_diff(text) <= 1).count() > 100;
    for one in [&citizen, &expert] {
        wait_for(|| Some(one.hear().1).filter(|payload| spoken(payload)));
    }
    rig.tap_of(RECORDING, |kind| matches!(kind, TapKind::Audio(TapAudio { channel: Channel::Agent, samples, .. }) if spoken(samples)));
}

/// What late senders say in the next test, from an address that had the port before.
const LATE: [u16; 2] = [66, 67];

/// The agent hears this word of a citizen, said again if the late sender's flood has drowned it, and never one of that sender.
fn hears_only(agent: &mut Agent, citizen: &Citizen, number: u16) {
    let mut tries = 0_u32;
    wait_for(|| {
        if tries.is_multiple_of(20) {
            // Who says nothing for long is taken to be gone.
            agent.say(1_000 * number + (tries / 20) as u16, &[ALAW_SILENCE; 160]);
            citizen.say(8, 100 * number + (tries / 20) as u16, &voice_of(number));
        }
        tries += 1;
        let heard = agent.hear().1;
        assert!(!LATE.iter().any(|late| heard == voice_of(*late)), "a late packet is heard");
        (heard == voice_of(number)).then_some(())
    });
}

/// Says a thousand words from an address at a port.
fn sprays(socket: &UdpSocket, at: SocketAddr, word: u16) {
    for number in 0..200 {
        // A port that is closed answers with an error that comes with a later packet.
        let _ = socket.send_to(&datagram(&header(8, number), &voice_of(word)), at);
    }
}

#[test]
fn late_packets_of_one_call_are_heard_in_no_other_while_the_port_rests_and_after_it() {
    let rest = Duration::from_millis(300);
    let mut rig = Rig::with(Limits { port_rest: rest, ..Limits::default() }, free_ports(3));
    let (first, mut agent) = rig.talk("8");
    hears_only(&mut agent, &first, 1);
    rig.send(MediaCommand::Disconnect { citizen: CITIZEN });
    rig.send(MediaCommand::Close { leg: CITIZEN });
    let second = rig.citizen("8");
    assert_ne!(second.server, first.server, "a port that rests is not given out");
    rig.send(MediaCommand::Connect { citizen: CITIZEN, agent: AGENT, recording: RECORDING });
    rig.settle();
    sprays(&first.socket, first.server, LATE[0]);
    for number in 2..20 {
        hears_only(&mut agent, &second, number);
    }
    rig.send(MediaCommand::Disconnect { citizen: CITIZEN });
    rig.send(MediaCommand::Close { leg: CITIZEN });
    let offered = socket("127.0.0.1");
    let text = offer(&offered, "127.0.0.1", "8");
    let mut tries = 0_u64;
    let answer = wait_for(|| {
        tries += 1;
        if tries.is_multiple_of(1_000) {
            agent.say(20_000 + (tries / 1_000) as u16, &[ALAW_SILENCE; 160]);
        }
        rig.open(CITIZEN, Some(&text)).ok().filter(|answer| rtp_address(answer) == first.server)
    });
    let third = Citizen { socket: offered, server: rtp_address(&answer), answer };
    third.say(8, 30, &voice_of(30));
    rig.settle();
    rig.send(MediaCommand::Connect { citizen: CITIZEN, agent: AGENT, recording: RECORDING });
    rig.settle();
    // Whoever speaks first from the announced host has the port; after it the old caller is a stranger, late as it may be.
    hears_only(&mut agent, &third, 31);
    sprays(&first.socket, first.server, LATE[1]);
    for number in 32..50 {
        hears_only(&mut agent, &third, number);
    }
}

#[test]
fn what_strangers_send_to_any_port_is_never_played_to_a_citizen() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    citizen.say(8, 1, &voice_of(1));
    assert_eq!(agent.hear().1, voice_of(1));
    let agents_port = agent.server;
    for address in ["127.0.0.9", "127.0.0.1"] {
        let stranger = socket(address);
        for at in [citizen.server, agents_port] {
            sprays(&stranger, at, 66);
        }
        // With the agent's own source, but without the key.
        let forged = datagram(&Header { ssrc: agent.access.client_ssrc, ..header(8, 9) }, &voice_of(66));
        stranger.send_to(&forged, agents_port).expect("sent");
    }
    for number in 100..130 {
        agent.say(number, &voice_of(number));
        assert_eq!(citizen.hear().1, voice_of(number));
        citizen.say(8, number, &voice_of(number));
        assert_eq!(agent.hear().1, voice_of(number));
    }
}

#[test]
fn a_talk_with_an_agent_on_a_phone_is_relayed_and_both_are_recorded() {
    let mut rig = Rig::new();
    let citizen = rig.citizen("8");
    let phone = socket("127.0.0.1");
    let answer = rig.open(EXPERT, Some(&offer(&phone, "127.0.0.1", "8"))).expect("an answer");
    let phone = Citizen { socket: phone, server: rtp_address(&answer), answer };
    rig.send(MediaCommand::Connect { citizen: CITIZEN, agent: EXPERT, recording: RECORDING });
    rig.settle();
    for number in 1..20 {
        citizen.say(8, number, &voice_of(number));
        assert_eq!(phone.hear().1, voice_of(number));
        phone.say(8, number, &voice_of(100 + number));
        assert_eq!(citizen.hear().1, voice_of(100 + number));
    }
    let says = |wanted: Channel, word: u16| move |kind: &TapKind| matches!(kind, TapKind::Audio(TapAudio { channel, samples, .. }) if *channel == wanted && samples[..] == voice_of(word));
    rig.tap_of(RECORDING, says(Channel::Citizen, 19));
    rig.tap_of(RECORDING, says(Channel::Agent, 119));
    assert_eq!(rig.media.figures().read().mixed, 0);
}
