//! RTCP sender and receiver reports (RFC 3550 section 6), and what they tell of a stream together with its own packets.
//!
//! Written is always the compound of one report and a CNAME, with at most one block. Not here: encryption (`srtp`), when to send,
//! extended reports, feedback messages; they are passed over.

use crate::rtp::{Header, ReceiveStatistics, RtpError};

/// Room that any packet written here needs, in bytes.
pub const MAX_REPORT_BYTES: usize = 8 + 20 + BLOCK_BYTES + 4 + 4 + 2 + MAX_CNAME_BYTES + 2;
/// Longer names are cut.
pub const MAX_CNAME_BYTES: usize = 32;

const BLOCK_BYTES: usize = 24;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;
/// A round trip above this is a report that was held back or made up, in 1/65,536 s: 10 s.
const LONGEST_ROUND_TRIP: u32 = 10 << 16;

/// What a sender says of its own stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SenderInfo {
    /// Its clock, as [`ntp`] makes it: seconds and fraction, 32 bits each. Of any origin.
    pub ntp: u64,
    /// The same moment on the stream's RTP clock.
    pub timestamp: u32,
    /// Packets sent so far.
    pub packets: u32,
    /// Bytes of payload sent so far.
    pub payload_bytes: u32,
}

/// What a receiver says of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: u32,
    /// Packets lost since the report before, in 1/256 of those expected.
    pub fraction_lost: u8,
    /// Packets lost so far; negative if more came twice.
    pub lost: i32,
    /// Highest sequence number received, with its cycles above the lower 16 bits.
    pub highest: u32,
    /// Smoothed difference of transit times, in units of the RTP clock.
    pub jitter: u32,
    /// Middle 32 bits of the newest sender report's clock; 0 if there was none.
    pub last_report: u32,
    /// Time since that report came, in 1/65,536 s.
    pub since_report: u32,
}

/// One packet of a compound that matters to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A sender or receiver report.
    Report(Report<'a>),
    /// The source ends its stream.
    Goodbye {
        /// Which.
        ssrc: u32,
    },
}

/// A sender or receiver report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report<'a> {
    /// Who reports.
    pub ssrc: u32,
    /// On its own stream, if it has one.
    pub sender: Option<SenderInfo>,
    blocks: &'a [u8],
}

impl Report<'_> {
    /// On the streams it receives.
    pub fn blocks(&self) -> impl Iterator<Item = ReportBlock> {
        self.blocks.chunks_exact(BLOCK_BYTES).filter_map(read_block)
    }
}

/// A clock's µs as RTCP's seconds and fraction.
#[must_use]
pub fn ntp(now_us: u64) -> u64 {
    let (seconds, rest) = (now_us / 1_000_000, now_us % 1_000_000);
    (seconds << 32) | ((rest << 32) / 1_000_000)
}

fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// Reads the compound packet; gives what matters of it.
///
/// # Errors
/// A length that its packets do not have, or another version: nothing of it is to be believed.
pub fn read(compound: &[u8]) -> Result<impl Iterator<Item = Item<'_>>, RtpError> {
    let mut rest = compound;
    while !rest.is_empty() {
        rest = split_packet(rest)?.1;
    }
    let mut rest = compound;
    let packets = std::iter::from_fn(move || {
        let (packet, behind) = split_packet(rest).ok()?;
        rest = behind;
        Some(packet)
    });
    Ok(packets.filter_map(read_item))
}

fn split_packet(bytes: &[u8]) -> Result<(&[u8], &[u8]), RtpError> {
    let [flags, _, high, low] = *bytes.first_chunk::<4>().ok_or(RtpError::TooShort)?;
    if flags >> 6 != 2 {
        return Err(RtpError::WrongVersion);
    }
    bytes.split_at_checked(4 + 4 * usize::from(u16::from_be_bytes([high, low]))).ok_or(RtpError::TooShort)
}

fn read_item(packet: &[u8]) -> Option<Item<'_>> {
    let (head, body) = packet.split_first_chunk::<8>()?;
    let count = usize::from(head[0] & 0x1F);
    let ssrc = word(&head[4..])?;
    let (sender, body) = match head[1] {
        SENDER_REPORT => (Some(read_sender(body)?), body.get(20..)?),
        RECEIVER_REPORT => (None, body),
        GOODBYE => return (count > 0).then_some(Item::Goodbye { ssrc }),
        _ => return None,
    };
    Some(Item::Report(Report { ssrc, sender, blocks: body.get(..count * BLOCK_BYTES)? }))
}

