//! One media thread driven by hand: sockets are real, time is invented, so that samples, and allocations, can be counted.

use super::*;
use crate::media::agent::{AgentLeg, OPUS_TYPE};
use crate::media::guard::Guard;
use crate::media::mix::{Mix, Seat};
use crate::media::negotiate::Equipment;
use crate::media::net::Pair;
use crate::media::orders::{News, Order, Slot};
use crate::media::player::Player;
use crate::media::secret::Secrets;
use crate::media::stream::OutgoingStream;
use crate::media::talk::{MAX_MEMBERS, Talk};
use crate::media::trunk::{Agreement, Format, Path, Reports, TrunkLeg};
use call_core::command::Part;
use sip_core::sdp::Codec;
use voice::FRAME_SAMPLES;
use voice::codec::{Codec as VoiceCoder, Encoder};
use voice::jitter::JitterBuffer;

const SUPERVISOR: LegId = LegId(3);
const FRAME_US: u64 = 20_000;
const TALK: u16 = 0;

/// A media thread, a citizen, an agent and a supervisor.
struct Hand {
    worker: Worker,
    orders: rtrb::Producer<Order>,
    news: rtrb::Consumer<News>,
    taps: rtrb::Consumer<TapFrame>,
    citizen: Citizen,
    agents: [Agent; 2],
    now_us: u64,
    /// Allocations of the media thread, as far as they were counted.
    allocations: u64,
    _control: Poller,
    _gateway: GatewayTunnel,
}

impl Hand {
    /// Citizen and agent are open and were heard.
    fn new() -> Self {
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (library, _) = Library::new((0..4_000).map(|n| (n % 251) as u8).collect(), Vec::new());
        let agents_socket = VoiceSocket::bind(local(0)).expect("a free port");
        let port = agents_socket.local_port().expect("bound");
        let (poller, _) = Poller::new().expect("epoll");
        poller.add(&agents_socket, Token::Agents).expect("watched");
        let (control, waker) = Poller::new().expect("epoll");
        let (tunnel, gateway) = crate::tunnel::dig(1).expect("a tunnel");
        let (orders, waiting) = rtrb::RingBuffer::new(100);
        let (teller, news) = rtrb::RingBuffer::new(10_000);
        let (tap, taps) = rtrb::RingBuffer::new(10_000);
        let (_, carried) = rtrb::RingBuffer::new(1);
        let counters: Arc<Counters> = Arc::default();
        let outlet = tunnel.outlets.into_iter().next().expect("one thread");
        let inlets = Inlets { poller, orders: waiting, carried, door: Some(Door::new(Vec::new(), tunnel.input)) };
        let outlets = Outlets {
            taps: tap,
            exits: Exits { socket: agents_socket, tunnel: outlet, counters: Arc::clone(&counters) },
            teller: Teller::new(teller, waker, counters),
            gauge: Arc::default(),
        };
        let worker = Worker::new(library, &Limits::default(), inlets, outlets, Instant::now());
        let (citizen, trunk) = open_citizen(local);
        let mut legs = [(AGENT, 0), (SUPERVISOR, 1)].map(|(id, slot)| open_agent(id, slot, port));
        let mut hand = Self {
            worker,
            orders,
            news,
            taps,
            citizen,
            agents: [legs[0].0.take().expect("made"), legs[1].0.take().expect("made")],
            now_us: 1_000_000,
            allocations: 0,
            _control: control,
            _gateway: gateway,
        };
        hand.order(Order::AddTrunk(0, Box::new(trunk)));
        for (slot, (_, leg)) in legs.into_iter().enumerate() {
            hand.order(Order::AddAgent(slot as u16, leg));
        }
        hand.step();
        hand.citizen.say(8, 0, &[ALAW_SILENCE; 160]);
        hand.agents.iter_mut().for_each(|agent| agent.say(0, &[ALAW_SILENCE; 160]));
        hand.step();
        hand
    }

    fn order(&mut self, order: Order) {
        self.orders.push(order).expect("room for it");
    }

