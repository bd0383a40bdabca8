//! Sound devices through cpal (on Linux its ALSA host): 48 kHz, 960 frames a buffer. When streams run, and what becomes of those that fail,
//! is the keeper's. If the chosen device cannot be used, the system's choice is used until it can.

use super::keeper::{Keeper, Opened, Shared};
use super::resample::{Decimator, Interpolator, slip};
use super::sound::{Condition, Frame, Loudspeaker, Microphone, SILENCE};
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, Device, FromSample, Sample, SampleFormat, SizedSample, StreamConfig, SupportedStreamConfigRange};
use desktop_core::{DeviceProblem, Devices};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::time::Duration;
use voice::FRAME_SAMPLES;

const DEVICE_RATE: u32 = 48_000;
/// Device samples in one of the line's.
const FACTOR: usize = 6;
/// 20 ms; 10 ms was seen to fail through ALSA's plug-ins, and their own choice to add 80 ms.
const BUFFER_FRAMES: u32 = 960;
/// After an error of a stream.
const ERROR_WAIT: Duration = Duration::from_millis(2);
/// Device samples of one frame of the line.
const DEVICE_FRAME: usize = FRAME_SAMPLES * FACTOR;
/// Frames that the rings between a stream and the voice thread hold.
const ROOM_FRAMES: usize = 16;
/// Frames that wait between a stream and the voice thread at best: 40 ms.
const CUSHION_LEAST: usize = 2;
/// And at most, on a machine that is too busy to wake either in time: 140 ms.
const CUSHION_MOST: usize = 7;
/// Frames above the cushion that are too many to be squeezed away: they are left out at once.
const CUSHION_EXCESS: usize = 3;
/// Most devices of one direction that are listed.
const MOST_LISTED: usize = 32;
/// Every so many frames one may be a sample shorter or longer: 780 parts in a million, several times what two clocks differ, and
/// nothing that an ear notices.
const SLIP_FRAMES: u32 = 8;
/// Frames without a gap after which the cushion may shrink by one: 10 s.
const CUSHION_CALM: u32 = 500;

/// How many frames wait between a stream and the voice thread, so that neither finds the ring empty: grows with each gap, shrinks
/// when there was none for a while. What waits above or below is squeezed or stretched by a sample now and then, which also follows
/// the difference of the two clocks.
#[derive(Debug)]
struct Cushion {
    frames: usize,
    calm: u32,
}

impl Cushion {
    fn new() -> Self {
        Self { frames: CUSHION_LEAST, calm: 0 }
    }

    /// The ring was empty.
    fn gap(&mut self) {
        self.frames = (self.frames + 1).min(CUSHION_MOST);
        self.calm = 0;
    }

    /// How the next frame goes through, when so many samples wait and a frame has so many. A pause is where leaving out is not heard.
    fn pace(&mut self, waiting: usize, frame: usize, pause: bool) -> Pace {
        self.calm += 1;
        if self.calm >= CUSHION_CALM {
            self.frames = (self.frames - 1).max(CUSHION_LEAST);
            self.calm = 0;
        }
        let wanted = self.frames * frame;
        match waiting {
            _ if waiting >= wanted + CUSHION_EXCESS * frame => Pace::Excess,
            _ if pause && waiting > wanted + frame + frame / 2 => Pace::Excess,
            _ if !self.calm.is_multiple_of(SLIP_FRAMES) => Pace::Even,
            _ if waiting > wanted + 2 * frame => Pace::Faster,
            _ if waiting < wanted - frame => Pace::Slower,
            _ => Pace::Even,
        }
    }
}

/// Nobody speaks: about -48 dBFS and less.
fn is_pause(frame: &Frame) -> bool {
    frame.iter().all(|sample| sample.unsigned_abs() < 256)
}

/// How a frame goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// As it is.
    Even,
    /// One sample less is left waiting.
    Faster,
    /// One sample more is left waiting.
    Slower,
    /// So much waits that some must be left out.
    Excess,
}

