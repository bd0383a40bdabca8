//! The process in the middle, seen from outside: its CPU time, by thread too, and its memory.

use anyhow::{Context, Result};
use std::collections::BTreeMap;

/// CPU time so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spent {
    /// All threads, also those that have ended, in ms.
    pub(crate) all_ms: f64,
    /// By the threads' names, in ms.
    pub(crate) by_thread_ms: BTreeMap<String, f64>,
}

impl Spent {
    /// What was spent since `before`.
    pub(crate) fn since(mut self, before: &Self) -> Self {
        self.all_ms -= before.all_ms;
        for (name, ms) in &mut self.by_thread_ms {
            *ms -= before.by_thread_ms.get(name).copied().unwrap_or(0.0);
        }
        self
    }

    /// Of threads whose name begins so, in ms.
    pub(crate) fn of(&self, name: &str) -> f64 {
        self.by_thread_ms.iter().filter(|(thread, _)| thread.starts_with(name)).map(|(_, ms)| ms).sum()
    }
}

/// Ticks of `/proc/PID/stat` per second (USER_HZ, the same on every Linux of today).
const TICKS_PER_SECOND: f64 = 100.0;

/// User and system time of a process so far: all of it in ticks (proc(5), fields 14 and 15 of `stat`), that of its threads in ns
/// (`schedstat`).
pub(crate) fn cpu(pid: u32) -> Result<Spent> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process in the middle has gone")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).context("an odd /proc/PID/stat");
    let mut spent = Spent { all_ms: (ticks(11)? + ticks(12)?) * 1_000.0 / TICKS_PER_SECOND, ..Spent::default() };
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).context("the process in the middle has gone")? {
        let folder = task?.path();
        let read = |name: &str| std::fs::read_to_string(folder.join(name));
        // A thread may end meanwhile.
        let (Ok(name), Ok(stat)) = (read("comm"), read("schedstat")) else { continue };
        let ns: f64 = stat.split(' ').next().and_then(|ns| ns.parse().ok()).context("an odd schedstat")?;
        *spent.by_thread_ms.entry(name.trim().to_owned()).or_default() += ns / 1e6;
    }
    Ok(spent)
}

/// Memory of its own that a process has in use, in KiB (`RssAnon`).
pub(crate) fn memory_kib(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the process in the middle has gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).context("no RssAnon")?;
    line.trim().trim_end_matches(" kB").parse().context("an odd RssAnon")
}

/// Programs that want to run, mean over the last minute.
pub(crate) fn load_average() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}
