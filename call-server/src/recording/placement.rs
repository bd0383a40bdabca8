//! Places what the media thread heard on one recording's time line. Pure: arrival times come with the frames.
//!
//! Frame 0 is the moment citizen and agent were joined. Each source is anchored where its first packet arrived; its later packets
//! follow by their RTP timestamps (RFC 3550 §5.1), so that jitter, loss and re-ordering do not move a word. What has not arrived
//! after [`REORDER_FRAMES`] stays silence; where nothing is missing on either side, nothing is waited for.

use super::format::{Block, FRAME_BYTES, SILENCE};
use crate::media::frame::{Channel, TapAudio};

/// How long a late packet is waited for (500 ms), and how far a placement may be from its arrival.
const REORDER_FRAMES: u64 = 4_000;

/// Frames in a block (400 ms). Also with [`REORDER_FRAMES`], the collector's pass and the writer's rest what a crash can lose stays under a
/// second.
const BLOCK_FRAMES: u64 = 3_200;

/// A placement further than this from its arrival (10 s) is a jump of the sender's timestamps, not a delay.
const JUMP_FRAMES: u64 = 80_000;

/// Room of a window, in bytes: a block, and what each side may be ahead of the other.
const WINDOW_BYTES: usize = (BLOCK_FRAMES as usize + 480) * FRAME_BYTES;

/// Microseconds of one frame.
const FRAME_US: u64 = 125;

/// One recording's time line.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Arrival of the first join, once there was one.
    origin_us: Option<u64>,
    /// How many talks go on: the citizen may be held while the agent consults somebody.
    joins: u32,
    /// The latest arrival, in frames.
    latest: u64,
    /// First frame that has not been given out.
    start: u64,
    /// Frames from `start`, as far as audio was placed; it becomes the payload of the next block.
    window: Vec<u8>,
    /// Blocks that nothing can change any more.
    ready: Vec<Block>,
    anchors: [Option<Anchor>; 2],
    known: [Known; 2],
    counts: Counts,
}

/// How far one side is there.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// Behind the newest packet.
    end: u64,
    /// From here to `end` nothing is missing.
    since: u64,
}

/// What did not get its place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Packets that came after their time.
    pub(super) late: u64,
    /// New anchors because the timestamps jumped.
    pub(super) jumps: u64,
    /// Packets outside of a join.
    pub(super) stray: u64,
}

/// Where one source's timestamps stand on the time line.
#[derive(Debug, Clone, Copy)]
struct Anchor {
    ssrc: u32,
    timestamp: u32,
    position: u64,
    /// Arrival of the first of an unbroken run of packets that came too late.
    late_since: Option<u64>,
}

/// What the timestamp of a packet says.
enum Verdict {
    Fits(u64),
    Late,
    Jump,
}

impl Timeline {
    /// Citizen and agent were joined.
    pub(super) fn begin(&mut self, arrival_us: u64) {
        self.origin_us.get_or_insert(arrival_us);
        self.latest = self.latest.max(self.frames_at(arrival_us));
        self.joins = self.joins.saturating_add(1);
    }

    /// They were parted.
    pub(super) fn end(&mut self, arrival_us: u64) {
        if self.is_joined() {
            self.latest = self.latest.max(self.frames_at(arrival_us));
            self.joins -= 1;
        }
    }

    /// Whether there was ever a join.
    pub(super) fn has_begun(&self) -> bool {
        self.origin_us.is_some()
    }

    /// Whether citizen and agent are joined now.
    pub(super) fn is_joined(&self) -> bool {
        self.joins > 0
    }

    /// What did not get its place so far.
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Places one packet.
    pub(super) fn audio(&mut self, arrival_us: u64, audio: &TapAudio) {
        if !self.is_joined() {
            self.counts.stray += 1;
            return;
        }
        let arrival = self.frames_at(arrival_us);
        self.latest = self.latest.max(arrival);
        // First, so that a packet after a long silence does not stretch the window over it.
        self.give_out();
        match self.position(arrival, audio) {
            Some(position) => self.write(position, audio),
            None => self.counts.late += 1,
        }
    }

    /// Gives out the blocks for which nothing can come any more.
    pub(super) fn take_ready(&mut self) -> Vec<Block> {
        self.give_out();
        std::mem::take(&mut self.ready)
    }

