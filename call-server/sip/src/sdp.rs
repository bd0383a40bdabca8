//! Session descriptions for one audio stream: reading an offer, writing an answer or an offer (RFC 8866, RFC 3264, RFC 3551, RFC 4733,
//! RFC 4568, RFC 5761, RFC 3605, RFC 7587).
//!
//! Not here: choosing ports, addresses and keys, and sockets. Descriptions of ours speak G.711, with Opus before it where wanted, and named
//! telephone events, over RTP/AVP or RTP/SAVP. Other streams of an offer are declined in the answer as RFC 3264 section 6 wants it.

mod crypto;
mod renew;

pub use crypto::{Crypto, MAX_CRYPTO_LINES, Suite};
pub use renew::{direction, renewed};

use std::fmt;
use std::net::IpAddr;

/// Longest session description that is read, in bytes.
pub const MAX_BYTES: usize = 16 * 1024;
/// Most streams (`m=` lines) in one offer.
pub const MAX_STREAMS: usize = 8;
/// Most payload types looked at in one stream.
pub const MAX_PAYLOAD_TYPES: usize = 32;
/// Packet length that we send and announce, in ms.
pub const PTIME_MS: u16 = 20;
/// Payload type of telephone events in our own offers; the number nearly every gateway uses.
pub const OUR_TELEPHONE_EVENT: u8 = 101;
/// Payload type of Opus in our own offers.
pub const OUR_OPUS: u8 = 111;
/// Payload type of telephone events on Opus' clock in our own offers (RFC 4733 section 2.1: each clock rate needs its own).
pub const OUR_WIDE_TELEPHONE_EVENT: u8 = 110;

/// Why a text is no usable offer. All but [`SdpError::NoAudio`] are the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Longer than [`MAX_BYTES`] or more streams than [`MAX_STREAMS`].
    #[error("the session description is too large")]
    TooLarge,
    /// It does not begin with `v=0`.
    #[error("the text is not a session description")]
    NotSdp,
    /// An `m=` line cannot be read.
    #[error("a media line of the session description is malformed")]
    BadMediaLine,
    /// No active audio stream over a transport that was asked for: unsupported, not malformed.
    #[error("the session description has no audio stream that we may use")]
    NoAudio,
    /// No `c=` line, or one that names no IP address (host names are not resolved).
    #[error("the audio stream has no IP address")]
    NoAddress,
    /// Multicast or broadcast: voice is never sent there.
    #[error("the audio stream's address is not one host's")]
    UnusableAddress,
}

/// An audio codec of ours, 8000 Hz, mono.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// G.711 A-law, static payload type 8.
    Pcma,
    /// G.711 µ-law, static payload type 0.
    Pcmu,
}

impl Codec {
    /// Its encoding name in `a=rtpmap` (RFC 3551).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
        }
    }

    /// Its static payload type (RFC 3551 table 4).
    #[must_use]
    pub fn static_payload_type(self) -> u8 {
        match self {
            Self::Pcma => 8,
            Self::Pcmu => 0,
        }
    }
}

/// Which way audio flows, seen from the side that wrote the description (RFC 3264 section 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendReceive,
    /// The writer only sends: it holds the other side.
    SendOnly,
    /// The writer only receives.
    ReceiveOnly,
    /// Nobody sends.
    Inactive,
}

impl Direction {
    /// The attribute's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SendReceive => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::ReceiveOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// What the answer says to an offer of this direction (RFC 3264 section 6.1).
    #[must_use]
    pub fn answered(self) -> Self {
        match self {
            Self::SendReceive => Self::SendReceive,
            Self::SendOnly => Self::ReceiveOnly,
            Self::ReceiveOnly => Self::SendOnly,
            Self::Inactive => Self::Inactive,
        }
    }

    /// Whether the writer wants to hear us.
    #[must_use]
    pub fn receives(self) -> bool {
        match self {
            Self::SendReceive | Self::ReceiveOnly => true,
            Self::SendOnly | Self::Inactive => false,
        }
    }

    fn parse(attribute: &str) -> Option<Self> {
        match attribute {
            "sendrecv" => Some(Self::SendReceive),
            "sendonly" => Some(Self::SendOnly),
            "recvonly" => Some(Self::ReceiveOnly),
            "inactive" => Some(Self::Inactive),
            _ => None,
        }
    }

    /// `c=0.0.0.0` is the old way to say "do not send to me" (RFC 3264 section 8.4).
    fn without_receiving(self) -> Self {
        match self {
            Self::SendReceive | Self::SendOnly => Self::SendOnly,
            Self::ReceiveOnly | Self::Inactive => Self::Inactive,
        }
    }
}

/// A codec together with the payload type it has in one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadType {
    /// Number in the RTP header, 0 to 127.
    pub number: u8,
    /// What it carries.
    pub codec: Codec,
}

/// Whether a trunk's voice is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Security {
    /// Never: RTP/AVP alone.
    #[default]
    Plain,
    /// Where the far side can: a usable RTP/SAVP stream goes before a plain one.
    Preferred,
    /// Always: RTP/SAVP with a line that we can use, or no call.
    Required,
}

