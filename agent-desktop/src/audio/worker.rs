//! The voice thread: a beat of 20 ms while there is something to hear or say, one look each second otherwise, when no sound device runs.
//!
//! The thread waits for packets between two beats, so that the jitter buffer sees true arrival times; outside calls it waits for orders,
//! so that an answer is not delayed.

use super::Order;
use super::clean::Cleaner;
use super::device::DeviceLoudspeaker;
use super::line::{Arrival, Line, LineError, Moment};
use super::sound::{Condition, Frame, Loudspeaker, Microphone, SILENCE};
use super::tone::{Alert, Bell};
use super::trial::{MutedSpeech, Trial, louder};
use super::tunnel::{PacketReceiver, Tunnel};
use desktop_core::{DeviceProblem, Devices, SoundSettings, SoundTest, VoiceCommand, VoiceStatus};
use shared::wire::{MediaAccess, VoiceOrder};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use voice::level::rms_dbfs;
use voice::{FRAME_SAMPLES, FRAME_US};

/// Outside calls a silent packet this often.
const KEEP_OPEN_US: u64 = 1_000_000;
/// The server counts as heard for this long after its last packet.
const HEARD_US: u64 = 3_000_000;
/// Status in calls this often, in beats: ten times a second.
const REPORT_BEATS: u64 = 5;
/// Loss is measured over this many beats: five seconds.
const LOSS_BEATS: u64 = 250;
/// Microphone and loudspeaker run on for this long after the last beat: what waits in them is heard to its end, and a next call may come at once.
const LINGER_US: u64 = 1_000_000;
/// A thread that was kept from running for this many beats goes on with the present one.
const MOST_BEHIND_BEATS: u64 = 5;
/// A socket's time limit may come this late (one step of the kernel's coarse timer); the rest of a beat is slept exactly.
const TIMER_STEP_US: u64 = 4_000;
/// Packets taken at one look; more are left for the next.
const MOST_PACKETS: usize = 256;

/// Works until the other end of the orders is gone.
pub(super) fn run(
    orders: Receiver<Order>,
    packets: PacketReceiver,
    microphone: Box<dyn Microphone>,
    loudspeaker: Box<dyn Loudspeaker>,
    report: watch::Sender<VoiceStatus>,
) {
    super::urgent::make_current_thread_urgent();
    let mut worker = Worker::new(packets, microphone, loudspeaker, report);
    while worker.turn(&orders).is_some() {}
    worker.set_talk(false);
}

struct Worker {
    microphone: Box<dyn Microphone>,
    loudspeaker: Box<dyn Loudspeaker>,
    report: watch::Sender<VoiceStatus>,
    began: Instant,
    line: LineState,
    tunnel: Tunnel,
    /// What the line was opened with. The same keys never open a second line: it would repeat the first one's key stream.
    access: Option<(String, MediaAccess)>,
    talking: bool,
    /// What comes is heard before a talk.
    listening: bool,
    bell: Option<Bell>,
    alert: Option<Alert>,
    /// The next beat to be done, counted from `began`.
    beat: u64,
    /// Of the last beat.
    beat_us: u64,
    next_silence_us: u64,
    heard_us: Option<u64>,
    spurt_begins: bool,
    status: VoiceStatus,
    /// Packets received and lost at the beginning of the interval of loss.
    counted: (u64, u64),
    muted: bool,
    muted_speech: MutedSpeech,
    settings: SoundSettings,
    /// Sounds the bell beside the loudspeaker.
    ringer: Option<DeviceLoudspeaker>,
    trial: Trial,
    cleaner: Cleaner,
    /// What a thread has found out about devices.
    found: Arc<Mutex<Option<Devices>>>,
}

enum LineState {
    Closed,
    Open(Box<Line>),
    /// The host could not be found or the system gave no socket: tried again each second.
    Failing,
}

