//! One thread that speaks and listens at all ends of all calls: 50 packets a second for each leg, their moments spread over the 20 ms.

use crate::ear::Ear;
use crate::leg::Leg;
use crate::middle::{self, Spent};
use anyhow::{Context, Result};
use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fd::OwnedFd;
use rustix::time::Timespec;
use std::time::{Duration, Instant};
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Time between two packets of a leg, in µs.
const PERIOD_US: u64 = 20_000;
/// Real-time priority of the generator and of the bare relay, as that of the server's media threads.
const PRIORITY: u8 = 10;
/// Longest time between two looks at what has come, in µs; with many legs it is the time between two packets.
const LOOK_US: u64 = 250;
/// Packets sent between two looks at what has come, however many are due.
const AT_ONCE: usize = 64;
/// Before the window.
const WARM_UP: Duration = Duration::from_secs(2);
/// After the window: what is still under way may arrive.
const DRAIN: Duration = Duration::from_millis(500);
/// A packet that was under way for longer than this is late: the next one is due.
const LATE_US: u64 = PERIOD_US;

/// What one window showed.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// CPU time of the process in the middle, user and system, in ms.
    pub(crate) cpu_ms: f64,
    /// The same by thread.
    pub(crate) spent: Spent,
    /// Packets sent within the window.
    pub(crate) sent: u64,
    /// How many never arrived.
    pub(crate) lost: u64,
    /// Share of packets that were under way for over 20 ms more than the quickest, in percent of those that arrived.
    pub(crate) late_percent: f64,
    /// The same with those that never arrived.
    pub(crate) late_or_lost_percent: f64,
    /// Median of the time under way.
    pub(crate) delay_p50_ms: f64,
    /// 99th percentile of it.
    pub(crate) delay_p99_ms: f64,
    /// 99.9th percentile of it.
    pub(crate) delay_p999_ms: f64,
}

/// Drives `legs` through process `pid` and measures it.
pub(crate) fn run(legs: &mut Vec<Leg>, window: Duration, pid: u32) -> Result<Figures> {
    let mut generator = Generator::new()?;
    generator.add(std::mem::take(legs))?;
    generator.run_for(WARM_UP);
    let figures = generator.measure(window, pid)?;
    *legs = generator.legs;
    Ok(figures)
}

/// Runs this in a thread of its own that has real-time priority where that is permitted: what is measured is the process in the middle,
/// not how long the generator waited for its turn. In a thread, since processes inherit the priority of who starts them.
pub(crate) fn urgently<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let thread = std::thread::scope(|scope| {
        let run = || {
            if !make_urgent() {
                eprintln!("no real-time priority for the generator: on a busy machine its own delays are in the figures");
            }
            work()
        };
        scope.spawn(run).join()
    });
    thread.ok().context("the generator ended by a fault")?
}

/// Real-time priority for the calling thread; whether it got it.
pub(crate) fn make_urgent() -> bool {
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    ThreadPriorityValue::try_from(PRIORITY)
        .is_ok_and(|priority| set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy).is_ok())
}

/// All ends of all calls.
pub(crate) struct Generator {
    epoll: OwnedFd,
    pub(crate) legs: Vec<Leg>,
    /// Legs by when their moment within the period is, in µs.
    order: Vec<(u64, usize)>,
    /// The next in `order`, and the period it is in.
    next: (usize, u64),
    start: Instant,
    sent: u64,
}

