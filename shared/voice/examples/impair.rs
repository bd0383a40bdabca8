//! What a listener hears of a WAV (8 kHz, mono, 16 bits) through loss and jitter: for scoring by hand, for example with PESQ.
//!
//! Arguments: input, output, codec (`pcma` or, with the feature, `opus`), loss in percent, largest jitter in ms, seed, and the loss that
//! the encoder prepares for, in percent.

use std::error::Error;
use voice::codec::{Codec, MAX_PAYLOAD_BYTES};
use voice::jitter::JitterBuffer;
use voice::rtp::Header;
use voice::{FRAME_SAMPLES, FRAME_US};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, codec, loss, jitter_ms, seed, expected] = arguments.as_slice() else {
        return Err("arguments: INPUT OUTPUT CODEC LOSS_PERCENT JITTER_MS SEED EXPECTED_PERCENT".into());
    };
    let mut random = fastrand::Rng::with_seed(seed.parse()?);
    let (loss, jitter_us): (f64, u64) = (loss.parse::<f64>()? / 100.0, jitter_ms.parse::<u64>()? * 1_000);
    let codec = codec_of(codec, expected.parse()?)?;
    let mut encoder = codec.encoder()?;
    let mut arrivals = Vec::new();
    let sent = hound::WavReader::open(input)?.into_samples::<i16>().collect::<Result<Vec<_>, _>>()?;
    for (number, frame) in (0_u32..).zip(sent.chunks_exact(FRAME_SAMPLES)) {
        let mut payload = [0; MAX_PAYLOAD_BYTES];
        let length = encoder.encode(frame, &mut payload)?;
        let delay_us = random.u64(..=jitter_us) + 7_000;
        if random.f64() >= loss {
            arrivals.push((u64::from(number) * FRAME_US + delay_us, number, payload[..length].to_vec()));
        }
    }
    arrivals.sort();
    let mut buffer = JitterBuffer::for_codec(codec)?;
    let mut writer = hound::WavWriter::create(
        output,
        hound::WavSpec { channels: 1, sample_rate: 8_000, bits_per_sample: 16, sample_format: hound::SampleFormat::Int },
    )?;
    let mut arrivals = arrivals.into_iter().peekable();
    for pull in 0..(sent.len() / FRAME_SAMPLES) as u64 + 12 {
        let now_us = pull * FRAME_US;
        while let Some((arrival_us, number, payload)) = arrivals.next_if(|arrival| arrival.0 <= now_us) {
            let timestamp = number * FRAME_SAMPLES as u32 * codec.ticks_per_sample();
            let header = Header { marker: number == 0, payload_type: 8, sequence: number as u16, timestamp, ssrc: 1 };
            buffer.insert_payload(arrival_us, &header, &payload);
        }
        buffer.pull(now_us).into_iter().try_for_each(|sample| writer.write_sample(sample))?;
    }
    writer.finalize()?;
    println!("{:?}", buffer.stats());
    Ok(())
}

fn codec_of(name: &str, expected_loss_percent: u8) -> Result<Codec, String> {
    let _ = expected_loss_percent;
    match name {
        "pcma" => Ok(Codec::Pcma),
        #[cfg(feature = "opus")]
        "opus" => Ok(Codec::Opus { expected_loss_percent }),
        other => Err(format!("unknown codec: {other}")),
    }
}
