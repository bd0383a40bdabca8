//! The whole voice path against a server of voice on loopback: what is spoken arrives, and what is sent is heard.

use super::sound::{Condition, Frame, Loudspeaker, Microphone, SILENCE};
use super::{LoudspeakerChoice, MicrophoneChoice, Order, SoundChoice, Voice};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use desktop_core::{VoiceCommand, VoiceStatus, VoiceWay};
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use shared::model::VoiceCodec;
use shared::wire::{MediaAccess, VoiceOptions, VoiceOrder};
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::watch;
use voice::FRAME_SAMPLES;
use voice::codec::Codec;
use voice::correlate::find;
use voice::g711::{decode_alaw, encode_alaw};
use voice::rtcp::{self, Item, ReportBlock};
use voice::rtp::{HEADER_BYTES, Header, Packet};
use voice::srtp::{MAX_TAG_BYTES, MasterKey, SrtcpReceiver, SrtpReceiver, SrtpSender, Suite};

const CLIENT_SSRC: u32 = 0x1111;
const SERVER_SSRC: u32 = 0x2222;
const OPUS_TYPE: u8 = 111;
/// No connection leaves packets.
fn no_packets() -> super::PacketReceiver {
    std::sync::mpsc::sync_channel(1).1
}

const LIMIT: Duration = Duration::from_secs(5);

/// A folder of this test alone, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("agent-desktop-voice-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a scratch folder can be made");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Syllables of noise, as unlike themselves at other places as speech.
fn speech(seed: u32, samples: usize) -> Vec<i16> {
    let mut state = seed;
    let mut low = 0.0_f32;
    (0..samples)
        .map(|n| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = (state >> 16) as f32 / 32_768.0 - 1.0;
            low += 0.3 * (noise - low);
            let loud = 12_000.0 * ((n as f32 / 900.0 + seed as f32).sin() * (n as f32 / 2_300.0).sin()).abs();
            (low * loud) as i16
        })
        .collect()
}

/// The server's end of the line.
struct Server {
    socket: UdpSocket,
    receiver: SrtpReceiver,
    sender: SrtpSender,
    control: SrtcpReceiver,
    options: Option<VoiceOptions>,
    /// What the client has reported.
    reports: Vec<ReportBlock>,
    sequence: u16,
    client: Option<SocketAddr>,
}

impl Server {
    fn new() -> Self {
        Self::with_suite(Suite::AesCm128HmacSha1, None)
    }

    /// One that can all that the protocol knows.
    fn able() -> Self {
        let key = |byte| STANDARD.encode([byte; 28]);
        let options = VoiceOptions { gcm_client_key: key(1), gcm_server_key: key(2), opus_payload_type: OPUS_TYPE, tunnel: true };
        Self::with_suite(Suite::Aes128Gcm, Some(options))
    }

