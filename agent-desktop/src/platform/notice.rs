//! A notification of the desktop with a button for answering (`org.freedesktop.Notifications`, Desktop Notifications Specification 1.2).

use super::Press;
use super::signs::Words;
use std::collections::HashMap;
use tokio::sync::mpsc;
use zbus::zvariant::Value;

const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";
/// The button.
const ANSWER: &str = "answer";
/// A click beside it.
const OPEN: &str = "default";
/// It stays until it is taken back: whatever ends the ring takes it back.
const STAYS: i32 = 0;
/// Critical: shown over full-screen windows, and never by itself taken away.
const URGENCY: u8 = 2;

/// The one notification.
pub(super) struct Notice {
    bus: zbus::Connection,
    press: mpsc::Sender<Press>,
    /// The offer it tells of, and the server's number of it.
    shown: Option<(u64, u32)>,
    /// What the server says of any notification.
    pub(super) said: Said,
}

/// Signals of the server; never ends, so that a bus without one is only silent.
pub(super) type Said = std::pin::Pin<Box<dyn futures_util::Stream<Item = zbus::Message> + Send>>;

impl Notice {
    /// None yet.
    pub(super) async fn new(bus: zbus::Connection, press: mpsc::Sender<Press>) -> Self {
        let said = listen(&bus).await.unwrap_or_else(|error| {
            tracing::info!(%error, "the buttons of notifications are not heard");
            Box::pin(futures_util::stream::pending())
        });
        Self { bus, press, shown: None, said }
    }

    /// Tells of this call, or of none any more.
    pub(super) async fn show(&mut self, words: Option<Words<'_>>) {
        let offer = words.map(|words| words.call.offer);
        if let Some((_, number)) = self.shown.take_if(|(shown, _)| Some(*shown) != offer)
            && let Err(error) = self.call("CloseNotification", &(number,)).await
        {
            tracing::debug!(%error, "the notification was gone already");
        }
        let Some(words) = words.filter(|_| self.shown.is_none()) else { return };
        let actions = [ANSWER, words.answer, OPEN, words.product];
        let hints =
            HashMap::from([("urgency", Value::from(URGENCY)), ("category", Value::from("call.incoming")), ("transient", true.into())]);
        let (call, body) = (words.call, without_markup(&words.call.body));
        let content = (words.product, 0_u32, "hotline-agent", &call.title, &body, &actions[..], hints, STAYS);
        let told = self.call("Notify", &content).await.and_then(|reply| reply.body().deserialize::<u32>());
        match told {
            Ok(number) => self.shown = Some((call.offer, number)),
            Err(error) => tracing::info!(%error, "no notification"),
        }
    }

    /// A button, of ours or of another program's.
    pub(super) fn heard(&mut self, said: &zbus::Message) {
        let Ok((number, action)) = said.body().deserialize::<(u32, String)>() else { return };
        if self.shown.is_none_or(|(_, shown)| shown != number) {
            return;
        }
        let press = match action.as_str() {
            ANSWER => Press::Answer,
            _ => Press::Open,
        };
        if self.press.try_send(press).is_err() {
            tracing::warn!(?press, "a notification's button is not heard");
        }
    }

    async fn call<B>(&self, method: &'static str, content: &B) -> zbus::Result<zbus::Message>
    where
        B: serde::Serialize + zbus::zvariant::DynamicType,
    {
        self.bus.call_method(Some(SERVICE), PATH, Some(SERVICE), method, content).await
    }
}

async fn listen(bus: &zbus::Connection) -> zbus::Result<Said> {
    let rule = zbus::MatchRule::builder().msg_type(zbus::message::Type::Signal).interface(SERVICE)?.member("ActionInvoked")?.build();
    let stream = zbus::MessageStream::for_match_rule(rule, bus, None).await?;
    Ok(Box::pin(futures_util::StreamExt::filter_map(stream, |message| std::future::ready(message.ok()))))
}

/// The body may hold markup; a citizen's name must not.
fn without_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::without_markup;

    #[test]
    fn what_a_citizen_is_called_is_no_markup() {
        assert_eq!(without_markup("<b>A & B</b>"), "&lt;b&gt;A &amp; B&lt;/b&gt;");
    }
}