/// The library makes the callbacks' thread; its first callback is where its priority can be set.
struct Once(bool);

impl Once {
    fn new() -> Self {
        Self(false)
    }

    fn make_current_thread_urgent(&mut self) {
        if !std::mem::replace(&mut self.0, true) {
            super::urgent::make_current_thread_urgent();
        }
    }
}

/// The names of all devices; may take a while and even hang, so it is asked on a thread that nobody waits for.
pub(super) fn list() -> Devices {
    let host = cpal::default_host();
    let names = |devices: &mut dyn Iterator<Item = Device>| {
        let names = devices.filter_map(|device| device.description().ok().map(|description| description.name().to_owned()));
        let mut names: Vec<String> = names.take(MOST_LISTED).collect();
        names.dedup();
        names
    };
    let microphones = host.input_devices().map(|mut devices| names(&mut devices)).unwrap_or_default();
    let loudspeakers = host.output_devices().map(|mut devices| names(&mut devices)).unwrap_or_default();
    Devices { microphones, loudspeakers }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Direction {
    Capture,
    Play,
}

/// A device and a way to run it at 48 kHz.
struct Found {
    device: Device,
    name: String,
    format: SampleFormat,
    config: StreamConfig,
}

fn failed(error: &cpal::Error) -> DeviceProblem {
    DeviceProblem::Failed(error.to_string())
}

/// The chosen device, or the one that stands in for it.
fn find_any(name: Option<&str>, direction: Direction) -> Result<(Found, bool), DeviceProblem> {
    match find(name, direction) {
        Ok(found) => Ok((found, false)),
        // The chosen one's trouble is what matters to the person.
        Err(problem) if name.is_some() => find(None, direction).map(|found| (found, true)).map_err(|_| problem),
        Err(problem) => Err(problem),
    }
}

/// Whether a device is there and could be used: it is opened for a moment, without a stream.
fn look(name: Option<&str>, direction: Direction) -> Result<Opened, DeviceProblem> {
    find_any(name, direction).map(|(found, stands_in)| Opened { name: found.name, stands_in })
}

fn find(name: Option<&str>, direction: Direction) -> Result<Found, DeviceProblem> {
    let device = device(name, direction)?;
    let label = device.description().map_or_else(|_| "?".to_owned(), |description| description.name().to_owned());
    let configs: Vec<SupportedStreamConfigRange> = match direction {
        Direction::Capture => device.supported_input_configs().map_err(|error| failed(&error))?.collect(),
        Direction::Play => device.supported_output_configs().map_err(|error| failed(&error))?.collect(),
    };
    let fits = |config: &&SupportedStreamConfigRange| {
        (config.min_sample_rate()..=config.max_sample_rate()).contains(&DEVICE_RATE)
            && matches!(config.sample_format(), SampleFormat::F32 | SampleFormat::I16)
    };
    let chosen = configs.iter().filter(fits).min_by_key(|config| config.channels()).ok_or(DeviceProblem::NoFormat)?;
    let config = StreamConfig { channels: chosen.channels(), sample_rate: DEVICE_RATE, buffer_size: BufferSize::Fixed(BUFFER_FRAMES) };
    Ok(Found { name: label, format: chosen.sample_format(), config, device })
}

fn device(name: Option<&str>, direction: Direction) -> Result<Device, DeviceProblem> {
    let host = cpal::default_host();
    let Some(name) = name else {
        let default = match direction {
            Direction::Capture => host.default_input_device(),
            Direction::Play => host.default_output_device(),
        };
        return default.ok_or(DeviceProblem::Missing);
    };
    let mut devices = host.devices().map_err(|error| failed(&error))?;
    let named = |device: &Device| {
        device.description().is_ok_and(|description| description.name() == name) || device.id().is_ok_and(|id| id.to_string() == name)
    };
    devices.find(named).ok_or(DeviceProblem::Missing)
}

/// A sound device as microphone.
pub(crate) struct DeviceMicrophone {
    keeper: Keeper,
    captured: Option<Consumer<i16>>,
    /// Enough is waiting to begin with.
    primed: bool,
    cushion: Cushion,
    /// The frame before was one.
    pause: bool,
}

impl DeviceMicrophone {
    /// By its name, or the system's choice. Looked at by the first question about its condition.
    pub(crate) fn new(name: Option<String>) -> Self {
        Self {
            keeper: Keeper::new(name, |name| look(name, Direction::Capture)),
            captured: None,
            primed: false,
            cushion: Cushion::new(),
            pause: false,
        }
    }
}

impl Microphone for DeviceMicrophone {
    fn begin_call(&mut self) {
        self.primed = false;
        if let Some(captured) = &mut self.captured {
            while captured.pop().is_ok() {}
        }
    }

    fn read(&mut self, frame: &mut Frame) {
        *frame = SILENCE;
        let Some(captured) = &mut self.captured else { return };
        let waiting = captured.slots();
        if self.primed && waiting <= FRAME_SAMPLES {
            self.cushion.gap();
            self.primed = false;
        }
        let wanted = self.cushion.frames * FRAME_SAMPLES;
        self.primed |= waiting >= wanted;
        if !self.primed {
            return;
        }
        let length = match self.cushion.pace(waiting, FRAME_SAMPLES, self.pause) {
            Pace::Excess => {
                for _ in wanted..waiting {
                    // What is left out is the oldest.
                    let _ = captured.pop();
                }
                FRAME_SAMPLES
            }
            Pace::Even => FRAME_SAMPLES,
            Pace::Faster => FRAME_SAMPLES + 1,
            Pace::Slower => FRAME_SAMPLES - 1,
        };
        let mut taken = [0; FRAME_SAMPLES + 1];
        taken[..length].iter_mut().for_each(|sample| *sample = captured.pop().unwrap_or_default());
        slip(&taken[..length], frame);
        self.pause = is_pause(frame);
    }

    fn condition(&mut self) -> Condition {
        if self.keeper.wants_stream() {
            let (producer, consumer) = RingBuffer::new(ROOM_FRAMES * FRAME_SAMPLES);
            self.captured = Some(consumer);
            self.keeper.keep(move |name, shared| capture(name, shared, producer));
        }
        self.keeper.condition()
    }

    fn wake(&mut self) {
        if self.keeper.wake() {
            self.condition();
        }
    }

    fn opens(&self) -> bool {
        self.keeper.opens()
    }

    fn rest(&mut self) {
        if self.keeper.rest() {
            self.captured = None;
        }
    }

    fn choose(&mut self, device: Option<&str>) {
        if self.keeper.choose(device) {
            self.captured = None;
        }
    }
}

fn capture(name: Option<&str>, shared: Arc<Shared>, producer: Producer<i16>) -> Result<(cpal::Stream, Opened), DeviceProblem> {
    let (found, stands_in) = find_any(name, Direction::Capture)?;
    let stream = match found.format {
        SampleFormat::F32 => capture_as::<f32>(&found, shared, producer),
        // `find` lets no third format through.
        _ => capture_as::<i16>(&found, shared, producer),
    };
    begin(stream, Opened { name: found.name, stands_in })
}

fn begin(stream: Result<cpal::Stream, cpal::Error>, opened: Opened) -> Result<(cpal::Stream, Opened), DeviceProblem> {
    let started = stream.and_then(|stream| stream.play().map(|()| stream));
    started.map(|stream| (stream, opened)).map_err(|error| failed(&error))
}

fn capture_as<T>(found: &Found, shared: Arc<Shared>, mut producer: Producer<i16>) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    let channels = usize::from(found.config.channels);
    let mut urgent = Once::new();
    let mut decimator = Decimator::new(FACTOR);
    let work = move |data: &[T], _: &cpal::InputCallbackInfo| {
        urgent.make_current_thread_urgent();
        shared.called();
        for frame in data.chunks_exact(channels) {
            if let Some(sample) = decimator.push(f32::from_sample(frame[0])) {
                // A full ring is a time of nobody: the newest voice is dropped and `begin_call` empties the rest.
                let _ = producer.push(i16::from_sample(sample.clamp(-1.0, 1.0)));
            }
        }
    };
    found.device.build_input_stream(found.config, work, |error| note(&error), None)
}

