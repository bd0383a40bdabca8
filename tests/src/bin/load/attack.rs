//! Hostile and broken peers while calls run: what the calls notice, and what the server holds.
//!
//! One server, one set of calls; then a window for each attack, the first without any. In each window one thread speaks and listens at both
//! ends of all calls, one asks the server something every 20 ms from a trunk's address, and the attack does its worst.

use crate::generator::{self, Figures};
use crate::leg::Leg;
use crate::{agents, callers};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use e2e::{Server, Site};
use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde::Serialize;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Between two questions of the prober.
const QUESTION_PERIOD: Duration = Duration::from_millis(20);
/// A question without an answer for so long is lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// Requests a second of a flood.
const FLOOD_PER_S: u64 = 2_000;
/// What an attack may add to the server's memory: queues, connections and transactions that its limits allow.
const GROWTH_LIMIT_MIB: f64 = 128.0;
/// The measuring threads go before the attacking ones, which are in the same process: their waiting is not the server's.
const MEASURING_NICENESS: i32 = -10;
/// A second trunk, so that its flood does not count against the calls' own.
const HOSTILE_TRUNK: &str = "127.0.0.4";

#[derive(Args)]
pub(crate) struct AttackArguments {
    /// Calls that run meanwhile.
    #[arg(long, default_value_t = 50)]
    calls: usize,
    /// Length of each measured window, after two seconds of warming up.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only attacks whose name holds this.
    #[arg(long)]
    only: Option<String>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Where the server is reached.
#[derive(Debug, Clone, Copy)]
struct Target {
    udp: SocketAddr,
    tcp: SocketAddr,
    tls: SocketAddr,
}

/// What an attack is given: where to, until when, and where to count what it did.
struct Order<'a> {
    target: Target,
    stop: &'a AtomicBool,
    done: &'a AtomicU64,
}

