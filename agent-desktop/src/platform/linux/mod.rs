//! Tray and notifications of a Linux desktop, over its session bus.

mod notice;
mod tray;

pub(super) use notice::Notice;
pub(super) use tray::Tray;

/// Runs the work to its end on this thread.
pub(super) fn block_on(work: impl Future<Output = ()>) {
    match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => tracing::warn!(%error, "neither tray nor notifications"),
    }
}
