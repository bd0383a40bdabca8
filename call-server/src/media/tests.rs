//! The media edge over real sockets on loopback: a citizen with plain RTP, an agent with SRTP, the recorder's ring and the core's inbox.

mod capacity;
mod floor;
mod lines;
mod paced;

use super::frame::{Channel, TapAudio, TapFrame, TapKind};
use super::*;
use crate::switchboard::{Message, Messages};
use crate::tunnel::{GatewayTunnel, TunnelPacket};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use call_core::Input;
use call_core::command::{Part, PromptName, SessionText, Sound, VoiceTerms};
use call_core::input::{AnnouncementEnd, MediaFailure};
use call_core::plan::TrunkVoice;
use call_core::voice::VoiceInput;
use shared::model::{AgentId, LegId, RecordingId};
use shared::wire::MediaAccess;
use std::net::UdpSocket;
use std::time::Instant;
use voice::dtmf::{DtmfDetector, DtmfSender};
use voice::g711::{ALAW_SILENCE, alaw_to_linear, alaw_to_ulaw, linear_to_alaw, ulaw_to_alaw};
use voice::rtp::{Header, Packet};
use voice::srtp::{MasterKey, SrtpReceiver, SrtpSender, Suite};
use voice::telephone_event::{KeyReader, KeySender};

/// Nothing here takes longer unless it is broken.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a wait for news of the media threads is before they are looked for again.
const LOOK: Duration = Duration::from_millis(1);
const CITIZEN: LegId = LegId(1);
const AGENT: LegId = LegId(2);
const RECORDING: RecordingId = RecordingId(9);

struct Rig {
    media: MediaHandle,
    news: Messages,
    taps: Vec<rtrb::Consumer<TapFrame>>,
    gateway: GatewayTunnel,
}

impl Rig {
    fn new() -> Self {
        Self::with(Limits::default(), free_ports(64))
    }

    fn with(limits: Limits, ports: RangeInclusive<u16>) -> Self {
        Self::with_threads(1, limits, ports)
    }

    fn with_threads(threads: usize, limits: Limits, ports: RangeInclusive<u16>) -> Self {
        Self::with_call_limit(None, threads, limits, ports)
    }

    fn with_call_limit(call_limit: Option<u32>, threads: usize, limits: Limits, ports: RangeInclusive<u16>) -> Self {
        let (inbox, news) = Inbox::new();
        let (producers, taps): (_, Vec<_>) = (0..threads).map(|_| rtrb::RingBuffer::new(1_000)).unzip();
        let music = (0..4_000).map(|n| (n % 251) as u8).collect();
        let prompts = vec![("please-wait".to_owned(), vec![7; 800]), ("three".to_owned(), vec![8; 240])];
        let local = IpAddr::from([127, 0, 0, 1]);
        let agent_listen = SocketAddr::new(local, 0);
        let settings = MediaSettings {
            homes: vec![Home { bind: local, advertise: local }],
            ports,
            agent_listen,
            music,
            prompts,
            threads: Some(threads),
            call_limit,
        };
        assert_eq!(settings.thread_count(), threads);
        let (tunnel, gateway) = crate::tunnel::dig(threads).expect("an eventfd");
        let media = start_with(settings, limits, MediaJoints { inbox, taps: producers, tunnel }).expect("free ports");
        Self { media, news, taps, gateway }
    }

    /// A command, which reaches the media threads at once.
    fn send(&mut self, command: MediaCommand) {
        self.media.send(command);
        self.media.tend();
    }

    /// The next news, if there are any within a moment.
    fn news_soon(&mut self) -> Option<Input> {
        self.media.tend();
        self.news.recv_timeout(LOOK).map(Message::into_input)
    }

    /// The next news, of which there must be some in time.
    fn next(&mut self) -> Input {
        let limit = Instant::now() + PATIENCE;
        loop {
            if let Some(news) = self.news_soon() {
                return news;
            }
            assert!(Instant::now() < limit, "news in time");
        }
    }

    /// The next news but how talks sound, which comes when it comes.
    fn input(&mut self) -> Input {
        loop {
            match self.next() {
                Input::Voice(
                    VoiceInput::Health { .. } | VoiceInput::Measured(_) | VoiceInput::RoomForVoices { .. } | VoiceInput::ThreadOf { .. },
                ) => {}
                other => return other,
            }
        }
    }

    /// The next news of how talks sound.
    fn voice(&mut self) -> VoiceInput {
        loop {
            if let Input::Voice(news) = self.next() {
                return news;
            }
        }
    }

    fn open(&mut self, leg: LegId, offer: Option<&str>) -> Result<String, MediaFailure> {
        self.open_with(leg, offer, VoiceTerms::default())
    }

    fn open_with(&mut self, leg: LegId, offer: Option<&str>, terms: VoiceTerms) -> Result<String, MediaFailure> {
        self.send(MediaCommand::OpenTrunk { leg, offer: offer.map(|text| SessionText(text.into())), terms });
        match self.input() {
            Input::MediaOpened { leg: opened, answer } if opened == leg => Ok(answer.0.to_string()),
            Input::MediaFailed { leg: failed, reason } if failed == leg => Err(reason),
            other => panic!("unexpected {other:?}"),
        }
    }