impl Order<'_> {
    fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn count(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Does it so many times a second until told to stop.
    fn paced(&self, per_s: u64, mut act: impl FnMut(u64) -> Result<()>) -> Result<()> {
        let start = Instant::now();
        let mut count = 0;
        while self.goes_on() {
            let due = start.elapsed().as_micros() as u64 * per_s / 1_000_000;
            while count < due {
                act(count)?;
                self.count();
                count += 1;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn wait(&self) {
        while self.goes_on() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

type Attack = fn(&Order<'_>) -> Result<()>;

/// Every attack with what it does. Those that leave something behind come last.
const ATTACKS: [(&str, Attack); 10] = [
    ("nothing", |order| {
        order.wait();
        Ok(())
    }),
    ("2000/s from 20 unknown sources", flood_from_few),
    ("2000/s from ever new unknown sources", flood_from_everywhere),
    ("malformed and endless, 2000/s", malformed),
    ("TCP peers that never read", never_read),
    ("400 TCP peers, a byte a second", one_byte_a_second),
    ("5000 half-open TCP connections", half_open_tcp),
    ("5000 half-open TLS connections", half_open_tls),
    ("Content-Length 2^64-1 over TCP", endless_length),
    ("500/s INVITEs never acknowledged, of a trunk", unacknowledged),
];

/// One window.
#[derive(Debug, Serialize)]
struct Window {
    attack: &'static str,
    done: u64,
    answer_p50_ms: f64,
    answer_p99_ms: f64,
    answer_max_ms: f64,
    unanswered: u64,
    asked: u64,
    media_delay_p99_ms: f64,
    media_late_percent: f64,
    media_lost: u64,
    media_sent: u64,
    cpu_percent: f64,
    rss_before_mib: f64,
    rss_peak_mib: f64,
    memory_is_bounded: bool,
}

/// Measures every attack.
pub(crate) fn run(arguments: &AttackArguments) -> Result<()> {
    ensure!((1..=500).contains(&arguments.calls), "--calls takes 1 to 500");
    let files = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, rustix::process::Rlimit { current: files.maximum, maximum: files.maximum })?;
    let site = site(arguments.calls)?;
    let server = Server::start(&site);
    let target = Target { udp: server.sip, tcp: listener(&server, "tcp")?, tls: listener(&server, "tls")? };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut agents = runtime.block_on(agents::sign_in(&site, server.gateway, &site.agents[..arguments.calls]))?;
    let mut citizens = callers::Line::open(server.sip)?;
    let mut legs = Vec::with_capacity(2 * arguments.calls);
    for number in 0..arguments.calls {
        legs.push(citizens.dial(number)?);
    }
    legs.extend(runtime.block_on(agents.talking(arguments.calls))?);
    let wanted = |name: &str| arguments.only.as_ref().is_none_or(|only| name.contains(only) || name == "nothing");
    let mut windows = Vec::new();
    for (name, attack) in ATTACKS.into_iter().filter(|(name, _)| wanted(name)) {
        let window = measure(name, attack, &mut legs, target, server.id(), Duration::from_secs(arguments.seconds))?;
        if !arguments.json {
            print(&window, windows.is_empty());
        }
        windows.push(window);
    }
    let status = site.cli(&["status"]);
    if arguments.json {
        println!("{}", serde_json::json!({ "calls": arguments.calls, "windows": windows, "sip": status["sip"] }));
    } else {
        compare(&windows);
        println!("afterwards: {}", status["sip"]);
    }
    citizens.hang_up();
    Ok(())
}

/// A site with an agent for each call, TCP and TLS beside UDP, and a second trunk.
fn site(calls: usize) -> Result<Site> {
    let site = crate::site(calls)?;
    let more: String =
        ["tcp", "tls"].map(|transport| format!("\n[[sip_listen]]\ntransport = \"{transport}\"\nlisten = \"127.0.0.1:0\"\n")).concat();
    let trunk = format!("\n[[trunks]]\nid = 77\nname = \"hostile\"\nsources = [\"{HOSTILE_TRUNK}\"]\n");
    site.write_configuration(&(site.configuration() + &more + &trunk));
    Ok(site)
}

fn listener(server: &Server, transport: &str) -> Result<SocketAddr> {
    server.sip_over(transport).with_context(|| format!("the server does not listen over {transport}"))
}

fn measure(name: &'static str, attack: Attack, legs: &mut Vec<Leg>, target: Target, pid: u32, length: Duration) -> Result<Window> {
    let (stop, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let before = crate::watch::mib(pid, "VmRSS")?;
    let (figures, answers, attacked) = std::thread::scope(|scope| {
        let order = Order { target, stop: &stop, done: &done };
        let attacker = scope.spawn(move || {
            // A thread begins with the niceness of the one that starts it. Going back is always allowed.
            let _ = rustix::process::setpriority_process(None, 0);
            attack(&order)
        });
        let prober = scope.spawn(|| probe(target.udp, &stop, pid));
        go_before_others();
        let figures = generator::run(legs, length, pid);
        stop.store(true, Ordering::Relaxed);
        (figures, prober.join().expect("the prober does not panic"), attacker.join().expect("the attack does not panic"))
    });
    attacked.with_context(|| format!("attack {name}"))?;
    Ok(window(name, done.into_inner(), &figures?, &answers?, before, length))
}

fn window(attack: &'static str, done: u64, figures: &Figures, answers: &Answers, rss_before_mib: f64, length: Duration) -> Window {
    Window {
        attack,
        done,
        answer_p50_ms: answers.at(0.5),
        answer_p99_ms: answers.at(0.99),
        answer_max_ms: answers.at(1.0),
        unanswered: answers.lost,
        asked: answers.asked,
        media_delay_p99_ms: figures.delay_p99_ms,
        media_late_percent: figures.late_percent,
        media_lost: figures.lost,
        media_sent: figures.sent,
        cpu_percent: figures.cpu_ms / length.as_millis() as f64 * 100.0,
        rss_before_mib,
        rss_peak_mib: answers.rss_peak_mib,
        memory_is_bounded: answers.rss_peak_mib - rss_before_mib <= GROWTH_LIMIT_MIB,
    }
}

/// Without the right to do so the figures hold the waiting of our own threads, too.
fn go_before_others() {
    if let Err(error) = rustix::process::setpriority_process(None, MEASURING_NICENESS) {
        eprintln!("the measuring threads could not be put before the attacking ones: {error}");
    }
}

/// What each attack changes beside the window without one.
fn compare(windows: &[Window]) {
    let Some((without, attacks)) = windows.split_first() else { return };
    println!("\nwith (without)                                answer p99 ms      voice p99 ms       late %              memory MiB");
    for window in attacks {
        println!(
            "{:44}  {:6.2} ({:5.2})   {:7.2} ({:5.2})   {:6.3} ({:5.3})     {:+.1}, {} {GROWTH_LIMIT_MIB}",
            window.attack,
            window.answer_p99_ms,
            without.answer_p99_ms,
            window.media_delay_p99_ms,
            without.media_delay_p99_ms,
            window.media_late_percent,
            without.media_late_percent,
            window.rss_peak_mib - window.rss_before_mib,
            if window.memory_is_bounded { "within" } else { "BEYOND" },
        );
    }
}

fn print(window: &Window, first: bool) {
    if first {
        println!(
            "attack                                        done   answer p50 / p99 / max ms  none   media p99 ms  late %  lost      CPU %   RSS MiB"
        );
    }
    println!(
        "{:44} {:>6}   {:6.2} / {:6.2} / {:7.2}  {:>2}/{:<5} {:9.2}  {:7.3}  {}/{}  {:5.1}   {:.1} -> {:.1}",
        window.attack,
        window.done,
        window.answer_p50_ms,
        window.answer_p99_ms,
        window.answer_max_ms,
        window.unanswered,
        window.asked,
        window.media_delay_p99_ms,
        window.media_late_percent,
        window.media_lost,
        window.media_sent,
        window.cpu_percent,
        window.rss_before_mib,
        window.rss_peak_mib,
    );
}

/// How long the server took to answer.
struct Answers {
    sorted_us: Vec<u64>,
    asked: u64,
    lost: u64,
    rss_peak_mib: f64,
}

impl Answers {
    fn at(&self, part: f64) -> f64 {
        let place = (self.sorted_us.len() as f64 * part) as usize;
        self.sorted_us.get(place.min(self.sorted_us.len().saturating_sub(1))).map_or(f64::NAN, |&us| us as f64 / 1_000.0)
    }
}

/// Asks the server from a trunk's address until told to stop, one question after the other.
fn probe(server: SocketAddr, stop: &AtomicBool, pid: u32) -> Result<Answers> {
    go_before_others();
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut answers = Answers { sorted_us: Vec::new(), asked: 0, lost: 0, rss_peak_mib: 0.0 };
    let mut buffer = [0; 4_096];
    while !stop.load(Ordering::Relaxed) {
        let (begun, number) = (Instant::now(), answers.asked);
        let request = request("OPTIONS", &socket.local_addr()?, "UDP", &format!("probe{number}"), "", "");
        socket.send(request.as_bytes())?;
        answers.asked += 1;
        let is_answered = loop {
            match socket.recv(&mut buffer) {
                Ok(length) if String::from_utf8_lossy(&buffer[..length]).contains(&format!("probe{number};")) => break true,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => break false,
                Err(error) => bail!("the server's port is closed: {error}"),
            }
        };
        if is_answered {
            answers.sorted_us.push(begun.elapsed().as_micros() as u64);
        } else {
            answers.lost += 1;
        }
        answers.rss_peak_mib = answers.rss_peak_mib.max(crate::watch::mib(pid, "VmRSS")?);
        std::thread::sleep(QUESTION_PERIOD.saturating_sub(begun.elapsed()));
    }
    answers.sorted_us.sort_unstable();
    Ok(answers)
}

/// A whole request; `id` stands in its branch and Call-ID.
fn request(method: &str, from: &SocketAddr, transport: &str, id: &str, more: &str, body: &str) -> String {
    format!(
        "{method} sip:12345@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {from};branch=z9hG4bK{id};rport\r\nMax-Forwards: 70\r\n\
         From: <sip:13900000000@{from}>;tag={id}\r\nTo: <sip:12345@127.0.0.1>\r\nCall-ID: {id}@{from}\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:x@{from}>\r\nUser-Agent: phone/1.0\r\n{more}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The methods in turn.
fn method(count: u64) -> &'static str {
    ["REGISTER", "INVITE", "OPTIONS"][(count % 3) as usize]
}

fn strange(place: u64) -> IpAddr {
    // 127.16.0.1 and on: none of them is a trunk.
    IpAddr::V4(Ipv4Addr::from_bits(0x7f10_0001 + (place % 0x00c0_0000) as u32))
}

fn flood_from_few(order: &Order<'_>) -> Result<()> {
    let sockets: Vec<UdpSocket> = (0..20).map(|place| UdpSocket::bind((strange(place), 0))).collect::<Result<_, _>>()?;
    order.paced(FLOOD_PER_S, |count| {
        let socket = &sockets[(count % sockets.len() as u64) as usize];
        let text = request(method(count), &socket.local_addr()?, "UDP", &format!("few{count}"), "", "");
        // A full buffer loses the packet, as on any network.
        let _ = socket.send_to(text.as_bytes(), order.target.udp);
        Ok(())
    })
}

fn flood_from_everywhere(order: &Order<'_>) -> Result<()> {
    order.paced(FLOOD_PER_S, |count| {
        let socket = UdpSocket::bind((strange(1_000 + count), 0))?;
        let text = request(method(count), &socket.local_addr()?, "UDP", &format!("all{count}"), "", "");
        let _ = socket.send_to(text.as_bytes(), order.target.udp);
        Ok(())
    })
}

fn malformed(order: &Order<'_>) -> Result<()> {
    let known = UdpSocket::bind((HOSTILE_TRUNK, 0))?;
    let from = known.local_addr()?;
    order.paced(FLOOD_PER_S, |count| {
        let sound = request("INVITE", &from, "UDP", &format!("bad{count}"), "", "");
        let text = match count % 4 {
            0 => sound.replace("Content-Length: 0", "Content-Length: 18446744073709551615"),
            1 => sound.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
            2 => format!("INVITE {}", "x".repeat(60_000)),
            _ => sound.replace("Max-Forwards", &"X: y\r\n".repeat(70)),
        };
        let _ = known.send_to(text.as_bytes(), order.target.udp);
        Ok(())
    })
}

/// A connection from this address of our own.
fn connection(from: IpAddr, to: SocketAddr) -> Result<TcpStream> {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &SocketAddr::new(from, 0))?;
    connect(&socket, &to)?;
    Ok(TcpStream::from(socket))
}

/// Eight connections of a trunk ask on and on and read nothing; whoever is closed comes again.
fn never_read(order: &Order<'_>) -> Result<()> {
    let from: IpAddr = HOSTILE_TRUNK.parse()?;
    let mut open: Vec<TcpStream> = Vec::new();
    order.paced(FLOOD_PER_S, |count| {
        while open.len() < 8 {
            let stream = connection(from, order.target.tcp)?;
            stream.set_nonblocking(true)?;
            open.push(stream);
        }
        let place = (count % 8) as usize;
        // What From holds comes back in the answer.
        let text = request("OPTIONS", &open[place].local_addr()?, "TCP", &format!("deaf{count}"), "", "").replacen(
            "From: ",
            &format!("From: \"{}\" ", "y".repeat(30_000)),
            1,
        );
        match open[place].write(text.as_bytes()) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => drop(open.swap_remove(place)),
        }
        Ok(())
    })
}

fn one_byte_a_second(order: &Order<'_>) -> Result<()> {
    let mut open: Vec<(TcpStream, usize)> = Vec::new();
    for place in 0..400 {
        open.push((connection(strange(2_000_000 + place / 8), order.target.tcp)?, 0));
    }
    while order.goes_on() {
        for (stream, sent) in &mut open {
            let text = request("INVITE", &stream.local_addr()?, "TCP", "slow", "", "");
            let byte = text.as_bytes()[*sent % text.len()];
            *sent += 1;
            if stream.write_all(&[byte]).is_ok() {
                order.count();
            }
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

fn half_open_tcp(order: &Order<'_>) -> Result<()> {
    half_open(order, order.target.tcp, 3_000_000)
}

fn half_open_tls(order: &Order<'_>) -> Result<()> {
    half_open(order, order.target.tls, 4_000_000)
}

/// Five thousand connections that say nothing; whoever is closed comes again from elsewhere.
fn half_open(order: &Order<'_>, to: SocketAddr, first: u64) -> Result<()> {
    let mut open = std::collections::VecDeque::new();
    order.paced(2_000, |count| {
        if open.len() == 5_000 {
            open.pop_front();
        }
        open.push_back(connection(strange(first + count / 8), to)?);
        Ok(())
    })
}

fn endless_length(order: &Order<'_>) -> Result<()> {
    let from: IpAddr = HOSTILE_TRUNK.parse()?;
    order.paced(500, |count| {
        let mut stream = connection(from, order.target.tcp)?;
        let sound = request("INVITE", &stream.local_addr()?, "TCP", &format!("long{count}"), "", "");
        stream.set_read_timeout(Some(PATIENCE))?;
        let _ = stream.write_all(sound.replace("Content-Length: 0", "Content-Length: 18446744073709551615").as_bytes());
        let mut answer = [0; 12];
        ensure!(stream.read_exact(&mut answer).is_ok() && answer == *b"SIP/2.0 400 ", "it was not answered with 400");
        Ok(())
    })
}

fn unacknowledged(order: &Order<'_>) -> Result<()> {
    let socket = UdpSocket::bind((HOSTILE_TRUNK, 0))?;
    let from = socket.local_addr()?;
    let offer = "v=0\r\no=- 1 1 IN IP4 127.0.0.4\r\ns=-\r\nc=IN IP4 127.0.0.4\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n";
    order.paced(500, |count| {
        let text = request("INVITE", &from, "UDP", &format!("rude{count}"), "Content-Type: application/sdp\r\n", offer);
        let _ = socket.send_to(text.as_bytes(), order.target.udp);
        Ok(())
    })
}
