//! Real-time priority of the media thread: without it packets wait tens of milliseconds on a busy machine.

use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy,
    thread_native_id,
};

/// Above every ordinary program, below the system's own urgent threads.
const PRIORITY: u8 = 10;

/// Puts the calling thread under SCHED_RR.
///
/// # Errors
/// The system does not permit it; the text is for the log.
pub(super) fn make_current_thread_urgent() -> Result<(), String> {
    let priority = ThreadPriorityValue::try_from(PRIORITY).map_err(|error| error.to_string())?;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy).map_err(|error| error.to_string())
}
