//! A notification of the desktop with a button for answering (`org.freedesktop.Notifications`, Desktop Notifications Specification 1.2).

use crate::platform::Press;
use crate::platform::signs::{Words, without_markup};
use futures_util::StreamExt;
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
pub(in crate::platform) struct Notice {
    bus: zbus::Connection,
    press: mpsc::Sender<Press>,
    /// The offer it tells of, and the server's number of it.
    shown: Option<(u64, u32)>,
    /// What the server says of any notification.
    said: Said,
}

/// Signals of the server; never ends, so that a bus without one is only silent.
type Said = std::pin::Pin<Box<dyn futures_util::Stream<Item = zbus::Message> + Send>>;

impl Notice {
    /// None is shown yet; without a session bus none will be, and no tray either.
    pub(in crate::platform) async fn new(press: mpsc::Sender<Press>) -> Option<Self> {
        let none = |error: &zbus::Error| tracing::info!(%error, "no session bus: neither tray nor notifications");
        let bus = zbus::Connection::session().await.inspect_err(none).ok()?;
        let said = signals(&bus).await.unwrap_or_else(|error| {
            tracing::info!(%error, "the buttons of notifications are not heard");
            Box::pin(futures_util::stream::pending())
        });
        Some(Self { bus, press, shown: None, said })
    }

    /// Tells of this call, or of none any more.
    pub(in crate::platform) async fn show(&mut self, words: Option<Words<'_>>) {
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

    /// Hears the buttons. Never ends; may be dropped and begun again without missing one.
    pub(in crate::platform) async fn listen(&mut self) {
        while let Some(said) = self.said.next().await {
            self.heard(&said);
        }
        std::future::pending().await
    }

    /// A button, of ours or of another program's.
    fn heard(&mut self, said: &zbus::Message) {
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

async fn signals(bus: &zbus::Connection) -> zbus::Result<Said> {
    let rule = zbus::MatchRule::builder().msg_type(zbus::message::Type::Signal).interface(SERVICE)?.member("ActionInvoked")?.build();
    let stream = zbus::MessageStream::for_match_rule(rule, bus, None).await?;
    Ok(Box::pin(stream.filter_map(|message| std::future::ready(message.ok()))))
}
