//! Prints what each operation costs per 20 ms frame, in µs of a thread's CPU time (least, median and most of seven runs), beside the figure
//! that the design was made with. Run it with `--release`, and with the feature `opus` for all lines.

use std::hint::black_box;
use std::time::Duration;
use voice::codec::Codec;
#[cfg(feature = "opus")]
use voice::codec::{CodecError, Encoder};
use voice::conceal::Concealer;
use voice::detect::{Clipping, Echo};
use voice::dtmf::DtmfDetector;
use voice::jitter::JitterBuffer;
use voice::mixer::{Comfort, Mixer};
use voice::rtp::{HEADER_BYTES, Header, ReceiveStatistics};
use voice::srtp::{MAX_TAG_BYTES, MasterKey, SrtpReceiver, SrtpSender, Suite};
use voice::{FRAME_SAMPLES, g711, level, stretch};

const RUNS: usize = 7;
const ROUNDS: usize = 2_000;

fn cpu_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.cast_unsigned(), now.tv_nsec as u32)
}

/// Measures `work`, which gets the round's number.
fn measure(name: &str, design_us: &str, mut work: impl FnMut(usize)) {
    let mut run = || {
        let begin = cpu_time();
        (0..ROUNDS).for_each(&mut work);
        (cpu_time() - begin).as_secs_f64() * 1e6 / ROUNDS as f64
    };
    let mut costs: Vec<f64> = (0..RUNS).map(|_| run()).collect();
    costs.sort_by(f64::total_cmp);
    println!("{name:<44} {:>8.3} / {:>7.3} / {:>7.3}   {design_us}", costs[0], costs[RUNS / 2], costs[RUNS - 1]);
}

type Frame = [i16; FRAME_SAMPLES];

/// Something like a voice: pitch, overtones, syllables, a little noise.
fn speech() -> Vec<Frame> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut sample = |n: usize| {
        let time = n as f64 / 8_000.0;
        let wave = |hz: f64| (std::f64::consts::TAU * hz * time).sin();
        let syllable = (1.0 + (std::f64::consts::TAU * 3.0 * time).sin()) * 3_000.0;
        (syllable * (wave(140.0) + 0.5 * wave(280.0) + 0.3 * wave(980.0)) + f64::from(random.i16(-100..100))) as i16
    };
    (0..500).map(|frame| std::array::from_fn(|n| sample(frame * FRAME_SAMPLES + n))).collect()
}

fn header(number: usize) -> Header {
    Header { marker: false, payload_type: 8, sequence: number as u16, timestamp: (number * FRAME_SAMPLES) as u32, ssrc: 1 }
}

fn main() {
    let speech = speech();
    println!("{:<44} {:>8} / {:>7} / {:>7}   design", "operation, us per frame", "least", "median", "most");
    codecs(&speech);
    mixing(&speech);
    watching(&speech);
    packets();
    waiting(&speech);
    opus(&speech);
}

fn codecs(speech: &[Frame]) {
    let mut bytes = [0; FRAME_SAMPLES];
    measure("A-law encode", "0.061", |n| {
        g711::encode_alaw(black_box(&speech[n % 500]), black_box(&mut bytes));
    });
    let mut samples = [0; FRAME_SAMPLES];
    measure("A-law decode", "0.061", |_| {
        g711::decode_alaw(black_box(&bytes), black_box(&mut samples));
    });
}

fn mixing(speech: &[Frame]) {
    for (parties, design) in [(2, "0.59"), (3, "0.91"), (10, "2.97")] {
        for comfort in [Comfort::Off, Comfort::On] {
            let (mut mixer, mut outputs) = (Mixer::new(comfort), vec![Some([0; FRAME_SAMPLES]); parties]);
            measure(&format!("mix {parties} parties, comfort {comfort:?}"), design, |n| {
                let inputs: [Option<&Frame>; 10] = std::array::from_fn(|party| Some(&speech[(n + 50 * party) % 500]));
                mixer.mix(black_box(&inputs[..parties]), black_box(&mut outputs));
            });
        }
    }
}

