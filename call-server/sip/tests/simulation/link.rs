//! What lies between the endpoints: a link that loses, doubles, delays, reorders and now and then dies for a while, and a proxy that
//! forks (RFC 3261 section 16.7: all 2xx go on, of the refusals one, and only when each branch has given one).

use bytes::Bytes;
use std::collections::BTreeMap;

/// The proxy's place among the addresses.
pub(crate) const PROXY: usize = 3;

/// How bad the link is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) loss_percent: u32,
    pub(crate) duplication_percent: u32,
    pub(crate) jitter_ms: u64,
    /// Nothing passes between these times.
    pub(crate) outage: Option<(u64, u64)>,
}

impl Weather {
    pub(crate) fn of(rng: &mut fastrand::Rng) -> Self {
        let outage = (rng.u32(0..8) == 0).then(|| {
            let start = rng.u64(0..60_000);
            (start, start + *rng.choice(&[5_000, 40_000, 220_000]).expect("a choice"))
        });
        Self {
            loss_percent: *rng.choice(&[0, 0, 5, 10, 25]).expect("a choice"),
            duplication_percent: *rng.choice(&[0, 0, 10, 30]).expect("a choice"),
            jitter_ms: *rng.choice(&[1, 20, 300, 900]).expect("a choice"),
            outage,
        }
    }

    /// The delays after which copies of a packet arrive; none if it is lost.
    pub(crate) fn delays(&self, rng: &mut fastrand::Rng, now: u64) -> Vec<u64> {
        let is_dead = self.outage.is_some_and(|(start, end)| (start..end).contains(&now));
        let is_lost = rng.u32(0..100) < self.loss_percent;
        let is_doubled = rng.u32(0..100) < self.duplication_percent;
        let copies = if is_dead || is_lost { 0 } else { 1 + usize::from(is_doubled) };
        (0..copies).map(|_| 5 + rng.u64(0..self.jitter_ms)).collect()
    }
}

/// The value of a packet's first field of this name, as this package writes it.
pub(crate) fn field<'a>(packet: &'a [u8], name: &str) -> Option<&'a [u8]> {
    packet.split(|byte| *byte == b'\n').skip(1).take_while(|line| line.len() > 1).find_map(|line| {
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b": ")?;
        Some(value.strip_suffix(b"\r").unwrap_or(value))
    })
}

/// Status of a response; `None` for a request.
pub(crate) fn status(packet: &[u8]) -> Option<u16> {
    std::str::from_utf8(packet.strip_prefix(b"SIP/2.0 ")?.get(..3)?).ok()?.parse().ok()
}

/// One forked INVITE.
#[derive(Debug)]
struct Fork {
    invite: Bytes,
    caller: usize,
    /// The final answer of each branch.
    finals: [Option<Bytes>; 2],
    is_accepted: bool,
    is_cancelled: bool,
    is_acknowledged: bool,
}

/// The proxy: it forks each INVITE to sides 1 and 2.
#[derive(Debug, Default)]
pub(crate) struct Proxy {
    forks: BTreeMap<Vec<u8>, Fork>,
}

/// What the proxy sends: to whom, and what.
pub(crate) type Sent = Vec<(usize, Bytes)>;