impl Worker {
    fn new(
        packets: PacketReceiver,
        microphone: Box<dyn Microphone>,
        loudspeaker: Box<dyn Loudspeaker>,
        report: watch::Sender<VoiceStatus>,
    ) -> Self {
        Self {
            microphone,
            loudspeaker,
            report,
            began: Instant::now(),
            line: LineState::Closed,
            tunnel: Tunnel::new(packets),
            access: None,
            talking: false,
            listening: false,
            bell: None,
            alert: None,
            beat: 0,
            beat_us: 0,
            next_silence_us: 0,
            heard_us: None,
            spurt_begins: false,
            status: VoiceStatus::default(),
            counted: (0, 0),
            muted: false,
            muted_speech: MutedSpeech::default(),
            settings: SoundSettings::default(),
            ringer: None,
            trial: Trial::default(),
            cleaner: Cleaner::default(),
            found: Arc::default(),
        }
    }

    fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    /// One turn of the loop; `None` at the end.
    fn turn(&mut self, orders: &Receiver<Order>) -> Option<()> {
        if self.is_live() {
            self.wake_devices();
            self.beat(orders)
        } else {
            self.rest(orders)
        }
    }

    /// There is something to hear or to say.
    fn is_live(&self) -> bool {
        self.talking || self.listening || self.bell.is_some() || self.alert.is_some() || self.trial.runs()
    }

    fn is_closed(&self) -> bool {
        matches!(self.line, LineState::Closed)
    }

    /// What is to be heard needs a loudspeaker; a microphone is open for a call, and from its ringing on, so that the first word is heard.
    fn wake_devices(&mut self) {
        if self.is_closed() {
            return;
        }
        self.beat_us = self.now_us();
        self.loudspeaker.wake();
        self.ringer.iter_mut().for_each(Loudspeaker::wake);
        if self.talking || self.bell.is_some() || self.trial.test() == SoundTest::Record {
            self.microphone.wake();
        }
    }

    fn rest_devices(&mut self) {
        self.microphone.rest();
        self.loudspeaker.rest();
        self.ringer.iter_mut().for_each(Loudspeaker::rest);
    }

    /// Waits for the next beat, or passes it over if orders came.
    fn beat(&mut self, orders: &Receiver<Order>) -> Option<()> {
        match orders.try_recv() {
            Ok(order) => {
                self.order(order);
                return Some(());
            }
            Err(TryRecvError::Disconnected) => return None,
            Err(TryRecvError::Empty) => {}
        }
        let now_us = self.now_us();
        if now_us / FRAME_US > self.beat + MOST_BEHIND_BEATS {
            self.beat = now_us / FRAME_US;
        }
        match self.beat * FRAME_US {
            until_us if until_us > now_us => self.listen_until(until_us),
            // A beat that comes late hears what lies there all the same: on a machine that is always late, nothing else would.
            _ => self.take_what_waits(),
        }
        self.sound();
        if self.beat.is_multiple_of(REPORT_BEATS) {
            self.tell();
        }
        self.beat += 1;
        Some(())
    }

    /// Takes packets until a time on our clock.
    fn listen_until(&mut self, until_us: u64) {
        loop {
            let now_us = self.now_us();
            let Some(left_us) = until_us.checked_sub(now_us).filter(|left| *left > 0) else { return };
            let arrival = match left_us.checked_sub(TIMER_STEP_US) {
                Some(limit_us) if limit_us > 0 => self.receive(Duration::from_micros(limit_us)),
                Some(_) | None => Arrival::Failed,
            };
            match arrival {
                Arrival::Voice | Arrival::Other => {}
                Arrival::Nothing if matches!(self.line, LineState::Open(_)) => {}
                Arrival::Nothing | Arrival::Failed => std::thread::sleep(Duration::from_micros(left_us)),
            }
        }
    }

    /// Takes the packets that are there.
    fn take_what_waits(&mut self) {
        for _ in 0..MOST_PACKETS {
            if matches!(self.receive(Duration::ZERO), Arrival::Nothing | Arrival::Failed) {
                return;
            }
        }
    }

    fn receive(&mut self, limit: Duration) -> Arrival {
        let LineState::Open(line) = &mut self.line else { return Arrival::Nothing };
        let began = self.began;
        let now_us = || began.elapsed().as_micros() as u64;
        let arrival = line.receive(&self.tunnel, limit, now_us);
        if arrival == Arrival::Voice {
            self.heard_us = Some(now_us());
        }
        arrival
    }

