//! RTP packets: reading and writing the header in place, and the receiver's statistics (RFC 3550 section 5.1, appendix A.1, A.3 and A.8).
//!
//! Not here: RTCP, encryption (`srtp`), the meaning of payload types.

/// Length of a header without contributing sources and extension, in bytes.
pub const HEADER_BYTES: usize = 12;

/// Why bytes are no RTP packet. Always the sender's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// Shorter than its own header says.
    #[error("the packet is shorter than its header says")]
    TooShort,
    /// Version is not 2.
    #[error("the packet is not RTP version 2")]
    WrongVersion,
    /// Its padding is longer than the payload, or of length 0.
    #[error("the padding is impossible")]
    BadPadding,
}

/// The fields that we read and write; contributing sources and extensions are passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// First packet of a talk spurt, or of a telephone event.
    pub marker: bool,
    /// What the payload is, 0 to 127.
    pub payload_type: u8,
    /// Counts packets, modulo 2^16.
    pub sequence: u16,
    /// Counts samples, modulo 2^32: that of the payload's first sample.
    pub timestamp: u32,
    /// The stream's source.
    pub ssrc: u32,
}

/// A packet that was found well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    /// What is between header and padding; may be empty.
    pub payload: &'a [u8],
}

impl Header {
    /// Writes the header into the first [`HEADER_BYTES`] of a packet.
    ///
    /// # Errors
    /// [`RtpError::TooShort`] if there is no room; nothing is written then.
    pub fn write(&self, packet: &mut [u8]) -> Result<(), RtpError> {
        let head = packet.first_chunk_mut::<HEADER_BYTES>().ok_or(RtpError::TooShort)?;
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [r0, r1, r2, r3] = self.ssrc.to_be_bytes();
        let kind = (u8::from(self.marker) << 7) | (self.payload_type & 0x7F);
        *head = [0x80, kind, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3];
        Ok(())
    }

    /// Reads a header and says where it ends, contributing sources and extension included. Padding is not looked at: in SRTP it is
    /// still encrypted.
    ///
    /// # Errors
    /// [`RtpError::TooShort`] or [`RtpError::WrongVersion`].
    pub fn read(packet: &[u8]) -> Result<(Self, usize), RtpError> {
        let head = packet.first_chunk::<HEADER_BYTES>().ok_or(RtpError::TooShort)?;
        let [flags, kind, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = *head;
        if flags >> 6 != 2 {
            return Err(RtpError::WrongVersion);
        }
        let header = Self {
            marker: kind & 0x80 != 0,
            payload_type: kind & 0x7F,
            sequence: u16::from_be_bytes([s0, s1]),
            timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
            ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
        };
        let after_sources = HEADER_BYTES + 4 * usize::from(flags & 0x0F);
        let end = if flags & 0x10 == 0 { after_sources } else { after_extension(packet, after_sources)? };
        if end > packet.len() {
            return Err(RtpError::TooShort);
        }
        Ok((header, end))
    }
}

fn after_extension(packet: &[u8], start: usize) -> Result<usize, RtpError> {
    let head = packet.get(start..).and_then(|rest| rest.first_chunk::<4>()).ok_or(RtpError::TooShort)?;
    let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
    Ok(start + 4 + 4 * words)
}

impl<'a> Packet<'a> {
    /// Reads a whole, unencrypted packet.
    ///
    /// # Errors
    /// See [`RtpError`].
    pub fn read(packet: &'a [u8]) -> Result<Self, RtpError> {
        let (header, start) = Header::read(packet)?;
        let body = packet.get(start..).ok_or(RtpError::TooShort)?;
        let has_padding = packet.first().is_some_and(|flags| flags & 0x20 != 0);
        let payload = if has_padding { without_padding(body)? } else { body };
        Ok(Self { header, payload })
    }
}

fn without_padding(body: &[u8]) -> Result<&[u8], RtpError> {
    let padding = usize::from(*body.last().ok_or(RtpError::BadPadding)?);
    if padding == 0 {
        return Err(RtpError::BadPadding);
    }
    body.len().checked_sub(padding).and_then(|end| body.get(..end)).ok_or(RtpError::BadPadding)
}

/// Turns 16-bit sequence numbers into numbers that never wrap, by nearness to the newest one seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct SequenceExtender {
    newest: Option<u64>,
}

impl SequenceExtender {
    /// The number that ends in `sequence` and is nearest to the newest seen; the first is taken as being one cycle up, so that
    /// packets from before it have numbers too.
    pub fn extend(&mut self, sequence: u16) -> u64 {
        let Some(newest) = self.newest else {
            let first = (1 << 16) | u64::from(sequence);
            self.newest = Some(first);
            return first;
        };
        let step = sequence.wrapping_sub(newest as u16).cast_signed();
        let extended = newest.saturating_add_signed(i64::from(step));
        self.newest = Some(newest.max(extended));
        extended
    }
}

