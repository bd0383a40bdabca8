//! Late and forged voice packets: what strangers send to every port of the server, and what an old call still sends after its end, is heard
//! by no citizen, no agent and nobody outside.

use e2e::stage::{Stage, WHILE, expert};
use e2e::tones::{AGENT as A, CITIZEN as C, EXPERT as E, STRANGER, heard, tone};
use e2e::{LATER, SOON, Site, baresip};
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use voice::rtp::Header;

/// Length of a packet's voice in samples.
const SAMPLES: usize = 160;

/// Sends a loud tone in well-formed packets to every media port of the server, from two addresses, until it is dropped.
struct Spray {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Spray {
    fn start(ports: &[u16]) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let targets: Vec<SocketAddr> = ports.iter().map(|port| SocketAddr::from(([127, 0, 0, 1], *port))).collect();
        let (ended, count) = (Arc::clone(&stop), Arc::clone(&sent));
        let thread = std::thread::spawn(move || spray(&targets, &ended, &count));
        Self { stop, sent, thread: Some(thread) }
    }

    fn end(mut self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().expect("it runs").join().expect("it ends in order");
        self.sent.load(Ordering::Relaxed)
    }
}

fn spray(targets: &[SocketAddr], stop: &AtomicBool, sent: &AtomicU64) {
    // Neither is where anybody of the tests is; the host itself is left out, for its first packet may be a citizen behind a NAT.
    let sockets = ["127.0.0.9", "127.0.0.10"].map(|address| UdpSocket::bind((address, 0)).expect("a free loopback port"));
    let words: Vec<u8> = tone(STRANGER).iter().map(|sample| voice::g711::linear_to_alaw(*sample)).collect();
    let (mut number, start) = (0_u16, Instant::now());
    while !stop.load(Ordering::Relaxed) {
        let from = usize::from(number) * SAMPLES % (words.len() - SAMPLES);
        let header = Header { marker: false, payload_type: 8, sequence: number, timestamp: u32::from(number) * SAMPLES as u32, ssrc: 7 };
        let mut packet = vec![0; 12];
        header.write(&mut packet).expect("room for it");
        packet.extend_from_slice(&words[from..from + SAMPLES]);
        for target in targets {
            for socket in &sockets {
                // A port that is closed answers with an error that comes with a later packet.
                sent.fetch_add(u64::from(socket.send_to(&packet, target).is_ok()), Ordering::Relaxed);
            }
        }
        number = number.wrapping_add(1);
        let next = start + Duration::from_millis(20) * u32::from(number);
        while Instant::now() < next {
            std::thread::park_timeout(next.saturating_duration_since(Instant::now()));
        }
    }
}

/// The first ports of the site's range, from which the calls of a test get theirs, and the agents' port.
fn ports(site: &Site, agents: u16) -> Vec<u16> {
    let text = site.configuration();
    let line = text.lines().find(|line| line.starts_with("ports")).expect("the range of media ports");
    let first: u16 = line.split('"').nth(1).and_then(|range| range.split('-').next()?.parse().ok()).expect("a range");
    (0..12).map(|place| first + 2 * place).chain([agents]).collect()
}

#[test]
fn a_strangers_voice_is_heard_by_nobody_in_no_state_of_a_call() {
    let Some(outside) = expert("forged") else { return };
    let stage = Stage::new("forged", Some(&outside));
    let mut agent = stage.agent(0, A);
    let spray = Spray::start(&ports(&stage.site, stage.server.agent_media));
    let citizen = stage.citizen();
    agent.event("talking", SOON);
    agent.talks_for(WHILE);
    agent.tell("hold");
    agent.state("holding", SOON);
    agent.talks_for(WHILE);
    agent.tell(&format!("consult {}", baresip::USER));
    agent.event_where("call", SOON, |value| value["talk"]["aside"]["stage"] == "there");
    agent.talks_for(WHILE);
    agent.tell("merge");
    agent.event_where("call", SOON, |value| value["talk"]["others"].as_array().is_some_and(|others| others.len() == 1));
    agent.talks_for(WHILE);
    let report = citizen.hang_up(LATER);
    agent.state("ready", SOON);
    // The next call begins while the last one's packets are still on their way, so to speak.
    let next = stage.citizen();
    agent.event("talking", SOON);
    agent.talks_for(WHILE);
    let second = next.hang_up(LATER);
    let sent = spray.end();
    assert!(sent > 1_000, "only {sent} packets of the stranger");
    let _ = stage.site.settled(2, LATER);
    let all = [("citizen", report.heard), ("second citizen", second.heard), ("agent", agent.heard()), ("expert", outside.heard())];
    for (who, samples) in &all {
        let runs = heard(samples);
        assert!(!runs.iter().any(|(tones, _)| tones.contains(&STRANGER)), "{who} heard the stranger: {runs:?}");
    }
    let hears = |who: usize, tone: f64| heard(&all[who].1).iter().any(|(tones, _)| tones.contains(&tone));
    assert!(hears(0, A) && hears(0, E) && hears(1, A) && hears(2, C) && hears(3, C), "everybody heard whom they should");
    for call in stage.site.calls() {
        let [left, right] = stage.site.export(&call);
        assert!(![left, right].iter().any(|side| heard(side).iter().any(|(tones, _)| tones.contains(&STRANGER))), "in a recording");
    }
}
