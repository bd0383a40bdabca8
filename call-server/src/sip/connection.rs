//! One connection: bytes in, messages to the edge; messages of the edge out. It runs as a task of its own, so that a far side that does not
//! read, or writes a byte a second, costs only itself.
//!
//! It decides nothing about messages. Reading and writing are independent: a blocked writer does not stop the reader, and each has its own
//! patience.

use super::allowance::Allowance;
use super::limits::SkinLimits;
use bytes::Bytes;
use sip_core::message::stream::{End, Frame, Frames, PING, PONG};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes taken from the kernel at once.
const READ_BYTES: usize = 4_096;

/// Which connection: its listener, the far side's address, and a number that is never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ConnectionKey {
    pub(super) path: usize,
    pub(super) remote: SocketAddr,
    pub(super) number: u64,
}

/// What a connection tells the edge.
#[derive(Debug)]
pub(super) enum Told {
    /// Something came.
    Frame(Frame),
    /// It is over; the last word.
    Closed(Why),
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    /// The far side closed it, or the network did.
    FarSide,
    /// We let it go.
    Ours,
    /// It could not be made.
    NotMade,
    /// Its TLS handshake failed or took too long.
    Handshake,
    /// A message began and did not end, or nothing came for too long.
    TooSlow,
    /// The far side does not read.
    Unread,
    /// What came is no SIP.
    Broken,
}

/// The way into a connection. Dropped, the connection writes what waits and closes.
#[derive(Debug)]
pub(super) struct Outlet {
    queue: mpsc::Sender<Bytes>,
    waiting_bytes: Arc<AtomicUsize>,
    longest_bytes: usize,
}

impl Outlet {
    /// Hands a message over; never waits. `false` if too much waits already.
    pub(super) fn offer(&self, packet: Bytes) -> bool {
        let size = packet.len();
        if self.waiting_bytes.load(Ordering::Relaxed).saturating_add(size) > self.longest_bytes {
            return false;
        }
        // Added first: the writer may be done with it before `try_send` is back.
        self.waiting_bytes.fetch_add(size, Ordering::Relaxed);
        let is_taken = self.queue.try_send(packet).is_ok();
        if !is_taken {
            self.waiting_bytes.fetch_sub(size, Ordering::Relaxed);
        }
        is_taken
    }
}

/// A connection's own end of it.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) key: ConnectionKey,
    pub(super) end: End,
    /// Whether the source is a trunk's.
    pub(super) is_known: bool,
    pub(super) limits: SkinLimits,
    pub(super) arrivals: mpsc::Sender<(ConnectionKey, Told)>,
    /// What its source may bring.
    allowance: Allowance,
    queue: mpsc::Receiver<Bytes>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Work {
    /// The two ends of a connection that is about to be served.
    pub(super) fn new(
        key: ConnectionKey,
        end: End,
        is_known: bool,
        limits: &SkinLimits,
        (arrivals, allowance): (mpsc::Sender<(ConnectionKey, Told)>, Allowance),
    ) -> (Outlet, Self) {
        let (sender, queue) = mpsc::channel(limits.waiting_messages);
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let outlet = Outlet { queue: sender, waiting_bytes: Arc::clone(&waiting_bytes), longest_bytes: limits.waiting_bytes };
        (outlet, Self { key, end, is_known, limits: *limits, arrivals, allowance, queue, waiting_bytes })
    }

    /// Serves an open connection to its end and tells why it ended.
    pub(super) async fn serve<S: AsyncRead + AsyncWrite>(self, stream: S) {
        let (read_half, write_half) = tokio::io::split(stream);
        let pong = Notify::new();
        let Self { key, end, is_known, limits, arrivals, allowance, queue, waiting_bytes } = self;
        let reader = Reader { key, limits, is_known, arrivals: &arrivals, allowance: &allowance, pong: &pong };
        let writer = Writer { queue, waiting_bytes, limits, end, pong: &pong };
        let mut writing = pin!(writer.write(write_half));
        let why = tokio::select! {
            why = reader.read(read_half, end) => {
                if why == Why::Broken {
                    // The edge answers what can be answered, and then lets the connection go.
                    let _ = timeout(Duration::from_millis(limits.write_ms), writing).await;
                }
                why
            }
            why = &mut writing => why,
        };
        let _ = arrivals.send((key, Told::Closed(why))).await;
    }

    /// Tells that the connection never came to be.
    pub(super) async fn fail(self, why: Why) {
        let _ = self.arrivals.send((self.key, Told::Closed(why))).await;
    }
}