/// Opus as one side offers it (RFC 7587 section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opus {
    /// Number in the RTP header, 0 to 127.
    pub number: u8,
    /// It wants redundancy against loss (`useinbandfec=1`).
    pub inband_fec: bool,
    /// It wants no packets in silence (`usedtx=1`).
    pub discontinuous: bool,
    /// Most bit/s on average that it takes, 6000 to 510000, if it says so.
    pub max_average_bit_rate: Option<u32>,
}

impl Opus {
    /// Ours for speech: redundancy against loss, no gaps in silence, 24 kbit/s (RFC 7587 section 3.1.1), under [`OUR_OPUS`].
    #[must_use]
    pub fn for_speech() -> Self {
        Self { number: OUR_OPUS, inband_fec: true, discontinuous: false, max_average_bit_rate: Some(24_000) }
    }
}

/// One stream that our answer declines, as its `m=` line must repeat it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Declined {
    media: String,
    protocol: String,
    formats: String,
}

/// The far side's audio stream. Reads offers as well as answers to our own offers: their form is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Where it wants our RTP. Unspecified (`0.0.0.0`) when it wants none at all.
    pub address: IpAddr,
    /// Its RTP port, 1 to 65535.
    pub port: u16,
    /// Those of its codecs that are ours too, in its order of preference; may be empty.
    pub codecs: Vec<PayloadType>,
    /// Payload type of `telephone-event/8000`, if it has one (RFC 4733).
    pub telephone_event: Option<u8>,
    /// Packet length it asks for, in ms, if it says so.
    pub ptime_ms: Option<u16>,
    /// Longest packet it takes, in ms, if it says so.
    pub maxptime_ms: Option<u16>,
    /// Opus, if it has it.
    pub opus: Option<Opus>,
    /// Payload type of `telephone-event/48000`, if it has one: keys between the frames of Opus.
    pub wide_telephone_event: Option<u8>,
    /// Which telephone events it knows, as it says (`0-15`); `None` if it does not say.
    pub telephone_events: Option<String>,
    /// Where it wants RTCP: the port of `a=rtcp` (RFC 3605), else one above the RTP port.
    pub rtcp_port: u16,
    /// It offers RTP and RTCP on one port (RFC 5761).
    pub rtcp_mux: bool,
    /// Its usable keys; empty over plain RTP.
    pub crypto: Vec<Crypto>,
    /// Its direction: stream level, else session level, else both ways.
    pub direction: Direction,
    before: Vec<Declined>,
    after: Vec<Declined>,
}

/// Our side of a session, as far as others know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Local {
    /// Where we want RTP.
    pub address: IpAddr,
    /// Our RTP port.
    pub port: u16,
    /// Number of the session in `o=`: the same for all descriptions of one call.
    pub session_id: u64,
    /// Version in `o=`: grows by one with each change (RFC 3264 section 8).
    pub session_version: u64,
}

/// What we write into a 200: one codec of G.711, chosen, and perhaps Opus before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Where we want RTP.
    pub local: Local,
    /// Opus, if both sides send that from now on: under the offer's number, with what we want of it.
    pub opus: Option<Opus>,
    /// The codec both sides send from now on, or may change to if there is Opus; one of both is always there.
    pub codec: Option<PayloadType>,
    /// Payload type of telephone events, the offer's own.
    pub telephone_event: Option<u8>,
    /// The same on Opus' clock.
    pub wide_telephone_event: Option<u8>,
    /// Our direction.
    pub direction: Direction,
    /// Our key, if the stream is encrypted; under the tag of the offer's line.
    pub crypto: Option<Crypto>,
    /// RTP and RTCP share our port.
    pub rtcp_mux: bool,
    before: Vec<Declined>,
    after: Vec<Declined>,
}

/// What we write when an INVITE came without an offer: the far side chooses and answers in its ACK (RFC 3264 section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateOffer {
    /// Where we want RTP.
    pub local: Local,
    /// Our codecs, the liked ones first; each under its static payload type.
    pub codecs: Vec<Codec>,
    /// Opus before them, if we want it.
    pub opus: Option<Opus>,
    /// Our keys, the liked suite first, each under its own tag; none: plain RTP.
    pub crypto: Vec<Crypto>,
    /// RTP and RTCP may share our port (RFC 5761).
    pub rtcp_mux: bool,
    /// Telephone events are named.
    pub keys: bool,
    /// Who is to send.
    pub direction: Direction,
}

impl LateOffer {
    /// A plain one of G.711.
    #[must_use]
    pub fn new(local: Local, codecs: Vec<Codec>) -> Self {
        Self { local, codecs, opus: None, crypto: Vec::new(), rtcp_mux: false, keys: true, direction: Direction::default() }
    }

    /// The same with Opus before G.711.
    #[must_use]
    pub fn with_opus(self, ours: Opus) -> Self {
        Self { opus: Some(ours), ..self }
    }

    /// The same over RTP/SAVP with these keys of ours, the liked suite first, tags different (RFC 4568 section 5.1.1). The key of the line
    /// whose tag the answer repeats is in force.
    #[must_use]
    pub fn secured(self, crypto: Vec<Crypto>) -> Self {
        Self { crypto, ..self }
    }

    /// The same with the wish for one port for RTP and RTCP.
    #[must_use]
    pub fn multiplexed(self) -> Self {
        Self { rtcp_mux: true, ..self }
    }

    /// The same without telephone events.
    #[must_use]
    pub fn without_keys(self) -> Self {
        Self { keys: false, ..self }
    }