    /// Citizen and agent are joined.
    fn begin(&mut self) {
        let talk = Talk::new(RECORDING, Slot::Trunk(0), (Slot::Agent(0), AGENT));
        self.order(Order::Begin(TALK, Box::new(talk)));
        self.step();
    }

    /// The media thread takes its turn at this moment.
    fn step(&mut self) {
        let (worker, now_us) = (&mut self.worker, self.now_us);
        self.allocations += allocation_counter::measure(|| worker.step(now_us)).count_total;
    }

    /// 20 ms pass, a turn in each of them.
    fn pass_frame(&mut self) {
        for _ in 0..20 {
            self.now_us += FRAME_US / 20;
            self.step();
        }
    }

    /// What citizen and agents have received since the last time.
    fn heard(&mut self) -> [Vec<(Header, Vec<u8>)>; 3] {
        let citizen = std::iter::from_fn(|| try_hear(&self.citizen.socket, None)).collect();
        let [agent, supervisor] = &mut self.agents;
        let of = |agent: &mut Agent| std::iter::from_fn(|| try_hear(&agent.socket, Some(&mut agent.receiver))).collect();
        [citizen, of(agent), of(supervisor)]
    }

    fn mix(&mut self, opus: bool) {
        let mut seats: [Option<Box<Seat>>; MAX_MEMBERS] = Default::default();
        seats[0] = Seat::of_trunk(Part::Talk).ok().map(Box::new);
        seats[1] = Seat::of_agent(Part::Talk, opus).ok().map(Box::new);
        self.order(Order::Mix(TALK, Box::new(Mix::new(seats))));
    }
}

fn open_citizen(local: impl Fn(u16) -> SocketAddr) -> (Citizen, TrunkLeg) {
    let socket = socket("127.0.0.1");
    socket.set_nonblocking(true).expect("a socket");
    let voice = VoiceSocket::bind(local(0)).expect("a free port");
    let server = local(voice.local_port().expect("bound"));
    let trunk_sockets = Pair { address: server, voice, reports: None };
    let path = Path::Announced(socket.local_addr().expect("bound"));
    let format = Format::Agreed(8, Codec::Pcma);
    let agreement = Agreement { path, nat: false, format, telephone_events: [None; 2], listens: true, reports: Reports::Unknown };
    let equipment = Equipment { guard: Guard::Plain, opus: None };
    let out = OutgoingStream::new(0x5E1, 8, 77 << 32);
    (Citizen { socket, server, answer: String::new() }, TrunkLeg::new(CITIZEN, trunk_sockets, agreement, (equipment, out)))
}

fn open_agent(id: LegId, slot: u16, port: u16) -> (Option<Agent>, Box<AgentLeg>) {
    let (secrets, access) = Secrets::generate(slot, port, OPUS_TYPE).expect("randomness");
    let agent = Agent::new(serde_json::from_str(&access.0).expect("a media access"));
    agent.socket.set_nonblocking(true).expect("a socket");
    (Some(agent), Box::new(AgentLeg::new(id, secrets, 99 << 32)))
}

fn try_hear(socket: &UdpSocket, receiver: Option<&mut SrtpReceiver>) -> Option<(Header, Vec<u8>)> {
    let mut bytes = [0; 2_048];
    let length = loop {
        let length = socket.recv(&mut bytes).ok()?;
        if !(192..=223).contains(&bytes[1]) {
            break length;
        }
    };
    let length = receiver.map_or(length, |receiver| receiver.unprotect(&mut bytes[..length]).expect("authentic"));
    let packet = Packet::read(&bytes[..length]).expect("RTP");
    Some((packet.header, packet.payload.to_vec()))
}

/// A frame of a tone that goes on without a break, in A-law.
fn tone_frame(hz: f64, frame: u16) -> Vec<u8> {
    let sample = |place: usize| (8_000.0 * (std::f64::consts::TAU * hz * (usize::from(frame) * 160 + place) as f64 / 8_000.0).sin()) as i16;
    (0..160).map(|place| linear_to_alaw(sample(place))).collect()
}

