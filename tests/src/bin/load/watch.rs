//! What a process uses, from proc(5): CPU by thread, memory, handles.

use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// CPU of each living thread, in ns, with its name.
pub(crate) type Threads = BTreeMap<u32, (String, u64)>;

/// CPU of all threads until now.
pub(crate) fn threads(pid: u32) -> Result<Threads> {
    let mut threads = Threads::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/task")).context("the process has gone")? {
        let folder = entry?.path();
        let id = folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok()).context("an odd thread id")?;
        // A thread may end between the list and the look.
        let (Ok(name), Ok(stat)) = (std::fs::read_to_string(folder.join("comm")), std::fs::read_to_string(folder.join("schedstat"))) else {
            continue;
        };
        let ns = stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).context("an odd schedstat")?;
        threads.insert(id, (name.trim().to_owned(), ns));
    }
    Ok(threads)
}

/// CPU between two looks of the threads whose name is `wanted`, in ns.
pub(crate) fn spent(before: &Threads, after: &Threads, wanted: impl Fn(&str) -> bool) -> u64 {
    let of = |(id, (name, ns)): (&u32, &(String, u64))| {
        let earlier = before.get(id).map_or(0, |(_, ns)| *ns);
        if wanted(name) { ns.saturating_sub(earlier) } else { 0 }
    };
    after.iter().map(of).sum()
}

/// CPU of a process until now in ns, its ended threads included; exact to 10 ms.
pub(crate) fn cpu(pid: u32) -> Result<u64> {
    /// What Linux counts in here, on every machine: USER_HZ.
    const NS_OF_TICK: u64 = 10_000_000;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process has gone")?;
    // The name before may hold anything, a bracket too. `utime` and `stime` are the 14th and 15th of all.
    let (_, after_name) = stat.rsplit_once(')').context("an odd /proc/PID/stat")?;
    let ticks = after_name.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>().context("an odd /proc/PID/stat")? * NS_OF_TICK)
}

/// A line of `/proc/PID/status` in MiB, such as `VmRSS` or `RssAnon`.
pub(crate) fn mib(pid: u32, name: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).context("the process has gone")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).context("an odd /proc/PID/status")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("an odd amount of memory")?;
    Ok(kib / 1_024.0)
}

/// Open files, sockets and threads.
pub(crate) fn handles(pid: u32) -> Result<usize> {
    let count = |what: &str| std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join(what)).map(Iterator::count);
    Ok(count("fd").context("the process has gone")? + count("task")?)
}
