//! The thread that keeps tray and notification as the window wants them. Nobody waits for it: a session bus that hangs harms no call.

use super::notice::Notice;
use super::tray::{Shown, Tray};
use super::{CallSign, Press, Sign};
use futures_util::StreamExt;
use tokio::sync::{mpsc, watch};

/// Begins it; without a session bus it says so and ends.
pub(super) fn start(shown: watch::Receiver<Sign>, press: mpsc::Sender<Press>) {
    let work = move || match tokio::runtime::Builder::new_current_thread().build() {
        Ok(runtime) => runtime.block_on(run(shown, press)),
        Err(error) => tracing::warn!(%error, "neither tray nor notifications"),
    };
    if let Err(error) = std::thread::Builder::new().name("signs".to_owned()).spawn(work) {
        tracing::warn!(%error, "neither tray nor notifications");
    }
}

async fn run(mut shown: watch::Receiver<Sign>, press: mpsc::Sender<Press>) {
    let bus = match zbus::Connection::session().await {
        Ok(bus) => bus,
        Err(error) => return tracing::info!(%error, "no session bus: neither tray nor notifications"),
    };
    let tray = Tray::start(press.clone()).await;
    let mut notice = Notice::new(bus, press).await;
    loop {
        let sign = shown.borrow_and_update().clone();
        if let Some(tray) = &tray {
            tray.show(Shown::from(&sign)).await;
        }
        notice.show(sign.call.as_ref().map(|call| Words { call, answer: &sign.answer, product: &sign.product })).await;
        tokio::select! {
            changed = shown.changed() => if changed.is_err() { return notice.show(None).await },
            Some(said) = notice.said.next() => notice.heard(&said),
        }
    }
}

/// What a notification says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    /// The call.
    pub(super) call: &'a CallSign,
    /// The button's word.
    pub(super) answer: &'a str,
    /// The program's name.
    pub(super) product: &'a str,
}
