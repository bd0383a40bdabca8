//! A carrier with a busy hour: sipp brings a hundred calls with real voice, a dozen agents answer them all.

use e2e::process::Running;
use e2e::site::prompt;
use e2e::sound::{assert_stretch_of, read_mono};
use e2e::{Headless, HeadlessPlan, LATER, SOON, Server, Site};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const CALLS: usize = 100;
const CALLS_PER_SECOND: usize = 5;
const AGENTS: usize = 12;
const TALK: Duration = Duration::from_millis(1_800);

#[test]
fn a_hundred_calls_of_a_carrier_are_all_answered_and_recorded() {
    let site = Site::demo("carrier");
    site.configure("queues", "wrap_up_seconds", "0.1");
    let server = Server::start(&site);
    let over = Arc::new(AtomicBool::new(false));
    let agents: Vec<_> =
        site.agents.iter().take(AGENTS).map(|agent| Headless::sign_in(&site, &server, agent, HeadlessPlan::WILLING)).collect();
    let agents: Vec<_> = agents.into_iter().map(|agent| serve(agent, Arc::clone(&over))).collect();

    let mut carrier = carrier(&site, &server);
    let status = carrier.ended(Duration::from_secs(120));
    over.store(true, Ordering::Release);
    let answered: usize = agents.into_iter().map(|agent| agent.join().expect("no agent panics")).sum();
    assert!(status.success(), "sipp: {status}\n{}", carrier.story());
    assert_eq!(answered, CALLS, "calls that an agent talked in");

    let calls = site.settled(CALLS, LATER);
    let (said, answered_with) = (read_mono(&prompt("citizen")), read_mono(&prompt("agent")));
    for (place, call) in calls.iter().enumerate() {
        assert_eq!((call.end(), call.result().answered_by_agent), (("agent_hung_up", "agent"), true), "{call:?}");
        assert!(call.result().talk_ms >= 1_500, "{call:?}");
        assert_eq!(call.recording.as_ref().map(|recording| recording.state.as_str()), Some("complete"), "{call:?}");
        if place % 20 == 0 {
            let [left, right] = site.export(call);
            assert_stretch_of("the citizen on the left", &left, &said);
            assert_stretch_of("the agent on the right", &right, &answered_with);
        }
    }
}

/// Answers until told, ending each talk after [`TALK`]; returns how many there were.
fn serve(mut agent: Headless, over: Arc<AtomicBool>) -> std::thread::JoinHandle<usize> {
    std::thread::spawn(move || {
        let mut talks = 0;
        while !over.load(Ordering::Acquire) {
            if agent.event_within("talking", Duration::from_millis(500)).is_some() {
                talks += 1;
                if agent.event_within("call_ended", TALK).is_none() {
                    agent.tell("hang_up");
                    agent.event("call_ended", SOON);
                }
            }
        }
        talks
    })
}

fn carrier(site: &Site, server: &Server) -> Running {
    let folder = site.folder();
    let spoken: Vec<u8> = read_mono(&prompt("citizen")).iter().map(|&sample| voice::g711::linear_to_alaw(sample)).collect();
    std::fs::write(folder.join("voice.alaw"), spoken).expect("the site's folder can be written");
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp/carrier.xml");
    let mut command = Command::new("sipp");
    command.current_dir(folder).arg("-sf").arg(scenario).args(["-s", "12345", "-i", "127.0.0.1", "-mi", "127.0.0.1", "-nostdin"]);
    command.args(["-p", &free_port().to_string(), "-mp", "6000"]);
    command.args(["-m", &CALLS.to_string(), "-r", &CALLS_PER_SECOND.to_string(), "-timeout", "110", "-trace_err"]);
    command.arg(server.sip.to_string());
    Running::start("sipp", &mut command, &folder.join("sipp.log"))
}

/// sipp does not choose a port by itself.
fn free_port() -> u16 {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
    socket.local_addr().expect("it is bound").port()
}
