//! Tests of the edge as a whole: frames through the ring, files on a disk, answers in the inbox.

use super::format::{FRAMES_A_SECOND, SILENCE};
use super::sync::Disk;
use super::{Ending, Inspection, KeyRing, ReadError, RecordingHandle, RecordingSettings, reader, start};
use crate::media::frame::{Channel, TAP_FRAME_SAMPLES, TapAudio, TapFrame, TapKind};
use crate::scratch::Scratch;
use crate::switchboard::{Inbox, Messages};
use call_core::Input;
use call_core::command::RecordingCommand;
use call_core::input::RecordingOutcome;
use shared::model::{InteractionId, RecordingId};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);
/// How often something is looked at that tells nobody when it changes.
const LOOK: Duration = Duration::from_millis(20);
const ID: RecordingId = RecordingId(7);

struct GatedDisk(Receiver<io::Result<()>>);

impl Disk for GatedDisk {
    fn sync_file(&self, _: &std::fs::File) -> io::Result<()> {
        self.0.recv().unwrap_or(Ok(()))
    }

    fn sync_all(&self, _: &Path) -> io::Result<()> {
        self.0.recv().unwrap_or(Ok(()))
    }
}

/// Tells each time that a file is brought to it.
struct TellingDisk(SyncSender<()>);

impl Disk for TellingDisk {
    fn sync_file(&self, _: &std::fs::File) -> io::Result<()> {
        self.0.send(()).map_err(io::Error::other)
    }

    fn sync_all(&self, _: &Path) -> io::Result<()> {
        self.0.send(()).map_err(io::Error::other)
    }
}

struct Edge {
    handle: RecordingHandle,
    taps: rtrb::Producer<TapFrame>,
    messages: Messages,
}

impl Edge {
    fn new(folder: &Path) -> Self {
        let (taps, consumer) = crate::media::frame::tap_ring();
        let (inbox, messages) = Inbox::new();
        let handle = start(settings(folder), Arc::new(KeyRing::for_test()), vec![consumer], inbox).expect("scratch is writable");
        Self { handle, taps, messages }
    }

    /// An edge over a disk that does not come back until it is released, and then does what it is told.
    fn on_gated_disk(folder: &Path) -> (Self, SyncSender<io::Result<()>>) {
        let (release, gate) = sync_channel(64);
        (Self::on_disk(folder, (Box::new(GatedDisk(gate)), super::writer::SYNC_EVERY)), release)
    }

    fn on_disk(folder: &Path, disk: (Box<dyn Disk>, Duration)) -> Self {
        let (taps, consumer) = crate::media::frame::tap_ring();
        let (inbox, messages) = Inbox::new();
        let keys = Arc::new(KeyRing::for_test());
        let handle = super::start_on(disk, settings(folder), keys, vec![consumer], inbox).expect("scratch is writable");
        Self { handle, taps, messages }
    }

    fn prepare(&self, path: &str) {
        self.handle.send(RecordingCommand::Prepare { recording: ID, interaction: InteractionId(70), path: path.into() });
    }

    fn write(&self) {
        self.handle.send(RecordingCommand::Write { recording: ID });
    }

    fn finish(&self) {
        self.handle.send(RecordingCommand::Finish { recording: ID });
    }

    fn tap(&mut self, ms: u64, kind: TapKind) {
        let frame = TapFrame { recording: ID, arrival_us: 5_000_000 + ms * 1_000, kind };
        self.taps.push(frame).expect("the ring is large enough");
    }

    /// A talk of `packets` packets on both sides.
    fn talk(&mut self, packets: u32) {
        self.tap(0, TapKind::Begin);
        for n in 0..packets {
            for (channel, fill) in [(Channel::Citizen, 1), (Channel::Agent, 2)] {
                let audio = TapAudio { channel, ssrc: 9, timestamp: n * 160, length: 160, samples: [fill; TAP_FRAME_SAMPLES] };
                self.tap(u64::from(n) * 20, TapKind::Audio(audio));
            }
        }
    }

