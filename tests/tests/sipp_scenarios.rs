//! sipp plays carriers against the running server: each file of `tests/sipp` that stands in the table, over UDP, and some of them over
//! TCP, TLS and IPv6 as well. Debian's sipp has no TLS: a tunnel of the harness puts it around sipp's TCP.

use e2e::process::Running;
use e2e::tunnel::Tunnel;
use e2e::{LATER, Server, Site};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Longest scenario: a session that nobody refreshes.
const LIMIT: Duration = Duration::from_secs(150);

/// Scenario, and whether it makes a call that the server writes down.
const SCENARIOS: [(&str, Record); 37] = [
    ("accept_unknown", Record::None),
    ("answered", Record::One),
    ("bye_before_ack", Record::One),
    ("bye_of_nothing", Record::None),
    ("cancel_of_nothing", Record::None),
    ("codec_mu_law", Record::One),
    ("codec_none", Record::One),
    ("compact_names", Record::One),
    ("description_broken", Record::One),
    ("extension_unknown", Record::One),
    ("hold_inactive", Record::One),
    ("hold_old", Record::One),
    ("hold_sendonly", Record::One),
    ("late_offer", Record::One),
    ("length_wrong", Record::None),
    ("method_unknown", Record::One),
    ("number_old", Record::One),
    ("number_unknown", Record::One),
    ("number_withheld", Record::One),
    ("options_in_call", Record::One),
    ("options_outside", Record::None),
    ("record_route", Record::One),
    ("refer_refused", Record::One),
    ("reinvite_late", Record::One),
    ("reinvite_moved", Record::One),
    ("reinvite_no_codec", Record::One),
    ("reliable_ringing", Record::One),
    ("silent_caller", Record::One),
    ("tel_uri", Record::One),
    ("timer_by_caller", Record::One),
    ("timer_by_server", Record::One),
    ("timer_by_server_reinvite", Record::One),
    ("timer_lost", Record::One),
    ("timer_lost_by_server", Record::One),
    ("timer_too_short", Record::One),
    ("update_hold", Record::One),
    ("update_refresh", Record::One),
];

/// Those that are told again over each other transport.
const EVERYWHERE: [&str; 6] = ["answered", "late_offer", "hold_sendonly", "update_hold", "options_outside", "number_unknown"];

/// Calls that a scenario leaves in the server's book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Record {
    None,
    One,
}

impl Record {
    fn of(name: &str) -> Self {
        SCENARIOS.iter().find(|(known, _)| *known == name).map(|(_, record)| *record).expect("a scenario of the table")
    }

    fn count(self) -> usize {
        usize::from(self == Self::One)
    }
}

/// How sipp reaches the server.
#[derive(Debug, Clone, Copy)]
struct Way {
    local: &'static str,
    transport: &'static str,
    server: SocketAddr,
}

/// All at once: most of their time is waiting.
fn play(site: &Site, ways: &[(&'static str, Way)]) {
    let mut running: Vec<(String, Running)> = ways
        .iter()
        .enumerate()
        .map(|(place, (name, way))| {
            let title = format!("{name}-{place}");
            let folder = site.folder().join(&title);
            std::fs::create_dir_all(&folder).expect("the site's folder can be written");
            let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("sipp").join(name).with_extension("xml");
            let mut command = Command::new("sipp");
            command.current_dir(&folder).arg("-sf").arg(scenario).args(["-s", "12345", "-i", way.local, "-mi", way.local, "-nostdin"]);
            command.args(["-p", &free_port(way.local).to_string(), "-t", way.transport, "-m", "1", "-timeout", "140", "-trace_err"]);
            command.args(["-recv_timeout", "100000", "-trace_msg"]);
            command.arg(if way.server.is_ipv6() { format!("[{}]:{}", way.server.ip(), way.server.port()) } else { way.server.to_string() });
            (title, Running::start("sipp", &mut command, &folder.join("sipp.log")))
        })
        .collect();
    let mut failed = Vec::new();
    for (title, sipp) in &mut running {
        let status = sipp.ended(LIMIT);
        if !status.success() {
            failed.push(format!("{title}: {status}\n{}", errors(&site.folder().join(title.as_str()))));
        }
    }
    assert!(failed.is_empty(), "{} of {} scenarios failed:\n{}", failed.len(), ways.len(), failed.join("\n"));
}

/// What sipp wrote down about its failure.
fn errors(folder: &Path) -> String {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|path| path.to_string_lossy().contains("errors")).filter_map(|path| std::fs::read_to_string(path).ok()).collect()
}

/// sipp does not choose a port by itself.
fn free_port(local: &str) -> u16 {
    let socket = std::net::UdpSocket::bind((local, 0)).expect("a loopback port");
    socket.local_addr().expect("it is bound").port()
}

/// Whatever happened, each call has ended and is written down once.
fn assert_quiet(site: &Site, records: usize) {
    let calls = site.settled(records, LATER);
    assert!(calls.iter().all(|call| call.result.is_some()));
}

#[test]
fn each_scenario_of_a_carrier_ends_as_its_rfc_wants_it() {
    let site = Site::demo("sipp-udp");
    let server = Server::start(&site);
    let way = Way { local: "127.0.0.1", transport: "u1", server: server.sip };
    let all: Vec<(&str, Way)> = SCENARIOS.iter().map(|(name, _)| (*name, way)).collect();
    play(&site, &all);
    assert_quiet(&site, SCENARIOS.iter().map(|(_, record)| record.count()).sum());
}

#[test]
fn scenarios_go_over_tcp_tls_and_ipv6_too() {
    let site = Site::demo("sipp-ways");
    site.write_configuration(
        &(site.configuration()
            + "\n[[sip_listen]]\ntransport = \"tcp\"\nlisten = \"127.0.0.1:0\"\n\n[[sip_listen]]\ntransport = \"tls\"\nlisten = \"127.0.0.1:0\"\n\n\
               [[sip_listen]]\ntransport = \"udp\"\nlisten = \"[::1]:0\"\n"),
    );
    let text = site.configuration().replacen("sources = [\"127.0.0.1\"]", "sources = [\"127.0.0.1\", \"::1\"]", 1);
    assert!(text.contains("\"::1\"]"), "the demo's trunk has other sources:\n{text}");
    site.write_configuration(&text);
    let server = Server::start(&site);
    let tunnel = Tunnel::open(server.listener("tls"), &site.ca);
    let ways = [
        Way { local: "127.0.0.1", transport: "t1", server: server.listener("tcp") },
        Way { local: "127.0.0.1", transport: "t1", server: tunnel.address() },
        Way { local: "::1", transport: "u1", server: server.listener_where("udp", SocketAddr::is_ipv6) },
    ];
    let all: Vec<(&str, Way)> = ways.iter().flat_map(|way| EVERYWHERE.map(|name| (name, *way))).collect();
    play(&site, &all);
    assert_quiet(&site, all.iter().map(|(name, _)| Record::of(name).count()).sum());
}