    fn citizen(&mut self, payload_types: &str) -> Citizen {
        let socket = socket("127.0.0.1");
        let offer = offer(&socket, "127.0.0.1", payload_types);
        let answer = self.open(CITIZEN, Some(&offer)).expect("an answer");
        Citizen { socket, server: rtp_address(&answer), answer }
    }

    fn agent(&mut self) -> Agent {
        self.send(MediaCommand::OpenAgent { agent: AgentId(5), leg: AGENT });
        let Input::AgentMediaOpened { agent: AgentId(5), leg: AGENT, access } = self.input() else { panic!("no access") };
        Agent::new(serde_json::from_str(&access.0).expect("a media access"))
    }

    /// An agent that has been heard already.
    fn reachable_agent(&mut self) -> Agent {
        let mut agent = self.agent();
        agent.say(0, &[ALAW_SILENCE; 160]);
        assert_eq!(self.input(), Input::AgentMediaReachable { leg: AGENT, reachable: true });
        agent
    }

    fn connect(&mut self) {
        self.send(MediaCommand::Connect { citizen: CITIZEN, agent: AGENT, recording: RECORDING });
        assert!(matches!(self.tap().kind, TapKind::Begin));
    }

    /// A joined call, whose citizen and agent have both been heard.
    fn talk(&mut self, payload_types: &str) -> (Citizen, Agent) {
        let (citizen, agent) = (self.citizen(payload_types), self.reachable_agent());
        self.connect();
        (citizen, agent)
    }

    /// Waits until everything that was commanded has been carried out.
    fn settle(&mut self) {
        // The answer to the last command: those before it have become orders.
        assert_eq!(self.open(LegId(77), Some("nonsense")), Err(MediaFailure::BadOffer));
        let (figures, media) = (self.media.figures(), &mut self.media);
        wait_for(|| {
            // An agent's leg that changes its thread is on its way until it was taken from the first one.
            media.tend();
            let counters = figures.read();
            (counters.orders_taken == counters.orders_given).then_some(())
        });
    }

    fn tap(&mut self) -> TapFrame {
        let (media, taps) = (&mut self.media, &mut self.taps);
        wait_for(|| {
            // The agent of a talk on another thread is on its way.
            media.tend();
            taps.iter_mut().find_map(|taps| taps.pop().ok())
        })
    }

    fn tapped_audio(&mut self) -> TapAudio {
        match self.tap().kind {
            TapKind::Audio(audio) => audio,
            other => panic!("expected audio, not {other:?}"),
        }
    }

    fn wait_until(&self, holds: impl Fn(&MediaCounters) -> bool) {
        wait_for(|| holds(&self.media.figures().read()).then_some(()));
    }
}

/// Looks again and again, without sleeping, until there is something.
fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain");
        std::thread::yield_now();
    }
}

fn free_ports(count: u16) -> RangeInclusive<u16> {
    wait_for(|| {
        let port = socket("127.0.0.1").local_addr().ok()?.port();
        (port % 2 == 0 && port < u16::MAX - count).then_some(port..=port + count - 1)
    })
}

fn socket(address: &str) -> UdpSocket {
    let socket = UdpSocket::bind((address, 0)).expect("a free port");
    socket.set_read_timeout(Some(PATIENCE)).expect("a limit");
    socket
}

fn offer(socket: &UdpSocket, address: &str, payload_types: &str) -> String {
    let port = socket.local_addr().expect("bound").port();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP {payload_types}\r\n\
         a=rtpmap:101 telephone-event/8000\r\n"
    )
}

fn rtp_address(answer: &str) -> SocketAddr {
    let line = answer.lines().find_map(|line| line.strip_prefix("m=audio ")).expect("an audio stream");
    let port = line.split(' ').next().and_then(|port| port.parse().ok()).expect("a port");
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn datagram(header: &Header, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 12];
    header.write(&mut bytes).expect("room for it");
    bytes.extend_from_slice(payload);
    bytes
}

fn header(payload_type: u8, number: u16) -> Header {
    Header { marker: false, payload_type, sequence: number, timestamp: 160 * u32::from(number), ssrc: 0xC1 }
}

/// A payload that is like no other.
fn voice_of(number: u16) -> Vec<u8> {
    (0..160_u16).map(|n| (n.wrapping_mul(7).wrapping_add(number * 13) % 256) as u8).collect()
}

struct Citizen {
    socket: UdpSocket,
    server: SocketAddr,
    answer: String,
}

impl Citizen {
    fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).expect("sent");
    }

    fn say(&self, payload_type: u8, number: u16, payload: &[u8]) {
        self.send(&datagram(&header(payload_type, number), payload));
    }

    fn hear(&self) -> (Header, Vec<u8>) {
        let mut bytes = [0; 2_048];
        let length = self.socket.recv(&mut bytes).expect("a packet in time");
        let packet = Packet::read(&bytes[..length]).expect("RTP");
        (packet.header, packet.payload.to_vec())
    }
}