    /// Another recording goes through both threads and shows that they have seen what came before it.
    fn await_both_threads(&self) {
        let other = RecordingId(8);
        self.handle.send(RecordingCommand::Prepare { recording: other, interaction: InteractionId(80), path: "8.rec".into() });
        self.handle.send(RecordingCommand::Write { recording: other });
        self.handle.send(RecordingCommand::Finish { recording: other });
        let input = self.messages.recv_timeout(LIMIT).expect("the edge answers in time").into_input();
        assert!(matches!(input, Input::RecordingFinished { recording, .. } if recording == other));
    }

    /// The collector has taken every frame.
    fn await_taken(&self) {
        let until = std::time::Instant::now() + LIMIT;
        while self.taps.slots() < self.taps.buffer().capacity() {
            assert!(std::time::Instant::now() < until, "the collector takes no frames");
            std::thread::yield_now();
        }
    }

    fn outcome(&self) -> RecordingOutcome {
        let input = self.messages.recv_timeout(LIMIT).expect("the edge answers in time").into_input();
        match input {
            Input::RecordingFinished { recording: ID, outcome } => outcome,
            other => panic!("unexpected: {other:?}"),
        }
    }
}

fn settings(folder: &Path) -> RecordingSettings {
    RecordingSettings::for_test(folder.to_path_buf())
}

fn inspect(path: &Path) -> Result<Inspection, ReadError> {
    super::inspect(path, &KeyRing::for_test())
}

fn heard(path: &Path) -> Vec<(u8, u8)> {
    let mut reader = reader::open(path, &KeyRing::for_test()).expect("readable");
    let mut frames = Vec::new();
    while let Some(block) = reader.next_block().expect("readable") {
        frames.extend(block.frames());
    }
    frames
}

#[test]
fn a_talk_becomes_a_complete_file_with_both_sides() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("2026/08/7.rec");
    edge.talk(100);
    edge.tap(2_000, TapKind::End);
    edge.write();
    edge.finish();
    let path = scratch.path("2026/08/7.rec");
    let outcome = edge.outcome();
    let figures = inspect(&path).expect("readable");
    let expected = RecordingOutcome::Complete { length_ms: 2_000, bytes: figures.bytes, digest: figures.digest.clone() };
    assert_eq!(outcome, expected);
    assert_eq!((figures.ending, figures.head.interaction), (Ending::Complete, InteractionId(70)));
    assert_eq!(heard(&path), vec![(1, 2); 16_000]);
    assert_eq!(super::files(scratch.folder()).expect("readable"), ["2026/08/7.rec"]);
    edge.handle.stop();
}

#[test]
fn i_14_a_talk_that_is_handed_over_is_recorded_from_its_first_moment_to_its_last() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    // The second agent's stream has another source and another clock, and so has the one behind a conference.
    for (part, ssrc) in [(0, 1_u32), (1, 2), (2, 0x4D49_5845)] {
        let from_ms = part * 1_100;
        edge.tap(from_ms, TapKind::Begin);
        for n in 0..50_u32 {
            for (channel, ssrc, fill) in [(Channel::Citizen, 9, 1), (Channel::Agent, ssrc, 2 + part as u8)] {
                let since = if channel == Channel::Citizen { part as u32 * 55 + n } else { n };
                let timestamp = ssrc.wrapping_mul(77_777).wrapping_add(since * 160);
                let audio = TapAudio { channel, ssrc, timestamp, length: 160, samples: [fill; TAP_FRAME_SAMPLES] };
                edge.tap(from_ms + u64::from(n) * 20, TapKind::Audio(audio));
            }
        }
        edge.tap(from_ms + 1_000, TapKind::End);
    }
    edge.finish();
    let RecordingOutcome::Complete { length_ms, .. } = edge.outcome() else { panic!("it is whole") };
    assert_eq!(length_ms, 3_200);
    let frames = heard(&scratch.path("7.rec"));
    for part in 0..3_usize {
        let from = part * 8_800;
        let whole = frames[from..from + 8_000].iter().filter(|frame| **frame == (1, 2 + part as u8)).count();
        assert!(whole >= 7_992, "of talk {part} {whole} of 8000 frames are there");
    }
    edge.handle.stop();
}

#[test]
fn the_parting_may_come_after_finish() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    edge.talk(10);
    edge.finish();
    edge.tap(5_000, TapKind::End);
    let RecordingOutcome::Complete { length_ms, .. } = edge.outcome() else { panic!("it is whole") };
    assert_eq!(length_ms, 5_000);
    edge.handle.stop();
}