impl Proxy {
    /// Takes a packet from a side.
    pub(crate) fn receive(&mut self, from: usize, packet: &Bytes) -> Sent {
        let Some(via) = field(packet, "Via") else { return Vec::new() };
        if status(packet).is_some() {
            return self.response(from, packet);
        }
        let key = branch(via).to_vec();
        match packet.split(|byte| *byte == b' ').next() {
            Some(b"INVITE") => self.invite(from, key, packet),
            Some(b"CANCEL") => self.cancel(from, &key, packet),
            Some(b"ACK") => {
                if let Some(fork) = self.forks.get_mut(&key) {
                    fork.is_acknowledged = true;
                }
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// A refusal is sent again until its ACK comes.
    pub(crate) fn repeat(&self, key: &[u8]) -> Sent {
        self.forks.get(key).filter(|fork| !fork.is_acknowledged).and_then(Fork::refusal).into_iter().collect()
    }

    /// The branch whose refusal these packets bring to its caller.
    pub(crate) fn refused(&self, sent: &Sent) -> Option<Vec<u8>> {
        let (_, packet) = sent.iter().find(|(to, packet)| *to == 0 && status(packet).is_some_and(|status| status >= 300))?;
        Some(branch(field(packet, "Via")?).to_vec())
    }

    fn invite(&mut self, from: usize, key: Vec<u8>, packet: &Bytes) -> Sent {
        if let Some(fork) = self.forks.get(&key) {
            return vec![fork.refusal().unwrap_or((from, answer(packet, "100 Trying")))];
        }
        let trying = (from, answer(packet, "100 Trying"));
        let fork = Fork {
            invite: packet.clone(),
            caller: from,
            finals: [None, None],
            is_accepted: false,
            is_cancelled: false,
            is_acknowledged: false,
        };
        self.forks.insert(key, fork);
        vec![trying, (1, with_via(packet, 1)), (2, with_via(packet, 2))]
    }

    fn cancel(&mut self, from: usize, key: &[u8], packet: &Bytes) -> Sent {
        let mut sent = vec![(from, answer(packet, "200 OK"))];
        if let Some(fork) = self.forks.get_mut(key) {
            sent.extend(fork.cancel_open());
        }
        sent
    }

    fn response(&mut self, from: usize, packet: &Bytes) -> Sent {
        let (text, status) = (without_via(packet), status(packet).unwrap_or(0));
        let is_invite = field(packet, "CSeq").is_some_and(|cseq| cseq.ends_with(b"INVITE"));
        let key = field(&text, "Via").map(branch).unwrap_or_default().to_vec();
        let Some(fork) = self.forks.get_mut(&key).filter(|_| is_invite && status > 100) else { return Vec::new() };
        match status {
            ..200 => vec![(fork.caller, text)],
            200..300 => {
                fork.is_accepted = true;
                fork.finals[from - 1] = Some(text.clone());
                let mut sent = vec![(fork.caller, text)];
                sent.extend(fork.cancel_open());
                sent
            }
            300.. => {
                let mut sent = vec![(from, fork.hop("ACK", from, packet))];
                let is_new = fork.finals[from - 1].replace(text).is_none();
                sent.extend(fork.refusal().filter(|_| is_new));
                sent
            }
        }
    }
}

impl Fork {
    /// The refusal that the caller gets: the first branch's, once both have refused.
    fn refusal(&self) -> Option<(usize, Bytes)> {
        let [Some(first), Some(_)] = &self.finals else { return None };
        (!self.is_accepted).then(|| (self.caller, first.clone()))
    }

    /// Cancels the branches that have no final answer, once.
    fn cancel_open(&mut self) -> Sent {
        if std::mem::replace(&mut self.is_cancelled, true) {
            return Vec::new();
        }
        [1, 2]
            .into_iter()
            .filter(|side| self.finals[side - 1].is_none())
            .map(|side| (side, self.hop("CANCEL", side, &self.invite)))
            .collect()
    }

    /// An ACK or CANCEL of the INVITE's transaction to a branch; To as in `like`.
    fn hop(&self, method: &str, side: usize, like: &[u8]) -> Bytes {
        let text = |packet, name| String::from_utf8_lossy(field(packet, name).unwrap_or_default()).into_owned();
        let uri = text_of(self.invite.split(|byte| *byte == b' ').nth(1).unwrap_or_default());
        let via = via_of(branch(field(&self.invite, "Via").unwrap_or_default()), side);
        let number = text(&self.invite, "CSeq").replace("INVITE", method);
        format!(
            "{method} {uri} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: {number}\r\nContent-Length: 0\r\n\r\n",
            text(&self.invite, "From"),
            text(like, "To"),
            text(&self.invite, "Call-ID"),
        )
        .into()
    }
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn branch(via: &[u8]) -> &[u8] {
    via.split(|byte| *byte == b';').find_map(|part| part.strip_prefix(b"branch=")).unwrap_or_default()
}

fn via_of(branch: &[u8], side: usize) -> String {
    format!("SIP/2.0/UDP 192.0.2.{}:5060;branch={}-{side}", PROXY + 1, text_of(branch))
}

/// The request with the proxy's Via on top.
fn with_via(packet: &[u8], side: usize) -> Bytes {
    let text = text_of(packet);
    let (line, rest) = text.split_once("\r\n").unwrap_or((&text, ""));
    let via = via_of(branch(field(packet, "Via").unwrap_or_default()), side);
    format!("{line}\r\nVia: {via}\r\n{rest}").into()
}

/// The response without its top Via, which is the proxy's.
fn without_via(packet: &[u8]) -> Bytes {
    let text = text_of(packet);
    let (line, rest) = text.split_once("\r\n").unwrap_or((&text, ""));
    let rest = rest.split_once("\r\n").map_or("", |(_, rest)| rest);
    format!("{line}\r\n{rest}").into()
}

/// The proxy's own answer to a request.
fn answer(request: &[u8], status: &str) -> Bytes {
    let fields: String = ["Via", "From", "To", "Call-ID", "CSeq"]
        .iter()
        .map(|name| format!("{name}: {}\r\n", text_of(field(request, name).unwrap_or_default())))
        .collect();
    format!("SIP/2.0 {status}\r\n{fields}Content-Length: 0\r\n\r\n").into()
}
