//! Trunks as their carriers want them: encrypted, in Opus, with keys as tones, over IPv6.

use super::*;
use call_core::plan::{KeyMode, Srtp, TrunkCodec};
use std::net::Ipv6Addr;
use voice::codec::{Codec as Coder, Decoder, Encoder};
use voice::g711::encode_alaw;
use voice::rtcp::{self, Item};
use voice::srtp::{MAX_CONTROL_BYTES, MAX_TAG_BYTES, SrtcpReceiver};

fn terms(codecs: &[TrunkCodec], keys: KeyMode, srtp: Srtp) -> VoiceTerms {
    VoiceTerms { voice: TrunkVoice { codecs: codecs.to_vec(), keys, srtp, nat: false }, encrypted: srtp != Srtp::Off, ipv6: false }
}

/// The far side's own keys and ours as the answer names them.
struct Secured {
    citizen: Citizen,
    sender: SrtpSender,
    receiver: SrtpReceiver,
    reports: SrtcpReceiver,
}

impl Secured {
    fn open(rig: &mut Rig, suite: Suite, more: &str) -> Self {
        let socket = socket("127.0.0.1");
        let (name, key) = (suite.sdp_name(), vec![3; suite.master_bytes()]);
        let line = format!("a=crypto:4 {name} inline:{}\r\n", STANDARD.encode(&key));
        let offer = offer(&socket, "127.0.0.1", "8 101").replace("RTP/AVP", "RTP/SAVP") + &line + more;
        let answer = rig.open_with(CITIZEN, Some(&offer), terms(&[TrunkCodec::Pcma], KeyMode::Rfc4733, Srtp::Required)).expect("an answer");
        let ours = answer.lines().find_map(|line| line.strip_prefix(&format!("a=crypto:4 {name} inline:"))).expect("our key");
        let ours = MasterKey::read(suite, &STANDARD.decode(ours).expect("base64")).expect("its length");
        let theirs = MasterKey::read(suite, &key).expect("its length");
        assert_ne!(ours, theirs, "each side has a key of its own");
        Self {
            citizen: Citizen { socket, server: rtp_address(&answer), answer },
            sender: SrtpSender::with_suite(suite, &theirs),
            receiver: SrtpReceiver::with_suite(suite, &ours),
            reports: SrtcpReceiver::new(suite, &ours),
        }
    }

    fn say(&mut self, header: &Header, payload: &[u8]) {
        let mut bytes = datagram(header, payload);
        let length = bytes.len();
        bytes.resize(length + MAX_TAG_BYTES, 0);
        let length = self.sender.protect(&mut bytes, length).expect("room for it");
        self.citizen.send(&bytes[..length]);
    }

    /// The next voice packet; reports on the same port are opened, and counted.
    fn hear(&mut self, reports: &mut usize) -> Vec<u8> {
        loop {
            let mut bytes = [0; 2_048];
            let length = self.citizen.socket.recv(&mut bytes).expect("a packet in time");
            if (192..=223).contains(&bytes[1]) {
                let length = self.reports.unprotect(&mut bytes[..length]).expect("authentic");
                assert!(rtcp::read(&bytes[..length]).expect("a report").into_iter().any(|item| matches!(item, Item::Report(_))));
                *reports += 1;
                continue;
            }
            let length = self.receiver.unprotect(&mut bytes[..length]).expect("authentic");
            return Packet::read(&bytes[..length]).expect("RTP").payload.to_vec();
        }
    }
}

#[test]
fn an_encrypted_trunk_and_an_agent_hear_each_other_and_nobody_else_is_heard() {
    for suite in [Suite::AesCm128HmacSha1, Suite::Aes128Gcm] {
        let limits = Limits { report: Duration::from_millis(20), ..Limits::default() };
        let mut rig = Rig::with(limits, free_ports(64));
        let (mut far, mut agent) = (Secured::open(&mut rig, suite, "a=rtcp-mux\r\n"), rig.reachable_agent());
        assert!(far.citizen.answer.contains("RTP/SAVP 8 101\r\n") && far.citizen.answer.contains("a=rtcp-mux"), "{}", far.citizen.answer);
        rig.connect();
        far.citizen.say(8, 7, &voice_of(7));
        rig.wait_until(|counters| counters.not_authentic == 1);
        let mut reports = 0;
        for number in 1..30 {
            far.say(&header(8, number), &voice_of(number));
            assert_eq!(agent.hear().1, voice_of(number));
            agent.say(number, &voice_of(100 + number));
            assert_eq!(far.hear(&mut reports), voice_of(100 + number));
        }
        let mut number = 30;
        for packet in KeySender::new('5', 3).expect("a key") {
            far.say(&Header { marker: packet.marker, timestamp: 77, ..header(101, number) }, &packet.payload);
            number += 1;
        }
        assert_eq!(rig.input(), Input::Digit { leg: CITIZEN, digit: '5' });
        while reports == 0 {
            number += 1;
            agent.say(number, &voice_of(number));
            far.hear(&mut reports);
        }
        assert_eq!(rig.media.figures().read().repeated, 0);
    }
}