#[test]
fn a_parting_that_never_comes_does_not_hold_the_file_open() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    edge.talk(10);
    edge.finish();
    assert!(matches!(edge.outcome(), RecordingOutcome::Complete { length_ms: 200, .. }));
    edge.handle.stop();
}

#[test]
fn nothing_is_written_before_the_row_is_stored() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.talk(500);
    edge.tap(10_000, TapKind::End);
    edge.finish();
    edge.await_both_threads();
    assert!(super::files(scratch.folder()).expect("readable").is_empty());
    edge.write();
    assert!(matches!(edge.outcome(), RecordingOutcome::Complete { length_ms: 10_000, .. }));
    edge.handle.stop();
}

#[test]
fn i_16_a_recording_that_still_runs_is_on_disk_up_to_its_last_second() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    edge.talk(150);
    edge.await_both_threads();
    let on_disk = inspect(&scratch.path("7.rec")).expect("readable");
    assert_eq!(on_disk.ending, Ending::Cut { at_ms: on_disk.length_ms });
    assert!((2_000..3_000).contains(&on_disk.length_ms), "{on_disk:?}");
    edge.handle.stop();
}

#[test]
fn i_17_without_connected_audio_there_is_no_file() {
    let scratch = Scratch::new();
    let edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    edge.finish();
    assert!(matches!(edge.outcome(), RecordingOutcome::Failed { reason } if reason.contains("no audio was connected")));
    assert!(super::files(scratch.folder()).expect("readable").is_empty());
    edge.handle.stop();
}

#[test]
fn a_file_that_cannot_be_made_is_a_failed_recording_and_the_next_one_works() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("taken"), b"").expect("scratch is writable");
    for bad in ["taken/7.rec", "../7.rec", "/tmp/7.rec", ""] {
        let mut edge = Edge::new(scratch.folder());
        edge.prepare(bad);
        edge.write();
        edge.talk(10);
        edge.tap(200, TapKind::End);
        edge.finish();
        assert!(matches!(edge.outcome(), RecordingOutcome::Failed { reason } if reason.contains("200 ms are missing")), "{bad}");
        edge.prepare("7.rec");
        edge.write();
        edge.talk(10);
        edge.tap(200, TapKind::End);
        edge.finish();
        assert!(matches!(edge.outcome(), RecordingOutcome::Complete { .. }), "{bad}");
        edge.handle.stop();
        std::fs::remove_file(scratch.path("7.rec")).expect("it was made");
    }
}

#[test]
fn stopping_closes_what_is_still_running() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    edge.talk(50);
    edge.handle.stop();
    assert!(matches!(edge.outcome(), RecordingOutcome::Complete { length_ms: 980.., .. }));
    assert_eq!(inspect(&scratch.path("7.rec")).expect("readable").ending, Ending::Complete);
}

#[test]
fn audio_that_waits_too_long_for_its_row_is_left_out_and_reported() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.talk(4_000);
    edge.tap(80_000, TapKind::End);
    edge.finish();
    edge.write();
    assert!(matches!(edge.outcome(), RecordingOutcome::Failed { reason } if reason.starts_with("20000 ms are missing")));
    let frames = heard(&scratch.path("7.rec"));
    assert_eq!(frames.len() as u64, 80 * FRAMES_A_SECOND);
    assert_eq!(frames[60 * 8_000 - 1], (1, 2));
    assert_eq!(frames[60 * 8_000], (SILENCE, SILENCE));
    edge.handle.stop();
}

#[test]
fn a_folder_that_cannot_be_written_is_named_at_the_start() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("taken"), b"").expect("scratch is writable");
    let (_, consumer) = rtrb::RingBuffer::new(1);
    let (inbox, _messages) = Inbox::new();
    let error = start(settings(&scratch.path("taken/recordings")), Arc::new(KeyRing::for_test()), vec![consumer], inbox)
        .expect_err("a file is no folder");
    assert!(error.to_string().contains("taken/recordings cannot be written"), "{error}");
}