    fn with_suite(suite: Suite, options: Option<VoiceOptions>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has a port");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit can be set");
        let key = |byte| MasterKey::read(suite, &vec![byte; suite.master_bytes()]).expect("of the suite's length");
        let (receiver, sender) = (SrtpReceiver::with_suite(suite, &key(1)), SrtpSender::with_suite(suite, &key(2)));
        let control = SrtcpReceiver::new(suite, &key(1));
        Self { socket, receiver, sender, control, options, reports: Vec::new(), sequence: 0, client: None }
    }

    fn access(&self) -> MediaAccess {
        MediaAccess {
            port: self.socket.local_addr().expect("it is bound").port(),
            client_ssrc: CLIENT_SSRC,
            server_ssrc: SERVER_SSRC,
            client_key: STANDARD.encode([1; 30]),
            server_key: STANDARD.encode([2; 30]),
            options: self.options.clone(),
        }
    }

    fn open(&self) -> Order {
        Order::Voice(VoiceCommand::Open { host: "127.0.0.1".to_owned(), access: self.access() })
    }

    /// The next packet of the client, opened.
    fn hear(&mut self) -> (Header, Vec<i16>) {
        let (header, payload) = self.hear_any();
        assert_eq!((header.payload_type, payload.len()), (8, FRAME_SAMPLES));
        let mut samples = vec![0; payload.len()];
        decode_alaw(&payload, &mut samples);
        (header, samples)
    }

    /// The next voice packet, whatever its codec.
    fn hear_any(&mut self) -> (Header, Vec<u8>) {
        loop {
            let mut packet = [0; 2_048];
            let (length, from) = self.socket.recv_from(&mut packet).expect("the client sends within the limit");
            self.client = Some(from);
            if let Some(heard) = self.open_packet(&mut packet[..length]) {
                return heard;
            }
        }
    }

    /// A voice packet; `None` for a report, which is kept.
    fn open_packet(&mut self, packet: &mut [u8]) -> Option<(Header, Vec<u8>)> {
        if (192..=223).contains(&packet[1]) {
            let length = self.control.unprotect(packet).expect("the report is authentic");
            for item in rtcp::read(&packet[..length]).expect("it is RTCP") {
                let Item::Report(report) = item else { panic!("no goodbye was said") };
                assert!(report.sender.is_some_and(|sender| sender.packets > 0), "{report:?}");
                self.reports.extend(report.blocks());
            }
            return None;
        }
        let length = self.receiver.unprotect(packet).expect("it is authentic");
        let Packet { header, payload } = Packet::read(&packet[..length]).expect("it is RTP");
        assert_eq!(header.ssrc, CLIENT_SSRC);
        Some((header, payload.to_vec()))
    }

    fn say(&mut self, frame: &[i16]) {
        let packet = self.packet(frame);
        self.socket.send_to(&packet, self.client.expect("the client was heard")).expect("loopback takes it");
    }

    fn packet(&mut self, frame: &[i16]) -> Vec<u8> {
        let mut packet = [0; HEADER_BYTES + FRAME_SAMPLES + MAX_TAG_BYTES];
        let timestamp = u32::from(self.sequence) * FRAME_SAMPLES as u32;
        let header = Header { marker: self.sequence == 0, payload_type: 8, sequence: self.sequence, timestamp, ssrc: SERVER_SSRC };
        self.sequence += 1;
        header.write(&mut packet).expect("there is room");
        encode_alaw(frame, &mut packet[HEADER_BYTES..HEADER_BYTES + FRAME_SAMPLES]);
        let length = self.sender.protect(&mut packet, HEADER_BYTES + FRAME_SAMPLES).expect("there is room");
        packet[..length].to_vec()
    }
}

fn write_wav(path: &PathBuf, samples: &[i16]) {
    let spec = WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec).expect("a scratch file can be made");
    samples.iter().for_each(|sample| writer.write_sample(*sample).expect("and written"));
    writer.finalize().expect("and closed");
}

fn talk(on: bool) -> Order {
    Order::Voice(VoiceCommand::Talk(on))
}

#[test]
fn what_is_spoken_arrives_and_what_is_sent_is_heard_in_calls_alone() {
    let folder = Folder::new("both");
    let (mic, ear) = (folder.0.join("mic.wav"), folder.0.join("ear.wav"));
    let (said, answered) = (speech(1, 12_000), speech(7, 12_000));
    write_wav(&mic, &said);
    let choice =
        SoundChoice { microphone: MicrophoneChoice::File { path: mic, looped: false }, loudspeaker: LoudspeakerChoice::File(ear.clone()) };
    let (report, mut status) = watch::channel(VoiceStatus::default());
    let voice = Voice::start(&choice, no_packets(), report).expect("both files are good");
    let mut server = Server::new();
    voice.order(server.open());
    let (_, silent) = server.hear();
    assert!(silent.iter().all(|sample| sample.unsigned_abs() <= 8), "outside calls there is silence");
    server.say(&[9_000; FRAME_SAMPLES]);

    voice.order(talk(true));
    let mut arrived = Vec::new();
    let mut last: Option<Header> = None;
    // A-law has no zero: an idle line rattles between its two smallest values.
    let rattle: [i16; FRAME_SAMPLES] = std::array::from_fn(|n| if n * n / 7 % 2 == 0 { 8 } else { -8 });
    for frame in answered.chunks(FRAME_SAMPLES).chain(std::iter::repeat_n(&rattle[..], 15)) {
        let (header, samples) = server.hear();
        if let Some(last) = last {
            assert_eq!(header.sequence, last.sequence.wrapping_add(1));
            assert!(header.timestamp.wrapping_sub(last.timestamp).is_multiple_of(FRAME_SAMPLES as u32));
        } else {
            assert!(header.marker, "a call begins a spurt");
        }
        last = Some(header);
        arrived.extend(samples);
        server.say(frame);
    }
    let seen = status.borrow_and_update().clone();
    assert!(seen.receiving && seen.device.as_deref() == Some("mic.wav / ear.wav"), "{seen:?}");
    voice.order(talk(false));
    drop(voice);

    let found = find(&said, &arrived).expect("there is sound");
    assert!(found.correlation > 0.95, "{found:?}");
    let heard: Vec<i16> = WavReader::open(&ear).expect("a valid header").into_samples().map(|s| s.expect("whole")).collect();
    let found = find(&answered, &heard).expect("there is sound");
    assert!(found.envelope > 0.9, "{found:?}");
    assert!(found.delay_samples < 2_400, "heard within 300 ms: {found:?}");
    assert!(!heard.contains(&9_000), "what came before the call is not in it");
    let idle = heard.iter().filter(|sample| sample.unsigned_abs() == 8).count();
    assert!(idle < 8 * FRAME_SAMPLES, "the noise of A-law's steps is taken out: {idle} samples of an idle line");
}