#[test]
fn music_and_pressed_keys_are_encrypted_too() {
    let mut rig = Rig::new();
    let mut far = Secured::open(&mut rig, Suite::AesCm128HmacSha1, "");
    rig.send(MediaCommand::Play { leg: CITIZEN, sound: Sound::Music });
    assert_eq!(far.hear(&mut 0).len(), 160);
    rig.send(MediaCommand::PressKeys { leg: CITIZEN, keys: "7".into() });
    while far.hear(&mut 0).len() != 4 {}
}

#[test]
fn the_answer_to_our_offer_brings_the_key() {
    let mut rig = Rig::new();
    let ours = rig.open_with(CITIZEN, None, terms(&[TrunkCodec::Pcma], KeyMode::Rfc4733, Srtp::Required)).expect("an offer");
    let suite = Suite::AesCm128HmacSha1;
    let our_key = ours.lines().find_map(|line| line.strip_prefix("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:")).expect("our key");
    let our_key = MasterKey::read(suite, &STANDARD.decode(our_key).expect("base64")).expect("30 bytes");
    let theirs = MasterKey([5; 30]);
    let socket = socket("127.0.0.1");
    let line = format!("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{}\r\n", STANDARD.encode([5; 30]));
    let answer = offer(&socket, "127.0.0.1", "8").replace("RTP/AVP", "RTP/SAVP") + &line;
    rig.send(MediaCommand::Follow { leg: CITIZEN, description: SessionText(answer.into()) });
    let mut agent = rig.reachable_agent();
    rig.connect();
    let citizen = Citizen { socket, server: rtp_address(&ours), answer: ours };
    let mut far = Secured {
        citizen,
        sender: SrtpSender::new(&theirs),
        receiver: SrtpReceiver::new(&our_key),
        reports: SrtcpReceiver::new(suite, &our_key),
    };
    far.say(&header(8, 1), &voice_of(1));
    assert_eq!(agent.hear().1, voice_of(1));
    agent.say(1, &voice_of(2));
    assert_eq!(far.hear(&mut 0), voice_of(2));
}

/// A tone in frames of 20 ms, and how loud it is.
fn tone_frames() -> Vec<[i16; 160]> {
    (0..40).map(|frame| std::array::from_fn(|n| ((f64::from(frame * 160 + n as i32) * 0.35).sin() * 8_000.0) as i16)).collect()
}

fn level(samples: &[i16]) -> f64 {
    (samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / samples.len().max(1) as f64).sqrt()
}

fn opus() -> (Encoder, Decoder) {
    let codec = Coder::Opus { expected_loss_percent: 0 };
    (codec.encoder().expect("libopus is there"), codec.decoder().expect("libopus is there"))
}

#[test]
fn a_trunk_in_opus_is_heard_and_hears_and_its_keys_count() {
    let mut rig = Rig::new();
    let socket = socket("127.0.0.1");
    let offer = offer(&socket, "127.0.0.1", "96 8 101 97") + "a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/48000\r\n";
    let wanted = terms(&[TrunkCodec::Opus, TrunkCodec::Pcma], KeyMode::Rfc4733, Srtp::Off);
    let answer = rig.open_with(CITIZEN, Some(&offer), wanted).expect("an answer");
    assert!(answer.contains("RTP/AVP 96 8 101 97\r\n"), "{answer}");
    let citizen = Citizen { socket, server: rtp_address(&answer), answer };
    let mut agent = rig.reachable_agent();
    rig.connect();
    let ((mut encoder, mut decoder), mut payload) = (opus(), [0; 480]);
    let (mut at_agent, mut at_citizen) = (Vec::new(), Vec::new());
    for (number, frame) in (1_u16..).zip(tone_frames()) {
        let length = encoder.encode(&frame, &mut payload).expect("20 ms");
        let timestamp = u32::MAX.wrapping_add(960 * u32::from(number));
        citizen.send(&datagram(&Header { timestamp, ..header(96, number) }, &payload[..length]));
        let (head, heard) = agent.hear();
        assert_eq!((heard.len(), head.payload_type), (160, 8));
        at_agent.extend(heard.into_iter().map(alaw_to_linear));
        let mut alaw = [0; 160];
        encode_alaw(&frame, &mut alaw);
        agent.say(number, &alaw);
        let (head, heard) = citizen.hear();
        assert_eq!(head.payload_type, 96);
        assert!(heard[0] >> 3 >= 16, "the transform codes (RFC 6716 table 2)");
        let mut samples = [0; 160];
        assert_eq!(decoder.decode(&heard, &mut samples), Ok(160));
        at_citizen.extend(samples);
    }
    let said = level(&tone_frames().concat());
    for (who, heard) in [("agent", at_agent), ("citizen", at_citizen)] {
        let heard = level(&heard[1_600..]);
        assert!((0.7..1.4).contains(&(heard / said)), "{who} heard {heard} of {said}");
    }
    for packet in KeySender::new('3', 3).expect("a key") {
        citizen.send(&datagram(&Header { marker: packet.marker, timestamp: 9_600, ..header(97, 99) }, &packet.payload));
    }
    assert_eq!(rig.input(), Input::Digit { leg: CITIZEN, digit: '3' });
    // The law behind Opus may be spoken at any time.
    citizen.say(8, 100, &voice_of(1));
    assert_eq!(agent.hear().1, voice_of(1));
}

