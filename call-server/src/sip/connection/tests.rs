//! One connection over a pipe within the process: patience, back-pressure, pings.

use super::*;
use sip_core::message::Message;
use tokio::io::DuplexStream;
use tokio::runtime::Runtime;

/// Limit of every wait; reached only by a failing test.
const LIMIT: Duration = Duration::from_secs(20);
/// So long a slow peer waits for its connection to end before it sends its next bytes; many times shorter than the limits that it tries.
const DRIP: Duration = Duration::from_millis(5);
const OPTIONS: &str = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n\
     Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

struct Site {
    outlet: Option<Outlet>,
    told: mpsc::Receiver<(ConnectionKey, Told)>,
    far: DuplexStream,
}

impl Site {
    fn open(end: End, is_known: bool, limits: &SkinLimits) -> Self {
        let (near, far) = tokio::io::duplex(1_024);
        let (teller, told) = mpsc::channel(limits.arriving_messages);
        let key = ConnectionKey { path: 0, remote: SocketAddr::from(([192, 0, 2, 1], 5060)), number: 1 };
        let (outlet, work) =
            Work::new(key, end, is_known, limits, (teller, Allowance::new(limits.trunk_bytes_per_s, limits.trunk_burst_bytes)));
        tokio::spawn(work.serve(near));
        Self { outlet: Some(outlet), told, far }
    }

    async fn told(&mut self) -> String {
        let (_, told) = timeout(LIMIT, self.told.recv()).await.expect("a word in time").expect("the connection tells its end");
        match told {
            Told::Frame(Frame::Message(Message::Request(request))) => String::from_utf8_lossy(request.method().as_bytes()).into_owned(),
            Told::Frame(frame) => format!("{frame:?}"),
            Told::Closed(why) => format!("{why:?}"),
        }
    }

    async fn hears(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        timeout(LIMIT, self.far.read_exact(&mut bytes)).await.expect("bytes in time").expect("an open connection");
        bytes
    }
}

fn run(test: impl Future<Output = ()>) {
    Runtime::new().expect("a runtime").block_on(test);
}

fn short() -> SkinLimits {
    SkinLimits { message_ms: 50, stranger_idle_ms: 50, write_ms: 50, waiting_messages: 4, waiting_bytes: 4_096, ..SkinLimits::default() }
}

#[test]
fn messages_go_both_ways_and_pings_are_answered() {
    run(async {
        let mut site = Site::open(End::Accepted, true, &SkinLimits::default());
        site.far.write_all(format!("\r\n\r\n{OPTIONS}\r\n\r\n").as_bytes()).await.expect("an open connection");
        assert_eq!(site.told().await, "OPTIONS");
        assert!(site.outlet.as_ref().expect("open").offer(Bytes::from_static(b"SIP/2.0 200 OK\r\n\r\n")));
        let mut heard = site.hears(18 + 2).await;
        // The second ping may have come before or after the answer was written.
        while heard.windows(18).all(|part| part != b"SIP/2.0 200 OK\r\n\r\n") {
            heard.extend(site.hears(1).await);
        }
        assert!(heard.starts_with(PONG) || heard.ends_with(PONG), "{heard:?}");
        site.outlet = None;
        assert_eq!(site.told().await, "Ours");
    });
}

#[test]
fn a_message_that_does_not_end_costs_the_connection_however_many_bytes_come() {
    run(async {
        let mut site = Site::open(End::Accepted, true, &short());
        let mut dripping = OPTIONS.as_bytes().iter();
        let why = loop {
            match timeout(DRIP, site.told.recv()).await {
                Ok(told) => break told.expect("the connection tells its end").1,
                Err(_) => {
                    let byte = dripping.next().expect("the connection ends before the message");
                    let _ = site.far.write_all(&[*byte]).await;
                }
            }
        };
        assert!(matches!(why, Told::Closed(Why::TooSlow)), "{why:?}");
    });
}

#[test]
fn a_silent_stranger_is_let_go_and_its_pings_buy_no_time() {
    run(async {
        let mut site = Site::open(End::Accepted, false, &short());
        let ended = async {
            loop {
                match timeout(DRIP, site.told.recv()).await {
                    Ok(told) => break told.expect("the connection tells its end").1,
                    Err(_) => drop(site.far.write_all(b"\r\n\r\n").await),
                }
            }
        };
        assert!(matches!(timeout(LIMIT, ended).await, Ok(Told::Closed(Why::TooSlow))));
    });
}

#[test]
fn who_does_not_read_is_let_go_and_never_holds_more_than_the_limit() {
    run(async {
        let mut site = Site::open(End::Accepted, true, &short());
        let outlet = site.outlet.take().expect("open");
        let taken = (0..100).filter(|_| outlet.offer(Bytes::from(vec![b'x'; 1_000]))).count();
        assert!(taken <= 4, "{taken} messages of 1000 bytes were taken, 4096 bytes may wait");
        assert_eq!(site.told().await, "Unread");
    });
}

#[test]
fn who_brings_too_many_bytes_is_read_no_faster_than_it_may() {
    run(async {
        // The pipe holds 1,024 bytes and one reading takes four times as much: what is written beyond has been read.
        let limits = SkinLimits { trunk_bytes_per_s: 20_000, trunk_burst_bytes: 1_000, ..SkinLimits::default() };
        let mut site = Site::open(End::Accepted, true, &limits);
        let start = Instant::now();
        let messages = OPTIONS.repeat(100);
        let writing = async { site.far.write_all(messages.as_bytes()).await.expect("an open connection") };
        let reading = async {
            for _ in 0..100 {
                timeout(LIMIT, site.told.recv()).await.expect("a message in time").expect("an open connection");
            }
        };
        tokio::join!(writing, reading);
        let least = Duration::from_millis((messages.len() as u64 - 1_000 - 5_120) / 20);
        assert!(start.elapsed() >= least, "{} bytes came within {:?}", messages.len(), start.elapsed());
    });
}

#[test]
fn what_is_no_sip_ends_the_connection_after_the_answer() {
    run(async {
        let mut site = Site::open(End::Accepted, true, &SkinLimits::default());
        let endless = OPTIONS.replace("Content-Length: 0", "Content-Length: 18446744073709551615");
        site.far.write_all(endless.as_bytes()).await.expect("an open connection");
        assert!(site.told().await.starts_with("Broken("), "the edge is to answer it");
        let outlet = site.outlet.take().expect("open");
        assert!(outlet.offer(Bytes::from_static(b"SIP/2.0 400 Bad Request\r\n\r\n")));
        drop(outlet);
        assert_eq!(site.hears(27).await, b"SIP/2.0 400 Bad Request\r\n\r\n");
        assert_eq!(site.told().await, "Broken");
    });
}

#[test]
fn a_connection_of_ours_is_kept_open_by_pings() {
    run(async {
        let mut site = Site::open(End::Opened, true, &SkinLimits { keep_alive_ms: 20, ..SkinLimits::default() });
        assert_eq!(site.hears(8).await, [PING, PING].concat());
    });
}