/// One behind the other by number, time and sample.
fn joined(packets: &[(Header, Vec<u8>)]) -> Vec<u8> {
    for pair in packets.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        assert_eq!(after.0.sequence, before.0.sequence.wrapping_add(1));
        assert_eq!(after.0.timestamp, before.0.timestamp.wrapping_add(before.1.len() as u32), "a gap in time before {}", after.0.sequence);
    }
    packets.iter().flat_map(|(_, payload)| payload.clone()).collect()
}

#[test]
fn i_14_a_talk_changes_between_relaying_and_mixing_without_losing_or_repeating_a_sample() {
    let mut hand = Hand::new();
    hand.begin();
    let (mut at_citizen, mut at_agent) = (Vec::new(), Vec::new());
    const FRAMES: u16 = 140;
    for frame in 1..=FRAMES {
        hand.citizen.say(8, frame, &tone_frame(440.0, frame));
        hand.agents[0].say(frame, &tone_frame(620.0, frame));
        match frame {
            50 => hand.mix(false),
            90 => hand.order(Order::Unmix(TALK)),
            _ => {}
        }
        hand.pass_frame();
        let [citizen, agent, _] = hand.heard();
        at_citizen.extend(citizen);
        at_agent.extend(agent);
    }
    let counters = hand.worker.exits.counters.snapshot();
    assert!(counters.mixed > 60 && counters.to_agents > 80, "{counters:?}");
    let said = |hz| (1..=FRAMES).flat_map(|frame| tone_frame(hz, frame)).collect::<Vec<u8>>();
    assert_same("to the agent", &joined(&at_agent), &said(440.0));
    assert_same("to the citizen", &joined(&at_citizen), &said(620.0));
    assert!(std::iter::from_fn(|| hand.news.pop().ok()).any(|news| matches!(news, News::Mix(_))), "what mixed is given back");
    // The recording has every sample of both, too.
    let mut recorded = [Vec::new(), Vec::new()];
    while let Ok(frame) = hand.taps.pop() {
        if let TapKind::Audio(audio) = frame.kind {
            recorded[audio.channel as usize].extend_from_slice(&audio.samples[..usize::from(audio.length)]);
        }
    }
    assert_same("the citizen recorded", &recorded[Channel::Citizen as usize], &said(440.0));
    assert_same("the agent recorded", &recorded[Channel::Agent as usize], &said(620.0));
}

#[test]
fn a_thread_that_only_mixes_rests_until_the_next_turn_and_one_that_relays_hardly() {
    let mut hand = Hand::new();
    hand.begin();
    let rest_us = |hand: &Hand| hand.worker.rested_us(hand.now_us) - hand.now_us;
    assert_eq!(rest_us(&hand), 1_000, "a relayed packet waits for nothing else");
    hand.mix(false);
    // The mix has its turn every 20 ms; the thread notices within 50 that nothing is relayed any more.
    let rests: Vec<u64> = (0..80)
        .map(|_| {
            hand.now_us += 1_000;
            hand.step();
            rest_us(&hand)
        })
        .collect();
    assert!(rests[..10].iter().all(|rest| *rest == 1_000), "{rests:?}");
    let (soon, late) = (rests[60..].iter().min(), rests[60..].iter().max());
    assert_eq!((soon, late), (Some(&1_000), Some(&3_000)), "the longer the turn is away, but never for long: {rests:?}");
    hand.order(Order::Unmix(TALK));
    hand.pass_frame();
    hand.pass_frame();
    hand.pass_frame();
    assert_eq!(rest_us(&hand), 1_000, "relayed again");
}

/// Sample by sample; says where they part.
fn assert_same(what: &str, left: &[u8], right: &[u8]) {
    let parts = left.iter().zip(right).position(|(a, b)| a != b);
    assert!(left == right, "{what}: {} and {} samples, different from {parts:?} on", left.len(), right.len());
}

/// A steady value, as A-law carries it.
fn steady(value: i16) -> (i16, Vec<u8>) {
    let byte = linear_to_alaw(value);
    (alaw_to_linear(byte), vec![byte; 160])
}