struct Agent {
    socket: UdpSocket,
    server: SocketAddr,
    access: MediaAccess,
    sender: SrtpSender,
    receiver: SrtpReceiver,
    tag: usize,
}

impl Agent {
    /// The same agent with AES-GCM.
    fn with_gcm(self) -> Self {
        let options = self.access.options.clone().expect("a newer server");
        let key = |text: &str| MasterKey::read(Suite::Aes128Gcm, &STANDARD.decode(text).expect("base64")).expect("28 bytes");
        let sender = SrtpSender::with_suite(Suite::Aes128Gcm, &key(&options.gcm_client_key));
        let receiver = SrtpReceiver::with_suite(Suite::Aes128Gcm, &key(&options.gcm_server_key));
        Self { sender, receiver, tag: 16, ..self }
    }

    fn new(access: MediaAccess) -> Self {
        let key = |text: &str| MasterKey(STANDARD.decode(text).expect("base64").try_into().expect("30 bytes"));
        Self {
            socket: socket("127.0.0.1"),
            server: SocketAddr::from(([127, 0, 0, 1], access.port)),
            sender: SrtpSender::new(&key(&access.client_key)),
            receiver: SrtpReceiver::new(&key(&access.server_key)),
            tag: 10,
            access,
        }
    }

    fn protected(&mut self, header: &Header, payload: &[u8]) -> Vec<u8> {
        let mut bytes = datagram(&Header { ssrc: self.access.client_ssrc, ..*header }, payload);
        let length = bytes.len();
        bytes.resize(length + self.tag, 0);
        self.sender.protect(&mut bytes, length).expect("room for it");
        bytes
    }

    fn say(&mut self, number: u16, payload: &[u8]) {
        let bytes = self.protected(&header(8, number), payload);
        self.send(&bytes);
    }

    fn send(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.server).expect("sent");
    }

    fn hear(&mut self) -> (Header, Vec<u8>) {
        let mut bytes = [0; 2_048];
        let length = loop {
            let length = self.socket.recv(&mut bytes).expect("a packet in time");
            // Reports come when they come.
            if !(192..=223).contains(&bytes[1]) {
                break length;
            }
        };
        let length = self.receiver.unprotect(&mut bytes[..length]).expect("authentic");
        let packet = Packet::read(&bytes[..length]).expect("RTP");
        assert_eq!((packet.header.ssrc, packet.header.payload_type), (self.access.server_ssrc, 8));
        (packet.header, packet.payload.to_vec())
    }
}

#[test]
fn citizen_and_agent_hear_each_other_and_the_recorder_hears_both() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8 0 101");
    for number in 1..20_u16 {
        citizen.say(8, number, &voice_of(number));
        assert_eq!(agent.hear().1, voice_of(number));
        let heard = rig.tapped_audio();
        assert_eq!((heard.channel, heard.ssrc, heard.timestamp), (Channel::Citizen, 0xC1, 160 * u32::from(number)));
        assert_eq!(heard.samples[..usize::from(heard.length)], voice_of(number));

        agent.say(number, &voice_of(100 + number));
        assert_eq!(citizen.hear().1, voice_of(100 + number));
        let heard = rig.tapped_audio();
        assert_eq!((heard.channel, heard.ssrc), (Channel::Agent, agent.access.client_ssrc));
        assert_eq!(heard.samples[..usize::from(heard.length)], voice_of(100 + number));
    }
    rig.send(MediaCommand::Disconnect { citizen: CITIZEN });
    assert!(matches!(rig.tap(), TapFrame { recording: RECORDING, kind: TapKind::End, .. }));
    let counters = rig.media.figures().read();
    assert_eq!((counters.to_agents, counters.to_trunks, counters.taps_lost), (19, 19, 0));
}

#[test]
fn after_a_talk_nobody_hears_the_other_and_nothing_is_recorded() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    rig.send(MediaCommand::Disconnect { citizen: CITIZEN });
    assert!(matches!(rig.tap().kind, TapKind::End));
    citizen.say(8, 1, &voice_of(1));
    agent.say(1, &voice_of(2));
    rig.wait_until(|counters| counters.from_trunks == 1 && counters.from_agents == 2);
    rig.connect();
    citizen.say(8, 2, &voice_of(3));
    assert_eq!(agent.hear().1, voice_of(3));
    agent.say(2, &voice_of(4));
    assert_eq!(citizen.hear().1, voice_of(4));
}

