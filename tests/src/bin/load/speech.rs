//! What the load says: the demo's own announcements, as A-law and as Opus, round and round.

use anyhow::{Context, Result};
use std::path::Path;
use std::sync::Arc;
use voice::codec::Codec;

/// Samples of 20 ms.
pub(crate) const FRAME: usize = 160;

/// Speech in frames of 20 ms.
pub(crate) struct Speech {
    alaw: Vec<Vec<u8>>,
    opus: Vec<Vec<u8>>,
}

impl Speech {
    /// Reads it from the project's prompts.
    pub(crate) fn load() -> Result<Arc<Self>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/prompts");
        let mut samples: Vec<i16> = Vec::new();
        for name in ["citizen.zh.wav", "agent.zh.wav"] {
            let mut wav = hound::WavReader::open(folder.join(name)).with_context(|| format!("no {name}"))?;
            for sample in wav.samples() {
                samples.push(sample?);
            }
        }
        let mut encoder = Codec::Opus { expected_loss_percent: 6 }.encoder()?;
        let (mut alaw, mut opus) = (Vec::new(), Vec::new());
        for frame in samples.chunks_exact(FRAME) {
            let mut bytes = vec![0; FRAME];
            voice::g711::encode_alaw(frame, &mut bytes);
            alaw.push(bytes);
            let mut bytes = vec![0; voice::codec::MAX_PAYLOAD_BYTES];
            let length = encoder.encode(frame, &mut bytes)?;
            bytes.truncate(length);
            opus.push(bytes);
        }
        anyhow::ensure!(!alaw.is_empty(), "the announcements are empty");
        Ok(Arc::new(Self { alaw, opus }))
    }

    /// Frame `number`, beginning anew at the end.
    pub(crate) fn frame(&self, number: usize, opus: bool) -> &[u8] {
        let frames = if opus { &self.opus } else { &self.alaw };
        &frames[number % frames.len()]
    }
}