#[test]
fn a_line_is_kept_open_with_a_silent_packet_each_second_and_closed_with_the_session() {
    let (report, _status) = watch::channel(VoiceStatus::default());
    let voice = Voice::start(&SoundChoice::default(), no_packets(), report).expect("nothing can be missing");
    let mut server = Server::new();
    voice.order(server.open());
    let (first, _) = server.hear();
    voice.order(server.open());
    let began = std::time::Instant::now();
    let (second, _) = server.hear();
    assert!(began.elapsed() > Duration::from_millis(500), "the same keys again are left alone");
    assert_eq!(second.sequence, first.sequence.wrapping_add(1));
    let advance = second.timestamp.wrapping_sub(first.timestamp);
    assert!((7_000..16_000).contains(&advance), "timestamps follow the clock: {advance}");
    voice.order(Order::Voice(VoiceCommand::Close));
    server.socket.set_read_timeout(Some(Duration::from_millis(1_500))).expect("a limit can be set");
    assert!(server.socket.recv(&mut [0; 2_048]).is_err(), "nothing more comes");
}

#[test]
fn packets_that_are_not_the_servers_are_not_heard() {
    let folder = Folder::new("forged");
    let ear = folder.0.join("ear.wav");
    let choice = SoundChoice { microphone: MicrophoneChoice::Nothing, loudspeaker: LoudspeakerChoice::File(ear.clone()) };
    let (report, mut status) = watch::channel(VoiceStatus::default());
    let voice = Voice::start(&choice, no_packets(), report).expect("the file is good");
    let mut server = Server::new();
    voice.order(server.open());
    server.sender = SrtpSender::new(&MasterKey([9; 30]));
    voice.order(talk(true));
    for _ in 0..20 {
        server.hear();
        server.say(&[9_000; FRAME_SAMPLES]);
    }
    assert!(!status.borrow_and_update().receiving);
    drop(voice);
    let heard: Vec<i16> = WavReader::open(&ear).expect("a valid header").into_samples().map(|s| s.expect("whole")).collect();
    assert!(heard.len() > 10 * FRAME_SAMPLES && heard.iter().all(|sample| *sample == 0));
}

#[test]
fn a_file_that_cannot_be_used_is_told_before_anything_starts() {
    let (report, _status) = watch::channel(VoiceStatus::default());
    let microphone = MicrophoneChoice::File { path: PathBuf::from("/nowhere/mic.wav"), looped: false };
    let error =
        Voice::start(&SoundChoice { microphone, ..SoundChoice::default() }, no_packets(), report).map(|_| ()).expect_err("no such file");
    assert!(error.to_string().contains("/nowhere/mic.wav"), "{error}");
}

/// Waits until the status is so.
fn await_status(status: &mut watch::Receiver<VoiceStatus>, what: &str, reached: impl Fn(&VoiceStatus) -> bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a small runtime");
    let waited = runtime.block_on(async { tokio::time::timeout(4 * LIMIT, status.wait_for(|status| reached(status))).await });
    waited.unwrap_or_else(|_| panic!("never: {what}")).expect("the voice thread lives");
}