/// Runs on the library's thread of the stream. Whether it goes on is told by its callbacks.
fn note(error: &cpal::Error) {
    tracing::debug!(%error, "sound device");
    // The library asks again at once, and a stream that is not ready answers the same a hundred thousand times a second.
    std::thread::sleep(ERROR_WAIT);
}

/// A sound device as loudspeaker.
pub(crate) struct DeviceLoudspeaker {
    keeper: Keeper,
    play: Option<Producer<f32>>,
    interpolator: Interpolator,
    cushion: Cushion,
}

impl DeviceLoudspeaker {
    /// By its name, or the system's choice. Looked at by the first question about its condition.
    pub(crate) fn new(name: Option<String>) -> Self {
        Self {
            keeper: Keeper::new(name, |name| look(name, Direction::Play)),
            play: None,
            interpolator: Interpolator::new(FACTOR),
            cushion: Cushion::new(),
        }
    }
}

impl Loudspeaker for DeviceLoudspeaker {
    fn begin_call(&mut self) {}

    fn end_call(&mut self) {}

    fn play(&mut self, frame: &Frame) {
        // What is played before the stream runs would only delay what follows.
        let Some(play) = self.play.as_mut().filter(|_| self.keeper.works()) else { return };
        if play.slots() == ROOM_FRAMES * DEVICE_FRAME {
            self.cushion.gap();
            for _ in 0..self.cushion.frames * DEVICE_FRAME {
                // The ring is empty: there is room.
                let _ = play.push(0.0);
            }
        }
        let waiting = ROOM_FRAMES * DEVICE_FRAME - play.slots();
        let length = match self.cushion.pace(waiting, DEVICE_FRAME, is_pause(frame)) {
            Pace::Excess => return,
            Pace::Even => FRAME_SAMPLES,
            Pace::Faster => FRAME_SAMPLES - 1,
            Pace::Slower => FRAME_SAMPLES + 1,
        };
        let mut stretched = [0; FRAME_SAMPLES + 1];
        slip(frame, &mut stretched[..length]);
        for sample in &stretched[..length] {
            // A ring that stays full belongs to a stream that has stopped; the watchdog replaces both.
            self.interpolator.push(f32::from_sample(*sample), |sample| {
                let _ = play.push(sample);
            });
        }
    }