    /// Gives out the rest, and the length of the whole in frames.
    pub(super) fn finish(&mut self) -> (Vec<Block>, u64) {
        let mut rest = self.take_ready();
        let total = self.latest.max(self.start + self.window_frames());
        while self.start < total {
            // Silence is one block, however long.
            let most = if self.window.is_empty() { u64::from(u32::MAX) } else { BLOCK_FRAMES };
            rest.push(self.cut(most.min(total - self.start)));
        }
        (rest, total)
    }

    fn give_out(&mut self) {
        while self.latest >= self.start + BLOCK_FRAMES + REORDER_FRAMES || self.next_block_is_whole() {
            let frames = if self.window_frames() == 0 { self.latest - REORDER_FRAMES - self.start } else { BLOCK_FRAMES };
            let block = self.cut(frames);
            self.ready.push(block);
        }
    }

    fn next_block_is_whole(&self) -> bool {
        self.known.iter().all(|known| known.since <= self.start && known.end >= self.start + BLOCK_FRAMES)
    }

    fn cut(&mut self, frames: u64) -> Block {
        let frames = u32::try_from(frames).unwrap_or(u32::MAX);
        let block = Block { first_frame: self.start, frames, payload: self.cut_payload(frames) };
        self.start += u64::from(frames);
        block
    }

    fn cut_payload(&mut self, frames: u32) -> Vec<u8> {
        let bytes = usize::try_from(frames).unwrap_or(usize::MAX).saturating_mul(FRAME_BYTES);
        let there = bytes.min(self.window.len());
        if self.window[..there].iter().all(|sample| *sample == SILENCE) {
            self.window.drain(..there);
            return Vec::new();
        }
        let mut payload = std::mem::take(&mut self.window);
        if there < payload.len() {
            self.window.reserve_exact(WINDOW_BYTES.max(payload.len() - there));
            self.window.extend_from_slice(&payload[there..]);
        }
        payload.resize(bytes, SILENCE);
        payload
    }

    fn window_frames(&self) -> u64 {
        (self.window.len() / FRAME_BYTES) as u64
    }

    fn frames_at(&self, arrival_us: u64) -> u64 {
        self.origin_us.map_or(0, |origin| arrival_us.saturating_sub(origin) / FRAME_US)
    }

    /// Where a packet belongs; `None` if its time is over. Anchors and re-anchors its source.
    fn position(&mut self, arrival: u64, audio: &TapAudio) -> Option<u64> {
        let slot = &mut self.anchors[index(audio.channel)];
        let verdict = match slot {
            Some(anchor) if anchor.ssrc == audio.ssrc => anchor.judge(arrival, audio.timestamp),
            Some(_) | None => {
                *slot = Some(Anchor::at(arrival, audio));
                return Some(arrival);
            }
        };
        match verdict {
            Verdict::Fits(position) => Some(position),
            Verdict::Late => None,
            Verdict::Jump => {
                *slot = Some(Anchor::at(arrival, audio));
                self.counts.jumps += 1;
                Some(arrival)
            }
        }
    }

    fn write(&mut self, position: u64, audio: &TapAudio) {
        let samples = &audio.samples[..usize::from(audio.length).min(audio.samples.len())];
        let skip = usize::try_from(self.start.saturating_sub(position)).unwrap_or(usize::MAX).min(samples.len());
        if skip == samples.len() {
            self.counts.late += 1;
            return;
        }
        self.known[index(audio.channel)].note(position, samples.len() as u64);
        let first = usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX);
        let bytes = first * FRAME_BYTES..(first + samples.len() - skip) * FRAME_BYTES;
        if self.window.len() < bytes.end {
            if self.window.capacity() == 0 {
                self.window.reserve_exact(WINDOW_BYTES.max(bytes.end));
            }
            self.window.resize(bytes.end, SILENCE);
        }
        let (frames, _) = self.window[bytes].as_chunks_mut::<FRAME_BYTES>();
        // A frame as one number of two bytes: so the compiler places many at a time.
        let (kept, shift) = match audio.channel {
            Channel::Citizen => (0xFF00, 0),
            Channel::Agent => (0x00FF, 8),
        };
        let placed = |frame: [u8; FRAME_BYTES], sample: u8| (u16::from_le_bytes(frame) & kept | u16::from(sample) << shift).to_le_bytes();
        frames.iter_mut().zip(&samples[skip..]).for_each(|(frame, sample)| *frame = placed(*frame, *sample));
    }
}