#[test]
fn music_plays_in_time_and_is_cut_when_the_talk_begins() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = (rig.citizen("8"), rig.reachable_agent());
    let began = Instant::now();
    rig.send(MediaCommand::Play { leg: CITIZEN, sound: Sound::Music });
    let mut before = citizen.hear();
    let mut music = before.1.clone();
    for _ in 1..30 {
        let next = citizen.hear();
        assert_eq!(next.0.sequence, before.0.sequence.wrapping_add(1));
        // More than one frame only if this machine held the media thread up for long.
        let step = next.0.timestamp.wrapping_sub(before.0.timestamp);
        assert!(step >= 160 && step % 160 == 0, "{step}");
        music.extend_from_slice(&next.1);
        before = next;
    }
    assert!(began.elapsed() >= Duration::from_millis(29 * 20), "30 packets came within {:?}", began.elapsed());
    assert!(music.iter().enumerate().all(|(place, byte)| *byte == (place % 4_000 % 251) as u8));

    rig.connect();
    (1..=5).for_each(|number| agent.say(number, &voice_of(number)));
    let mut packets = vec![before];
    while packets.last().is_some_and(|(_, payload)| *payload != voice_of(5)) {
        packets.push(citizen.hear());
    }
    let first_word = packets.iter().position(|(header, _)| header.marker).expect("the talk begins with a marker");
    let words: Vec<&Vec<u8>> = packets[first_word..].iter().map(|(_, payload)| payload).collect();
    assert_eq!(words, (1..=5).map(voice_of).collect::<Vec<_>>().iter().collect::<Vec<_>>());
    for pair in packets.windows(2) {
        assert_eq!(pair[1].0.sequence, pair[0].0.sequence.wrapping_add(1));
        assert_eq!(pair[1].0.ssrc, pair[0].0.ssrc);
        assert!(pair[1].0.timestamp.wrapping_sub(pair[0].0.timestamp) >= 160);
    }
}

#[test]
fn silence_ends_the_music() {
    let mut rig = Rig::new();
    let citizen = rig.citizen("8");
    rig.send(MediaCommand::Play { leg: CITIZEN, sound: Sound::Music });
    citizen.hear();
    rig.send(MediaCommand::Play { leg: CITIZEN, sound: Sound::Silence });
    rig.settle();
    let sent = rig.media.figures().read().music;
    citizen.socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a limit");
    let mut bytes = [0; 2_048];
    while citizen.socket.recv(&mut bytes).is_ok() {}
    assert_eq!(rig.media.figures().read().music, sent);
}

#[test]
fn strangers_are_not_heard() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    let stranger = socket("127.0.0.9");
    stranger.send_to(&datagram(&header(8, 1), &voice_of(66)), citizen.server).expect("sent");
    rig.wait_until(|counters| counters.strangers == 1);
    citizen.say(8, 2, &voice_of(2));
    assert_eq!(agent.hear().1, voice_of(2));
    // Now the port is the citizen's alone, and the system itself refuses others.
    stranger.send_to(&datagram(&header(8, 3), &voice_of(66)), citizen.server).expect("sent");
    socket("127.0.0.1").send_to(&datagram(&header(8, 3), &voice_of(67)), citizen.server).expect("sent");
    citizen.say(8, 4, &voice_of(4));
    assert_eq!(agent.hear().1, voice_of(4));

    let mut liar = Agent::new(MediaAccess { client_key: STANDARD.encode([7; 30]), ..agent.access.clone() });
    liar.say(5, &voice_of(68));
    let mut unknown = Agent::new(MediaAccess { client_ssrc: agent.access.client_ssrc ^ 1, ..agent.access.clone() });
    unknown.say(6, &voice_of(69));
    let word = agent.protected(&header(8, 7), &voice_of(7));
    agent.send(&word);
    agent.send(&word);
    agent.say(8, &voice_of(8));
    assert_eq!((citizen.hear().1, citizen.hear().1), (voice_of(7), voice_of(8)));
    let counters = rig.media.figures().read();
    assert_eq!((counters.not_authentic, counters.unknown_sources, counters.repeated), (1, 1, 1));
}

fn behind_nat() -> VoiceTerms {
    VoiceTerms { voice: TrunkVoice { nat: true, ..TrunkVoice::default() }, ..VoiceTerms::default() }
}

#[test]
fn a_citizen_behind_nat_is_found_by_the_first_packet() {
    let mut rig = Rig::new();
    let socket = socket("127.0.0.1");
    let answer = rig.open_with(CITIZEN, Some(&offer(&socket, "10.99.99.99", "8")), behind_nat()).expect("an answer");
    let citizen = Citizen { socket, server: rtp_address(&answer), answer };
    let mut agent = rig.reachable_agent();
    rig.connect();
    citizen.say(8, 1, &voice_of(1));
    assert_eq!(agent.hear().1, voice_of(1));
    agent.say(1, &voice_of(2));
    assert_eq!(citizen.hear().1, voice_of(2));
}

#[test]
fn each_key_is_told_once_and_is_not_heard_by_the_agent() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8 101");
    let mut number = 0;
    for key in "159#".chars() {
        let timestamp = 160 * u32::from(number);
        for packet in KeySender::new(key, 4).expect("a key") {
            let header = Header { marker: packet.marker, timestamp, ..header(101, number) };
            citizen.send(&datagram(&header, &packet.payload));
            number += 1;
        }
    }
    citizen.say(8, number, &voice_of(number));
    assert_eq!(agent.hear().1, voice_of(number));
    let keys: String = (0..4)
        .map(|_| match rig.input() {
            Input::Digit { leg: CITIZEN, digit } => digit,
            other => panic!("unexpected {other:?}"),
        })
        .collect();
    assert_eq!(keys, "159#");
    assert!(rig.news_soon().is_none());
    assert_eq!(rig.tapped_audio().samples[..], voice_of(number));
}