#[test]
fn our_clock_towards_a_trunk_in_opus_counts_48000_in_a_second() {
    let mut rig = Rig::new();
    let socket = socket("127.0.0.1");
    let offer = offer(&socket, "127.0.0.1", "96 97") + "a=rtpmap:96 opus/48000/2\r\na=rtpmap:97 telephone-event/48000\r\n";
    let wanted = terms(&[TrunkCodec::Pcma, TrunkCodec::Opus], KeyMode::Rfc4733, Srtp::Off);
    let answer = rig.open_with(CITIZEN, Some(&offer), wanted).expect("an answer");
    let citizen = Citizen { socket, server: rtp_address(&answer), answer };
    rig.send(MediaCommand::Play { leg: CITIZEN, sound: Sound::Music });
    let (first, second) = (citizen.hear().0, citizen.hear().0);
    let step = second.timestamp.wrapping_sub(first.timestamp);
    assert!(step >= 960 && step % 960 == 0, "{step}");
    rig.send(MediaCommand::PressKeys { leg: CITIZEN, keys: "8".into() });
    let (mut reader, mut longest) = (KeyReader::default(), 0);
    loop {
        let (header, payload) = citizen.hear();
        if header.payload_type != 97 {
            continue;
        }
        longest = longest.max(u16::from_be_bytes([payload[2], payload[3]]));
        if reader.read(header.ssrc, header.timestamp, &payload) == Some('8') {
            break;
        }
    }
    assert!(longest >= 960, "{longest}");
}

#[test]
fn where_keys_are_tones_or_requests_no_events_are_sent() {
    for mode in [KeyMode::InBand, KeyMode::Info] {
        let mut rig = Rig::new();
        let socket = socket("127.0.0.1");
        let offer = offer(&socket, "127.0.0.1", "8 101");
        let answer = rig.open_with(CITIZEN, Some(&offer), terms(&[TrunkCodec::Pcma], mode, Srtp::Off)).expect("an answer");
        assert!(!answer.contains("101"), "{answer}");
        let citizen = Citizen { socket, server: rtp_address(&answer), answer };
        rig.send(MediaCommand::PressKeys { leg: CITIZEN, keys: "6".into() });
        let mut detector = DtmfDetector::default();
        loop {
            let (header, payload) = citizen.hear();
            assert_eq!(header.payload_type, 8);
            let samples: Vec<i16> = payload.into_iter().map(alaw_to_linear).collect();
            if detector.hear(&samples) == Some('6') {
                break;
            }
        }
    }
}

#[test]
fn a_caller_over_ipv6_is_answered_there_and_one_that_we_cannot_reach_is_refused() {
    let (inbox, news) = Inbox::new();
    let (producer, taps) = rtrb::RingBuffer::new(1_000);
    let (four, six) = (IpAddr::from([127, 0, 0, 1]), IpAddr::V6(Ipv6Addr::LOCALHOST));
    let settings = MediaSettings {
        homes: [four, six].map(|address| Home { bind: address, advertise: address }).to_vec(),
        ports: free_ports(64),
        agent_listen: SocketAddr::new(four, 0),
        music: vec![1; 800],
        prompts: Vec::new(),
        threads: Some(1),
        call_limit: None,
    };
    let (tunnel, gateway) = crate::tunnel::dig(1).expect("an eventfd");
    let media = start(settings, MediaJoints { inbox, taps: vec![producer], tunnel }).expect("free ports");
    let mut rig = Rig { media, news, taps: vec![taps], gateway };
    let socket = socket("::1");
    let port = socket.local_addr().expect("bound").port();
    let offer = format!("v=0\r\no=- 1 1 IN IP6 ::1\r\ns=-\r\nc=IN IP6 ::1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n");
    let answer = rig.open(CITIZEN, Some(&offer)).expect("an answer");
    assert!(answer.contains("c=IN IP6 ::1\r\n"), "{answer}");
    rig.send(MediaCommand::Play { leg: CITIZEN, sound: Sound::Music });
    let mut bytes = [0; 2_048];
    let (_, from) = socket.recv_from(&mut bytes).expect("music over IPv6");
    assert_eq!((from.ip(), from.port()), (six, rtp_address(&answer).port()));
    let ours = rig.open_with(LegId(5), None, VoiceTerms { ipv6: true, ..VoiceTerms::default() }).expect("an offer");
    assert!(ours.contains("c=IN IP6 ::1\r\n"), "{ours}");
    drop(rig);
    assert_eq!(Rig::new().open(CITIZEN, Some(&offer)), Err(MediaFailure::BadOffer), "without an address of that kind");
}

/// Room for what a suite adds is there.
const _: () = assert!(MAX_TAG_BYTES <= MAX_CONTROL_BYTES);