impl Generator {
    /// Without legs.
    pub(crate) fn new() -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        Ok(Self { epoll, legs: Vec::new(), order: Vec::new(), next: (0, 0), start: Instant::now(), sent: 0 })
    }

    /// More legs.
    pub(crate) fn add(&mut self, legs: Vec<Leg>) -> Result<()> {
        for leg in legs {
            let place = self.legs.len();
            epoll::add(&self.epoll, &leg.socket, epoll::EventData::new_u64(place as u64), epoll::EventFlags::IN)?;
            self.order.push((moment_us(place), place));
            self.legs.push(leg);
        }
        self.order.sort_unstable();
        Ok(())
    }

    fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// When the next packet is due.
    fn due_us(&self) -> u64 {
        let (place, period) = self.next;
        period * PERIOD_US + self.order.get(place).map_or(0, |(moment, _)| *moment)
    }

    /// Speaks and listens for so long without measuring.
    pub(crate) fn run_for(&mut self, time: Duration) {
        self.talk(time, &(0..0));
    }

    /// Speaks and listens for so long, and measures.
    pub(crate) fn measure(&mut self, time: Duration, pid: u32) -> Result<Figures> {
        self.legs.iter_mut().for_each(forget);
        let now = self.now_us();
        let window = now..now + time.as_micros() as u64;
        let (before, sent) = (middle::cpu(pid)?, self.sent);
        self.talk(time, &window);
        let (spent, sent) = (middle::cpu(pid)?.since(&before), self.sent - sent);
        self.talk(DRAIN, &window);
        Ok(self.figures(spent, sent))
    }

    fn talk(&mut self, time: Duration, window: &std::ops::Range<u64>) {
        let until = self.now_us() + time.as_micros() as u64;
        // What was due while nobody looked is not made up for.
        self.next = (0, self.now_us() / PERIOD_US + 1);
        let mut events = Vec::with_capacity(256);
        loop {
            let now = self.now_us();
            if now >= until {
                return;
            }
            for _ in 0..AT_ONCE {
                if self.order.is_empty() || self.due_us() > self.now_us() {
                    break;
                }
                self.speak();
            }
            // Asleep, not waiting at the sockets: whoever sends to one that is waited at pays for waking the waiter, on loopback only.
            std::thread::sleep(Duration::from_micros(self.due_us().saturating_sub(self.now_us()).min(LOOK_US)));
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            if epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&at_once)).is_err() {
                return;
            }
            let start = self.start;
            for event in events.drain(..) {
                self.legs[event.data.u64() as usize].hear(|| start.elapsed().as_micros() as u64, window);
            }
        }
    }

    fn speak(&mut self) {
        let (place, period) = self.next;
        let (now, leg) = (self.now_us(), self.order[place].1);
        self.sent += u64::from(self.legs[leg].send(now, period));
        self.next = if place + 1 < self.order.len() { (place + 1, period) } else { (0, period + 1) };
    }

    fn figures(&mut self, spent: Spent, sent: u64) -> Figures {
        let (mut delays, mut pings, mut lost, mut stamped) = (Vec::new(), Vec::new(), 0, false);
        for leg in &mut self.legs {
            match &mut leg.ear {
                Ear::Stamps(found) => {
                    stamped = true;
                    delays.append(found);
                }
                Ear::Pace(pace) => take_pace(pace, &mut delays, &mut lost),
                Ear::Pings(pace, ear) => {
                    take_pace(pace, &mut delays, &mut lost);
                    pings.append(&mut ear.take());
                }
            }
        }
        if stamped {
            lost = sent.saturating_sub(delays.len() as u64);
        }
        delays.sort_unstable();
        pings.sort_unstable();
        let at = |delays: &[u64], part: f64| delays.get((delays.len() as f64 * part) as usize).map_or(f64::NAN, |&us| us as f64 / 1_000.0);
        // A voice that is mixed is under way as long as its pings, and each packet so much longer as it is behind the usual.
        let base = if stamped { 0.0 } else { at(&pings, 0.5) - at(&delays, 0.5) };
        let late = (delays.len() - delays.partition_point(|&delay| delay <= LATE_US)) as f64;
        let all = delays.len() as f64 + lost as f64;
        Figures {
            cpu_ms: spent.all_ms,
            spent,
            sent,
            lost,
            late_percent: 100.0 * late / (delays.len().max(1) as f64),
            late_or_lost_percent: 100.0 * (late + lost as f64) / all.max(1.0),
            delay_p50_ms: base + at(&delays, 0.5),
            delay_p99_ms: base + at(&delays, 0.99),
            delay_p999_ms: base + at(&delays, 0.999),
        }
    }
}

fn take_pace(pace: &mut crate::ear::Pace, delays: &mut Vec<u64>, lost: &mut u64) {
    let (behind, missing) = pace.take();
    delays.extend(behind);
    *lost += missing;
}

fn forget(leg: &mut Leg) {
    match &mut leg.ear {
        Ear::Stamps(delays) => delays.clear(),
        Ear::Pace(pace) => drop(pace.take()),
        Ear::Pings(pace, pings) => drop((pace.take(), pings.take())),
    }
}

/// When in the period leg `place` speaks, in µs: spread evenly however many there are (multiples of the golden section).
fn moment_us(place: usize) -> u64 {
    ((place as f64 * 0.618_033_988_749_895).fract() * PERIOD_US as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::{PERIOD_US, moment_us};

    #[test]
    fn moments_are_spread_over_the_period_however_many_there_are() {
        for legs in [1_usize, 10, 200, 3_000] {
            let mut moments: Vec<u64> = (0..legs).map(moment_us).collect();
            moments.sort_unstable();
            let widest = moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0);
            assert!(widest <= 3 * PERIOD_US / legs as u64, "{legs} legs leave a gap of {widest} µs");
        }
    }
}