impl Known {
    fn note(&mut self, position: u64, length: u64) {
        if position > self.end {
            self.since = position;
        }
        self.end = self.end.max(position + length);
    }
}

impl Anchor {
    fn at(arrival: u64, audio: &TapAudio) -> Self {
        Self { ssrc: audio.ssrc, timestamp: audio.timestamp, position: arrival, late_since: None }
    }

    /// A network stall brings a burst of old packets at once; a jump of the sender's clock brings them at their usual pace. So what is
    /// too late is a jump only if it is very far off, or if it goes on for longer than a stall's burst could.
    fn judge(&mut self, arrival: u64, timestamp: u32) -> Verdict {
        let ahead = timestamp.wrapping_sub(self.timestamp).cast_signed();
        let Some(position) = self.position.checked_add_signed(i64::from(ahead)) else { return Verdict::Jump };
        let off = position.abs_diff(arrival);
        if off <= REORDER_FRAMES {
            self.late_since = None;
            if ahead > 0 {
                (self.timestamp, self.position) = (timestamp, position);
            }
            return Verdict::Fits(position);
        }
        let since = *self.late_since.get_or_insert(arrival);
        if position > arrival || off > JUMP_FRAMES || arrival - since > REORDER_FRAMES { Verdict::Jump } else { Verdict::Late }
    }
}