    fn condition(&mut self) -> Condition {
        if self.keeper.wants_stream() {
            let (producer, consumer) = RingBuffer::new(ROOM_FRAMES * DEVICE_FRAME);
            self.play = Some(producer);
            self.keeper.keep(move |name, shared| play(name, shared, consumer));
        }
        self.keeper.condition()
    }

    fn wake(&mut self) {
        if self.keeper.wake() {
            self.condition();
        }
    }

    fn opens(&self) -> bool {
        self.keeper.opens()
    }

    fn rest(&mut self) {
        if self.keeper.rest() {
            self.play = None;
        }
    }

    fn choose(&mut self, device: Option<&str>) -> bool {
        if self.keeper.choose(device) {
            self.play = None;
        }
        true
    }
}

fn play(name: Option<&str>, shared: Arc<Shared>, consumer: Consumer<f32>) -> Result<(cpal::Stream, Opened), DeviceProblem> {
    let (found, stands_in) = find_any(name, Direction::Play)?;
    let stream = match found.format {
        SampleFormat::F32 => play_as::<f32>(&found, shared, consumer),
        // `find` lets no third format through.
        _ => play_as::<i16>(&found, shared, consumer),
    };
    begin(stream, Opened { name: found.name, stands_in })
}

fn play_as<T>(found: &Found, shared: Arc<Shared>, mut consumer: Consumer<f32>) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample + FromSample<f32>,
{
    let channels = usize::from(found.config.channels);
    let mut urgent = Once::new();
    let work = move |data: &mut [T], _: &cpal::OutputCallbackInfo| {
        urgent.make_current_thread_urgent();
        shared.called();
        if consumer.is_empty() {
            return data.fill(T::from_sample(0.0));
        }
        for frame in data.chunks_exact_mut(channels) {
            frame.fill(T::from_sample(consumer.pop().unwrap_or_default()));
        }
    };
    found.device.build_output_stream(found.config, work, |error| note(&error), None)
}