fn word(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn read_sender(body: &[u8]) -> Option<SenderInfo> {
    let ntp = u64::from_be_bytes(*body.first_chunk()?);
    Some(SenderInfo { ntp, timestamp: word(&body[8..])?, packets: word(body.get(12..)?)?, payload_bytes: word(body.get(16..)?)? })
}

fn read_block(block: &[u8]) -> Option<ReportBlock> {
    let loss = word(&block[4..])?;
    Some(ReportBlock {
        ssrc: word(block)?,
        fraction_lost: block[4],
        // 24 bits with a sign.
        lost: (loss << 8).cast_signed() >> 8,
        highest: word(&block[8..])?,
        jitter: word(&block[12..])?,
        last_report: word(&block[16..])?,
        since_report: word(&block[20..])?,
    })
}

/// Writes a sender report (with `sender`) or a receiver report, and the CNAME; gives the length, at most [`MAX_REPORT_BYTES`].
///
/// # Errors
/// [`RtpError::TooShort`] if there is no room.
pub fn write(
    buffer: &mut [u8],
    ssrc: u32,
    sender: Option<&SenderInfo>,
    block: Option<&ReportBlock>,
    cname: &str,
) -> Result<usize, RtpError> {
    let mut out = Writer { buffer, length: 0 };
    let words = 1 + if sender.is_some() { 5 } else { 0 } + if block.is_some() { 6 } else { 0 };
    out.head(u8::from(block.is_some()), if sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT }, words)?;
    out.put(&ssrc.to_be_bytes())?;
    if let Some(sender) = sender {
        out.put(&sender.ntp.to_be_bytes())?;
        [sender.timestamp, sender.packets, sender.payload_bytes].iter().try_for_each(|value| out.put(&value.to_be_bytes()))?;
    }
    if let Some(block) = block {
        let lost = (block.lost.clamp(-0x80_0000, 0x7F_FFFF).cast_unsigned() & 0xFF_FFFF) | (u32::from(block.fraction_lost) << 24);
        let fields = [block.ssrc, lost, block.highest, block.jitter, block.last_report, block.since_report];
        fields.iter().try_for_each(|value| out.put(&value.to_be_bytes()))?;
    }
    out.description(ssrc, cname)?;
    Ok(out.length)
}

struct Writer<'a> {
    buffer: &'a mut [u8],
    length: usize,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), RtpError> {
        let end = self.length + bytes.len();
        self.buffer.get_mut(self.length..end).ok_or(RtpError::TooShort)?.copy_from_slice(bytes);
        self.length = end;
        Ok(())
    }

    fn head(&mut self, count: u8, kind: u8, words: u16) -> Result<(), RtpError> {
        let [high, low] = words.to_be_bytes();
        self.put(&[0x80 | count, kind, high, low])
    }

    /// The list of items ends with at least one zero and on a whole word (section 6.5).
    fn description(&mut self, ssrc: u32, cname: &str) -> Result<(), RtpError> {
        let name = &cname.as_bytes()[..cname.len().min(MAX_CNAME_BYTES)];
        let words = (4 + 2 + name.len() + 1).div_ceil(4);
        let padding = 4 * words - (4 + 2 + name.len());
        self.head(1, DESCRIPTION, words as u16)?;
        self.put(&ssrc.to_be_bytes())?;
        self.put(&[1, name.len() as u8])?;
        self.put(name)?;
        self.put(&[0; 4][..padding])
    }
}

/// All that is known of one stream's way: from its packets here, and from the far side's reports on ours.
#[derive(Debug, Clone, Copy)]
pub struct ReceptionStatistics {
    packets: ReceiveStatistics,
    ssrc: u32,
    expected_reported: u64,
    received_reported: u64,
    /// Middle of the far clock in its newest report, and when that came.
    report: Option<(u32, u64)>,
    round_trip_us: Option<u64>,
    far: Option<ReportBlock>,
}

impl ReceptionStatistics {
    /// Of a stream whose RTP clock counts so many thousands in a second: 8, or 48 for Opus.
    #[must_use]
    pub fn new(clock_khz: u32) -> Self {
        let packets = ReceiveStatistics::with_clock_khz(clock_khz);
        Self { packets, ssrc: 0, expected_reported: 0, received_reported: 0, report: None, round_trip_us: None, far: None }
    }