fn index(channel: Channel) -> usize {
    match channel {
        Channel::Citizen => 0,
        Channel::Agent => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::{Block, SILENCE};
    use super::Timeline;
    use crate::media::frame::{Channel, TAP_FRAME_SAMPLES, TapAudio};

    const ORIGIN_US: u64 = 7_000_000;

    fn packet(channel: Channel, ssrc: u32, timestamp: u32, fill: u8) -> TapAudio {
        TapAudio { channel, ssrc, timestamp, length: 160, samples: [fill; TAP_FRAME_SAMPLES] }
    }

    fn joined() -> Timeline {
        let mut timeline = Timeline::default();
        timeline.begin(ORIGIN_US);
        timeline
    }

    fn at_ms(ms: u64) -> u64 {
        ORIGIN_US + ms * 1_000
    }

    /// Everything as one list per channel, checked to be without a hole.
    fn channels(blocks: &[Block]) -> [Vec<u8>; 2] {
        let mut channels = [Vec::new(), Vec::new()];
        for block in blocks {
            assert_eq!(block.first_frame, channels[0].len() as u64, "blocks follow each other");
            let frames = block.frames as usize;
            let payload = if block.payload.is_empty() { vec![SILENCE; frames * 2] } else { block.payload.clone() };
            assert_eq!(payload.len(), frames * 2);
            channels[0].extend(payload.iter().step_by(2));
            channels[1].extend(payload.iter().skip(1).step_by(2));
        }
        channels
    }

    fn finished(mut timeline: Timeline) -> ([Vec<u8>; 2], u64) {
        let (blocks, total) = timeline.finish();
        (channels(&blocks), total)
    }

    #[test]
    fn jitter_and_reordering_do_not_move_a_sample() {
        let mut timeline = joined();
        for (n, jitter_ms) in [(0, 0), (2, 35), (1, 41), (3, 4), (4, 90), (5, 0)] {
            let audio = packet(Channel::Citizen, 1, 1_000 + n * 160, n as u8 + 1);
            timeline.audio(at_ms(u64::from(n) * 20 + jitter_ms), &audio);
        }
        timeline.end(at_ms(180));
        let ([citizen, agent], total) = finished(timeline);
        let expected: Vec<u8> = (1..=6).flat_map(|n| [n; 160]).collect();
        assert_eq!(&citizen[..960], expected);
        assert!(agent.iter().all(|sample| *sample == SILENCE));
        assert_eq!(total, 1_440);
    }

    #[test]
    fn a_lost_packet_leaves_silence_of_its_length() {
        let mut timeline = joined();
        timeline.audio(at_ms(0), &packet(Channel::Agent, 1, 0, 1));
        timeline.audio(at_ms(40), &packet(Channel::Agent, 1, 320, 3));
        let ([_, agent], _) = finished(timeline);
        assert_eq!(agent, [[1; 160], [SILENCE; 160], [3; 160]].concat());
    }

    #[test]
    fn the_timestamp_may_wrap() {
        let mut timeline = joined();
        timeline.audio(at_ms(0), &packet(Channel::Citizen, 1, u32::MAX - 159, 1));
        timeline.audio(at_ms(20), &packet(Channel::Citizen, 1, 0, 2));
        timeline.audio(at_ms(40), &packet(Channel::Citizen, 1, 160, 3));
        let ([citizen, _], _) = finished(timeline);
        assert_eq!(citizen, [[1; 160], [2; 160], [3; 160]].concat());
        assert_eq!(citizen.len(), 480);
    }

    #[test]
    fn another_source_is_anchored_at_its_own_arrival() {
        let mut timeline = joined();
        timeline.audio(at_ms(0), &packet(Channel::Citizen, 1, 5_000, 1));
        timeline.audio(at_ms(100), &packet(Channel::Citizen, 2, 99, 2));
        timeline.audio(at_ms(120), &packet(Channel::Citizen, 2, 259, 3));
        let ([citizen, _], _) = finished(timeline);
        assert_eq!(citizen[800..960], [2; 160]);
        assert_eq!(citizen[960..], [3; 160]);
    }

    #[test]
    fn each_channel_has_its_own_side() {
        let mut timeline = joined();
        timeline.audio(at_ms(0), &packet(Channel::Citizen, 1, 0, 1));
        timeline.audio(at_ms(10), &packet(Channel::Agent, 1, 0, 2));
        let ([citizen, agent], _) = finished(timeline);
        assert_eq!(citizen[..160], [1; 160]);
        assert_eq!(agent[80..240], [2; 160]);
    }

    #[test]
    fn a_jump_of_the_timestamps_is_anchored_anew() {
        for jumped in [50_000_000, 50_000_u32.wrapping_sub(40_000_000), 50_000 + 8_000] {
            let mut timeline = joined();
            timeline.audio(at_ms(0), &packet(Channel::Citizen, 1, 50_000, 1));
            timeline.audio(at_ms(20), &packet(Channel::Citizen, 1, jumped, 2));
            timeline.audio(at_ms(40), &packet(Channel::Citizen, 1, jumped.wrapping_add(160), 3));
            assert_eq!(timeline.counts().jumps, 1, "{jumped}");
            let ([citizen, _], _) = finished(timeline);
            assert_eq!(citizen, [[1; 160], [2; 160], [3; 160]].concat(), "{jumped}");
        }
    }

    #[test]
    fn a_small_jump_back_is_anchored_anew_after_half_a_second() {
        let mut timeline = joined();
        for n in 0..100 {
            timeline.audio(at_ms(u64::from(n) * 20), &packet(Channel::Citizen, 1, 100_000 + n * 160, 1));
        }
        for n in 0..100 {
            timeline.audio(at_ms(2_000 + u64::from(n) * 20), &packet(Channel::Citizen, 1, 100_000 + n * 160, 2));
        }
        assert_eq!(timeline.counts().jumps, 1);
        assert_eq!(timeline.counts().late, 26);
        let ([citizen, _], _) = finished(timeline);
        assert_eq!(citizen.iter().filter(|sample| **sample == 2).count(), 74 * 160);
    }

    #[test]
    fn a_burst_after_a_stall_goes_where_it_was_spoken() {
        let mut timeline = joined();
        let spoken = |n: u32| packet(Channel::Citizen, 1, n * 160, (n % 200) as u8 + 1);
        (0..10).for_each(|n| timeline.audio(at_ms(u64::from(n) * 20), &spoken(n)));
        (10..100).for_each(|n| timeline.audio(at_ms(2_000), &spoken(n)));
        (100..110).for_each(|n| timeline.audio(at_ms(u64::from(n) * 20), &spoken(n)));
        assert_eq!(timeline.counts().jumps, 0);
        let ([citizen, _], _) = finished(timeline);
        for n in (0..10).chain(75..110) {
            assert_eq!(citizen[n * 160], (n % 200) as u8 + 1, "packet {n}");
        }
    }

    #[test]
    fn blocks_leave_when_nothing_can_come_and_late_packets_change_nothing() {
        let mut timeline = joined();
        for n in 0..100 {
            timeline.audio(at_ms(u64::from(n) * 20), &packet(Channel::Citizen, 1, n * 160, 1));
        }
        let mut blocks = timeline.take_ready();
        assert_eq!(blocks.len(), 3, "1,980 ms heard, 500 ms held back, 400 ms a block");
        timeline.audio(at_ms(2_000), &packet(Channel::Citizen, 1, 160, 9));
        assert_eq!(timeline.counts().late, 1);
        let (rest, total) = timeline.finish();
        blocks.extend(rest);
        assert_eq!(total, 16_000);
        assert_eq!(channels(&blocks)[0], vec![1; 16_000]);
    }

    #[test]
    fn where_both_sides_are_whole_nothing_is_waited_for_and_where_a_packet_is_missing_it_is() {
        let mut timeline = joined();
        let heard = |timeline: &mut Timeline, numbers: std::ops::Range<u32>, agent_misses: u32| {
            for n in numbers {
                let arrival = at_ms(u64::from(n) * 20);
                timeline.audio(arrival, &packet(Channel::Citizen, 1, n * 160, 1));
                if n != agent_misses {
                    timeline.audio(arrival, &packet(Channel::Agent, 2, n * 160, 2));
                }
            }
            timeline.take_ready().len()
        };
        assert_eq!(heard(&mut timeline, 0..41, u32::MAX), 2, "820 ms of both");
        assert_eq!(heard(&mut timeline, 41..62, 50), 0, "1,240 ms, but the agent's packet at 1,000 ms may still come");
        assert_eq!(heard(&mut timeline, 62..85, u32::MAX), 0, "1,680 ms");
        assert_eq!(heard(&mut timeline, 85..86, u32::MAX), 2, "1,700 ms are 500 more than the block's end, and the next one has no hole");
        assert_eq!(heard(&mut timeline, 86..101, u32::MAX), 1, "behind the hole nothing is waited for again");
        let (blocks, _) = timeline.finish();
        assert_eq!(blocks.first().map(|block| block.first_frame), Some(5 * 3_200));
    }

    #[test]
    fn silence_to_the_end_is_one_block() {
        let mut timeline = joined();
        timeline.audio(at_ms(0), &packet(Channel::Citizen, 1, 0, 1));
        timeline.end(at_ms(1_000));
        let (blocks, total) = timeline.finish();
        assert_eq!(total, 8_000);
        assert_eq!(
            blocks.iter().map(|block| (block.frames, block.payload.is_empty())).collect::<Vec<_>>(),
            [(3_200, false), (4_800, true)]
        );
    }

    #[test]
    fn a_long_silence_costs_no_memory() {
        let mut timeline = joined();
        timeline.audio(at_ms(0), &packet(Channel::Citizen, 1, 0, 1));
        timeline.audio(at_ms(3_600_000), &packet(Channel::Citizen, 2, 0, 2));
        timeline.end(at_ms(3_600_020));
        let (blocks, total) = timeline.finish();
        assert_eq!(total, 3_600_020 * 8);
        assert!(blocks.iter().map(|block| block.payload.len()).sum::<usize>() < 30_000);
        assert!(blocks.len() < 10, "{}", blocks.len());
    }

    #[test]
    fn the_length_is_from_join_to_parting_also_over_a_second_join() {
        let mut timeline = joined();
        timeline.audio(at_ms(5), &packet(Channel::Citizen, 1, 0, 1));
        timeline.end(at_ms(1_000));
        timeline.audio(at_ms(1_100), &packet(Channel::Citizen, 1, 8_800, 9));
        assert_eq!(timeline.counts().stray, 1);
        timeline.begin(at_ms(3_000));
        timeline.audio(at_ms(3_010), &packet(Channel::Agent, 5, 0, 2));
        timeline.end(at_ms(4_000));
        let ([citizen, agent], total) = finished(timeline);
        assert_eq!(total, 32_000);
        assert!(!citizen.contains(&9));
        assert_eq!(agent[24_080..24_240], [2; 160]);
    }
}