/// How far behind the newest packet one may be and still be told from a repeated one, in packets.
pub const WINDOW_PACKETS: u64 = 64;

/// Which of the newest [`WINDOW_PACKETS`] packets were there already, by numbers that do not wrap (RFC 3711 section 3.3.2).
#[derive(Debug, Clone, Copy, Default)]
pub struct SequenceWindow {
    newest: Option<u64>,
    /// Bit 0 is the newest.
    seen: u64,
}

impl SequenceWindow {
    /// The newest number noted.
    #[must_use]
    pub fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Whether this number is new: neither noted nor too old to know.
    #[must_use]
    pub fn allows(&self, number: u64) -> bool {
        match self.newest.and_then(|newest| newest.checked_sub(number)) {
            None => true,
            Some(age) => age < WINDOW_PACKETS && self.seen & (1 << age) == 0,
        }
    }

    /// Notes a number. One that is too old changes nothing.
    pub fn note(&mut self, number: u64) {
        let newest = self.newest.unwrap_or(number);
        if let Some(age) = newest.checked_sub(number) {
            self.seen |= if age < WINDOW_PACKETS { 1 << age } else { 0 };
        } else {
            let step = number - newest;
            self.seen = if step < WINDOW_PACKETS { self.seen << step } else { 0 } | 1;
        }
        self.newest = Some(newest.max(number));
    }
}

/// Steps of more than this many packets mean that the sender began anew (RFC 3550 appendix A.1, `MAX_DROPOUT`).
pub const MAX_DROPOUT: u64 = 3_000;

/// What a receiver knows of a stream's quality (RFC 3550 section 6.4.1).
#[derive(Debug, Clone, Copy)]
pub struct ReceiveStatistics {
    clock_khz: u32,
    sequence: SequenceExtender,
    first: u64,
    highest: u64,
    before: u64,
    expected_before: u64,
    received: u64,
    transit: Option<i64>,
    jitter_sixteenths: u64,
}

impl Default for ReceiveStatistics {
    fn default() -> Self {
        Self::with_clock_khz(8)
    }
}

impl ReceiveStatistics {
    /// Of a stream whose timestamps count so many thousands in a second: 8, or 48 for Opus; at least 1.
    #[must_use]
    pub fn with_clock_khz(clock_khz: u32) -> Self {
        Self {
            clock_khz: clock_khz.max(1),
            sequence: SequenceExtender::default(),
            first: 0,
            highest: 0,
            before: 0,
            expected_before: 0,
            received: 0,
            transit: None,
            jitter_sixteenths: 0,
        }
    }

    /// Takes note of one packet that arrived at `arrival_us` on any monotonic clock.
    pub fn note(&mut self, arrival_us: u64, header: &Header) {
        self.received = self.received.saturating_add(1);
        let number = self.sequence.extend(header.sequence);
        if self.first == 0 || number.abs_diff(self.highest) > MAX_DROPOUT {
            self.begin_anew(header.sequence);
        } else {
            self.first = self.first.min(number);
            self.highest = self.highest.max(number);
        }
        self.note_transit(arrival_us, header.timestamp);
    }

    fn begin_anew(&mut self, sequence: u16) {
        self.expected_before = self.expected();
        self.before = self.received.saturating_sub(1);
        self.sequence = SequenceExtender::default();
        self.first = self.sequence.extend(sequence);
        self.highest = self.first;
        self.transit = None;
    }

    fn note_transit(&mut self, arrival_us: u64, timestamp: u32) {
        let arrival = (arrival_us.saturating_mul(u64::from(self.clock_khz)) / 1_000) as u32;
        let transit = i64::from(arrival.wrapping_sub(timestamp).cast_signed());
        let before = self.transit.replace(transit);
        // A leap of 10 s is no jitter: the stream counts from another moment on, as when its codec has changed.
        let leap = u64::from(self.clock_khz) * 10_000;
        if let Some(difference) = before.map(|before| transit.abs_diff(before)).filter(|difference| *difference < leap) {
            self.jitter_sixteenths = (self.jitter_sixteenths + difference).saturating_sub((self.jitter_sixteenths + 8) >> 4);
        }
    }

    /// Packets that were sent, as far as their numbers show.
    #[must_use]
    pub fn expected(&self) -> u64 {
        let current = if self.first == 0 { 0 } else { self.highest - self.first + 1 };
        self.expected_before.saturating_add(current)
    }

