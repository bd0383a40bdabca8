//! Tray and notifications of Windows.

mod notice;
mod tray;

pub(super) use notice::Notice;
pub(super) use tray::Tray;

/// Runs the work to its end on this thread, among the messages of Windows: the tray's clicks come as such.
pub(super) fn block_on(work: impl Future<Output = ()>) {
    winmsg_executor::block_on(work);
}