    /// The same in which nobody sends anything.
    #[must_use]
    pub fn inactive(self) -> Self {
        Self { direction: Direction::Inactive, ..self }
    }

    /// Of our lines the one that this answer (read as an [`Offer`]) took: its key is ours, the answer's the far side's.
    #[must_use]
    pub fn crypto_taken(&self, answer: &Offer) -> Option<&Crypto> {
        let taken = answer.crypto.first()?;
        self.crypto.iter().find(|line| line.tag == taken.tag && line.suite == taken.suite)
    }
}

impl Offer {
    /// Reads a session description, CRLF or LF, and finds the first active audio stream over RTP/AVP.
    ///
    /// Lines that are not understood are passed over: a strange attribute must not cost a citizen the call.
    ///
    /// # Errors
    /// See [`SdpError`]. An offer without a codec of ours is no error: [`Offer::answer`] then gives `None`.
    pub fn parse(text: &str) -> Result<Self, SdpError> {
        Self::parse_secured(text, Security::Plain)
    }

    /// As [`Offer::parse`], for a trunk with this security: finds the first active audio stream that it allows.
    ///
    /// # Errors
    /// See [`SdpError`].
    pub fn parse_secured(text: &str, security: Security) -> Result<Self, SdpError> {
        if text.len() > MAX_BYTES {
            return Err(SdpError::TooLarge);
        }
        let mut lines = text.lines().map(str::trim_end);
        if lines.next() != Some("v=0") {
            return Err(SdpError::NotSdp);
        }
        let mut session = Level::default();
        let mut streams: Vec<Stream> = Vec::new();
        for (kind, value) in lines.filter_map(|line| line.split_once('=')) {
            if kind == "m" {
                if streams.len() >= MAX_STREAMS {
                    return Err(SdpError::TooLarge);
                }
                streams.push(Stream::parse(value)?);
            } else {
                streams.last_mut().map_or(&mut session, |stream| &mut stream.level).read(kind, value);
            }
        }
        Self::from_streams(&session, streams, security)
    }

    /// The codec of `preference` (ours, best first) that the offer has too.
    #[must_use]
    pub fn choose(&self, preference: &[Codec]) -> Option<PayloadType> {
        preference.iter().find_map(|wanted| self.codecs.iter().find(|offered| offered.codec == *wanted).copied())
    }

    /// Our answer: the first codec of `preference` that is offered, the offer's own payload types, every other stream declined.
    /// `None` if there is no codec in common.
    #[must_use]
    pub fn answer(&self, local: Local, preference: &[Codec]) -> Option<Answer> {
        Some(self.answer_in(local, Some(self.choose(preference)?)))
    }

    /// As [`Offer::answer`], with Opus first if it is offered: `ours` says what we want of it, the offer its number. One codec of G.711 stays
    /// behind it, if there is one in common, so that both sides may change without a new offer.
    #[must_use]
    pub fn answer_with_opus(&self, local: Local, preference: &[Codec], ours: Opus) -> Option<Answer> {
        let opus = self.opus.map(|theirs| Opus { number: theirs.number, ..ours });
        let codec = self.choose(preference);
        (opus.is_some() || codec.is_some()).then(|| Answer {
            opus,
            wide_telephone_event: opus.and(self.wide_telephone_event),
            ..self.answer_in(local, codec)
        })
    }

    fn answer_in(&self, local: Local, codec: Option<PayloadType>) -> Answer {
        Answer {
            local,
            opus: None,
            codec,
            telephone_event: self.telephone_event,
            wide_telephone_event: None,
            direction: self.direction.answered(),
            crypto: None,
            rtcp_mux: false,
            before: self.before.clone(),
            after: self.after.clone(),
        }
    }

    /// The line of the offer whose key decrypts what we hear: of the first of `suites` (ours, best first) that is offered.
    #[must_use]
    pub fn choose_crypto(&self, suites: &[Suite]) -> Option<&Crypto> {
        crypto::choose(&self.crypto, suites)
    }

    fn from_streams(session: &Level, mut streams: Vec<Stream>, security: Security) -> Result<Self, SdpError> {
        let secured = streams.iter().position(|stream| stream.is_active_audio(SECURED) && !stream.level.crypto.is_empty());
        let plain = streams.iter().position(|stream| stream.is_active_audio(PLAIN));
        let place = match security {
            Security::Plain => plain,
            Security::Preferred => secured.or(plain),
            Security::Required => secured,
        };
        let place = place.ok_or(SdpError::NoAudio)?;
        let after = streams.split_off(place.saturating_add(1)).into_iter().map(|stream| stream.declined).collect();
        let audio = streams.pop().ok_or(SdpError::NoAudio)?;
        let before = streams.into_iter().map(|stream| stream.declined).collect();
        let address = audio.level.address.or(session.address).ok_or(SdpError::NoAddress)?;
        if !usable(address) {
            return Err(SdpError::UnusableAddress);
        }
        let direction = audio.level.direction.or(session.direction).unwrap_or_default();
        Ok(Self {
            address,
            port: audio.port,
            codecs: audio.codecs(),
            telephone_event: audio.telephone_event(),
            wide_telephone_event: audio.wide_telephone_event(),
            ptime_ms: audio.level.ptime_ms.or(session.ptime_ms),
            maxptime_ms: audio.level.maxptime_ms.or(session.maxptime_ms),
            opus: audio.opus(),
            telephone_events: audio.telephone_event().and_then(|number| audio.level.format(number)).map(str::to_owned),
            rtcp_port: audio.level.rtcp_port.unwrap_or(audio.port.saturating_add(1)),
            rtcp_mux: audio.level.rtcp_mux,
            crypto: if audio.declined.protocol == SECURED { audio.level.crypto } else { Vec::new() },
            direction: if address.is_unspecified() { direction.without_receiving() } else { direction },
            before,
            after,
        })
    }
}