#[test]
fn a_closed_port_rests_before_it_is_used_again() {
    let rest = Duration::from_millis(300);
    let mut rig = Rig::with(Limits { port_rest: rest, ..Limits::default() }, free_ports(1));
    let port = rig.citizen("8").server;
    let offer = offer(&socket("127.0.0.1"), "127.0.0.1", "8");
    assert_eq!(rig.open(LegId(3), Some(&offer)), Err(MediaFailure::NoPorts));
    let closed = Instant::now();
    rig.send(MediaCommand::Close { leg: CITIZEN });
    let answer = wait_for(|| rig.open(LegId(4), Some(&offer)).ok());
    assert!(closed.elapsed() >= rest, "used again after {:?}", closed.elapsed());
    assert_eq!(rtp_address(&answer), port);
}

#[test]
fn an_agent_is_reachable_while_packets_arrive_and_is_kept_company_with_silence() {
    let silence = Duration::from_millis(600);
    let limits = Limits { agent_silence: silence, keep_alive: Duration::from_millis(50), ..Limits::default() };
    let mut rig = Rig::with(limits, free_ports(4));
    let began = Instant::now();
    let mut agent = rig.reachable_agent();
    let (first, payload) = agent.hear();
    assert_eq!(payload, [ALAW_SILENCE; 160]);
    assert_eq!(agent.hear().0.sequence, first.sequence.wrapping_add(1));
    assert_eq!(rig.input(), Input::AgentMediaReachable { leg: AGENT, reachable: false });
    assert!(began.elapsed() >= silence, "given up after {:?}", began.elapsed());
    agent.say(1, &[ALAW_SILENCE; 160]);
    assert_eq!(rig.input(), Input::AgentMediaReachable { leg: AGENT, reachable: true });
}

#[test]
fn an_agent_may_change_the_network_during_a_talk() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    agent.socket = socket("127.0.0.1");
    agent.say(1, &voice_of(1));
    assert_eq!(citizen.hear().1, voice_of(1));
    citizen.say(8, 1, &voice_of(2));
    assert_eq!(agent.hear().1, voice_of(2));
}

#[test]
fn a_new_path_of_an_agent_closes_the_older_one() {
    let mut rig = Rig::new();
    let (_citizen, mut old) = rig.talk("8");
    let mut new = rig.reachable_agent();
    assert!(matches!(rig.tap().kind, TapKind::End));
    old.say(5, &voice_of(1));
    rig.wait_until(|counters| counters.unknown_sources == 1);
    new.say(5, &voice_of(2));
    rig.wait_until(|counters| counters.from_agents == 4);
    assert_eq!(rig.media.figures().read().to_trunks, 0);
}

#[test]
fn a_trunk_with_mu_law_is_translated_so_that_agent_and_recorder_get_a_law() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("0 18");
    assert!(citizen.answer.contains("RTP/AVP 0\r\n"), "{}", citizen.answer);
    citizen.say(0, 1, &voice_of(1));
    let alaw: Vec<u8> = voice_of(1).into_iter().map(ulaw_to_alaw).collect();
    assert_eq!(agent.hear().1, alaw);
    assert_eq!(rig.tapped_audio().samples[..], alaw);
    agent.say(1, &voice_of(2));
    let (header, payload) = citizen.hear();
    assert_eq!(header.payload_type, 0);
    assert_eq!(payload, voice_of(2).into_iter().map(alaw_to_ulaw).collect::<Vec<_>>());
    assert_eq!(rig.tapped_audio().samples[..], voice_of(2));
}

#[test]
fn without_an_offer_we_offer_and_the_first_packet_decides() {
    let mut rig = Rig::new();
    let answer = rig.open(CITIZEN, None).expect("our own offer");
    assert!(answer.contains("RTP/AVP 8 0 101\r\n"), "{answer}");
    let citizen = Citizen { socket: socket("127.0.0.1"), server: rtp_address(&answer), answer };
    let mut agent = rig.reachable_agent();
    rig.connect();
    citizen.say(0, 1, &voice_of(1));
    assert_eq!(agent.hear().1, voice_of(1).into_iter().map(ulaw_to_alaw).collect::<Vec<_>>());
    agent.say(1, &voice_of(2));
    assert_eq!(citizen.hear().0.payload_type, 0);
}