#[cfg(test)]
mod tests {
    use super::{CUSHION_CALM, CUSHION_LEAST, CUSHION_MOST, Cushion, DeviceMicrophone, FRAME_SAMPLES, Pace, SLIP_FRAMES};
    use crate::audio::sound::{Condition, Frame, Microphone, SILENCE};
    use desktop_core::DeviceProblem;
    use std::time::{Duration, Instant};

    const LIMIT: Duration = Duration::from_secs(10);

    /// Looks each 20 ms of the clock, as the voice thread does.
    fn await_condition(mut look: impl FnMut() -> Condition, mut reached: impl FnMut(&Condition) -> bool) -> Condition {
        let (beat, nobody) = std::sync::mpsc::channel::<()>();
        let began = Instant::now();
        for turn in 1.. {
            let condition = look();
            if reached(&condition) || began.elapsed() > LIMIT {
                drop(beat);
                return condition;
            }
            let _ = nobody.recv_timeout((Duration::from_millis(20) * turn).saturating_sub(began.elapsed()));
        }
        unreachable!("the limit ends the loop");
    }

    #[test]
    fn the_cushion_grows_with_gaps_up_to_its_limit_and_shrinks_when_it_was_calm() {
        let mut cushion = Cushion::new();
        (0..20).for_each(|_| cushion.gap());
        assert_eq!(cushion.frames, CUSHION_MOST);
        for frames in [CUSHION_MOST - 1, CUSHION_MOST - 2] {
            (0..CUSHION_CALM).for_each(|_| assert_ne!(cushion.pace(1_000, FRAME_SAMPLES, false), Pace::Slower));
            assert_eq!(cushion.frames, frames);
        }
        (0..CUSHION_CALM * 20).for_each(|_| assert_ne!(cushion.pace(1_000, FRAME_SAMPLES, false), Pace::Slower));
        assert_eq!(cushion.frames, CUSHION_LEAST);
    }

    #[test]
    fn what_waits_is_brought_back_to_the_cushion_slowly_and_a_great_excess_at_once() {
        let mut cushion = Cushion::new();
        let mut paces = |waiting: usize, pause: bool| -> Vec<Pace> {
            (0..SLIP_FRAMES).map(|_| cushion.pace(waiting, 100, pause)).filter(|pace| *pace != Pace::Even).collect()
        };
        assert_eq!(paces(200, true), []);
        assert_eq!(paces(401, false), [Pace::Faster]);
        assert_eq!(paces(99, false), [Pace::Slower]);
        assert_eq!(paces(500, false), [Pace::Excess; SLIP_FRAMES as usize]);
        assert_eq!(paces(351, true), [Pace::Excess; SLIP_FRAMES as usize]);
    }

    #[test]
    fn a_device_that_is_not_there_is_told_and_silence_goes_on() {
        let mut microphone = DeviceMicrophone::new(Some("no such device".to_owned()));
        let told = |condition: &Condition| matches!(condition, Condition::Broken(problem) if *problem != DeviceProblem::Opening);
        let condition = await_condition(|| microphone.condition(), told);
        assert!(told(&condition), "{condition:?}");
        let mut frame: Frame = [1; 160];
        microphone.read(&mut frame);
        assert_eq!(frame, SILENCE);
    }
}
