//! Queue calls as fast as they come: each citizen's INVITE, the queue, the INVITE to an agent's phone, a short talk, and both BYEs. The server
//! has one core to itself; citizens and phones are this program's, on another one. Nobody says anything: what is measured is the signalling,
//! the distribution, the books, and the recorder's files.

use crate::middle::{self, Spent};
use anyhow::{Context, Result, ensure};
use clap::Args;
use e2e::process::programs;
use e2e::{Server, Site};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What is not answered by then is said again, as UDP wants it (RFC 3261, T1).
const REPEAT: Duration = Duration::from_millis(500);
/// Time between two looks at what has come: so much is in the figures at most.
const LOOK: Duration = Duration::from_micros(250);
/// After the last call of a rate all must be over by then.
const DRAIN: Duration = Duration::from_secs(10);
/// Before the first rate: a second of calls that do not count.
const WARM_UP_RATE: u32 = 20;
/// So long ext4 passes over each inode that was freed when it looks for one for a new file (`recently_deleted` in its `ialloc.c`): after
/// the files of one run are deleted the recorder pays for it in the next, up to twice the CPU of a call.
const INODES_REST: Duration = Duration::from_secs(300);

/// What is measured.
#[derive(Args)]
pub(crate) struct CallsArguments {
    /// New calls per second; one run for each figure.
    #[arg(long, value_delimiter = ',', default_value = "25,50,100,200")]
    rates: Vec<u32>,
    /// How long calls come at each rate.
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Length of each talk, in ms.
    #[arg(long, default_value_t = 1_000)]
    talk_ms: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// One rate.
#[derive(Debug, Serialize)]
struct Rate {
    calls_per_second: u32,
    cpu_ms_per_call: f64,
    offer_p50_ms: f64,
    offer_p99_ms: f64,
    retransmissions: u64,
    failed: u64,
}

/// Measures all rates with one server.
pub(crate) fn run(arguments: &CallsArguments) -> Result<()> {
    ensure!(!arguments.rates.is_empty() && arguments.rates.iter().all(|rate| (1..=2_000).contains(rate)), "--rates takes 1 to 2000");
    let most = u64::from(arguments.rates.iter().copied().max().unwrap_or(1));
    // As many as talk at once, and half as many more: nobody is to wait for a phone.
    let phones = (most * (arguments.talk_ms + 500) * 3 / 2_000).max(20);
    warn_of_an_earlier_run();
    pin(1);
    let socket = UdpSocket::bind("127.0.0.1:0").context("no free loopback port")?;
    let own = socket.local_addr()?;
    let site = site(own, phones)?;
    let server = Server::start_under(&site, &["taskset", "-c", "0"]);
    let mut exchange = Exchange::new(socket, server.sip, Duration::from_millis(arguments.talk_ms))?;
    let pid = server.id();
    exchange.drive(WARM_UP_RATE, Duration::from_secs(1))?;
    let mut rates = Vec::new();
    for rate in &arguments.rates {
        let before = middle::cpu(pid)?;
        let calls = exchange.drive(*rate, Duration::from_secs(u64::from(arguments.seconds)))?;
        let spent = middle::cpu(pid)?.since(&before);
        let rate = calls.figures(*rate, &spent);
        if !arguments.json {
            print(&rate, &spent, calls.begun, rates.is_empty());
        }
        rates.push(rate);
    }
    if arguments.json {
        println!("{}", serde_json::json!({ "rates": rates }));
    }
    std::fs::write(end_of_the_last_run(), "").context("the end of this run cannot be noted")
}

/// A file that is as old as the last run.
fn end_of_the_last_run() -> PathBuf {
    programs().join("../tmp/load-calls.ended")
}

fn warn_of_an_earlier_run() {
    let ended = std::fs::metadata(end_of_the_last_run()).and_then(|file| file.modified()).ok();
    let rested = ended.and_then(|ended| ended.elapsed().ok()).unwrap_or(INODES_REST);
    if rested < INODES_REST {
        let left = (INODES_REST - rested).as_secs();
        eprintln!("The last run ended {} s ago: figures are too high on ext4. Better in {left} s.", rested.as_secs());
    }
}

fn print(rate: &Rate, spent: &Spent, calls: u64, first: bool) {
    if first {
        println!("calls/s   CPU ms per call   INVITE to offer p50 / p99 ms   repeated   failed   CPU ms per call by thread");
    }
    let mut threads: Vec<(&String, f64)> = spent.by_thread_ms.iter().map(|(name, ms)| (name, ms / calls as f64)).collect();
    threads.sort_by(|one, other| other.1.total_cmp(&one.1));
    let threads: Vec<String> = threads.iter().take(6).map(|(name, ms)| format!("{name} {ms:.3}")).collect();
    let Rate { calls_per_second, cpu_ms_per_call, offer_p50_ms, offer_p99_ms, retransmissions, failed } = rate;
    println!(
        "{calls_per_second:7}   {cpu_ms_per_call:15.3}   {offer_p50_ms:19.2} / {offer_p99_ms:6.2}   {retransmissions:8}   {failed:6}   {}",
        threads.join(", ")
    );
}

/// This process keeps to one core, if there are several.
fn pin(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    let _ = rustix::thread::sched_setaffinity(None, &cores);
}

fn site(phones_at: SocketAddr, phones: u64) -> Result<Site> {
    let site = Site::demo_with_media_ports("calls", 19_000);
    for (key, value) in [("wrap_up_seconds", "0"), ("max_waiting", "5000"), ("announce_first_seconds", "0")] {
        site.configure("queues", key, value);
    }
    site.configure("limits", "max_interactions", "50000");
    site.configure("sip", "trunk_requests_per_second", "100000");
    let mut text = site.configuration();
    write!(text, "\n[[phone_agents]]\nnumber = \"70001\"\ncount = {phones}\ncontact = \"sip:{{number}}@{phones_at}\"\nqueues = [\"1\"]\n")?;
    site.write_configuration(&text);
    Ok(site)
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The citizen's INVITE is out.
    Invited,
    /// Answered, in the queue.
    Waits,
    /// The phone has answered; its ACK is awaited.
    Lifted,
    Talks,
    /// The citizen has hung up.
    Leaves,
    Over,
    Failed,
}

/// One call.
#[derive(Debug)]
struct Call {
    stage: Stage,
    began: Instant,
    /// INVITE to the phone's INVITE.
    offered: Option<Duration>,
    /// To with its tag.
    to: String,
    /// The call of the phone, and our answer to its INVITE.
    phone: Option<(String, String)>,
    phone_is_over: bool,
    /// What is said again unless an answer comes.
    pending: Option<(Instant, String)>,
}

/// The calls of one rate.
#[derive(Debug, Default)]
struct Calls {
    begun: u64,
    offers: Vec<Duration>,
    retransmissions: u64,
    failed: u64,
}

impl Calls {
    fn figures(&self, calls_per_second: u32, spent: &Spent) -> Rate {
        let mut offers: Vec<f64> = self.offers.iter().map(|offer| offer.as_secs_f64() * 1_000.0).collect();
        offers.sort_by(f64::total_cmp);
        let share = |of: usize| offers.get((offers.len() * of / 100).min(offers.len().saturating_sub(1))).copied().unwrap_or(f64::NAN);
        let round = |value: f64| (value * 1_000.0).round() / 1_000.0;
        Rate {
            calls_per_second,
            cpu_ms_per_call: round(spent.all_ms / self.begun.max(1) as f64),
            offer_p50_ms: round(share(50)),
            offer_p99_ms: round(share(99)),
            retransmissions: self.retransmissions,
            failed: self.failed,
        }
    }
}

/// Citizens and phones on one socket.
struct Exchange {
    socket: UdpSocket,
    own: SocketAddr,
    server: SocketAddr,
    talk: Duration,
    /// Where voice is sent to that nobody hears.
    _deaf: UdpSocket,
    sdp: String,
    /// By the number in the citizen's Call-ID.
    calls: HashMap<u64, Call>,
    /// By the Call-ID of the phone's call.
    phones: HashMap<String, u64>,
    next: u64,
    tally: Calls,
}

impl Exchange {
    fn new(socket: UdpSocket, server: SocketAddr, talk: Duration) -> Result<Self> {
        let (own, deaf) = (socket.local_addr()?, UdpSocket::bind("127.0.0.1:0")?);
        socket.set_nonblocking(true)?;
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
            deaf.local_addr()?.port()
        );
        let (calls, phones, tally) = (HashMap::new(), HashMap::new(), Calls::default());
        Ok(Self { socket, own, server, talk, _deaf: deaf, sdp, calls, phones, next: 1, tally })
    }

