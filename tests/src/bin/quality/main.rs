//! How a talk sounds over bad links: PESQ from citizen to agent and back, through the real server and real headless desktops, beside
//! baresip on the same links in the same run. Started by `cargo xtask bench voice`.

mod others;
mod ours;
mod score;

use anyhow::{Context, Result};
use clap::Parser;
use e2e::link::Impairment;
use e2e::sound::{RATE, read_mono, write_fine};
use e2e::{Server, site::prompt};
use hound::{SampleFormat, WavSpec, WavWriter};
use score::{Scored, median};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Duration;
use voice::g711::{alaw_to_linear, linear_to_alaw};

/// Loss in percent and jitter in ms of each row.
const LINKS: [(f64, u64); 7] = [(0.0, 0), (1.0, 0), (3.0, 0), (5.0, 0), (10.0, 0), (0.0, 40), (3.0, 40)];
/// Over a link that has become good again, Opus is sent on for half a minute; so many pieces fit into it.
const OPUS_PIECES: usize = 2;
/// A frame must be complete before it can be sent: the part of the delay that is between the mouth and the first sample of the file.
const FRAME_MS: f64 = 20.0;

/// Voice quality.
#[derive(Parser)]
struct Cli {
    /// A Python with pesq and numpy.
    #[arg(long)]
    python: PathBuf,
    /// Codecs, one row for each link and each of them.
    #[arg(long, value_delimiter = ',', default_value = "pcma,opus")]
    codecs: Vec<Codec>,
    /// Pieces of speech that are scored in each direction.
    #[arg(long, default_value_t = 6)]
    pieces: usize,
    /// Seed of the links: equal seeds lose equal packets.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Without baresip.
    #[arg(long)]
    alone: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// How the voice is carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
enum Codec {
    /// G.711 A-law.
    Pcma,
    /// Opus with correction.
    Opus,
}

impl Codec {
    fn name(self) -> &'static str {
        match self {
            Self::Pcma => "pcma",
            Self::Opus => "opus",
        }
    }
}

/// One link and codec.
#[derive(Debug, Clone, Copy)]
struct Row {
    codec: Codec,
    loss_percent: f64,
    jitter_ms: u64,
    seed: u64,
}

impl Row {
    fn impairment(&self, place: usize) -> Impairment {
        let Self { loss_percent, jitter_ms, seed, .. } = *self;
        Impairment { loss_percent, jitter_ms, delay_ms: 0, seed: seed * 1_000 + place as u64 }
    }
}

/// What is said.
struct Material {
    citizen: PathBuf,
    agent: PathBuf,
    citizen_samples: Vec<i16>,
    citizen_long: PathBuf,
    agent_long: PathBuf,
    /// The same as baresip wants it for Opus: 48 kHz, stereo.
    citizen_fine: PathBuf,
    agent_fine: PathBuf,
    pieces: usize,
    length: Duration,
}

impl Material {
    fn make(folder: &Path, pieces: usize) -> Result<Self> {
        let (citizen, agent) = (prompt("citizen"), prompt("agent"));
        let (citizen_samples, agent_samples) = (read_mono(&citizen), read_mono(&agent));
        // The first piece of one side is heard in part only.
        let times = pieces + 2;
        let long = |name: &str, samples: &[i16]| {
            let path = folder.join(name);
            write(&path, &samples.repeat(times)).with_context(|| path.display().to_string())?;
            Ok::<_, anyhow::Error>(path)
        };
        let fine = |name: &str, samples: &[i16]| {
            let path = folder.join(name);
            write_fine(&path, &samples.repeat(times)).with_context(|| path.display().to_string())?;
            Ok::<_, anyhow::Error>(path)
        };
        let longest = citizen_samples.len().max(agent_samples.len()) * (pieces + 1);
        Ok(Self {
            citizen_long: long("citizen-long.wav", &citizen_samples)?,
            agent_long: long("agent-long.wav", &agent_samples)?,
            citizen_fine: fine("citizen-fine.wav", &through_alaw(&citizen_samples))?,
            agent_fine: fine("agent-fine.wav", &agent_samples)?,
            citizen,
            agent,
            citizen_samples,
            pieces,
            length: Duration::from_secs_f64(longest as f64 / RATE as f64 + 3.0),
        })
    }
}