impl Answer {
    /// The same answer over RTP/SAVP: `key` is ours, under the suite and the tag of the offer's chosen line.
    #[must_use]
    pub fn secured(self, key: Crypto) -> Self {
        Self { crypto: Some(key), ..self }
    }

    /// The same answer without telephone events.
    #[must_use]
    pub fn without_keys(self) -> Self {
        Self { telephone_event: None, wide_telephone_event: None, ..self }
    }

    /// The same answer with RTP and RTCP on one port; only to an offer that has [`Offer::rtcp_mux`].
    #[must_use]
    pub fn multiplexed(self) -> Self {
        Self { rtcp_mux: true, ..self }
    }
}

/// The two transports of ours.
const PLAIN: &str = "RTP/AVP";
const SECURED: &str = "RTP/SAVP";

fn usable(address: IpAddr) -> bool {
    !address.is_multicast() && !matches!(address, IpAddr::V4(v4) if v4.is_broadcast())
}

/// What may stand at session and at stream level alike.
#[derive(Debug, Default)]
struct Level {
    address: Option<IpAddr>,
    direction: Option<Direction>,
    ptime_ms: Option<u16>,
    maxptime_ms: Option<u16>,
    rtcp_port: Option<u16>,
    rtcp_mux: bool,
    crypto: Vec<Crypto>,
    maps: Vec<(u8, Mapped)>,
    formats: Vec<(u8, String)>,
}

/// What an `a=rtpmap` gives a payload type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mapped {
    Voice(Codec),
    Opus,
    TelephoneEvent,
    WideTelephoneEvent,
    Foreign,
}

impl Level {
    fn read(&mut self, kind: &str, value: &str) {
        match kind {
            "c" => self.address = connection(value).or(self.address),
            "a" => match value.split_once(':') {
                Some(("rtpmap", map)) if self.maps.len() < MAX_PAYLOAD_TYPES => self.maps.extend(rtpmap(map)),
                Some(("fmtp", format)) if self.formats.len() < MAX_PAYLOAD_TYPES => self.formats.extend(fmtp(format)),
                Some(("crypto", line)) if self.crypto.len() < MAX_CRYPTO_LINES => self.crypto.extend(Crypto::parse(line)),
                Some(("maxptime", longest)) => self.maxptime_ms = longest.trim().parse().ok(),
                Some(("rtcp", place)) => {
                    self.rtcp_port = place.split(' ').next().and_then(|port| port.parse().ok()).filter(|port| *port != 0)
                }
                Some(("ptime", ptime)) => self.ptime_ms = ptime.trim().parse().ok(),
                Some(_) => {}
                None if value == "rtcp-mux" => self.rtcp_mux = true,
                None => self.direction = Direction::parse(value).or(self.direction),
            },
            _ => {}
        }
    }
}

impl Level {
    /// What `a=fmtp` says of a payload type.
    fn format(&self, number: u8) -> Option<&str> {
        self.formats.iter().find(|(of, _)| *of == number).map(|(_, text)| text.as_str())
    }
}

fn fmtp(value: &str) -> Option<(u8, String)> {
    let (number, text) = value.trim_start().split_once(' ')?;
    Some((payload_type(number)?, text.trim().to_owned()))
}

fn connection(value: &str) -> Option<IpAddr> {
    let mut words = value.split_ascii_whitespace();
    let (network, family, address) = (words.next()?, words.next()?, words.next()?);
    let address: IpAddr = address.split('/').next()?.parse().ok()?;
    let family_agrees = match address {
        IpAddr::V4(_) => family == "IP4",
        IpAddr::V6(_) => family == "IP6",
    };
    (network == "IN" && family_agrees).then_some(address)
}

fn rtpmap(value: &str) -> Option<(u8, Mapped)> {
    let (number, encoding) = value.trim_start().split_once(' ')?;
    let number = payload_type(number)?;
    let mut parts = encoding.trim().split('/');
    let (name, rate, channels) = (parts.next()?, parts.next()?, parts.next());
    if name.eq_ignore_ascii_case("opus") && rate == "48000" && channels == Some("2") {
        return Some((number, Mapped::Opus));
    }
    if name.eq_ignore_ascii_case("telephone-event") && rate == "48000" {
        return Some((number, Mapped::WideTelephoneEvent));
    }
    if rate != "8000" || channels.is_some_and(|count| count != "1") {
        return Some((number, Mapped::Foreign));
    }
    let mapped = match name.to_ascii_lowercase().as_str() {
        "pcma" => Mapped::Voice(Codec::Pcma),
        "pcmu" => Mapped::Voice(Codec::Pcmu),
        "telephone-event" => Mapped::TelephoneEvent,
        _ => Mapped::Foreign,
    };
    Some((number, mapped))
}

fn payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|number| *number < 128)
}