#[test]
fn packets_of_all_lengths_and_forms_are_passed_on_and_garbage_is_counted() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    for (number, length) in [(1_u16, 1_usize), (2, 80), (3, 161), (4, 480)] {
        let long: Vec<u8> = (0..length).map(|n| n as u8).collect();
        citizen.say(8, number, &long);
        assert_eq!(agent.hear().1, long);
        agent.say(number, &long);
        assert_eq!(citizen.hear().1, long);
        for _ in 0..2 {
            let pieces: Vec<u8> =
                (0..length.div_ceil(160)).map(|_| rig.tapped_audio()).flat_map(|a| a.samples[..usize::from(a.length)].to_vec()).collect();
            assert_eq!(pieces, long);
        }
    }
    let mut strange = datagram(&header(8, 5), &[]);
    strange[0] = 0x80 | 0x20 | 0x10 | 1;
    strange.extend([1, 2, 3, 4, 0xBE, 0xDE, 0, 1, 5, 5, 5, 5]);
    strange.extend([9, 8, 7, 0, 0, 3]);
    citizen.send(&strange);
    assert_eq!(agent.hear().1, [9, 8, 7]);

    let too_long = datagram(&header(8, 6), &[0; 481]);
    let broken_padding = [&[0xA0][..], &datagram(&header(8, 6), &[200])[1..]].concat();
    for garbage in [&b""[..], b"hello", &too_long, &broken_padding, &[0xFF; 1_500]] {
        citizen.send(garbage);
        agent.send(garbage);
    }
    citizen.say(13, 6, &[50]);
    citizen.say(8, 7, &voice_of(7));
    assert_eq!(agent.hear().1, voice_of(7));
    agent.say(7, &voice_of(8));
    assert_eq!(citizen.hear().1, voice_of(8));
    let counters = rig.media.figures().read();
    assert_eq!((counters.garbage, counters.other_payloads), (8, 1), "{counters:?}");
}

#[test]
fn offers_that_cannot_be_served_are_refused_by_blame() {
    let mut rig = Rig::new();
    let unknown_codec = offer(&socket("127.0.0.1"), "127.0.0.1", "18");
    assert_eq!(rig.open(LegId(3), Some("hello")), Err(MediaFailure::BadOffer));
    assert_eq!(rig.open(LegId(3), Some(&unknown_codec)), Err(MediaFailure::NoCommonCodec));
    assert_eq!(rig.open(LegId(3), Some("v=0\r\nc=IN IP4 127.0.0.1\r\n")), Err(MediaFailure::NoCommonCodec));
}

#[test]
fn each_silence_of_a_talking_trunk_is_counted() {
    let limits = Limits { trunk_silence: Duration::from_millis(100), ..Limits::default() };
    let mut rig = Rig::with(limits, free_ports(4));
    let (citizen, mut agent) = rig.talk("8");
    citizen.say(8, 1, &voice_of(1));
    agent.hear();
    rig.wait_until(|counters| counters.silent_trunks >= 1);
    citizen.say(8, 2, &voice_of(2));
    agent.hear();
    rig.wait_until(|counters| counters.silent_trunks >= 2);
}

#[test]
fn stopping_ends_every_talk_for_the_recorder() {
    let mut rig = Rig::new();
    let _call = rig.talk("8");
    let Rig { media, mut taps, .. } = rig;
    drop(media);
    assert!(matches!(taps[0].pop(), Ok(TapFrame { kind: TapKind::End, .. })));
    assert!(taps[0].is_abandoned());
}

#[test]
fn an_agent_may_choose_the_other_suite_by_its_first_packet() {
    let mut rig = Rig::new();
    let citizen = rig.citizen("8");
    let mut agent = rig.agent().with_gcm();
    agent.say(0, &[ALAW_SILENCE; 160]);
    assert_eq!(rig.input(), Input::AgentMediaReachable { leg: AGENT, reachable: true });
    rig.connect();
    citizen.say(8, 1, &voice_of(1));
    assert_eq!(agent.hear().1, voice_of(1));
    let mut old = Agent { socket: agent.socket.try_clone().expect("a socket"), ..Agent::new(agent.access.clone()) };
    old.say(5, &voice_of(9));
    agent.say(6, &voice_of(2));
    assert_eq!(citizen.hear().1, voice_of(2), "the other suite is not heard any more");
    assert_eq!(rig.media.figures().read().not_authentic, 1);
}

#[test]
fn an_announcement_plays_its_prompts_in_a_row_and_says_when_it_is_over() {
    let mut rig = Rig::new();
    let citizen = rig.citizen("8");
    let prompts = ["please-wait", "unknown", "three"].map(PromptName::from).to_vec();
    rig.send(MediaCommand::Announce { leg: CITIZEN, prompts, then: Sound::Music });
    let heard: Vec<u8> = (0..8).flat_map(|_| citizen.hear().1).collect();
    assert_eq!(heard[..1_040], [vec![7; 800], vec![8; 240]].concat());
    assert!(heard[1_040..].iter().enumerate().all(|(place, byte)| *byte == (place % 251) as u8), "the music follows");
    assert_eq!(rig.input(), Input::AnnouncementEnded { leg: CITIZEN, end: AnnouncementEnd::Finished });
    rig.send(MediaCommand::Announce { leg: CITIZEN, prompts: vec!["unknown".into()], then: Sound::Silence });
    assert_eq!(rig.input(), Input::AnnouncementEnded { leg: CITIZEN, end: AnnouncementEnd::NoPrompt });
}