    /// Takes note of one packet that arrived at `arrival_us` on any monotonic clock, the same in all calls.
    pub fn note_packet(&mut self, arrival_us: u64, header: &Header) {
        self.ssrc = header.ssrc;
        self.packets.note(arrival_us, header);
    }

    /// Takes note of the far side's report, which speaks of our stream `own_ssrc`. Our own sender reports must have carried [`ntp`] of
    /// the same clock as `now_us`.
    pub fn note_report(&mut self, now_us: u64, own_ssrc: u32, report: &Report<'_>) {
        if let Some(sender) = report.sender {
            self.report = Some((middle(sender.ntp), now_us));
        }
        if let Some(block) = report.blocks().find(|block| block.ssrc == own_ssrc) {
            self.far = Some(block);
            self.round_trip_us = round_trip_us(now_us, &block).or(self.round_trip_us);
        }
    }

    /// The block for our next report. Loss is counted from the block before: ask once for each report.
    pub fn block(&mut self, now_us: u64) -> ReportBlock {
        let (expected, received) = (self.packets.expected(), self.packets.received());
        let expected_now = expected - self.expected_reported.min(expected);
        let lost_now = expected_now.saturating_sub(received - self.received_reported.min(received));
        (self.expected_reported, self.received_reported) = (expected, received);
        let (last_report, since_report) = self.report.map_or((0, 0), |(middle_of_far, at)| {
            let since = middle(ntp(now_us.saturating_sub(at)));
            (middle_of_far, since)
        });
        ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255) as u8,
            lost: i32::try_from(expected.cast_signed() - received.cast_signed()).unwrap_or(i32::MAX),
            highest: self.packets.highest() as u32,
            jitter: self.packets.jitter_ticks(),
            last_report,
            since_report,
        }
    }

    /// Counts of the packets that came here.
    #[must_use]
    pub fn packets(&self) -> &ReceiveStatistics {
        &self.packets
    }

    /// Newest time for the way there and back, without the far side's pause between, in µs. `None` until a report answered ours.
    #[must_use]
    pub fn round_trip_us(&self) -> Option<u64> {
        self.round_trip_us
    }

    /// The far side's newest words on our stream.
    #[must_use]
    pub fn far(&self) -> Option<&ReportBlock> {
        self.far.as_ref()
    }
}