struct Reader<'a> {
    key: ConnectionKey,
    limits: SkinLimits,
    is_known: bool,
    arrivals: &'a mpsc::Sender<(ConnectionKey, Told)>,
    allowance: &'a Allowance,
    pong: &'a Notify,
}

impl Reader<'_> {
    async fn read(&self, mut stream: impl AsyncRead + Unpin, end: End) -> Why {
        let mut frames = Frames::new(end);
        let mut buffer = [0; READ_BYTES];
        let mut patience = Instant::now() + self.first_wait();
        loop {
            let length = match timeout_at(patience, stream.read(&mut buffer)).await {
                Err(_) => return Why::TooSlow,
                Ok(Ok(0) | Err(_)) => return Why::FarSide,
                Ok(Ok(length)) => length,
            };
            self.allowance.pay(length).await;
            let was_within = frames.is_within_message();
            frames.push(buffer.get(..length).unwrap_or_default());
            let mut messages = 0;
            while let Some(frame) = frames.next_frame() {
                match frame {
                    Frame::Ping => self.pong.notify_one(),
                    Frame::Pong => {}
                    Frame::Broken(..) => {
                        let _ = self.arrivals.send((self.key, Told::Frame(frame))).await;
                        return Why::Broken;
                    }
                    Frame::Message(_) | Frame::Refused(_) | Frame::Ignored(_) => {
                        messages += 1;
                        // Waiting here is the back-pressure: a far side that sends faster than the edge reads is slowed by its own TCP.
                        if self.arrivals.send((self.key, Told::Frame(frame))).await.is_err() {
                            return Why::Ours;
                        }
                    }
                }
            }
            patience = self.next_patience(patience, was_within, frames.is_within_message(), messages > 0);
        }
    }

    fn first_wait(&self) -> Duration {
        Duration::from_millis(if self.is_known { self.limits.trunk_idle_ms } else { self.limits.message_ms })
    }

    /// A message has a fixed time from its first byte, however many bytes come; between messages a trunk may be silent for long.
    fn next_patience(&self, current: Instant, was_within: bool, is_within: bool, has_message: bool) -> Instant {
        let now = Instant::now();
        match (is_within, has_message, self.is_known) {
            (true, false, _) if was_within => current,
            (true, ..) => now + Duration::from_millis(self.limits.message_ms),
            (false, _, true) => now + Duration::from_millis(self.limits.trunk_idle_ms),
            (false, true, false) => now + Duration::from_millis(self.limits.stranger_idle_ms),
            // A stranger's pings buy no time.
            (false, false, false) => current,
        }
    }
}

struct Writer<'a> {
    queue: mpsc::Receiver<Bytes>,
    waiting_bytes: Arc<AtomicUsize>,
    limits: SkinLimits,
    end: End,
    pong: &'a Notify,
}

impl Writer<'_> {
    async fn write(mut self, mut stream: impl AsyncWrite + Unpin) -> Why {
        let mut keep_alive = tokio::time::interval(Duration::from_millis(self.limits.keep_alive_ms.max(1)));
        keep_alive.reset();
        let patience = Duration::from_millis(self.limits.write_ms);
        loop {
            let packet = tokio::select! {
                packet = self.queue.recv() => packet,
                () = self.pong.notified() => Some(Bytes::from_static(PONG)),
                _ = keep_alive.tick(), if self.end == End::Opened => Some(Bytes::from_static(PING)),
            };
            let Some(packet) = packet else {
                let _ = timeout(patience, stream.shutdown()).await;
                return Why::Ours;
            };
            let written = timeout(patience, async {
                stream.write_all(&packet).await?;
                stream.flush().await
            });
            match written.await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Why::FarSide,
                Err(_) => return Why::Unread,
            }
            if packet.len() > PING.len() {
                self.waiting_bytes.fetch_sub(packet.len(), Ordering::Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests;