#[test]
fn what_an_agent_is_whispered_says_when_it_is_over_and_is_cut_by_the_talk() {
    let mut rig = Rig::new();
    let (_citizen, mut agent) = (rig.citizen("8"), rig.reachable_agent());
    let whisper = || MediaCommand::Announce { leg: AGENT, prompts: vec!["three".into()], then: Sound::Silence };
    rig.send(whisper());
    assert_eq!(agent.hear().1, vec![8; 160]);
    assert_eq!(rig.input(), Input::AnnouncementEnded { leg: AGENT, end: AnnouncementEnd::Finished });
    rig.send(MediaCommand::Announce { leg: AGENT, prompts: vec!["please-wait".into()], then: Sound::Silence });
    rig.send(whisper());
    assert_eq!(rig.input(), Input::AnnouncementEnded { leg: AGENT, end: AnnouncementEnd::Cut }, "one whisper makes way for another");
    rig.connect();
    let end = rig.input();
    assert!(matches!(end, Input::AnnouncementEnded { leg: AGENT, .. }), "exactly one end for each: {end:?}");
}

#[test]
fn i_21_connecting_cuts_an_announcement_and_nothing_is_played_to_who_talks() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = (rig.citizen("8"), rig.reachable_agent());
    let announce = || MediaCommand::Announce { leg: CITIZEN, prompts: vec!["please-wait".into()], then: Sound::Music };
    rig.send(announce());
    citizen.hear();
    rig.connect();
    let sent = rig.media.figures().read().prompts;
    assert_eq!(rig.input(), Input::AnnouncementEnded { leg: CITIZEN, end: AnnouncementEnd::Cut });
    rig.send(announce());
    assert_eq!(rig.input(), Input::AnnouncementEnded { leg: CITIZEN, end: AnnouncementEnd::Cut });
    agent.say(1, &voice_of(1));
    let packets: Vec<Vec<u8>> = std::iter::from_fn(|| Some(citizen.hear().1)).take_while(|heard| *heard != voice_of(1)).collect();
    assert_eq!(packets.len() as u64 + 1, sent, "only what was sent before the talk began");
    assert_eq!(rig.media.figures().read().prompts, sent);
}

#[test]
fn keys_are_pressed_towards_a_trunk_as_events_and_without_those_as_tones() {
    let mut rig = Rig::new();
    let citizen = rig.citizen("8 101");
    rig.send(MediaCommand::PressKeys { leg: CITIZEN, keys: "1x9#".into() });
    let (mut reader, mut keys) = (KeyReader::default(), String::new());
    while keys.len() < 3 {
        let (header, payload) = citizen.hear();
        if header.payload_type == 101 {
            keys.extend(reader.read(header.ssrc, header.timestamp, &payload));
        }
    }
    assert_eq!(keys, "19#");

    rig.send(MediaCommand::Close { leg: CITIZEN });
    let citizen = rig.citizen("8");
    rig.send(MediaCommand::PressKeys { leg: CITIZEN, keys: "05".into() });
    let (mut detector, mut keys) = (DtmfDetector::default(), String::new());
    while keys.len() < 2 {
        let samples: Vec<i16> = citizen.hear().1.into_iter().map(alaw_to_linear).collect();
        keys.extend(detector.hear(&samples));
    }
    assert_eq!(keys, "05");
}

/// A key as a tone, in packets of 20 ms.
fn tone(key: char) -> Vec<Vec<u8>> {
    let mut sender = DtmfSender::new(key, 100, 40).expect("a key");
    let mut packets = Vec::new();
    loop {
        let mut samples = [0; 160];
        if sender.fill(&mut samples) == 0 {
            return packets;
        }
        packets.push(samples.into_iter().map(linear_to_alaw).collect());
    }
}

#[test]
fn tones_are_heard_where_that_is_asked_for_and_kept_out_of_a_masked_recording() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    let mut number = 0;
    let mut press = |key: char| {
        for packet in tone(key) {
            number += 1;
            citizen.say(8, number, &packet);
        }
    };
    press('4');
    agent.hear();
    rig.wait_until(|counters| counters.from_trunks == tone('4').len() as u64);
    assert_ne!(rig.tapped_audio().samples, [ALAW_SILENCE; 160], "not asked for: recorded as it is");
    assert!(rig.news_soon().is_none());
    rig.send(MediaCommand::HearTones { leg: CITIZEN });
    rig.send(MediaCommand::MaskKeys { citizen: CITIZEN, masked: true });
    rig.settle();
    press('7');
    assert_eq!(rig.input(), Input::Digit { leg: CITIZEN, digit: '7' });
    let recorded: Vec<_> = (1..2 * tone('4').len()).map(|_| rig.tapped_audio()).collect();
    let (_, masked) = recorded.split_at(tone('4').len() - 1);
    assert!(masked.iter().all(|frame| frame.samples == [ALAW_SILENCE; 160]));
    // On hold too, and no longer than the citizen talks in that queue.
    rig.send(MediaCommand::Disconnect { citizen: CITIZEN });
    rig.send(MediaCommand::Hold { citizen: CITIZEN, recording: RECORDING });
    rig.settle();
    press('8');
    assert_eq!(rig.input(), Input::Digit { leg: CITIZEN, digit: '8' });
    assert!(matches!((rig.tap().kind, rig.tap().kind), (TapKind::End, TapKind::Begin)));
    assert!((0..tone('4').len()).all(|_| rig.tapped_audio().samples == [ALAW_SILENCE; 160]));
    rig.send(MediaCommand::Connect { citizen: CITIZEN, agent: AGENT, recording: RECORDING });
    rig.settle();
    press('9');
    assert_eq!(rig.input(), Input::Digit { leg: CITIZEN, digit: '9' });
    assert!(matches!((rig.tap().kind, rig.tap().kind), (TapKind::End, TapKind::Begin)));
    assert_ne!(rig.tapped_audio().samples, [ALAW_SILENCE; 160]);
}