    /// Brings calls at this rate for so long, and waits until they are over.
    fn drive(&mut self, rate: u32, length: Duration) -> Result<Calls> {
        let began = Instant::now();
        let (gap, mut due) = (Duration::from_secs(1) / rate, began);
        let mut hang_ups: Vec<(Instant, u64)> = Vec::new();
        let mut at = 0;
        loop {
            let now = Instant::now();
            while due <= now && due < began + length {
                self.invite();
                due += gap;
            }
            while let Some((time, call)) = hang_ups.get(at).copied().filter(|(time, _)| *time <= now) {
                debug_assert!(time <= now);
                self.bye(call);
                at += 1;
            }
            self.repeat(now);
            let all_out = due >= began + length;
            if all_out && (self.calls.is_empty() || now > began + length + self.talk + DRAIN) {
                break;
            }
            let next = hang_ups.get(at).map(|(time, _)| *time).into_iter().chain((!all_out).then_some(due)).min();
            // Asleep, not waiting at the socket: on loopback the server would pay for waking us with each packet.
            std::thread::sleep(next.map_or(LOOK, |next| next.saturating_duration_since(now).min(LOOK)));
            self.receive(&mut hang_ups)?;
        }
        self.tally.failed += self.calls.len() as u64;
        self.calls.clear();
        self.phones.clear();
        Ok(std::mem::take(&mut self.tally))
    }