#[test]
fn who_listens_hears_all_and_is_not_heard_who_whispers_is_heard_by_the_agent_alone_and_nobody_hears_himself() {
    let mut hand = Hand::new();
    hand.begin();
    let ((c, citizen), (a, agent), (s, supervisor)) = (steady(900), steady(2_500), steady(5_200));
    let mut number = 0;
    let mut settle = |hand: &mut Hand| {
        let mut last = [0; 3];
        for _ in 0..30 {
            number += 1;
            hand.citizen.say(8, number, &citizen);
            hand.agents[0].say(number, &agent);
            hand.agents[1].say(number, &supervisor);
            hand.pass_frame();
            for (last, heard) in last.iter_mut().zip(hand.heard()) {
                *last = heard.last().and_then(|(_, payload)| payload.last()).map_or(*last, |byte| alaw_to_linear(*byte));
            }
        }
        last
    };
    let sum = |values: &[i16]| alaw_to_linear(linear_to_alaw(values.iter().sum()));
    assert_eq!(settle(&mut hand)[..2], [a, c]);
    hand.mix(false);
    let seat = Box::new(Seat::of_agent(Part::Listen, false).expect("a seat"));
    hand.order(Order::Sit(TALK, 2, Slot::Agent(1), seat));
    assert_eq!(settle(&mut hand), [a, c, sum(&[a, c])], "listens");
    hand.order(Order::Role(TALK, 2, Part::Whisper));
    assert_eq!(settle(&mut hand), [a, sum(&[c, s]), sum(&[a, c])], "whispers");
    hand.order(Order::Rise(TALK, 2));
    hand.order(Order::Unmix(TALK));
    assert_eq!(settle(&mut hand)[..2], [a, c], "gone");
    assert!(std::iter::from_fn(|| hand.news.pop().ok()).any(|news| matches!(news, News::Seat(_))));
}

#[test]
fn a_conference_brings_quiet_and_loud_voices_nearer_and_stays_below_full_scale() {
    let mut hand = Hand::new();
    hand.begin();
    hand.mix(false);
    let seat = Box::new(Seat::of_agent(Part::Talk, false).expect("a seat"));
    hand.order(Order::Sit(TALK, 2, Slot::Agent(1), seat));
    let loud =
        |frame: u16| (0..160).map(|n| linear_to_alaw(if (n + usize::from(frame)) % 16 < 8 { 32_000 } else { -32_000 })).collect::<Vec<_>>();
    let mut last = Vec::new();
    for frame in 1..=400 {
        hand.citizen.say(
            8,
            frame,
            &tone_frame(440.0, frame).iter().map(|byte| linear_to_alaw(alaw_to_linear(*byte) / 16)).collect::<Vec<_>>(),
        );
        hand.agents[0].say(frame, &loud(frame));
        hand.agents[1].say(frame, &loud(frame));
        hand.pass_frame();
        last = hand.heard().into();
    }
    let samples =
        |heard: &Vec<(Header, Vec<u8>)>| heard.iter().flat_map(|(_, payload)| payload.clone()).map(alaw_to_linear).collect::<Vec<_>>();
    let at_supervisor = samples(&last[2]);
    assert!(!at_supervisor.is_empty() && at_supervisor.iter().all(|sample| sample.unsigned_abs() < 32_700));
    let level = voice::level::rms_dbfs(&samples(&last[0]));
    assert!((-18.0..-4.0).contains(&level), "two loud voices were led down: {level} dBFS");
}