#[test]
fn a_call_on_another_thread_brings_its_agent_there() {
    let mut rig = Rig::with_threads(2, Limits::default(), free_ports(64));
    // The first leg makes the first thread the busier one.
    let other = rig.open(LegId(9), Some(&offer(&socket("127.0.0.1"), "127.0.0.1", "8")));
    assert!(other.is_ok());
    let (citizen, mut agent) = rig.talk("8");
    for number in 1..20_u16 {
        citizen.say(8, number, &voice_of(number));
        assert_eq!(agent.hear().1, voice_of(number));
        agent.say(number, &voice_of(100 + number));
        assert_eq!(citizen.hear().1, voice_of(100 + number));
    }
    let counters = rig.media.figures().read();
    assert_eq!((counters.to_agents, counters.to_trunks, counters.carried_over), (19, 19, 19));
    rig.send(MediaCommand::Close { leg: CITIZEN });
    rig.send(MediaCommand::Close { leg: AGENT });
    rig.settle();
    agent.say(30, &voice_of(1));
    rig.wait_until(|counters| counters.unknown_sources == 1);
}

#[test]
fn an_agent_without_udp_talks_through_the_tunnel_and_comes_back_by_itself() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    let line = 42;
    let packet = agent.protected(&header(8, 1), &voice_of(1));
    assert!(rig.gateway.inlet.send(TunnelPacket::new(line, &packet).expect("a short packet")));
    assert_eq!(citizen.hear().1, voice_of(1));
    citizen.say(8, 1, &voice_of(2));
    let ring = &mut rig.gateway.output.rings[0];
    let packet = wait_for(|| ring.pop().ok().filter(|packet| !(192..=223).contains(&packet.bytes()[1])));
    assert_eq!(packet.line, line);
    let mut bytes = packet.bytes().to_vec();
    let length = agent.receiver.unprotect(&mut bytes).expect("authentic");
    assert_eq!(Packet::read(&bytes[..length]).expect("RTP").payload, voice_of(2));
    agent.say(2, &voice_of(3));
    assert_eq!(citizen.hear().1, voice_of(3));
    citizen.say(8, 2, &voice_of(4));
    assert_eq!(agent.hear().1, voice_of(4));
    assert_eq!(rig.media.figures().read().through_tunnel, 1);
}

#[test]
fn how_a_talk_sounds_is_told_while_it_lasts_and_as_a_whole_at_its_end() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8");
    let health = loop {
        let number = (rig.media.figures().read().from_trunks % 60_000) as u16 + 1;
        citizen.say(8, number, &voice_of(number % 50));
        agent.say(number, &voice_of(number % 50));
        agent.hear();
        if let Some(Input::Voice(VoiceInput::Health { agent: AGENT, health })) = rig.news_soon() {
            break health;
        }
    };
    assert!(health.citizen.received > 0 && health.agent.received > 0);
    assert_eq!((health.citizen.lost_permille, health.agent.lost_permille), (0, 0));
    rig.send(MediaCommand::Disconnect { citizen: CITIZEN });
    let measured = loop {
        if let VoiceInput::Measured(measured) = rig.voice() {
            break measured;
        }
    };
    assert_eq!(measured.recording, RECORDING);
    assert!(measured.talk_ms >= 2_000 && measured.citizen.mean.received >= health.citizen.received);
}

#[test]
fn a_moved_citizen_is_followed_and_a_held_one_hears_nothing() {
    let mut rig = Rig::new();
    let (citizen, mut agent) = rig.talk("8 101");
    citizen.say(8, 1, &voice_of(1));
    assert_eq!(agent.hear().1, voice_of(1));
    let moved = Citizen { socket: socket("127.0.0.1"), server: citizen.server, answer: String::new() };
    let follow = |rig: &mut Rig, text: String| rig.send(MediaCommand::Follow { leg: CITIZEN, description: SessionText(text.into()) });
    follow(&mut rig, offer(&moved.socket, "127.0.0.1", "0 101"));
    rig.settle();
    agent.say(1, &voice_of(2));
    let heard = moved.hear();
    assert_eq!((heard.0.payload_type, heard.1.len()), (0, 160), "the new address, in the new codec");
    moved.say(0, 2, &voice_of(3));
    agent.hear();
    follow(&mut rig, offer(&moved.socket, "127.0.0.1", "0 101") + "a=inactive\r\n");
    rig.settle();
    let sent = rig.media.figures().read().to_trunks;
    agent.say(2, &voice_of(4));
    rig.wait_until(|counters| counters.from_agents == 3);
    // The next order is taken before the next packet: what that packet did is done.
    follow(&mut rig, offer(&moved.socket, "127.0.0.1", "0 101"));
    rig.settle();
    assert_eq!(rig.media.figures().read().to_trunks, sent, "who holds us hears nothing");
}