/// One `m=` line with what follows it.
#[derive(Debug)]
struct Stream {
    declined: Declined,
    port: u16,
    level: Level,
}

impl Stream {
    fn parse(value: &str) -> Result<Self, SdpError> {
        let mut words = value.split_ascii_whitespace();
        let (Some(media), Some(port), Some(protocol)) = (words.next(), words.next(), words.next()) else {
            return Err(SdpError::BadMediaLine);
        };
        let port = port.split('/').next().and_then(|number| number.parse().ok()).ok_or(SdpError::BadMediaLine)?;
        let formats: Vec<&str> = words.take(MAX_PAYLOAD_TYPES).collect();
        if formats.is_empty() {
            return Err(SdpError::BadMediaLine);
        }
        let declined = Declined { media: media.to_owned(), protocol: protocol.to_owned(), formats: formats.join(" ") };
        Ok(Self { declined, port, level: Level::default() })
    }

    fn is_active_audio(&self, protocol: &str) -> bool {
        self.declined.media == "audio" && self.declined.protocol == protocol && self.port != 0
    }

    fn opus(&self) -> Option<Opus> {
        let (number, _) = self.mapped().find(|(_, meaning)| *meaning == Mapped::Opus)?;
        let parameters = self.level.format(number).unwrap_or_default();
        let value = |wanted: &str| parameters.split(';').filter_map(|part| part.trim().split_once('=')).find(|(name, _)| *name == wanted);
        let is_set = |wanted| value(wanted).is_some_and(|(_, value)| value == "1");
        let bit_rate = value("maxaveragebitrate").and_then(|(_, rate)| rate.parse().ok()).filter(|rate| (6_000..=510_000).contains(rate));
        Some(Opus { number, inband_fec: is_set("useinbandfec"), discontinuous: is_set("usedtx"), max_average_bit_rate: bit_rate })
    }

    fn mapped(&self) -> impl Iterator<Item = (u8, Mapped)> + '_ {
        self.declined.formats.split(' ').filter_map(payload_type).map(|number| (number, self.meaning(number)))
    }

    fn meaning(&self, number: u8) -> Mapped {
        let by_map = self.level.maps.iter().find(|(mapped, _)| *mapped == number).map(|(_, meaning)| *meaning);
        by_map.unwrap_or(match number {
            0 => Mapped::Voice(Codec::Pcmu),
            8 => Mapped::Voice(Codec::Pcma),
            _ => Mapped::Foreign,
        })
    }

    fn codecs(&self) -> Vec<PayloadType> {
        self.mapped()
            .filter_map(|(number, meaning)| match meaning {
                Mapped::Voice(codec) => Some(PayloadType { number, codec }),
                Mapped::Opus | Mapped::TelephoneEvent | Mapped::WideTelephoneEvent | Mapped::Foreign => None,
            })
            .collect()
    }

    fn telephone_event(&self) -> Option<u8> {
        self.number_of(Mapped::TelephoneEvent)
    }

    fn wide_telephone_event(&self) -> Option<u8> {
        self.number_of(Mapped::WideTelephoneEvent)
    }

    fn number_of(&self, wanted: Mapped) -> Option<u8> {
        self.mapped().find(|(_, meaning)| *meaning == wanted).map(|(number, _)| number)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_session(f, &self.local)?;
        self.before.iter().try_for_each(|stream| write_declined(f, stream))?;
        let audio = Audio {
            port: self.local.port,
            opus: self.opus,
            codecs: self.codec.as_slice(),
            telephone_events: [self.telephone_event, self.wide_telephone_event],
            direction: self.direction,
            crypto: self.crypto.as_slice(),
            rtcp_mux: self.rtcp_mux,
        };
        audio.write(f)?;
        self.after.iter().try_for_each(|stream| write_declined(f, stream))
    }
}

impl fmt::Display for LateOffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codecs: Vec<PayloadType> =
            self.codecs.iter().map(|codec| PayloadType { number: codec.static_payload_type(), codec: *codec }).collect();
        write_session(f, &self.local)?;
        let audio = Audio {
            port: self.local.port,
            opus: self.opus,
            codecs: &codecs,
            telephone_events: [self.keys.then_some(OUR_TELEPHONE_EVENT), self.opus.filter(|_| self.keys).map(|_| OUR_WIDE_TELEPHONE_EVENT)],
            direction: self.direction,
            crypto: &self.crypto,
            rtcp_mux: self.rtcp_mux,
        };
        audio.write(f)
    }
}

fn write_session(f: &mut fmt::Formatter<'_>, local: &Local) -> fmt::Result {
    let family = match local.address {
        IpAddr::V4(_) => "IP4",
        IpAddr::V6(_) => "IP6",
    };
    let address = local.address;
    write!(f, "v=0\r\no=- {} {} IN {family} {address}\r\ns=-\r\n", local.session_id, local.session_version)?;
    write!(f, "c=IN {family} {address}\r\nt=0 0\r\n")
}

fn write_declined(f: &mut fmt::Formatter<'_>, stream: &Declined) -> fmt::Result {
    write!(f, "m={} 0 {} {}\r\n", stream.media, stream.protocol, stream.formats)
}

/// The audio stream of a description of ours.
struct Audio<'a> {
    port: u16,
    opus: Option<Opus>,
    codecs: &'a [PayloadType],
    /// At 8000 and at 48000 Hz.
    telephone_events: [Option<u8>; 2],
    direction: Direction,
    crypto: &'a [Crypto],
    rtcp_mux: bool,
}

