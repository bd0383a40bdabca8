//! The thread that keeps tray and notification as the window wants them. Nobody waits for it: a desktop that hangs harms no call.

use super::system::{self, Notice, Tray};
use super::{CallSign, Press, Sign};
use std::convert::Infallible;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Width and height of the tray's icon, in pixels.
pub(super) const SIDE: u8 = 32;
/// Longest wait at the end of the program for tray and notification to be taken away.
const FAREWELL: Duration = Duration::from_secs(1);

/// Begins it; without anything that shows signs it says so and ends.
pub(super) fn start(shown: watch::Receiver<Sign>, press: mpsc::Sender<Press>) -> Signs {
    let (alive, ended) = channel();
    let work = move || {
        let _alive = alive;
        system::block_on(run(shown, press));
    };
    if let Err(error) = std::thread::Builder::new().name("signs".to_owned()).spawn(work) {
        tracing::warn!(%error, "neither tray nor notifications");
    }
    Signs(ended)
}

/// The running thread. It ends when nobody can say any more what to show; dropping this waits for that, a little.
pub(super) struct Signs(Receiver<Infallible>);

impl Drop for Signs {
    fn drop(&mut self) {
        if let Err(std::sync::mpsc::RecvTimeoutError::Timeout) = self.0.recv_timeout(FAREWELL) {
            tracing::info!("tray and notification may stay for a while");
        }
    }
}

async fn run(mut shown: watch::Receiver<Sign>, press: mpsc::Sender<Press>) {
    let Some((mut tray, mut notice)) = begin(press).await else { return };
    loop {
        let sign = shown.borrow_and_update().clone();
        if let Some(tray) = &mut tray {
            tray.show(&sign).await;
        }
        notice.show(sign.call.as_ref().map(|call| Words { call, answer: &sign.answer, product: &sign.product })).await;
        tokio::select! {
            changed = shown.changed() => if changed.is_err() { return notice.show(None).await },
            () = notice.listen() => {}
        }
    }
}

async fn begin(press: mpsc::Sender<Press>) -> Option<(Option<Tray>, Notice)> {
    let notice = Notice::new(press.clone()).await?;
    Some((Tray::start(press).await, notice))
}

/// What a notification says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words<'a> {
    /// The call.
    pub(super) call: &'a CallSign,
    /// The button's word.
    pub(super) answer: &'a str,
    /// The program's name.
    #[cfg_attr(windows, allow(dead_code, reason = "Windows has it from the installer"))]
    pub(super) product: &'a str,
}

/// Opacity of each pixel of a disc with a soft edge: the tray's icon, line by line.
pub(super) fn disc() -> impl Iterator<Item = u8> {
    let middle = f64::from(SIDE - 1) / 2.0;
    let pixels = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| (f64::from(x), f64::from(y))));
    pixels.map(move |(x, y)| {
        let outside = (x - middle).hypot(y - middle) - (middle - 1.0);
        ((1.0 - outside).clamp(0.0, 1.0) * 255.0) as u8
    })
}

/// As XML has it: what a citizen is called is no markup, and breaks none.
pub(super) fn without_markup(text: &str) -> String {
    let allowed =
        text.chars().filter(|sign| matches!(sign, '\t' | '\n') || !(sign.is_control() || matches!(sign, '\u{fffe}' | '\u{ffff}')));
    allowed.fold(String::with_capacity(text.len()), |mut escaped, sign| {
        match sign {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::{SIDE, disc, without_markup};

    #[test]
    fn what_a_citizen_is_called_is_no_markup() {
        assert_eq!(without_markup("<b>A & B</b>"), "&lt;b&gt;A &amp; B&lt;/b&gt;");
        assert_eq!(
            without_markup("\"王\u{1}\u{0}小\u{ffff}明\n朝阳区"),
            "&quot;王小明\n朝阳区",
            "signs that XML has no place for are left out"
        );
    }

    #[test]
    fn the_icon_is_a_disc_on_nothing() {
        let pixels: Vec<u8> = disc().collect();
        let side = usize::from(SIDE);
        assert_eq!(pixels.len(), side * side);
        assert_eq!((pixels[0], pixels[side - 1], pixels[side * side / 2 + side / 2]), (0, 0, 255));
    }
}
