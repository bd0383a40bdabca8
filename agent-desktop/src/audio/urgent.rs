//! Real-time priority of threads that handle sound: without it a busy computer chops the voice.
//!
//! Where the system does not permit it, the voice works as well as the computer is idle.

#[cfg(unix)]
pub(super) fn make_current_thread_urgent() {
    use thread_priority::{
        RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue, ThreadSchedulePolicy, set_thread_priority_and_policy,
        thread_native_id,
    };
    /// Above every ordinary program, below the sound server's own threads.
    const PRIORITY: u8 = 4;
    let policy = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin);
    let done = ThreadPriorityValue::try_from(PRIORITY).map_err(|error| error.to_string()).and_then(|priority| {
        set_thread_priority_and_policy(thread_native_id(), ThreadPriority::Crossplatform(priority), policy)
            .map_err(|error| error.to_string())
    });
    note(done);
}

#[cfg(not(unix))]
pub(super) fn make_current_thread_urgent() {
    note(thread_priority::set_current_thread_priority(thread_priority::ThreadPriority::Max).map_err(|error| format!("{error:?}")));
}

fn note(done: Result<(), String>) {
    if let Err(error) = done {
        tracing::info!(error, "a sound thread runs without real-time priority");
    }
}
