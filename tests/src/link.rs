//! A bad network between two programs: UDP packets are dropped, delayed and overtaken, the same ones in each run of the same seed.
//!
//! No root, no namespace and no `tc`: a program is told the near end's address instead of the far end's. [`Link`] carries any UDP;
//! [`rewrite_audio`] makes SIP phones send their voice through one, whatever they know about proxies.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Largest packet that is carried.
const MAX_PACKET: usize = 2_048;

/// What the network does to each packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Impairment {
    /// Packets that never arrive, in percent, each by chance.
    pub loss_percent: f64,
    /// Each packet is delayed by a chance time up to this, in ms; packets overtake each other.
    pub jitter_ms: u64,
    /// Every packet takes at least this long, in ms.
    pub delay_ms: u64,
    /// Equal seeds treat equal packet numbers equally.
    pub seed: u64,
}

impl Impairment {
    /// A network without faults.
    pub const NONE: Self = Self { loss_percent: 0.0, jitter_ms: 0, delay_ms: 0, seed: 0 };

    /// What becomes of the packet of this number in this direction: its delay, or `None` if it is lost.
    #[must_use]
    pub fn fate(&self, direction: u64, number: u64) -> Option<Duration> {
        let [chance, late] = [0, 1].map(|what| unit(self.seed ^ direction << 56 ^ what << 48, number));
        if chance * 100.0 < self.loss_percent {
            return None;
        }
        Some(Duration::from_millis(self.delay_ms) + Duration::from_micros((late * self.jitter_ms as f64 * 1_000.0) as u64))
    }
}

/// A chance value from 0 to 1 that depends on nothing but its arguments (splitmix64).
fn unit(seed: u64, number: u64) -> f64 {
    let mut value = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    value = (value ^ value >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    value = (value ^ value >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    (value ^ value >> 31) as f64 / u64::MAX as f64
}

/// A link that carries UDP between one near program and one far address. Its threads end with the process.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    impairment: Arc<Mutex<Impairment>>,
}

impl Link {
    /// Opens the near end at `near` (port 0: the system's choice).
    ///
    /// # Errors
    /// The system gives no socket.
    pub fn open(near: SocketAddr, far: SocketAddr, impairment: Impairment) -> io::Result<Self> {
        let near = UdpSocket::bind(near)?;
        let address = near.local_addr()?;
        let far_socket = UdpSocket::bind(SocketAddr::new(any(far.ip()), 0))?;
        far_socket.connect(far)?;
        // Whoever sent to the near end last is the near program.
        let program: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
        let (up, down) = (near.try_clone()?, far_socket.try_clone()?);
        let known = Arc::clone(&program);
        let impairment = Arc::new(Mutex::new(impairment));
        carry(
            up,
            Arc::clone(&impairment),
            0,
            move |from| *known.lock().unwrap_or_else(PoisonError::into_inner) = from,
            move |packet| {
                let _ = far_socket.send(packet);
            },
        );
        carry(
            down,
            Arc::clone(&impairment),
            1,
            |_| {},
            move |packet| {
                if let Some(program) = *program.lock().unwrap_or_else(PoisonError::into_inner) {
                    let _ = near.send_to(packet, program);
                }
            },
        );
        Ok(Self { address, impairment })
    }

    /// What it does to packets from now on.
    pub fn set(&self, impairment: Impairment) {
        *self.impairment.lock().unwrap_or_else(PoisonError::into_inner) = impairment;
    }

    /// Where the near program sends to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn any(like: IpAddr) -> IpAddr {
    // The answer comes back to where the packet came from: on loopback a loopback address.
    if like.is_loopback() { like } else { IpAddr::from([0, 0, 0, 0]) }
}

/// A packet on its way.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Underway {
    due: Instant,
    number: u64,
    packet: Vec<u8>,
}

/// One direction: one thread takes packets and decides, another lets them go when they are due.
fn carry(
    socket: UdpSocket,
    impairment: Arc<Mutex<Impairment>>,
    direction: u64,
    saw: impl Fn(Option<SocketAddr>) + Send + 'static,
    send: impl Fn(&[u8]) + Send + 'static,
) {
    let (sender, underway) = channel();
    std::thread::spawn(move || take(&socket, &impairment, direction, &saw, &sender));
    std::thread::spawn(move || deliver(&underway, &send));
}

fn take(socket: &UdpSocket, impairment: &Mutex<Impairment>, direction: u64, saw: &impl Fn(Option<SocketAddr>), sender: &Sender<Underway>) {
    let mut buffer = [0; MAX_PACKET];
    let mut number = 0;
    loop {
        // An error is the far port's "unreachable", which passes.
        let Ok((length, from)) = socket.recv_from(&mut buffer) else { continue };
        saw(Some(from));
        let now = *impairment.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(delay) = now.fate(direction, number) {
            let underway = Underway { due: Instant::now() + delay, number, packet: buffer[..length].to_vec() };
            if sender.send(underway).is_err() {
                return;
            }
        }
        number += 1;
    }
}

