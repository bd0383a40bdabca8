//! What the media thread hands to the recorder: the one type that crosses from edge to edge, by a lock-free ring.

use shared::model::RecordingId;

/// Frames the ring holds: at 1,000 calls (100,000 frames a second) 0.65 s, at 12 seats minutes.
const TAP_RING_FRAMES: usize = 65_536;

/// A ring of [`TAP_RING_FRAMES`].
pub(crate) fn tap_ring() -> (rtrb::Producer<TapFrame>, rtrb::Consumer<TapFrame>) {
    ring_in_memory(TAP_RING_FRAMES, || TapFrame { recording: RecordingId(0), arrival_us: 0, kind: TapKind::Audio(TapAudio::SILENT) })
}

/// A ring, every page of which is in memory already: the media thread must not wait for one.
pub(crate) fn ring_in_memory<T>(entries: usize, filler: impl Fn() -> T) -> (rtrb::Producer<T>, rtrb::Consumer<T>) {
    let (mut producer, mut consumer) = rtrb::RingBuffer::new(entries);
    for _ in 0..entries {
        // One is taken out for each that is put in, so that there is always room.
        let _ = producer.push(filler());
        let _ = consumer.pop();
    }
    (producer, consumer)
}

/// Most samples in one frame; longer packets are split.
pub(crate) const TAP_FRAME_SAMPLES: usize = 160;

/// One entry of the tap ring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TapFrame {
    /// Which recording.
    pub(crate) recording: RecordingId,
    /// The media thread's monotonic clock, µs, when the packet was read or the mark was made.
    pub(crate) arrival_us: u64,
    /// What.
    pub(crate) kind: TapKind,
}

/// A mark, or audio of one side.
#[derive(Debug, Clone, Copy)]
pub(crate) enum TapKind {
    /// Citizen and agent were joined; position 0 of the recording unless one was there before.
    Begin,
    /// Audio of one packet.
    Audio(TapAudio),
    /// They were parted.
    End,
}

/// Audio as it came, not re-ordered: the recorder places it by its RTP timestamp.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TapAudio {
    /// Whose voice.
    pub(crate) channel: Channel,
    /// Source; another one means a new anchor.
    pub(crate) ssrc: u32,
    /// RTP timestamp of the first sample.
    pub(crate) timestamp: u32,
    /// Samples in use.
    pub(crate) length: u8,
    /// A-law samples.
    pub(crate) samples: [u8; TAP_FRAME_SAMPLES],
}

impl TapAudio {
    const SILENT: Self =
        Self { channel: Channel::Citizen, ssrc: 0, timestamp: 0, length: 0, samples: [voice::g711::ALAW_SILENCE; TAP_FRAME_SAMPLES] };
}

/// Left is the citizen, right the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    /// Left.
    Citizen,
    /// Right.
    Agent,
}
