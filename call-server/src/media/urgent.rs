//! Real-time priority of a media thread, without which packets wait tens of milliseconds on a busy machine, and its own core.

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Above every ordinary program, below the system's own urgent threads.
const PRIORITY: u8 = 10;

/// Keeps the calling thread on one core, if the system permits it: its caches stay its own. Otherwise it runs wherever there is room.
pub(super) fn pin_current_thread(core: usize) {
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &cores) {
        tracing::info!(core, %error, "a media thread is not kept on one core");
    }
}

/// Puts the calling thread under SCHED_RR.
///
/// # Errors
/// The system does not permit it; the text is for the log.
pub(super) fn make_current_thread_urgent() -> Result<(), String> {
    let priority = ThreadPriorityValue::try_from(PRIORITY).map_err(|error| error.to_string())?;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy).map_err(|error| error.to_string())
}

/// The core of a media thread: the first is left to everybody else. None if there are too few.
pub(super) fn own_core(place: usize) -> Option<usize> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    (place + 1 < cores).then_some(place + 1)
}