/// A small disk of its own, if the test may mount one.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(folder: &'a Path) -> Option<Self> {
        std::fs::create_dir_all(folder).expect("scratch is writable");
        let mounted = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=256k", "none"]).arg(folder).output();
        mounted.is_ok_and(|done| done.status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0).output();
    }
}

#[test]
fn a_full_disk_costs_only_its_own_while_and_harms_nothing_before() {
    let scratch = Scratch::new();
    let folder = scratch.path("disk");
    // Without the right to mount, `file.rs` tests the same with /dev/full.
    let Some(_disk) = SmallDisk::mount(&folder) else { return };
    let mut edge = Edge::new(&folder);
    let talk = |edge: &mut Edge, path: &str| {
        edge.prepare(path);
        edge.write();
        edge.talk(100);
        edge.tap(2_000, TapKind::End);
        edge.finish();
        edge.outcome()
    };
    assert!(matches!(talk(&mut edge, "before.rec"), RecordingOutcome::Complete { .. }));
    let before = std::fs::read(folder.join("before.rec")).expect("readable");
    assert!(std::fs::write(folder.join("filler"), vec![0; 512 * 1024]).is_err(), "the disk should be full");
    let failed = talk(&mut edge, "during.rec");
    assert!(matches!(&failed, RecordingOutcome::Failed { reason } if reason.starts_with("2000 ms are missing")), "{failed:?}");
    let told = edge.handle.figures();
    assert!(told.lost_ms == 2_000 && told.alarm && told.disk_refuses && told.write_errors > 0, "{told:?}");
    std::fs::remove_file(folder.join("filler")).expect("it is there");
    assert!(matches!(talk(&mut edge, "after.rec"), RecordingOutcome::Complete { .. }), "the same recorder goes on");
    assert_eq!(std::fs::read(folder.join("before.rec")).expect("readable"), before);
    let told = edge.handle.figures();
    assert!(!told.disk_refuses && told.alarms == 1, "{told:?}");
    edge.handle.stop();
}

#[test]
fn a_read_only_disk_fails_the_recording_and_the_recorder_goes_on() {
    let scratch = Scratch::new();
    let folder = scratch.path("disk");
    let Some(_disk) = SmallDisk::mount(&folder) else { return };
    let mut edge = Edge::new(&folder);
    let remount = |how: &str| {
        let done = std::process::Command::new("mount").args(["-o", how]).arg(&folder).output();
        assert!(done.is_ok_and(|done| done.status.success()), "{how}");
    };
    remount("remount,ro");
    for expected in [false, true] {
        edge.prepare("7.rec");
        edge.write();
        edge.talk(10);
        edge.tap(200, TapKind::End);
        edge.finish();
        let outcome = edge.outcome();
        assert_eq!(matches!(outcome, RecordingOutcome::Complete { .. }), expected, "{outcome:?}");
        remount("remount,rw");
    }
    edge.handle.stop();
}

#[test]
fn the_figures_tell_what_is_open_and_written() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    edge.talk(150);
    edge.await_both_threads();
    let during = edge.handle.figures();
    assert!(during.open == 1 && during.bytes >= 32_000 && during.lost_ms == 0, "{during:?}");
    edge.handle.stop();
    assert!(matches!(edge.outcome(), RecordingOutcome::Complete { .. }));
    assert_eq!(edge.handle.figures().open, 0);
}

#[test]
fn a_recording_is_brought_to_the_disk_again_and_again_while_it_goes_on() {
    let scratch = Scratch::new();
    let (told, brought) = sync_channel(0);
    let mut edge = Edge::on_disk(scratch.folder(), (Box::new(TellingDisk(told)), LOOK));
    edge.prepare("7.rec");
    edge.write();
    edge.talk(100);
    (0..3).for_each(|time| assert_eq!(brought.recv_timeout(LIMIT), Ok(()), "{time}"));
    drop(brought);
    edge.handle.stop();
}