#[test]
fn opus_is_spoken_both_ways_while_the_citizen_keeps_a_law() {
    let mut hand = Hand::new();
    hand.begin();
    let mut encoder = VoiceCoder::Opus { expected_loss_percent: 5 }.encoder().expect("an encoder");
    let mut ear = JitterBuffer::for_codec(VoiceCoder::Opus { expected_loss_percent: 0 }).expect("a decoder");
    let (mut at_agent, mut at_citizen, mut types) = (Vec::new(), Vec::new(), std::collections::BTreeSet::new());
    for frame in 1..=200_u16 {
        hand.citizen.say(8, frame, &tone_frame(440.0, frame));
        if frame == 20 {
            hand.mix(true);
        }
        say_opus(&mut hand.agents[0], &mut encoder, frame, frame >= 25);
        hand.pass_frame();
        let [citizen, agent, _] = hand.heard();
        at_citizen.extend(citizen.into_iter().flat_map(|(_, payload)| payload).map(alaw_to_linear));
        for (header, payload) in agent {
            types.insert(header.payload_type);
            if header.payload_type == OPUS_TYPE {
                assert!(payload[0] >> 3 >= 16, "nothing is lost, so the transform codes (RFC 6716 table 2)");
                ear.insert_payload(hand.now_us, &header, &payload);
            }
        }
        at_agent.extend(ear.pull(hand.now_us));
    }
    assert_eq!(types.into_iter().collect::<Vec<_>>(), [8, OPUS_TYPE]);
    let level = |samples: &[i16]| voice::level::rms_dbfs(&samples[samples.len() - 8_000..]);
    let expected = voice::level::rms_dbfs(&tone_frame(440.0, 1).into_iter().map(alaw_to_linear).collect::<Vec<_>>());
    assert!((level(&at_agent) - expected).abs() < 2.0 && (level(&at_citizen) - expected).abs() < 2.0);
    assert!(at_citizen.len() > 195 * 160, "{} frames", at_citizen.len() / 160);
}

/// The agent's tone, as A-law or as Opus.
fn say_opus(agent: &mut Agent, encoder: &mut Encoder, frame: u16, opus: bool) {
    let alaw = tone_frame(620.0, frame);
    if !opus {
        return agent.say(frame, &alaw);
    }
    let samples: Vec<i16> = alaw.into_iter().map(alaw_to_linear).collect();
    let mut payload = [0; 480];
    let length = encoder.encode(&samples, &mut payload).expect("encoded");
    let opus_header = Header { payload_type: OPUS_TYPE, timestamp: u32::from(frame) * 960, ..header(8, frame) };
    let bytes = agent.protected(&opus_header, &payload[..length]);
    agent.send(&bytes);
}

#[test]
fn a_media_thread_allocates_nothing_whatever_it_carries() {
    let mut hand = Hand::new();
    let mut encoder = VoiceCoder::Opus { expected_loss_percent: 0 }.encoder().expect("an encoder");
    hand.allocations = 0;
    hand.order(Order::Play(0, Player::new([].into_iter(), Sound::Music)));
    (0..50).for_each(|_| hand.pass_frame());
    hand.begin();
    for frame in 1..=450_u16 {
        hand.citizen.say(8, frame, &tone_frame(440.0, frame));
        say_opus(&mut hand.agents[0], &mut encoder, frame, (160..300).contains(&frame));
        hand.agents[1].say(frame, &tone_frame(300.0, frame));
        match frame {
            150 => hand.mix(true),
            200 => {
                let seat = Box::new(Seat::of_agent(Part::Talk, false).expect("a seat"));
                hand.order(Order::Sit(TALK, 2, Slot::Agent(1), seat));
            }
            330 => hand.order(Order::Rise(TALK, 2)),
            340 => hand.order(Order::Unmix(TALK)),
            _ => {}
        }
        hand.pass_frame();
        hand.heard();
    }
    hand.order(Order::End(TALK));
    hand.order(Order::RemoveTrunk(0));
    hand.order(Order::RemoveAgent(0));
    hand.step();
    let counters = hand.worker.exits.counters.snapshot();
    assert!(counters.music > 40 && counters.mixed > 300 && counters.to_agents > 200 && counters.reports > 0, "{counters:?}");
    assert_eq!(hand.allocations, 0, "allocations in {} turns", 20 * 500);
    let counted = allocation_counter::measure(|| drop(std::hint::black_box(Box::new(FRAME_SAMPLES)))).count_total;
    assert_eq!(counted, 1, "the counter counts");
}