    /// Packets received, repeated ones included.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Packets that never came (repeated ones hide as many; RFC 3550 counts so too).
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.received)
    }

    /// Highest sequence number received, counting on where it wraps, from 2^16; 0 before the first packet.
    #[must_use]
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Smoothed difference of transit times, in units of the timestamps.
    #[must_use]
    pub fn jitter_ticks(&self) -> u32 {
        u32::try_from(self.jitter_sixteenths / 16).unwrap_or(u32::MAX)
    }

    /// Smoothed difference of transit times, in µs.
    #[must_use]
    pub fn jitter_us(&self) -> u64 {
        self.jitter_sixteenths.saturating_mul(1_000) / (16 * u64::from(self.clock_khz))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header = Header { marker: true, payload_type: 8, sequence: 0xFFFE, timestamp: 0x0102_0304, ssrc: 0xCAFE_BABE };

    fn header(sequence: u16, timestamp: u32) -> Header {
        Header { sequence, timestamp, ..HEADER }
    }

    #[test]
    fn a_written_header_reads_back() {
        let mut packet = [0x55; 15];
        HEADER.write(&mut packet).expect("room for it");
        let read = Packet::read(&packet).expect("well-formed");
        assert_eq!(read, Packet { header: HEADER, payload: &[0x55; 3] });
        assert_eq!(HEADER.write(&mut [0; 11]), Err(RtpError::TooShort));
    }

    #[test]
    fn sources_extension_and_padding_are_not_payload() {
        let mut packet = vec![0; HEADER_BYTES];
        HEADER.write(&mut packet).expect("room for it");
        packet[0] = 0x80 | 0x20 | 0x10 | 2;
        packet.extend([9; 8]);
        packet.extend([0xBE, 0xDE, 0, 1, 7, 7, 7, 7]);
        packet.extend([1, 2, 3]);
        packet.extend([0, 0, 0, 4]);
        assert_eq!(Packet::read(&packet).expect("well-formed").payload, [1, 2, 3]);
    }

    #[test]
    fn impossible_packets_are_refused() {
        let mut good = [0; 13];
        HEADER.write(&mut good).expect("room for it");
        let with_flags = |flags: u8, last: u8| {
            let mut packet = good;
            packet[0] = flags;
            packet[12] = last;
            Packet::read(&packet).map(|packet| packet.payload.len())
        };
        assert_eq!(with_flags(0x40, 0), Err(RtpError::WrongVersion));
        assert_eq!(with_flags(0xA0, 0), Err(RtpError::BadPadding));
        assert_eq!(with_flags(0xA0, 2), Err(RtpError::BadPadding));
        assert_eq!(with_flags(0xA0, 1), Ok(0));
        assert_eq!(with_flags(0x81, 0), Err(RtpError::TooShort));
        assert_eq!(with_flags(0x90, 0), Err(RtpError::TooShort));
        assert_eq!(Packet::read(&good[..11]), Err(RtpError::TooShort));
    }

    #[test]
    fn random_bytes_never_break_the_reader() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut bytes = [0; 64];
        for _ in 0..100_000 {
            random.fill(&mut bytes);
            bytes[0] = (bytes[0] & 0x3F) | 0x80;
            let _ = Packet::read(&bytes[..random.usize(..=64)]);
        }
    }

    #[test]
    fn sequence_numbers_are_extended_over_the_wrap_and_back() {
        let mut extender = SequenceExtender::default();
        let numbers: Vec<u64> = [65_534, 65_535, 1, 0, 65_533, 2].map(|sequence| extender.extend(sequence)).into();
        let base = 1 << 16;
        assert_eq!(numbers, [base + 65_534, base + 65_535, 2 * base + 1, 2 * base, base + 65_533, 2 * base + 2]);
    }

    #[test]
    fn loss_counts_gaps_and_not_disorder() {
        let mut statistics = ReceiveStatistics::default();
        for sequence in [65_530_u16, 65_531, 65_533, 65_532, 65_535, 1, 2] {
            statistics.note(0, &header(sequence, 0));
        }
        assert_eq!((statistics.received(), statistics.lost()), (7, 2));
    }

    #[test]
    fn a_sender_that_begins_anew_is_no_loss() {
        let mut statistics = ReceiveStatistics::default();
        for sequence in [10_u16, 11, 13, 40_000, 40_001] {
            statistics.note(0, &header(sequence, 0));
        }
        assert_eq!((statistics.received(), statistics.lost()), (5, 1));
    }

    #[test]
    fn jitter_is_nothing_on_a_steady_stream_and_grows_with_disorder() {
        let mut steady = ReceiveStatistics::default();
        let mut shaky = ReceiveStatistics::default();
        for number in 0_u16..500 {
            let time = u64::from(number) * 20_000;
            let timestamp = u32::from(number) * 160;
            steady.note(time, &header(number, timestamp));
            shaky.note(time + u64::from(number % 2) * 10_000, &header(number, timestamp));
        }
        assert_eq!(steady.jitter_us(), 0);
        assert!((9_000..=10_100).contains(&shaky.jitter_us()), "{}", shaky.jitter_us());
    }
}