    fn send(&self, packet: &str) {
        // A full buffer loses the packet; it is said again.
        let _ = self.socket.send_to(packet.as_bytes(), self.server);
    }

    fn request(&self, method: &str, call: u64, cseq: u32, to: &str, body: bool) -> String {
        let (own, server) = (self.own, self.server);
        let mut text = format!(
            "{method} sip:12345@{server} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{method}{call};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:139{call:08}@{own}>;tag=c{call}\r\n{to}\r\nCall-ID: call-{call}-{}\r\nCSeq: {cseq} {method}\r\n",
            own.port()
        );
        if body {
            let _ =
                write!(text, "Contact: <sip:citizen@{own}>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n", self.sdp.len());
            text.push_str(&self.sdp);
        } else {
            text.push_str("Content-Length: 0\r\n\r\n");
        }
        text
    }

    fn invite(&mut self) {
        let call = self.next;
        self.next += 1;
        let to = format!("To: <sip:12345@{}>", self.server);
        let invite = self.request("INVITE", call, 1, &to, true);
        let began = Instant::now();
        self.send(&invite);
        let pending = Some((began + REPEAT, invite));
        self.tally.begun += 1;
        let stage = Stage::Invited;
        self.calls.insert(call, Call { stage, began, offered: None, to, phone: None, phone_is_over: false, pending });
    }

    fn bye(&mut self, call: u64) {
        let Some(found) = self.calls.get(&call).filter(|found| found.stage == Stage::Talks) else { return };
        let bye = self.request("BYE", call, 2, &found.to.clone(), false);
        self.send(&bye);
        if let Some(found) = self.calls.get_mut(&call) {
            (found.stage, found.pending) = (Stage::Leaves, Some((Instant::now() + REPEAT, bye)));
        }
    }

    /// What was not answered is said again; that is what must not happen.
    fn repeat(&mut self, now: Instant) {
        let due: Vec<u64> =
            self.calls.iter().filter(|(_, call)| call.pending.as_ref().is_some_and(|(at, _)| *at <= now)).map(|(call, _)| *call).collect();
        for call in due {
            let Some((at, packet)) = self.calls.get_mut(&call).and_then(|call| call.pending.as_mut()) else { continue };
            *at = now + REPEAT;
            let packet = packet.clone();
            self.tally.retransmissions += 1;
            self.send(&packet);
        }
    }

    fn receive(&mut self, hang_ups: &mut Vec<(Instant, u64)>) -> Result<()> {
        let mut packet = [0; 4_096];
        loop {
            let length = match self.socket.recv(&mut packet) {
                Ok(length) => length,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("the load's socket"),
            };
            let Ok(text) = std::str::from_utf8(&packet[..length]) else { continue };
            if let Some(status) = text.strip_prefix("SIP/2.0 ") {
                self.answer(status, text);
            } else if text.starts_with("INVITE ") {
                self.phone_rings(text);
            } else if text.starts_with("ACK ") {
                self.phone_confirmed(text, hang_ups);
            } else if text.starts_with("BYE ") {
                self.bye_of_server(text);
            } else if text.starts_with("CANCEL ") {
                self.reply(text, "200 OK", "", "");
                self.tally.failed += 1;
            }
        }
    }