    /// What belongs to one beat: say, hear, ring.
    fn sound(&mut self) {
        let mut heard = SILENCE;
        let now_us = self.now_us();
        let moment = Moment { now_us, position: position(self.beat) };
        if let LineState::Open(line) = &mut self.line {
            line.look_after(&self.tunnel, now_us, self.talking);
        }
        if self.talking {
            let mut said = SILENCE;
            self.microphone.read(&mut said);
            self.cleaner.clean(&mut said);
            self.status.microphone_level = self.status.microphone_level.max(level(&said));
            if self.muted {
                self.status.speaks_muted |= self.muted_speech.notice(&said);
                said = SILENCE;
            }
            if let LineState::Open(line) = &mut self.line {
                line.send_voice(&self.tunnel, moment, &said, std::mem::take(&mut self.spurt_begins));
                heard = line.pull(now_us);
            }
            self.next_silence_us = now_us + KEEP_OPEN_US;
        } else {
            self.keep_open(now_us);
            if let (true, LineState::Open(line)) = (self.listening, &mut self.line) {
                heard = line.pull(now_us);
            }
        }
        louder(&mut heard, self.settings.volume_percent);
        let mut ring = SILENCE;
        if self.trial.runs() && !self.talking {
            (heard, ring) = self.try_out();
        }
        self.status.speaker_level = self.status.speaker_level.max(level(&heard));
        // The first of several devices that is open begins to ring.
        let none_sounds_yet = self.loudspeaker.opens() && self.ringer.as_ref().is_none_or(Loudspeaker::opens);
        if let Some(bell) = self.bell.as_mut().filter(|_| !none_sounds_yet) {
            bell.mix(&mut ring);
        }
        louder(&mut ring, self.settings.ring_percent);
        for (heard, ring) in heard.iter_mut().zip(&ring) {
            *heard = heard.saturating_add(*ring);
        }
        if let Some(ringer) = &mut self.ringer {
            ringer.play(&ring);
        }
        if !self.loudspeaker.opens() && self.alert.as_mut().is_some_and(|alert| !alert.mix(&mut heard)) {
            self.alert = None;
        }
        if self.talking {
            self.cleaner.played(&heard);
        }
        self.loudspeaker.play(&heard);
    }

    /// 20 ms of the sound test, which waits for its devices.
    fn try_out(&mut self) -> (Frame, Frame) {
        let records = self.trial.test() == SoundTest::Record;
        let opens = if records { self.microphone.opens() } else { self.loudspeaker.opens() };
        if opens {
            return (SILENCE, SILENCE);
        }
        if records {
            let mut said = SILENCE;
            self.microphone.read(&mut said);
            self.status.microphone_level = self.status.microphone_level.max(level(&said));
            self.trial.say(&said);
        }
        self.trial.hear()
    }

    /// Other devices, other volumes.
    fn choose(&mut self, settings: SoundSettings) {
        self.cleaner.choose(&settings);
        self.microphone.choose(settings.microphone.as_deref());
        let plays_by_device = self.loudspeaker.choose(settings.loudspeaker.as_deref());
        let apart = settings.ringer.clone().filter(|ringer| plays_by_device && Some(ringer) != settings.loudspeaker.as_ref());
        match (&mut self.ringer, apart) {
            (Some(ringer), Some(name)) => {
                ringer.choose(Some(&name));
            }
            (ringer, apart) => *ringer = apart.map(|name| DeviceLoudspeaker::new(Some(name))),
        }
        let loudest = SoundSettings::LOUDEST;
        let (volume_percent, ring_percent) = (settings.volume_percent.min(loudest), settings.ring_percent.min(loudest));
        self.settings = SoundSettings { volume_percent, ring_percent, ..settings };
    }

    /// Asks for the names of the devices; they are told with a later status.
    fn look_for_devices(&self) {
        let found = Arc::clone(&self.found);
        let work = move || *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(super::device::list());
        if let Err(error) = std::thread::Builder::new().name("devices".to_owned()).spawn(work) {
            tracing::warn!(%error, "the sound devices cannot be listed");
        }
    }

    fn test(&mut self, test: SoundTest) {
        if test == SoundTest::Record {
            self.microphone.begin_call();
        }
        self.trial.set(test);
    }

