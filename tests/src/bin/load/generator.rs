//! One thread that speaks and listens at both ends of all calls: 50 packets a second for each leg, their moments spread over the 20 ms.

use crate::leg::{Leg, Read};
use anyhow::{Context, Result};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::time::Timespec;
use std::time::{Duration, Instant};

/// Time between two packets of a leg, in µs.
const PERIOD_US: u64 = 20_000;
/// Before the window.
const WARM_UP: Duration = Duration::from_secs(2);
/// After the window: what is still under way may arrive.
const DRAIN: Duration = Duration::from_millis(500);
/// A packet that was under way for longer than this is late: the next one is due.
const LATE_US: u64 = PERIOD_US;
/// Ticks of `/proc/PID/stat` per second (USER_HZ, the same on every Linux of today).
const TICKS_PER_SECOND: f64 = 100.0;

/// What one window showed.
#[derive(Debug)]
pub(crate) struct Figures {
    /// CPU time of the process in the middle, user and system, in ms.
    pub(crate) cpu_ms: f64,
    /// Packets sent within the window.
    pub(crate) sent: u64,
    /// How many of these never arrived.
    pub(crate) lost: u64,
    /// Share of arrived packets that were under way for over 20 ms.
    pub(crate) late_percent: f64,
    /// Median of the time under way.
    pub(crate) delay_p50_ms: f64,
    /// 99th percentile of it.
    pub(crate) delay_p99_ms: f64,
}

/// Drives `legs` through process `pid` and measures it.
pub(crate) fn run(legs: &mut [Leg], window: Duration, pid: u32) -> Result<Figures> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    for (place, leg) in legs.iter().enumerate() {
        epoll::add(&epoll, &leg.socket, epoll::EventData::new_u64(place as u64), epoll::EventFlags::IN)?;
    }
    let start = Instant::now();
    let micros = |duration: Duration| duration.as_micros() as u64;
    let measured = micros(WARM_UP)..micros(WARM_UP + window);
    let (mut count, mut sent, mut delays) = (0_u64, 0_u64, Vec::new());
    let (mut cpu_before, mut cpu_after) = (None, None);
    let mut events = Vec::with_capacity(256);
    loop {
        let now = micros(start.elapsed());
        if now >= measured.start && cpu_before.is_none() {
            cpu_before = Some(cpu_ms(pid)?);
        }
        if now >= measured.end && cpu_after.is_none() {
            cpu_after = Some(cpu_ms(pid)?);
        }
        if now >= measured.end + micros(DRAIN) {
            break;
        }
        while now >= due_us(count, legs.len()) && now < measured.end {
            let place = (count % legs.len() as u64) as usize;
            sent += u64::from(legs[place].send(now) && measured.contains(&now));
            count += 1;
        }
        let wait_us = due_us(count, legs.len()).saturating_sub(now).min(1_000) as i64;
        epoll::wait(&epoll, spare_capacity(&mut events), Some(&Timespec { tv_sec: 0, tv_nsec: wait_us * 1_000 }))?;
        for event in events.drain(..) {
            listen(&mut legs[event.data.u64() as usize], start, &measured, &mut delays);
        }
    }
    let cpu_ms = cpu_after.context("the window ended")? - cpu_before.context("the window began")?;
    Ok(figures(cpu_ms, sent, delays))
}

/// Reads all that waits at a leg and notes how long it was under way.
fn listen(leg: &mut Leg, start: Instant, measured: &std::ops::Range<u64>, delays: &mut Vec<u64>) {
    loop {
        match leg.read() {
            Read::Ours(sent_us) if measured.contains(&sent_us) => delays.push((start.elapsed().as_micros() as u64).saturating_sub(sent_us)),
            Read::Ours(_) | Read::Other => {}
            Read::Nothing => return,
        }
    }
}

/// When packet `count` of all legs together is due.
fn due_us(count: u64, legs: usize) -> u64 {
    let legs = legs as u64;
    count / legs * PERIOD_US + count % legs * PERIOD_US / legs
}

fn figures(cpu_ms: f64, sent: u64, mut delays: Vec<u64>) -> Figures {
    delays.sort_unstable();
    let at = |part: f64| delays.get((delays.len() as f64 * part) as usize).map_or(f64::NAN, |&delay| delay as f64 / 1_000.0);
    let late = delays.len() - delays.partition_point(|&delay| delay <= LATE_US);
    Figures {
        cpu_ms,
        sent,
        lost: sent.saturating_sub(delays.len() as u64),
        late_percent: 100.0 * late as f64 / delays.len().max(1) as f64,
        delay_p50_ms: at(0.5),
        delay_p99_ms: at(0.99),
    }
}

/// User and system time of a process so far (proc(5), fields 14 and 15 of `stat`).
fn cpu_ms(pid: u32) -> Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).context("the process in the middle has gone")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).context("an odd /proc/PID/stat");
    Ok((ticks(11)? + ticks(12)?) * 1_000.0 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::due_us;

    #[test]
    fn moments_are_spread_over_the_period_and_repeat_with_it() {
        assert_eq!((0..6).map(|count| due_us(count, 4)).collect::<Vec<_>>(), [0, 5_000, 10_000, 15_000, 20_000, 25_000]);
    }
}