fn watching(speech: &[Frame]) {
    let mut detector = DtmfDetector::default();
    measure("DTMF detection, 8 tones", "0.373", |n| {
        black_box(detector.hear(&speech[n % 500]));
    });
    measure("level", "", |n| {
        black_box(level::rms_dbfs(&speech[n % 500]));
    });
    let (mut clipping, mut echo) = (Clipping::new(), Echo::new());
    measure("clipping", "", |n| {
        black_box(clipping.note(&speech[n % 500]));
    });
    measure("echo, from levels", "", |n| {
        black_box(echo.note(-20.0 - (n % 30) as f32, -50.0));
    });
}

fn packets() {
    let master = MasterKey([7; 30]);
    for (suite, design) in [(Suite::AesCm128HmacSha1, "0.223"), (Suite::Aes128Gcm, "0.188")] {
        let (mut sender, mut receiver) = (SrtpSender::with_suite(suite, &master), SrtpReceiver::with_suite(suite, &master));
        let mut sealed = Vec::new();
        let mut number = 0;
        let clear = HEADER_BYTES + FRAME_SAMPLES;
        measure(&format!("{} protect", suite.sdp_name()), design, |_| {
            let mut packet = [0x55; HEADER_BYTES + FRAME_SAMPLES + MAX_TAG_BYTES];
            let done = header(number).write(&mut packet).is_ok() && sender.protect(&mut packet, clear).is_ok();
            assert!(done, "a packet with room for its tag");
            sealed.push(packet);
            number += 1;
        });
        let mut sealed = sealed.into_iter();
        measure(&format!("{} open", suite.sdp_name()), design, |_| {
            let mut packet = sealed.next().expect("as many are opened as were protected");
            assert!(receiver.unprotect(&mut packet[..clear + suite.tag_bytes()]).is_ok());
        });
    }
    let mut statistics = ReceiveStatistics::default();
    measure("reception statistics", "", |n| statistics.note(n as u64 * 20_000, &header(n)));
}

fn waiting(speech: &[Frame]) {
    let mut concealer = Concealer::default();
    measure("conceal every tenth frame", "", |n| {
        let mut frame = speech[n % 500];
        if n % 10 == 0 {
            concealer.fill(&mut frame)
        } else {
            concealer.pass(&mut frame)
        }
        black_box(frame);
    });
    let mut long = [0; stretch::SHORTEN_SAMPLES];
    long.iter_mut().zip(speech.as_flattened()).for_each(|(sample, given)| *sample = *given);
    measure("shorten by a pitch period", "", |_| {
        black_box(stretch::shorten(black_box(&long)));
    });
    let (mut buffer, mut number) = (JitterBuffer::new(), 0);
    measure("jitter buffer, PCMA, insert and pull", "(neteq 7 to 12)", |_| {
        let now_us = number as u64 * 20_000;
        buffer.insert(now_us, &header(number), &speech[number % 500]);
        black_box(buffer.pull(now_us));
        number += 1;
    });
}

#[cfg(not(feature = "opus"))]
fn opus(_: &[Frame]) {
    let _: Codec = Codec::Pcma;
}

#[cfg(feature = "opus")]
fn opus(speech: &[Frame]) {
    for (loss, design) in [(0, "44.8"), (10, "65.8")] {
        let codec = Codec::Opus { expected_loss_percent: loss };
        let packets = encode(&format!("Opus encode, {loss} % loss expected"), design, codec.encoder(), speech);
        encode(&format!("Opus encode lightly, {loss} % loss expected"), "", codec.light_encoder(), speech);
        let mut decoder = codec.decoder().expect("libopus is there");
        let mut frame = [0; FRAME_SAMPLES];
        measure("Opus decode", "12.0", |n| {
            let _ = black_box(decoder.decode(&packets[n], &mut frame));
        });
        measure("Opus conceal", "12.2", |_| {
            black_box(decoder.conceal(&mut frame));
        });
        measure("Opus recover", "", |n| {
            black_box(decoder.recover(&packets[n], &mut frame));
        });
    }
}

#[cfg(feature = "opus")]
fn encode(name: &str, design_us: &str, encoder: Result<Encoder, CodecError>, speech: &[Frame]) -> Vec<Vec<u8>> {
    let mut encoder = encoder.expect("libopus is there");
    let mut packets = Vec::new();
    measure(name, design_us, |n| {
        let mut payload = [0; 480];
        let length = encoder.encode(&speech[n % 500], &mut payload).expect("20 ms are a frame");
        packets.push(payload[..length].to_vec());
    });
    packets
}