    /// Outside calls: waits for an order or for the time of the next silent packet.
    fn rest(&mut self, orders: &Receiver<Order>) -> Option<()> {
        if self.is_closed() || self.now_us() >= self.beat_us + LINGER_US {
            self.rest_devices();
        }
        let order = if self.is_closed() {
            Some(orders.recv().ok()?)
        } else {
            let now_us = self.now_us();
            self.keep_open(now_us);
            self.tell();
            let limit = Duration::from_micros(self.next_silence_us.saturating_sub(now_us));
            match orders.recv_timeout(limit) {
                Ok(order) => Some(order),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        };
        self.take_what_waits();
        if let Some(order) = order {
            self.order(order);
        }
        self.tell();
        self.beat = self.now_us() / FRAME_US + 1;
        Some(())
    }

    /// A silent packet, if one is due; a line that could not be opened is tried again instead.
    fn keep_open(&mut self, now_us: u64) {
        if now_us < self.next_silence_us {
            return;
        }
        self.next_silence_us = now_us + KEEP_OPEN_US;
        match &mut self.line {
            LineState::Closed => {}
            LineState::Open(line) => {
                line.look_after(&self.tunnel, now_us, self.talking);
                line.send_silence(&self.tunnel, Moment { now_us, position: position(now_us / FRAME_US) });
            }
            LineState::Failing => self.open(),
        }
    }

    fn order(&mut self, order: Order) {
        match order {
            Order::Voice(VoiceCommand::Open { host, access }) => {
                let wanted = Some((host, access));
                if self.access != wanted {
                    self.access = wanted;
                    self.next_silence_us = 0;
                    self.open();
                }
            }
            Order::Voice(VoiceCommand::Talk(on)) => self.set_talk(on),
            Order::Voice(VoiceCommand::Listen(on)) => self.listen(on),
            Order::Voice(VoiceCommand::Mute(muted)) => {
                self.muted = muted;
                self.muted_speech = MutedSpeech::default();
                self.status.speaks_muted = false;
            }
            Order::Voice(VoiceCommand::Sound(settings)) => {
                self.choose(settings);
                self.look_for_devices();
            }
            Order::Voice(VoiceCommand::Test(test)) => self.test(test),
            Order::Voice(VoiceCommand::Send(order)) => self.send_as(order),
            Order::Tunnel(out) => self.tunnel.lead(out),
            Order::Voice(VoiceCommand::Close) => {
                self.set_talk(false);
                self.listen(false);
                self.line = LineState::Closed;
                self.access = None;
                self.tunnel.lead(None);
                self.heard_us = None;
                self.trial.set(SoundTest::Off);
                self.rest_devices();
            }
            Order::Ring(on) => self.bell = on.then(Bell::default),
            Order::Alert => self.alert = Some(Alert::default()),
        }
    }

    fn open(&mut self) {
        let Some((host, access)) = &self.access else { return };
        self.heard_us = None;
        self.spurt_begins = true;
        self.line = match Line::open(host, access, self.began.elapsed().as_micros() as u64) {
            Ok(line) => LineState::Open(Box::new(line)),
            Err(error @ (LineError::Keys | LineError::Codec(_))) => {
                tracing::error!(%error, "there is no voice in this session");
                LineState::Closed
            }
            Err(error @ LineError::Socket(_)) => {
                tracing::warn!(%error, "the voice line is tried again");
                LineState::Failing
            }
        };
    }

    fn set_talk(&mut self, on: bool) {
        if on == self.talking {
            return;
        }
        self.talking = on;
        self.trial.set(SoundTest::Off);
        self.status.loss_permille = 0;
        let now_us = self.now_us();
        if on {
            self.spurt_begins = true;
            self.cleaner.begin_call();
            self.microphone.begin_call();
            self.loudspeaker.begin_call();
            if let LineState::Open(line) = &mut self.line {
                self.counted = line.counts();
                if let Err(error) = line.begin_call(now_us) {
                    tracing::error!(%error, "the call begins with what was heard before");
                }
            }
        } else {
            self.loudspeaker.end_call();
        }
    }

    /// What comes is played, and nothing is said.
    fn listen(&mut self, on: bool) {
        if on == self.listening {
            return;
        }
        self.listening = on;
        if self.talking {
            return;
        }
        if !on {
            return self.loudspeaker.end_call();
        }
        let now_us = self.now_us();
        self.loudspeaker.begin_call();
        if let LineState::Open(line) = &mut self.line
            && let Err(error) = line.begin_call(now_us)
        {
            tracing::error!(%error, "it begins with what was heard before");
        }
    }

    fn send_as(&mut self, order: VoiceOrder) {
        let LineState::Open(line) = &mut self.line else { return };
        if let Err(error) = line.send_as(order) {
            tracing::error!(%error, "the voice is sent as before");
        }
    }

    /// Reports, if anything changed.
    fn tell(&mut self) {
        let now_us = self.now_us();
        self.status.receiving = self.heard_us.is_some_and(|at| now_us < at + HEARD_US);
        (self.status.device, self.status.device_problem) = match self.line {
            LineState::Closed => (None, None),
            LineState::Open(_) | LineState::Failing => names(self.microphone.condition(), self.loudspeaker.condition()),
        };
        let rings = self.is_live() && !self.is_closed();
        if let Some(ringer) = self.ringer.as_mut().filter(|_| rings) {
            ringer.condition();
        }
        self.status.test = self.trial.test();
        if let Some(devices) = self.found.lock().unwrap_or_else(PoisonError::into_inner).take() {
            self.status.devices = devices;
        }
        if let LineState::Open(line) = &self.line {
            self.status.way = line.way();
            (self.status.sends, self.status.hears) = line.codecs();
        }
        self.measure_loss();
        let status = self.status.clone();
        self.report.send_if_modified(|known| {
            let changed = *known != status;
            *known = status;
            changed
        });
        (self.status.microphone_level, self.status.speaker_level) = (0, 0);
    }

    fn measure_loss(&mut self) {
        let LineState::Open(line) = &self.line else { return };
        if !self.talking || !self.beat.is_multiple_of(LOSS_BEATS) {
            return;
        }
        let (received, lost) = line.counts();
        let (received_now, lost_now) = (received.saturating_sub(self.counted.0), lost.saturating_sub(self.counted.1));
        self.counted = (received, lost);
        self.status.loss_permille = (lost_now * 1_000).checked_div(received_now + lost_now).unwrap_or(0) as u16;
    }
}

/// Where a beat begins on the line, in samples modulo 2^32.
fn position(beat: u64) -> u32 {
    (beat as u32).wrapping_mul(FRAME_SAMPLES as u32)
}

/// One device name and one problem for the screen, of microphone and loudspeaker.
fn names(microphone: Condition, loudspeaker: Condition) -> (Option<String>, Option<DeviceProblem>) {
    let told = |condition| match condition {
        Condition::Works(name) => (Some(name), None),
        Condition::StandsIn(name) => (Some(name), Some(DeviceProblem::Replaced)),
        Condition::Broken(problem) => (None, Some(problem)),
    };
    let ((one, one_problem), (other, other_problem)) = (told(microphone), told(loudspeaker));
    let name = match (one, other) {
        (Some(one), Some(other)) if one == other => Some(one),
        (Some(one), Some(other)) => Some(format!("{one} / {other}")),
        (one, other) => one.or(other),
    };
    // What does not work at all matters more than what is replaced, and one that is being opened will soon tell more.
    let weight = |problem: &DeviceProblem| match problem {
        DeviceProblem::Opening => 0,
        DeviceProblem::Replaced => 1,
        DeviceProblem::Missing
        | DeviceProblem::NoFormat
        | DeviceProblem::Stopped
        | DeviceProblem::Hanging
        | DeviceProblem::NotChosen
        | DeviceProblem::Failed(_) => 2,
    };
    let problems = [other_problem, one_problem];
    (name, problems.into_iter().flatten().max_by_key(weight))
}

/// -60 dBFS and less is 0, full scale 100.
fn level(frame: &Frame) -> u8 {
    ((rms_dbfs(frame) + 60.0) * 100.0 / 60.0).clamp(0.0, 100.0) as u8
}

#[cfg(test)]
mod tests {
    use super::level;

    #[test]
    fn the_meter_spans_the_loudness_of_speech() {
        assert_eq!(level(&[0; 160]), 0);
        assert_eq!(level(&[i16::MAX; 160]), 99);
        assert!((45..55).contains(&level(&[1_036; 160])), "-30 dBFS is the middle");
    }
}