fn deliver(underway: &Receiver<Underway>, send: &impl Fn(&[u8])) {
    let mut waiting: BinaryHeap<Reverse<Underway>> = BinaryHeap::new();
    loop {
        let next = waiting.peek().map(|Reverse(first)| first.due.saturating_duration_since(Instant::now()));
        let taken = match next {
            Some(left) => underway.recv_timeout(left),
            None => underway.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match taken {
            Ok(packet) => waiting.push(Reverse(packet)),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while waiting.peek().is_some_and(|Reverse(first)| first.due <= Instant::now()) {
            if let Some(Reverse(first)) = waiting.pop() {
                send(&first.packet);
            }
        }
    }
}

/// Carries SIP between two phones on loopback and leads the voice they agree on through a link, in both directions.
///
/// # Errors
/// The system gives no socket.
pub fn sip_over(far: SocketAddr, impairment: Impairment) -> io::Result<SocketAddr> {
    let near_socket = UdpSocket::bind("127.0.0.1:0")?;
    let far_socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = near_socket.local_addr()?;
    let caller: Arc<Mutex<Option<SocketAddr>>> = Arc::default();
    let media = Arc::new(Media { impairment, caller: Mutex::default(), callee: Mutex::default() });
    let (up, down) = (near_socket.try_clone()?, far_socket.try_clone()?);
    let (known, lead) = (Arc::clone(&caller), Arc::clone(&media));
    std::thread::spawn(move || {
        pass_on(&up, |packet, from| {
            *known.lock().unwrap_or_else(PoisonError::into_inner) = Some(from);
            let _ = far_socket.send_to(&lead.rewrite(packet, &lead.caller), far);
        });
    });
    std::thread::spawn(move || {
        pass_on(&down, |packet, _| {
            if let Some(caller) = *caller.lock().unwrap_or_else(PoisonError::into_inner) {
                let _ = near_socket.send_to(&media.rewrite(packet, &media.callee), caller);
            }
        });
    });
    Ok(address)
}

fn pass_on(socket: &UdpSocket, act: impl Fn(&[u8], SocketAddr)) {
    let mut buffer = [0; 65_536];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            act(&buffer[..length], from);
        }
    }
}

/// The links to the voice ports of both phones, each opened when its port is first heard of.
#[derive(Debug)]
struct Media {
    impairment: Impairment,
    caller: Mutex<Option<(u16, Link)>>,
    callee: Mutex<Option<(u16, Link)>>,
}

impl Media {
    /// Each phone sends to a link that leads to the other. A phone sends from the port at which it hears, and each link has its own way
    /// back, so only the direction towards the port is used.
    fn rewrite(&self, message: &[u8], link: &Mutex<Option<(u16, Link)>>) -> Vec<u8> {
        let text = String::from_utf8_lossy(message);
        let Some(port) = audio_port(&text) else { return message.to_vec() };
        let mut link = link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.as_ref().is_none_or(|(known, _)| *known != port) {
            let far = SocketAddr::from(([127, 0, 0, 1], port));
            *link = Link::open(SocketAddr::from(([127, 0, 0, 1], 0)), far, self.impairment).ok().map(|link| (port, link));
        }
        match &*link {
            Some((_, link)) => rewrite_audio(&text, link.address().port()).into_bytes(),
            None => message.to_vec(),
        }
    }
}

/// The port of the first audio line of a message with SDP.
#[must_use]
pub fn audio_port(message: &str) -> Option<u16> {
    let line = message.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    line.split(' ').next()?.parse().ok().filter(|port| *port != 0)
}