#[test]
fn a_disk_that_stands_still_holds_up_neither_the_writing_nor_another_recording() {
    let scratch = Scratch::new();
    let (mut edge, release) = Edge::on_gated_disk(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    edge.talk(100);
    edge.tap(2_000, TapKind::End);
    edge.finish();
    let other = RecordingId(9);
    edge.handle.send(RecordingCommand::Prepare { recording: other, interaction: InteractionId(90), path: "9.rec".into() });
    edge.handle.send(RecordingCommand::Write { recording: other });
    edge.taps.push(TapFrame { recording: other, arrival_us: 0, kind: TapKind::Begin }).expect("there is room");
    edge.taps.push(TapFrame { recording: other, arrival_us: 3_000_000, kind: TapKind::End }).expect("there is room");
    edge.handle.send(RecordingCommand::Finish { recording: other });
    // Both files are written to their ends although nothing has reached the disk, and nobody claims that it has.
    let until = std::time::Instant::now() + LIMIT;
    while !["7.rec", "9.rec"].iter().all(|name| inspect(&scratch.path(name)).is_ok_and(|file| file.ending == Ending::Complete)) {
        assert!(std::time::Instant::now() < until, "the writer waits for the disk");
        assert!(edge.messages.recv_timeout(LOOK).is_none());
    }
    while !edge.handle.figures().disk_slow {
        assert!(std::time::Instant::now() < until, "nobody noticed that the disk is slow");
        assert!(edge.messages.recv_timeout(LOOK).is_none());
    }
    let told = edge.handle.figures();
    assert!(told.alarm && told.alarms == 1 && told.sync_ms >= 1_000 && told.lost_ms == 0, "{told:?}");
    drop(release);
    assert!(matches!(edge.outcome(), RecordingOutcome::Complete { length_ms: 2_000, .. }));
    assert!(edge.messages.recv_timeout(LIMIT).is_some(), "the other one is told of too");
    edge.prepare("10.rec");
    edge.write();
    edge.talk(10);
    edge.tap(200, TapKind::End);
    edge.finish();
    assert!(matches!(edge.outcome(), RecordingOutcome::Complete { .. }));
    edge.handle.stop();
    assert!(!edge.handle.figures().alarm, "it is fast again");
}

#[test]
fn a_recording_that_the_disk_loses_at_the_end_is_reported_as_failed() {
    let scratch = Scratch::new();
    let (mut edge, release) = Edge::on_gated_disk(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    edge.talk(10);
    edge.tap(200, TapKind::End);
    edge.finish();
    release.send(Err(io::Error::other("the cable is out"))).expect("the disk waits");
    assert!(matches!(edge.outcome(), RecordingOutcome::Failed { reason } if reason.contains("the cable is out")));
    drop(release);
    edge.handle.stop();
}

#[test]
fn a_pause_is_silence_of_its_own_length_and_the_recording_goes_on_after_it() {
    let scratch = Scratch::new();
    let mut edge = Edge::new(scratch.folder());
    edge.prepare("7.rec");
    edge.write();
    edge.await_both_threads();
    let say = |edge: &mut Edge, packets: std::ops::Range<u32>, fill: u8| {
        for n in packets {
            let audio =
                TapAudio { channel: Channel::Citizen, ssrc: 9, timestamp: n * 160, length: 160, samples: [fill; TAP_FRAME_SAMPLES] };
            edge.tap(u64::from(n) * 20, TapKind::Audio(audio));
        }
        edge.await_taken();
    };
    edge.tap(0, TapKind::Begin);
    say(&mut edge, 0..50, 1);
    edge.handle.send(RecordingCommand::Pause { recording: ID });
    edge.await_both_threads();
    say(&mut edge, 50..100, 2);
    edge.handle.send(RecordingCommand::Resume { recording: ID });
    edge.await_both_threads();
    say(&mut edge, 100..150, 3);
    edge.tap(3_000, TapKind::End);
    edge.finish();
    assert!(matches!(edge.outcome(), RecordingOutcome::Complete { length_ms: 3_000, .. }));
    let citizen: Vec<u8> = heard(&scratch.path("7.rec")).into_iter().map(|(citizen, _)| citizen).collect();
    assert!(!citizen.contains(&2), "what was said in the pause is in the recording");
    assert!(citizen[..8_000].iter().all(|sample| *sample == 1) && citizen[16_000..].iter().all(|sample| *sample == 3));
    assert!(citizen[8_000..16_000].iter().all(|sample| *sample == super::format::SILENCE));
    edge.handle.stop();
}