#[test]
fn an_able_server_is_spoken_to_in_gcm_gets_reports_and_gets_opus_when_it_asks_without_a_gap() {
    let folder = Folder::new("able");
    let mic = folder.0.join("mic.wav");
    let said = speech(3, 32_000);
    write_wav(&mic, &said);
    let choice = SoundChoice { microphone: MicrophoneChoice::File { path: mic, looped: false }, loudspeaker: LoudspeakerChoice::Nothing };
    let (report, mut status) = watch::channel(VoiceStatus::default());
    let voice = Voice::start(&choice, no_packets(), report).expect("the file is good");
    let mut server = Server::able();
    voice.order(server.open());
    server.hear();
    voice.order(talk(true));
    let (mut arrived, mut heard_opus, mut last) = (Vec::new(), 0, None::<Header>);
    let mut decoder = Codec::Opus { expected_loss_percent: 10 }.decoder().expect("libopus is there");
    for frame in 0..180 {
        if frame == 40 {
            voice.order(Order::Voice(VoiceCommand::Send(VoiceOrder { codec: VoiceCodec::Opus, expected_loss_percent: 10 })));
        }
        let (header, payload) = server.hear_any();
        server.say(&[0; FRAME_SAMPLES]);
        let mut samples = [0; FRAME_SAMPLES];
        if header.payload_type == OPUS_TYPE {
            heard_opus += 1;
            assert_eq!(decoder.decode(&payload, &mut samples), Ok(FRAME_SAMPLES));
        } else {
            decode_alaw(&payload, &mut samples);
        }
        let counted = if header.payload_type == OPUS_TYPE { header.timestamp / 6 } else { header.timestamp };
        if let Some(last) = last.filter(|_| frame > 1) {
            assert_eq!(header.sequence, last.sequence.wrapping_add(1));
            let step = counted.wrapping_sub(last.timestamp);
            assert!(step.is_multiple_of(FRAME_SAMPLES as u32) && (1..50_000).contains(&step), "one clock in both codecs: {step}");
        }
        last = Some(Header { timestamp: counted, ..header });
        arrived.extend(samples);
    }
    assert!(heard_opus > 100, "{heard_opus}");
    assert_eq!(status.borrow_and_update().sends, VoiceCodec::Opus);
    drop(voice);
    let found = find(&said[8_000..24_000], &arrived).expect("there is sound");
    // What sounds like noise is not followed sample by sample by a codec for speech.
    assert!(found.correlation > 0.75 && found.envelope > 0.9, "{found:?}");
    let newest = server.reports.last().expect("reports came");
    assert!(newest.ssrc == SERVER_SSRC && newest.highest & 0xFFFF > 40, "{newest:?}");
}

#[test]
fn what_udp_does_not_bring_back_goes_through_the_tunnel_until_udp_works() {
    let (packets, inbox) = std::sync::mpsc::sync_channel(super::WAITING_PACKETS);
    let (report, mut status) = watch::channel(VoiceStatus::default());
    let voice = Voice::start(&SoundChoice::default(), inbox, report).expect("nothing can be missing");
    let mut server = Server::able();
    let (tunnel, mut through) = tokio::sync::mpsc::channel(super::WAITING_PACKETS);
    voice.order(server.open());
    voice.order(Order::Tunnel(Some(tunnel)));
    voice.order(talk(true));
    server.hear_any();
    // Nothing is answered by UDP: the way changes, and what comes through the tunnel is heard.
    await_status(&mut status, "the tunnel", |status| status.way == VoiceWay::Tunnel);
    while through.try_recv().is_ok() {}
    let mut packet = through.blocking_recv().expect("the voice thread lives");
    server.open_packet(&mut packet);
    packets.try_send(server.packet(&[500; FRAME_SAMPLES])).expect("there is room");
    await_status(&mut status, "what came through the tunnel", |status| status.receiving);
    // A copy comes by UDP too, now and then; what is answered to it there brings UDP back.
    let mut newest = [0; 2_048];
    server.socket.set_nonblocking(true).expect("it can be set");
    while server.socket.recv(&mut newest).is_ok() {}
    server.socket.set_nonblocking(false).expect("it can be set");
    let (_, from) = server.socket.recv_from(&mut newest).expect("UDP is tried again");
    server.client = Some(from);
    assert_eq!(status.borrow_and_update().way, VoiceWay::Tunnel);
    server.say(&[500; FRAME_SAMPLES]);
    await_status(&mut status, "UDP again", |status| status.way == VoiceWay::Udp);
}

/// What a pretended device tells of itself.
#[derive(Debug, Clone, PartialEq)]
enum Told {
    /// Woken, or told to rest.
    Runs(&'static str, bool),
    /// What it plays, when it is not silence.
    Played(Vec<i16>),
}

/// A device that is open as soon as it may be.
struct Pretended {
    name: &'static str,
    runs: bool,
    opens: Arc<AtomicBool>,
    tell: mpsc::Sender<Told>,
}

impl Pretended {
    fn run(&mut self, on: bool) {
        if std::mem::replace(&mut self.runs, on) != on {
            let _ = self.tell.send(Told::Runs(self.name, on));
        }
    }
}

impl Microphone for Pretended {
    fn begin_call(&mut self) {}