/// Section 6.4.1: arrival - LSR - DLSR.
fn round_trip_us(now_us: u64, block: &ReportBlock) -> Option<u64> {
    if block.last_report == 0 {
        return None;
    }
    let units = middle(ntp(now_us)).wrapping_sub(block.last_report).wrapping_sub(block.since_report);
    // A far clock that runs a little fast makes a short way negative.
    let units = if units.cast_signed() < 0 && units > u32::MAX - 0xFFFF { 0 } else { units };
    (units <= LONGEST_ROUND_TRIP).then_some((u64::from(units) * 1_000_000) >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDER: SenderInfo = SenderInfo { ntp: 0x0102_0304_0506_0708, timestamp: 9, packets: 10, payload_bytes: 11 };
    const BLOCK: ReportBlock =
        ReportBlock { ssrc: 77, fraction_lost: 12, lost: -3, highest: 0x0001_0005, jitter: 40, last_report: 5, since_report: 6 };

    fn written(sender: Option<&SenderInfo>, block: Option<&ReportBlock>, cname: &str) -> Vec<u8> {
        let mut buffer = [0xEE; MAX_REPORT_BYTES];
        let length = write(&mut buffer, 42, sender, block, cname).expect("room for it");
        buffer[..length].to_vec()
    }

    fn reports(bytes: &[u8]) -> Vec<(u32, Option<SenderInfo>, Vec<ReportBlock>)> {
        let report = |item| match item {
            Item::Report(report) => Some((report.ssrc, report.sender, report.blocks().collect())),
            Item::Goodbye { .. } => None,
        };
        read(bytes).expect("well-formed").filter_map(report).collect()
    }

    #[test]
    fn what_is_written_reads_back_whatever_the_length_of_the_name() {
        for length in 0..40 {
            let bytes = written(Some(&SENDER), Some(&BLOCK), &"n".repeat(length));
            assert_eq!(bytes.len() % 4, 0);
            assert_eq!(bytes.last(), Some(&0), "the list of items ends with a zero");
            assert_eq!(reports(&bytes), [(42, Some(SENDER), vec![BLOCK])]);
        }
        assert_eq!(reports(&written(None, None, "a")), [(42, None, vec![])]);
        assert_eq!(written(Some(&SENDER), Some(&BLOCK), &"n".repeat(32)).len(), MAX_REPORT_BYTES);
        assert_eq!(write(&mut [0; 20], 42, None, None, "abcdefgh"), Err(RtpError::TooShort));
    }

    #[test]
    fn a_goodbye_is_told_and_other_packets_are_passed_over() {
        let mut bytes = written(None, Some(&BLOCK), "a");
        bytes.extend([0x81, 204, 0, 2, 0, 0, 0, 1, 1, 2, 3, 4]);
        bytes.extend([0x81, GOODBYE, 0, 1, 0, 0, 0, 42]);
        let items: Vec<Item<'_>> = read(&bytes).expect("well-formed").collect();
        assert_eq!(items.len(), 2);
        assert_eq!(items[1], Item::Goodbye { ssrc: 42 });
        bytes.pop();
        assert_eq!(read(&bytes).err(), Some(RtpError::TooShort));
        bytes[0] = 0x40;
        assert_eq!(read(&bytes).err(), Some(RtpError::WrongVersion));
    }

    #[test]
    fn random_bytes_never_break_the_reader() {
        let mut random = fastrand::Rng::with_seed(12);
        let mut bytes = [0; 96];
        for _ in 0..100_000 {
            random.fill(&mut bytes);
            bytes[0] = (bytes[0] & 0x3F) | 0x80;
            bytes[1] = random.u8(198..206);
            bytes[2] = 0;
            bytes[3] %= 25;
            if let Ok(items) = read(&bytes[..random.usize(..=96)]) {
                items.for_each(|item| drop(format!("{item:?}")));
            }
        }
    }

    fn header(sequence: u16) -> Header {
        Header { marker: false, payload_type: 8, sequence, timestamp: 160 * u32::from(sequence), ssrc: 77 }
    }

    #[test]
    fn loss_is_told_for_the_time_since_the_report_before_and_in_all() {
        let mut statistics = ReceptionStatistics::new(8);
        (0..100).filter(|number| number % 4 != 1).for_each(|number| statistics.note_packet(u64::from(number) * 20_000, &header(number)));
        let first = statistics.block(2_000_000);
        assert_eq!((first.ssrc, first.fraction_lost, first.lost, first.highest), (77, 64, 25, 0x1_0000 + 99));
        (100..200).for_each(|number| statistics.note_packet(u64::from(number) * 20_000, &header(number)));
        let second = statistics.block(4_000_000);
        assert_eq!((second.fraction_lost, second.lost), (0, 25));
        assert_eq!((second.last_report, second.since_report), (0, 0));
    }

    #[test]
    fn the_round_trip_leaves_out_the_far_sides_pause_and_clock() {
        let (mut ours, mut theirs) = (ReceptionStatistics::new(8), ReceptionStatistics::new(8));
        let their_clock = |ours_us: u64| ours_us + 987_654_321;
        let info = SenderInfo { ntp: ntp(65_535_000_000), ..SENDER };
        theirs.note_packet(their_clock(65_535_000_000), &header(1));
        let report = Report { ssrc: 77, sender: Some(info), blocks: &[] };
        theirs.note_report(their_clock(65_535_030_000), 1, &report);
        let answer = written(None, Some(&theirs.block(their_clock(65_536_530_000))), "far");
        for item in read(&answer).expect("well-formed") {
            if let Item::Report(report) = item {
                ours.note_report(65_536_575_000, 77, &report);
            }
        }
        let round_trip = ours.round_trip_us().expect("an answer came");
        assert!(round_trip.abs_diff(75_000) < 50, "{round_trip}");
        assert_eq!(ours.far().map(|far| far.ssrc), Some(77));
    }

    #[test]
    fn impossible_round_trips_are_not_believed() {
        let now = 100_000_000;
        let last_report = middle(ntp(now)) - (1 << 16);
        let block = |since_report| ReportBlock { last_report, since_report, ..BLOCK };
        assert_eq!(round_trip_us(now, &block(1 << 16)), Some(0));
        assert_eq!(round_trip_us(now, &block((1 << 16) + 100)), Some(0));
        assert_eq!(round_trip_us(now, &block(1 << 18)), None);
        assert_eq!(round_trip_us(now + 60_000_000, &block(0)), None);
        assert_eq!(round_trip_us(now, &ReportBlock { last_report: 0, ..BLOCK }), None);
    }
}