impl Audio<'_> {
    fn write(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m=audio {} {}", self.port, if self.crypto.is_empty() { PLAIN } else { SECURED })?;
        let voices = self.opus.iter().map(|opus| opus.number).chain(self.codecs.iter().map(|codec| codec.number));
        voices.chain(self.telephone_events.into_iter().flatten()).try_for_each(|number| write!(f, " {number}"))?;
        f.write_str("\r\n")?;
        self.opus.iter().try_for_each(|opus| write_opus(f, opus))?;
        self.codecs.iter().try_for_each(|codec| write!(f, "a=rtpmap:{} {}/8000\r\n", codec.number, codec.codec.name()))?;
        for (number, rate) in self.telephone_events.into_iter().zip([8_000, 48_000]) {
            if let Some(number) = number {
                write!(f, "a=rtpmap:{number} telephone-event/{rate}\r\na=fmtp:{number} 0-15\r\n")?;
            }
        }
        write!(f, "a=ptime:{PTIME_MS}\r\na={}\r\n", self.direction.name())?;
        self.crypto.iter().try_for_each(|line| write!(f, "a=crypto:{line}\r\n"))?;
        f.write_str(if self.rtcp_mux { "a=rtcp-mux\r\n" } else { "" })
    }
}

/// RFC 7587 section 7: always `opus/48000/2`, whatever is sent.
fn write_opus(f: &mut fmt::Formatter<'_>, opus: &Opus) -> fmt::Result {
    let number = opus.number;
    write!(
        f,
        "a=rtpmap:{number} opus/48000/2\r\na=fmtp:{number} useinbandfec={};usedtx={}",
        u8::from(opus.inband_fec),
        u8::from(opus.discontinuous)
    )?;
    if let Some(rate) = opus.max_average_bit_rate {
        write!(f, ";maxaveragebitrate={rate}")?;
    }
    f.write_str("\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "v=0\r\no=carrier 53655765 2353687637 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
        m=audio 49170 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n\
        a=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

    fn local() -> Local {
        Local { address: "198.51.100.1".parse().expect("an address"), port: 20_000, session_id: 7, session_version: 1 }
    }

    fn parsed(text: &str) -> Offer {
        Offer::parse(text).expect("a usable offer")
    }

    #[test]
    fn a_plain_offer_gives_address_codecs_events_and_packet_length() {
        let offer = parsed(PLAIN);
        assert_eq!((offer.address.to_string().as_str(), offer.port), ("192.0.2.10", 49_170));
        assert_eq!(offer.codecs.iter().map(|codec| codec.number).collect::<Vec<_>>(), [0, 8]);
        assert_eq!((offer.telephone_event, offer.ptime_ms, offer.direction), (Some(101), Some(20), Direction::SendReceive));
    }

    #[test]
    fn the_answer_takes_our_liked_codec_and_the_far_payload_types() {
        let answer = parsed(PLAIN).answer(local(), &[Codec::Pcma, Codec::Pcmu]).expect("a common codec");
        assert_eq!(
            answer.to_string(),
            "v=0\r\no=- 7 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 8 101\r\n\
             a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
        );
    }

    #[test]
    fn static_payload_types_need_no_map_and_a_map_overrides_a_number() {
        let offer = parsed("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8 0\n");
        assert_eq!(offer.codecs.iter().map(|codec| codec.codec).collect::<Vec<_>>(), [Codec::Pcma, Codec::Pcmu]);
        let dynamic = parsed("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 97 96\na=rtpmap:97 opus/48000/2\na=rtpmap:96 pcma/8000/1\n");
        assert_eq!(dynamic.codecs, [PayloadType { number: 96, codec: Codec::Pcma }]);
    }

    #[test]
    fn telephone_events_of_another_clock_rate_are_not_ours() {
        let offer = parsed(
            "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8 100 102\na=rtpmap:100 telephone-event/48000\na=rtpmap:102 telephone-event/8000\n",
        );
        assert_eq!(offer.telephone_event, Some(102));
    }

    #[test]
    fn the_stream_level_wins_over_the_session_level() {
        let offer = parsed("v=0\nc=IN IP4 192.0.2.1\na=sendonly\na=ptime:30\nm=audio 4000 RTP/AVP 8\nc=IN IP6 2001:db8::9\na=recvonly\n");
        assert_eq!(
            (offer.address.to_string().as_str(), offer.direction, offer.ptime_ms),
            ("2001:db8::9", Direction::ReceiveOnly, Some(30))
        );
    }

    #[test]
    fn each_direction_is_answered_by_its_counterpart() {
        for (offered, answered) in [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("recvonly", "sendonly"), ("inactive", "inactive")]
        {
            let offer = parsed(&format!("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\na={offered}\n"));
            let answer = offer.answer(local(), &[Codec::Pcma]).expect("a common codec");
            assert_eq!(answer.direction.name(), answered);
        }
    }

    #[test]
    fn an_unspecified_address_means_that_the_far_side_does_not_want_to_hear_us() {
        let offer = parsed("v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 8\n");
        assert_eq!(offer.direction, Direction::SendOnly);
        assert!(!offer.direction.receives());
    }

    #[test]
    fn other_streams_are_declined_in_their_places() {
        let offer = parsed(
            "v=0\nc=IN IP4 192.0.2.1\nm=video 5000 RTP/AVP 31 34\nm=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/AVP 0\nm=image 5002 udptl t38\n",
        );
        let answer = offer.answer(local(), &[Codec::Pcma]).expect("a common codec").to_string();
        let streams: Vec<&str> = answer.lines().filter(|line| line.starts_with("m=")).collect();
        assert_eq!(streams, ["m=video 0 RTP/AVP 31 34", "m=audio 20000 RTP/AVP 8", "m=audio 0 RTP/AVP 0", "m=image 0 udptl t38"]);
    }

    #[test]
    fn no_common_codec_is_an_offer_without_an_answer() {
        let offer = parsed("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 18\n");
        assert_eq!(offer.answer(local(), &[Codec::Pcma, Codec::Pcmu]), None);
    }

    #[test]
    fn a_late_offer_names_all_our_codecs_and_is_readable_by_ourselves() {
        let text = LateOffer::new(local(), vec![Codec::Pcma, Codec::Pcmu]).to_string();
        let offer = parsed(&text);
        assert_eq!(offer.codecs.iter().map(|codec| codec.codec).collect::<Vec<_>>(), [Codec::Pcma, Codec::Pcmu]);
        assert_eq!((offer.port, offer.telephone_event), (20_000, Some(OUR_TELEPHONE_EVENT)));
    }

    #[test]
    fn an_ipv6_answer_says_so() {
        let local = Local { address: "2001:db8::1".parse().expect("an address"), ..local() };
        let answer = parsed(PLAIN).answer(local, &[Codec::Pcmu]).expect("a common codec").to_string();
        assert!(answer.contains("o=- 7 1 IN IP6 2001:db8::1\r\n") && answer.contains("c=IN IP6 2001:db8::1\r\n"), "{answer}");
    }

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn an_encrypted_stream_is_taken_where_the_trunk_wants_it() {
        let both = format!(
            "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8\nm=audio 4002 RTP/SAVP 8 0\na=crypto:1 F8_128_HMAC_SHA1_80 inline:{KEY}\n\
             a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:{KEY}\na=crypto:3 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^31\na=rtcp-mux\n"
        );
        let port = |security| Offer::parse_secured(&both, security).map(|offer| (offer.port, offer.crypto.len()));
        assert_eq!(port(Security::Plain), Ok((4000, 0)));
        assert_eq!((port(Security::Preferred), port(Security::Required)), (Ok((4002, 2)), Ok((4002, 2))));
        let unusable = both.replace("AES_CM", "SEED_CTR");
        let port = |security| Offer::parse_secured(&unusable, security).map(|offer| offer.port);
        assert_eq!((port(Security::Preferred), port(Security::Required)), (Ok(4000), Err(SdpError::NoAudio)));
    }

    #[test]
    fn an_encrypted_answer_repeats_the_tag_and_names_our_key() {
        let text =
            format!("v=0\nc=IN IP4 192.0.2.1\nm=audio 4002 RTP/SAVP 8\na=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\na=rtcp-mux\n");
        let offer = Offer::parse_secured(&text, Security::Required).expect("a usable offer");
        let line = offer.choose_crypto(&Suite::ALL).expect("a usable line");
        assert!(offer.rtcp_mux);
        let key = Crypto::new(line.tag, line.suite, &[0; 30]).expect("30 bytes");
        let answer = offer.answer(local(), &[Codec::Pcma]).expect("a common codec").secured(key).multiplexed().to_string();
        assert!(answer.contains("m=audio 20000 RTP/SAVP 8\r\n") && answer.ends_with("a=rtcp-mux\r\n"), "{answer}");
        assert!(answer.contains("a=crypto:7 AES_CM_128_HMAC_SHA1_80 inline:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n"), "{answer}");
        assert_eq!(Offer::parse_secured(&answer, Security::Required).expect("our own answer").crypto.len(), 1);
    }

    #[test]
    fn opus_events_packet_lengths_and_rtcp_are_told() {
        let offer = parsed(
            "v=0\nc=IN IP6 2001:db8::1\na=maxptime:60\nm=audio 4000 RTP/AVP 111 8 101\na=rtpmap:111 OPUS/48000/2\n\
             a=fmtp:111 minptime=10; useinbandfec=1;usedtx=0; maxaveragebitrate=24000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-11,66\n\
             a=rtcp:4711 IN IP6 2001:db8::1\n",
        );
        let opus = Opus { number: 111, inband_fec: true, discontinuous: false, max_average_bit_rate: Some(24_000) };
        assert_eq!((offer.opus, offer.maxptime_ms, offer.rtcp_port, offer.rtcp_mux), (Some(opus), Some(60), 4711, false));
        assert_eq!(offer.telephone_events.as_deref(), Some("0-11,66"));
        let bare = parsed("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 8 111\na=rtpmap:111 opus/48000\n");
        assert_eq!((bare.opus, bare.maxptime_ms, bare.rtcp_port), (None, None, 4001));
    }

    #[test]
    fn an_answer_with_opus_takes_the_offers_numbers_and_keeps_g_711_behind_it() {
        let offer = parsed(
            "v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 96 8 97 101\na=rtpmap:96 opus/48000/2\na=fmtp:96 useinbandfec=1;usedtx=1\n\
             a=rtpmap:97 telephone-event/48000\na=rtpmap:101 telephone-event/8000\n",
        );
        let answer = offer.answer_with_opus(local(), &[Codec::Pcma], Opus::for_speech()).expect("a common codec").to_string();
        assert!(answer.contains("m=audio 20000 RTP/AVP 96 8 101 97\r\na=rtpmap:96 opus/48000/2\r\n"), "{answer}");
        assert!(answer.contains("a=fmtp:96 useinbandfec=1;usedtx=0;maxaveragebitrate=24000\r\n"), "{answer}");
        assert!(
            answer.contains("a=rtpmap:97 telephone-event/48000\r\n") && answer.contains("a=rtpmap:101 telephone-event/8000\r\n"),
            "{answer}"
        );
        assert_eq!(parsed(&answer).opus, Some(Opus { number: 96, ..Opus::for_speech() }));
        let narrow = parsed(PLAIN).answer_with_opus(local(), &[Codec::Pcma], Opus::for_speech()).expect("a common codec");
        assert_eq!((narrow.opus, narrow.wide_telephone_event), (None, None));
    }

    #[test]
    fn a_late_offer_may_be_encrypted_and_wide_and_knows_which_key_was_taken() {
        let lines = [(1, Suite::AeadAes128Gcm), (2, Suite::AesCm128HmacSha1Tag80)]
            .map(|(tag, suite)| Crypto::new(tag, suite, &vec![7; suite.key_bytes()]).expect("the suite's length"));
        let late = LateOffer::new(local(), vec![Codec::Pcma]).with_opus(Opus::for_speech()).secured(lines.to_vec()).multiplexed();
        let offer = Offer::parse_secured(&late.to_string(), Security::Required).expect("our own offer");
        assert_eq!(
            (offer.crypto.len(), offer.opus, offer.rtcp_mux, offer.wide_telephone_event),
            (2, late.opus, true, Some(OUR_WIDE_TELEPHONE_EVENT))
        );
        let theirs = Crypto::new(2, Suite::AesCm128HmacSha1Tag80, &[8; 30]).expect("30 bytes");
        let answer = offer.answer(local(), &[Codec::Pcma]).expect("a common codec").secured(theirs).to_string();
        let answer = Offer::parse_secured(&answer, Security::Required).expect("an answer");
        assert_eq!(late.crypto_taken(&answer), Some(&lines[1]));
        assert_eq!(late.crypto_taken(&parsed(PLAIN)), None);
    }

    #[test]
    fn unusable_texts_are_refused_with_their_reason() {
        let too_many = format!("v=0\nc=IN IP4 192.0.2.1\n{}", "m=audio 0 RTP/AVP 8\n".repeat(MAX_STREAMS + 1));
        let too_long = format!("v=0\n{}", "a=x\n".repeat(MAX_BYTES));
        let table: [(&str, SdpError); 17] = [
            ("", SdpError::NotSdp),
            ("hello", SdpError::NotSdp),
            ("v=1\nm=audio 4000 RTP/AVP 8\n", SdpError::NotSdp),
            ("v=0\n", SdpError::NoAudio),
            ("v=0\nc=IN IP4 192.0.2.1\nm=audio 0 RTP/AVP 8\n", SdpError::NoAudio),
            ("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/SAVP 8\n", SdpError::NoAudio),
            ("v=0\nc=IN IP4 192.0.2.1\nm=video 4000 RTP/AVP 31\n", SdpError::NoAudio),
            ("v=0\nm=audio 4000 RTP/AVP 8\n", SdpError::NoAddress),
            ("v=0\nc=IN IP4 carrier.example\nm=audio 4000 RTP/AVP 8\n", SdpError::NoAddress),
            ("v=0\nc=IN IP6 192.0.2.1\nm=audio 4000 RTP/AVP 8\n", SdpError::NoAddress),
            ("v=0\nc=IN IP4 224.2.1.1/127\nm=audio 4000 RTP/AVP 8\n", SdpError::UnusableAddress),
            ("v=0\nc=IN IP4 255.255.255.255\nm=audio 4000 RTP/AVP 8\n", SdpError::UnusableAddress),
            ("v=0\nm=audio\n", SdpError::BadMediaLine),
            ("v=0\nm=audio 4000 RTP/AVP\n", SdpError::BadMediaLine),
            ("v=0\nm=audio 70000 RTP/AVP 8\n", SdpError::BadMediaLine),
            (&too_many, SdpError::TooLarge),
            (&too_long, SdpError::TooLarge),
        ];
        for (text, error) in table {
            assert_eq!(Offer::parse(text), Err(error), "{}", text.chars().take(60).collect::<String>());
        }
    }

    #[test]
    fn any_damage_to_an_offer_is_survived() {
        let mut random = fastrand::Rng::with_seed(0x5d9);
        for _ in 0..20_000 {
            let mut bytes = PLAIN.as_bytes().to_vec();
            for _ in 0..random.usize(1..6) {
                let place = random.usize(..bytes.len());
                bytes[place] = random.u8(..);
            }
            if let Ok(offer) = Offer::parse(&String::from_utf8_lossy(&bytes)) {
                let _ = offer.answer(local(), &[Codec::Pcma, Codec::Pcmu]).map(|answer| answer.to_string());
            }
        }
    }
}