    fn read(&mut self, frame: &mut Frame) {
        *frame = SILENCE;
    }

    fn condition(&mut self) -> Condition {
        Condition::Works(self.name.to_owned())
    }

    fn wake(&mut self) {
        self.run(true);
    }

    fn rest(&mut self) {
        self.run(false);
    }
}

impl Loudspeaker for Pretended {
    fn begin_call(&mut self) {}

    fn end_call(&mut self) {}

    fn play(&mut self, frame: &Frame) {
        if *frame != SILENCE {
            let _ = self.tell.send(Told::Played(frame.to_vec()));
        }
    }

    fn condition(&mut self) -> Condition {
        Condition::Works(self.name.to_owned())
    }

    fn wake(&mut self) {
        self.run(true);
    }

    fn opens(&self) -> bool {
        self.opens.load(Ordering::Relaxed)
    }

    fn rest(&mut self) {
        self.run(false);
    }
}

/// A voice thread with pretended devices and an open line.
struct Desk {
    orders: mpsc::SyncSender<Order>,
    told: mpsc::Receiver<Told>,
    opens: Arc<AtomicBool>,
    server: Server,
}

impl Desk {
    fn open() -> Self {
        let (orders, inbox) = mpsc::sync_channel(16);
        let (tell, told) = mpsc::channel();
        let opens = Arc::<AtomicBool>::default();
        let device = |name| Pretended { name, runs: false, opens: Arc::clone(&opens), tell: tell.clone() };
        let (microphone, loudspeaker) = (device("microphone"), device("loudspeaker"));
        let (report, _) = watch::channel(VoiceStatus::default());
        let work = move || super::worker::run(inbox, no_packets(), Box::new(microphone), Box::new(loudspeaker), report);
        std::thread::spawn(work);
        let mut desk = Self { orders, told, opens, server: Server::new() };
        desk.order(desk.server.open());
        desk.server.hear();
        desk
    }

    fn order(&self, order: Order) {
        self.orders.send(order).expect("the voice thread lives");
    }

    /// The devices that change next, whatever is played meanwhile.
    fn changes(&self, count: usize) -> Vec<(&'static str, bool)> {
        let told = std::iter::repeat_with(|| self.told.recv_timeout(LIMIT).expect("told within the limit"));
        let mut changes: Vec<_> =
            told.filter_map(|told| if let Told::Runs(name, on) = told { Some((name, on)) } else { None }).take(count).collect();
        changes.sort_unstable();
        changes
    }
}

#[test]
fn devices_run_while_there_is_something_to_hear_or_to_say_and_at_no_other_time() {
    let mut desk = Desk::open();
    desk.server.hear();
    assert!(desk.told.try_recv().is_err(), "nothing runs while the agent waits");
    let both = |on| [("loudspeaker", on), ("microphone", on)];
    let one = |on| [("loudspeaker", on)];
    // From the ringing to the end of the talk without an interruption.
    desk.order(Order::Ring(true));
    assert_eq!(desk.changes(2), both(true));
    desk.order(talk(true));
    desk.order(Order::Ring(false));
    desk.server.hear();
    desk.order(talk(false));
    assert_eq!(desk.changes(2), both(false));
    // What is only heard needs no microphone.
    desk.order(Order::Alert);
    assert_eq!(desk.changes(2), [("loudspeaker", false), ("loudspeaker", true)]);
    desk.order(Order::Voice(VoiceCommand::Listen(true)));
    assert_eq!(desk.changes(1), one(true));
    desk.order(talk(true));
    assert_eq!(desk.changes(1), [("microphone", true)]);
    // Without a session there is nothing to hear.
    desk.order(Order::Voice(VoiceCommand::Close));
    assert_eq!(desk.changes(2), both(false));
}

#[test]
fn nothing_of_the_ring_is_lost_while_the_loudspeaker_is_being_opened() {
    let mut desk = Desk::open();
    desk.opens.store(true, Ordering::Relaxed);
    desk.order(Order::Ring(true));
    assert_eq!(desk.changes(2).len(), 2);
    // By the next silent packet of the line many beats have passed.
    desk.server.hear();
    assert!(desk.told.try_recv().is_err(), "what is played to a device that is not open is lost");
    desk.opens.store(false, Ordering::Relaxed);
    let mut begin = SILENCE;
    super::tone::Bell::default().mix(&mut begin);
    assert_eq!(desk.told.recv_timeout(LIMIT), Ok(Told::Played(begin.to_vec())), "from its beginning");
}