fn write(path: &Path, samples: &[i16]) -> Result<(), hound::Error> {
    let spec = WavSpec { channels: 1, sample_rate: RATE as u32, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(path, spec)?;
    samples.iter().try_for_each(|sample| writer.write_sample(*sample))?;
    writer.finalize()
}

/// What is left of it behind a trunk.
fn through_alaw(samples: &[i16]) -> Vec<i16> {
    samples.iter().map(|sample| alaw_to_linear(linear_to_alaw(*sample))).collect()
}

/// One row with its scores: medians over all pieces.
#[derive(Debug, Serialize)]
struct Measured {
    codec: Codec,
    loss_percent: f64,
    jitter_ms: u64,
    /// Over both directions.
    ours: f64,
    ours_at_agent: f64,
    ours_at_citizen: f64,
    ours_least: f64,
    /// Over both directions.
    baresip: Option<f64>,
    pieces: usize,
}

fn main() -> Result<()> {
    let cli = Cli::parse();
    let (mut rows, mut mouth_to_ear_ms) = (Vec::new(), None);
    for codec in &cli.codecs {
        let (measured, delay) = measure(&cli, *codec)?;
        rows.extend(measured);
        mouth_to_ear_ms = mouth_to_ear_ms.or(delay);
    }
    if cli.json {
        println!("{}", serde_json::json!({ "rows": rows, "mouth_to_ear_ms": mouth_to_ear_ms }));
    } else {
        print(&rows, mouth_to_ear_ms);
    }
    Ok(())
}

/// What was scored of one row: at the agent and at the citizen; at baresip's callee and caller.
struct Heard {
    ours: [Scored; 2],
    baresip: Option<[Scored; 2]>,
}

impl Heard {
    /// The pieces of another run of the same row.
    fn add(&mut self, more: Self) {
        let pairs = self.baresip.iter_mut().flatten().zip(more.baresip.into_iter().flatten());
        for (mine, more) in self.ours.iter_mut().zip(more.ours).chain(pairs) {
            mine.scores.extend(more.scores);
        }
    }
}

/// All rows of one codec, and the mouth-to-ear delay of the best of them.
fn measure(cli: &Cli, codec: Codec) -> Result<(Vec<Measured>, Option<f64>)> {
    let (pieces, runs) = match codec {
        Codec::Pcma => (cli.pieces, 1),
        Codec::Opus => (cli.pieces.min(OPUS_PIECES), cli.pieces.div_ceil(OPUS_PIECES)),
    };
    let rows = |run: usize| -> Vec<Row> {
        let seed = cli.seed + run as u64;
        LINKS.iter().map(|&(loss_percent, jitter_ms)| Row { codec, loss_percent, jitter_ms, seed }).collect()
    };
    let (mut heard, period) = run(cli, &rows(0), pieces)?;
    for number in 1..runs {
        for (row, more) in heard.iter_mut().zip(run(cli, &rows(number), pieces)?.0) {
            row.add(more);
        }
    }
    // With Opus what was heard is not scored from its beginning.
    let delay = heard.first().filter(|_| codec == Codec::Pcma).and_then(|heard| mouth_to_ear_ms(&heard.ours, period));
    Ok((rows(0).iter().zip(&heard).map(|(row, heard)| sum_up(row, heard)).collect::<Result<_>>()?, delay))
}

/// All links at the same time; also the length of a piece, in samples.
fn run(cli: &Cli, rows: &[Row], pieces: usize) -> Result<(Vec<Heard>, u64)> {
    let site = ours::site(rows.len());
    let material = Material::make(site.folder(), pieces)?;
    let server = Server::start(&site);
    let begin = |(place, row): (usize, &Row)| ours::Talk::begin(&site, &server, place, row, &material);
    let mut own: Vec<ours::Talk> = rows.iter().enumerate().map(begin).collect::<Result<_>>()?;
    let begin = |(place, row): (usize, &Row)| others::Talk::begin(site.folder(), place, row, &material);
    let others: Vec<others::Talk> = if cli.alone { Vec::new() } else { rows.iter().enumerate().map(begin).collect::<Result<_>>()? };
    for (place, (talk, row)) in own.iter_mut().zip(rows).enumerate() {
        talk.score_from_here(place, row);
    }
    std::thread::sleep(material.length);
    let mut tasks: Vec<score::Task> = own.into_iter().flat_map(|talk| talk.end(&material)).collect();
    tasks.extend(others.into_iter().flat_map(|talk| talk.end(&material)));
    let mut scored = score::score(&cli.python, &tasks)?.into_iter();
    let mut pair = || Some([scored.next()?, scored.next()?]);
    let ours: Vec<[Scored; 2]> = rows.iter().filter_map(|_| pair()).collect();
    let heard = ours.into_iter().map(|ours| Heard { ours, baresip: pair() }).collect();
    Ok((heard, material.citizen_samples.len() as u64))
}

fn sum_up(row: &Row, heard: &Heard) -> Result<Measured> {
    let both = |scored: &[Scored]| median(scored.iter().flat_map(|one| one.scores.iter().copied()));
    let pieces: Vec<f64> = heard.ours.iter().flat_map(|one| one.scores.iter().copied()).collect();
    Ok(Measured {
        codec: row.codec,
        loss_percent: row.loss_percent,
        jitter_ms: row.jitter_ms,
        ours: both(&heard.ours).context("nothing was scored")?,
        ours_at_agent: both(&heard.ours[..1]).context("nothing was heard at the agent")?,
        ours_at_citizen: both(&heard.ours[1..]).context("nothing was heard at the citizen")?,
        ours_least: pieces.iter().copied().fold(f64::MAX, f64::min),
        baresip: heard.baresip.as_ref().and_then(|pair| both(pair)),
        pieces: pieces.len(),
    })
}

/// Half of the way there and back: at either end what is said and what is heard have one clock, so that the difference of the two
/// clocks falls out of the sum. The sound cards' own delay is not in it.
fn mouth_to_ear_ms(pair: &[Scored], period: u64) -> Option<f64> {
    let (at_agent, at_citizen) = (pair[0].places.first()?, pair[1].places.first()?);
    Some(((at_agent + at_citizen) % period) as f64 / 2.0 / 8.0 + FRAME_MS)
}

fn print(rows: &[Measured], mouth_to_ear_ms: Option<f64>) {
    println!("codec  loss %  jitter ms    ours  (at agent, at citizen, least)    baresip");
    for row in rows {
        let Measured { loss_percent, jitter_ms, ours, ours_at_agent, ours_at_citizen, ours_least, .. } = row;
        let baresip = row.baresip.map_or_else(|| "-".to_owned(), |score| format!("{score:.2}"));
        let codec = row.codec.name();
        println!(
            "{codec:5}  {loss_percent:6}  {jitter_ms:9}  {ours:6.2}  ({ours_at_agent:8.2}  {ours_at_citizen:10.2}  {ours_least:5.2})  {baresip:>9}"
        );
    }
    if let Some(delay) = mouth_to_ear_ms {
        println!("mouth to ear {delay:.0} ms without the sound cards, over the first link");
    }
}
