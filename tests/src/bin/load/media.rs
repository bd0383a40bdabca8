//! `load media`: what calls of each kind cost in the media engine, beside a bare relay in the same run; and how many there can be.
//!
//! Calls come a batch at a time while the others talk, as they do in life, so that the engine may refuse what is too much for it.

use crate::bare;
use crate::engine::{Engine, Kind};
use crate::generator::{self, Figures, Generator};
use crate::leg::POOR_LOSES_ONE_IN;
use crate::middle;
use crate::speech::Speech;
use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Calls that come at once, and how long the engine has to see what they cost.
const BATCH: usize = 100;
const SETTLE: Duration = Duration::from_millis(2_200);
/// The same for kinds of which a core carries fewer.
const SMALL_BATCH: usize = 25;
/// After so many batches that were refused as a whole no more come.
const REFUSED_BATCHES: u32 = 2;
/// An agent's link is known as a bad one after 4 s, and Opus spoken soon after.
const SWITCHES: Duration = Duration::from_secs(12);
/// More calls than any core of today carries.
const MOST_CALLS: usize = 4_000;
/// Above this share of late and lost packets a number of calls is too many, in percent.
const MOST_LATE_PERCENT: f64 = 0.1;

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct MediaArguments {
    /// Calls at once; one run of each kind for each figure.
    #[arg(long, value_delimiter = ',', default_value = "100,500,1000")]
    calls: Vec<usize>,
    /// Kinds of calls.
    #[arg(long, value_delimiter = ',', default_value = "pcma_recorded,pcma_opus,conference3,listen")]
    kinds: Vec<Kind>,
    /// Length of each measured window.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Also look for the largest number of calls of each kind.
    #[arg(long)]
    largest: bool,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// One row of the report.
#[derive(Debug, Serialize)]
struct Row {
    /// Calls that talked, which are fewer than were wished if the engine refused some.
    calls: usize,
    wished: usize,
    refused: usize,
    seconds: u64,
    cpu_ms_per_call_second: f64,
    ratio_to_bare_relay: f64,
    bare_cpu_ms_per_call_second: f64,
    /// Of the CPU time: on the media threads, and on the recorder's.
    media_ms_per_call_second: f64,
    recorder_ms_per_call_second: f64,
    added_delay_p50_ms: f64,
    added_delay_p99_ms: f64,
    #[serde(rename = "added_delay_p99.9_ms")]
    added_delay_p999_ms: f64,
    bare_delay_p99_ms: f64,
    memory_kib_per_call: f64,
    /// Late by more than 20 ms, or lost.
    late_percent: f64,
    bare_late_percent: f64,
    /// Recordings that are whole, and what the engine lost between its threads.
    recordings_complete: u64,
    taps_lost: u64,
    load_average: f64,
    /// The row that looked for the largest number.
    #[serde(skip_serializing_if = "Option::is_none")]
    largest: Option<Largest>,
}

/// What the search for the largest number found.
#[derive(Debug, Clone, Serialize)]
struct Largest {
    /// The most calls at which less than 0.1 % of the packets were late or lost, while they came.
    calls_under_limit: usize,
    /// The engine itself refused more.
    refused_more: bool,
}

/// Runs everything.
pub(crate) fn run(arguments: &MediaArguments) -> Result<()> {
    let calls = &arguments.calls;
    ensure!(calls.iter().all(|calls| (1..=MOST_CALLS).contains(calls)), "--calls takes 1 to {MOST_CALLS}");
    let window = Duration::from_secs(arguments.seconds);
    let speech = Speech::load()?;
    let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    let mut wishes: Vec<Option<usize>> = calls.iter().copied().map(Some).collect();
    wishes.extend(arguments.largest.then_some(None));
    for wish in wishes {
        let mut yardstick = wish.map(|calls| bare::measure(calls, window)).transpose()?;
        for &kind in &arguments.kinds {
            let measured = measure(kind, wish, window, &speech)?;
            let bare = match &mut yardstick {
                Some(bare) => bare,
                // As many as there turned out to be.
                none => none.insert(bare::measure(measured.calls, window)?),
            };
            let row = measured.row(wish, arguments.seconds, (bare, wish.unwrap_or(measured.calls)));
            if wish.is_none() {
                yardstick = None;
            }
            let name = kind.to_possible_value().map_or_else(String::new, |name| name.get_name().to_owned());
            if !arguments.json {
                print(&name, &row, rows.is_empty());
            }
            rows.entry(name).or_default().push(row);
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string(&rows)?);
    }
    Ok(())
}

/// One run of the engine.
struct Measured {
    calls: usize,
    refused: usize,
    figures: Figures,
    memory_kib: f64,
    largest: Option<Largest>,
    over: Value,
    load_average: f64,
}

/// Brings calls until there are enough, or the engine refuses them; then measures.
fn measure(kind: Kind, wish: Option<usize>, window: Duration, speech: &Arc<Speech>) -> Result<Measured> {
    let mut engine = Engine::start(kind, Arc::clone(speech))?;
    let before = middle::memory_kib(engine.id())?;
    let crowd = generator::urgently(|| {
        let mut crowd = Crowd { generator: Generator::new()?, calls: 0, refused: 0, under_limit: 0 };
        crowd.gather(&mut engine, kind, wish)?;
        let figures = crowd.generator.measure(window, engine.id())?;
        let memory_kib = middle::memory_kib(engine.id())? - before;
        let fine = figures.late_or_lost_percent < MOST_LATE_PERCENT;
        let calls_under_limit = if fine { crowd.calls } else { crowd.under_limit };
        let largest = wish.is_none().then_some(Largest { calls_under_limit, refused_more: crowd.refused > 0 });
        Ok((crowd.calls, crowd.refused, figures, memory_kib, largest))
    });
    let (calls, refused, figures, memory_kib, largest) = crowd?;
    let load_average = middle::load_average();
    Ok(Measured { calls, refused, figures, memory_kib, largest, over: engine.end()?, load_average })
}

/// All calls that talk.
struct Crowd {
    generator: Generator,
    calls: usize,
    refused: usize,
    under_limit: usize,
}

impl Crowd {
    fn gather(&mut self, engine: &mut Engine, kind: Kind, wish: Option<usize>) -> Result<()> {
        let batch = if kind == Kind::PcmaRecorded { BATCH } else { SMALL_BATCH };
        let wanted = wish.unwrap_or(MOST_CALLS);
        let mut in_vain = 0;
        while self.calls < wanted && in_vain < REFUSED_BATCHES {
            let (legs, refused) = engine.open(batch.min(wanted - self.calls))?;
            self.refused += refused;
            let came = batch.min(wanted - self.calls) - refused;
            self.calls += came;
            in_vain = if came == 0 { in_vain + 1 } else { 0 };
            self.generator.add(legs)?;
            if kind == Kind::PcmaOpus && came > 0 {
                self.switch_to_opus(engine);
            } else if wish.is_none() || self.calls > wanted / 2 {
                if self.is_in_time(engine)? {
                    self.under_limit = self.calls;
                } else if wish.is_none() {
                    break;
                }
            } else {
                self.generator.run_for(SETTLE / 4);
            }
        }
        self.generator.run_for(SETTLE);
        Ok(())
    }

    /// Whether hardly a packet is late or lost. Asked twice: a machine that stands still once has not reached its limit.
    fn is_in_time(&mut self, engine: &Engine) -> Result<bool> {
        // The first packets of a voice that comes to be mixed were relayed, and are quicker than all others.
        self.generator.run_for(SETTLE / 4);
        for _ in 0..2 {
            if self.generator.measure(SETTLE, engine.id())?.late_or_lost_percent < MOST_LATE_PERCENT {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Talks over bad links until the engine has asked everybody for Opus.
    fn switch_to_opus(&mut self, engine: &mut Engine) {
        let mut waited = Duration::ZERO;
        let step = Duration::from_millis(500);
        let mut told = 0;
        while told < self.calls && waited < SWITCHES {
            self.generator.run_for(step);
            waited += step;
            while let Some(legs) = engine.opus_legs(Duration::ZERO) {
                told = legs;
            }
        }
        for leg in self.generator.legs.iter_mut().filter(|leg| leg.loses_one_in.is_some()) {
            leg.opus = true;
            leg.loses_one_in = Some(POOR_LOSES_ONE_IN);
        }
        self.generator.run_for(SETTLE);
    }
}

impl Measured {
    fn row(&self, wish: Option<usize>, seconds: u64, (bare, bare_calls): (&Figures, usize)) -> Row {
        let call_seconds = (self.calls as u64 * seconds) as f64;
        let cpu = self.figures.cpu_ms / call_seconds;
        let bare_cpu = bare.cpu_ms / (bare_calls as u64 * seconds) as f64;
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        Row {
            calls: self.calls,
            wished: wish.unwrap_or(self.calls),
            refused: self.refused,
            seconds,
            cpu_ms_per_call_second: cpu,
            ratio_to_bare_relay: cpu / bare_cpu,
            bare_cpu_ms_per_call_second: bare_cpu,
            media_ms_per_call_second: self.figures.spent.of("media") / call_seconds,
            recorder_ms_per_call_second: self.figures.spent.of("recording") / call_seconds,
            added_delay_p50_ms: self.figures.delay_p50_ms,
            added_delay_p99_ms: self.figures.delay_p99_ms,
            added_delay_p999_ms: self.figures.delay_p999_ms,
            bare_delay_p99_ms: bare.delay_p99_ms,
            memory_kib_per_call: self.memory_kib / self.calls as f64,
            late_percent: self.figures.late_or_lost_percent,
            bare_late_percent: bare.late_or_lost_percent,
            recordings_complete: number(&self.over["complete"]),
            taps_lost: number(&self.over["media"]["taps_lost"]),
            load_average: self.load_average,
            largest: self.largest.clone(),
        }
    }
}

fn print(kind: &str, row: &Row, first: bool) {
    if first {
        println!(
            "kind            calls  CPU ms/call-s  ratio  (media + recorder; bare)    delay p50/p99/p99.9 ms (bare p99)   late %  KiB/call  load"
        );
    }
    println!(
        "{kind:14}  {:5}  {:13.3}  {:5.2}  ({:5.3} + {:5.3}; {:5.3})  {:8.2}/{:8.2}/{:8.2} ({:8.2})  {:9.3}  {:8.1}  {:4.1}",
        row.calls,
        row.cpu_ms_per_call_second,
        row.ratio_to_bare_relay,
        row.media_ms_per_call_second,
        row.recorder_ms_per_call_second,
        row.bare_cpu_ms_per_call_second,
        row.added_delay_p50_ms,
        row.added_delay_p99_ms,
        row.added_delay_p999_ms,
        row.bare_delay_p99_ms,
        row.late_percent,
        row.memory_kib_per_call,
        row.load_average,
    );
    if row.refused > 0 {
        println!("{:14}  {:5}  refused of {} that were wished", "", row.refused, row.wished);
    }
    if let Some(Largest { calls_under_limit, refused_more }) = &row.largest {
        let by = if *refused_more { "the engine refused more" } else { "more were late" };
        println!("{:14}  {calls_under_limit:5}  is the largest number with under {MOST_LATE_PERCENT} % late or lost; {by}", "");
    }
    if row.recordings_complete != row.calls as u64 || row.taps_lost > 0 {
        println!(
            "{:14}  {:5}  recordings are whole; {} packets were lost on the way to the recorder",
            "", row.recordings_complete, row.taps_lost
        );
    }
}