    /// An answer to a citizen.
    fn answer(&mut self, status: &str, text: &str) {
        let Some(call) = field(text, "Call-ID").and_then(|id| id.strip_prefix("call-")?.split('-').next()?.parse::<u64>().ok()) else {
            return;
        };
        let is_invite = field(text, "CSeq").is_some_and(|cseq| cseq.ends_with("INVITE"));
        let Some(found) = self.calls.get_mut(&call) else { return };
        match status.as_bytes().first() {
            Some(b'1') => found.pending = None,
            Some(b'2') if is_invite => {
                self.tally.retransmissions += u64::from(found.stage != Stage::Invited && found.to.contains(";tag="));
                found.pending = None;
                if found.stage == Stage::Invited {
                    found.stage = Stage::Waits;
                }
                found.to = field_line(text, "To").unwrap_or_default().to_owned();
                let ack = self.request("ACK", call, 1, &self.calls[&call].to.clone(), false);
                self.send(&ack);
            }
            Some(b'2') => {
                found.pending = None;
                (found.stage, found.to) = (Stage::Over, String::new());
                self.settle(call);
            }
            _ if is_invite => {
                found.stage = Stage::Failed;
                found.phone_is_over = true;
                let to = field_line(text, "To").unwrap_or_default().to_owned();
                let ack = self.request("ACK", call, 1, &to, false);
                self.send(&ack);
                self.tally.failed += 1;
                self.calls.remove(&call);
            }
            _ => {}
        }
    }

    /// An offer: the INVITE shows whose it is.
    fn phone_rings(&mut self, text: &str) {
        let Some(id) = field(text, "Call-ID") else { return };
        if let Some(call) = self.phones.get(id) {
            self.tally.retransmissions += 1;
            if let Some((_, answer)) = self.calls.get(call).and_then(|call| call.phone.as_ref()) {
                self.send(answer);
            }
            return;
        }
        let number = field(text, "From").and_then(|from| from.split("sip:139").nth(1)?.get(..8)?.parse::<u64>().ok());
        let Some((number, now)) = number.map(|number| (number, Instant::now())) else { return };
        let answer = self.response(text, "200 OK", &format!(";tag=p{number}"), &self.sdp);
        let Some(call) = self.calls.get_mut(&number) else { return };
        if call.offered.is_none() {
            call.offered = Some(now - call.began);
            self.tally.offers.push(now - call.began);
        }
        call.stage = Stage::Lifted;
        call.phone = Some((id.to_owned(), answer.clone()));
        call.pending = Some((now + REPEAT, answer.clone()));
        self.phones.insert(id.to_owned(), number);
        self.send(&answer);
    }

    fn phone_confirmed(&mut self, text: &str, hang_ups: &mut Vec<(Instant, u64)>) {
        let Some(number) = field(text, "Call-ID").and_then(|id| self.phones.get(id)).copied() else { return };
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.stage == Stage::Lifted) else { return };
        (call.stage, call.pending) = (Stage::Talks, None);
        hang_ups.push((Instant::now() + self.talk, number));
    }

    fn bye_of_server(&mut self, text: &str) {
        self.reply(text, "200 OK", "", "");
        let Some(number) = field(text, "Call-ID").and_then(|id| self.phones.get(id)).copied() else {
            // A citizen is not hung up on, but by a fault.
            self.tally.failed += 1;
            return;
        };
        if let Some(call) = self.calls.get_mut(&number) {
            self.tally.retransmissions += u64::from(call.phone_is_over);
            call.phone_is_over = true;
        }
        self.settle(number);
    }

    /// A call is over when both ends are.
    fn settle(&mut self, number: u64) {
        let over = self.calls.get(&number).is_some_and(|call| call.stage == Stage::Over && call.phone_is_over);
        if over && let Some((id, _)) = self.calls.remove(&number).and_then(|call| call.phone) {
            self.phones.remove(&id);
        }
    }

    fn reply(&self, request: &str, status: &str, tag: &str, body: &str) {
        self.send(&self.response(request, status, tag, body));
    }

    fn response(&self, request: &str, status: &str, tag: &str, body: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            let line = field_line(request, name).unwrap_or_default();
            let tag = if name == "To" { tag } else { "" };
            let _ = write!(text, "{line}{tag}\r\n");
        }
        let _ = write!(text, "Contact: <sip:phone@{}>\r\n", self.own);
        if !body.is_empty() {
            text.push_str("Content-Type: application/sdp\r\n");
        }
        let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
        text
    }
}

fn field_line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split("\r\n").take_while(|line| !line.is_empty()).find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':')))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    Some(field_line(text, name)?.get(name.len() + 1..)?.trim())
}