/// The same message with another audio port and the length that it then has.
#[must_use]
pub fn rewrite_audio(message: &str, port: u16) -> String {
    let Some((head, body)) = message.split_once("\r\n\r\n") else { return message.to_owned() };
    let lines = body.lines().map(|line| match line.strip_prefix("m=audio ").and_then(|rest| rest.split_once(' ')) {
        Some((_, rest)) => format!("m=audio {port} {rest}\r\n"),
        // The control packets follow the voice.
        None if line.starts_with("a=rtcp:") => String::new(),
        None => format!("{line}\r\n"),
    });
    let body: String = lines.collect();
    let head = head.lines().map(|line| match line.split_once(':') {
        Some((name, _)) if name.eq_ignore_ascii_case("content-length") => format!("{name}: {}\r\n", body.len()),
        _ => format!("{line}\r\n"),
    });
    format!("{}\r\n{body}", head.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{Impairment, Link, audio_port, rewrite_audio, sip_over};
    use std::net::UdpSocket;
    use std::time::Duration;

    const LIMIT: Duration = Duration::from_secs(20);

    fn socket() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a loopback port");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit above zero");
        socket
    }

    #[test]
    fn the_fate_of_a_packet_depends_on_the_seed_alone_and_is_as_often_bad_as_was_asked() {
        let lossy = Impairment { loss_percent: 5.0, jitter_ms: 40, delay_ms: 20, seed: 7 };
        let fates = |impairment: Impairment, direction| (0..20_000).map(|number| impairment.fate(direction, number)).collect::<Vec<_>>();
        assert_eq!(fates(lossy, 0), fates(lossy, 0));
        assert_ne!(fates(lossy, 0), fates(lossy, 1));
        assert_ne!(fates(lossy, 0), fates(Impairment { seed: 8, ..lossy }, 0));
        let lost = fates(lossy, 0).iter().filter(|fate| fate.is_none()).count();
        assert!((900..1_100).contains(&lost), "{lost} of 20000");
        let delays: Vec<_> = fates(lossy, 0).into_iter().flatten().collect();
        let within = |low, high| delays.iter().all(|delay| (low..=high).contains(delay));
        assert!(within(Duration::from_millis(20), Duration::from_millis(60)));
        assert!(
            delays.iter().any(|delay| *delay > Duration::from_millis(55)) && delays.iter().any(|delay| *delay < Duration::from_millis(25))
        );
        assert!(fates(Impairment::NONE, 0).iter().all(|fate| *fate == Some(Duration::ZERO)));
    }

    #[test]
    fn a_link_carries_both_ways_and_loses_exactly_the_packets_of_its_seed() {
        let (near, far) = (socket(), socket());
        let lossy = Impairment { loss_percent: 30.0, ..Impairment::NONE };
        let link = Link::open("127.0.0.1:0".parse().expect("an address"), far.local_addr().expect("bound"), lossy).expect("ports");
        let expected: Vec<u8> = (0..100).filter(|number| lossy.fate(0, *number).is_some()).map(|number| number as u8).collect();
        for number in 0..100_u8 {
            near.send_to(&[number], link.address()).expect("loopback takes it");
        }
        let mut buffer = [0; 9];
        let mut from = None;
        for number in expected {
            let (_, sender) = far.recv_from(&mut buffer).expect("it arrives");
            assert_eq!(buffer[0], number);
            from = Some(sender);
        }
        let back = (0..).find(|number| lossy.fate(1, *number).is_some()).expect("not all are lost");
        for _ in 0..=back {
            far.send_to(&[77], from.expect("something came")).expect("loopback takes it");
        }
        assert_eq!(near.recv_from(&mut buffer).map(|(length, _)| (length, buffer[0])).expect("it arrives"), (1, 77));
    }

    #[test]
    fn an_audio_port_is_replaced_and_the_length_follows() {
        let body = "v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 8 0\r\na=rtcp:4001\r\n";
        let message = format!("INVITE sip:a@b SIP/2.0\r\nContent-Length: {}\r\nTo: x\r\n\r\n{body}", body.len());
        assert_eq!(audio_port(&message), Some(4_000));
        let changed = rewrite_audio(&message, 50_123);
        assert!(changed.contains("m=audio 50123 RTP/AVP 8 0\r\n") && !changed.contains("a=rtcp"), "{changed}");
        let (head, rest) = changed.split_once("\r\n\r\n").expect("a body");
        assert!(head.contains(&format!("Content-Length: {}\r\nTo: x", rest.len())), "{changed}");
        assert_eq!(
            rewrite_audio("OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n", 1),
            "OPTIONS sip:a SIP/2.0\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn phones_that_know_of_nothing_send_their_voice_through_the_link() {
        let (caller, callee) = (socket(), socket());
        let proxy = sip_over(callee.local_addr().expect("bound"), Impairment::NONE).expect("ports");
        let voice = socket();
        let body = format!("m=audio {} RTP/AVP 8\r\n", voice.local_addr().expect("bound").port());
        caller.send_to(format!("INVITE sip:a SIP/2.0\r\n\r\n{body}").as_bytes(), proxy).expect("loopback takes it");
        let mut buffer = [0; 2_048];
        let (length, from) = callee.recv_from(&mut buffer).expect("it arrives");
        let port = audio_port(&String::from_utf8_lossy(&buffer[..length])).expect("still with audio");
        assert_ne!(port, voice.local_addr().expect("bound").port());
        callee.send_to(b"voice", ("127.0.0.1", port)).expect("loopback takes it");
        assert_eq!(voice.recv_from(&mut buffer).expect("it arrives").0, 5);
        callee.send_to(b"SIP/2.0 200 OK\r\n\r\n", from).expect("loopback takes it");
        assert_eq!(caller.recv_from(&mut buffer).expect("it arrives").1, proxy);
    }
}
