//! A notification with a button for answering (toast, Windows 10 and later). Windows shows it only for a program that was installed;
//! without one there is the small window on top.

use crate::platform::Press;
use crate::platform::signs::Words;
use crate::platform::toast::{ANSWER, PROGRAM, paper};
use tokio::sync::mpsc;
use windows::Data::Xml::Dom::XmlDocument;
use windows::Foundation::TypedEventHandler;
use windows::UI::Notifications::{ToastActivatedEventArgs, ToastNotification, ToastNotificationManager, ToastNotifier};
use windows::core::{HSTRING, IInspectable, Interface, Ref};

/// Clicks that may wait.
const QUEUE_CLICKS: usize = 16;

/// The one notification.
pub(in crate::platform) struct Notice {
    press: mpsc::Sender<Press>,
    shown: Option<Shown>,
    /// From Windows' threads.
    click: mpsc::Sender<Click>,
    clicks: mpsc::Receiver<Click>,
}

/// One that is on the screen.
struct Shown {
    offer: u64,
    notifier: ToastNotifier,
    toast: ToastNotification,
}

/// What was clicked.
#[derive(Debug, Clone, Copy)]
struct Click {
    /// The offer that the notification tells of.
    offer: u64,
    press: Press,
}

impl Notice {
    /// None yet.
    pub(in crate::platform) async fn new(press: mpsc::Sender<Press>) -> Option<Self> {
        let (click, clicks) = mpsc::channel(QUEUE_CLICKS);
        Some(Self { press, shown: None, click, clicks })
    }

    /// Tells of this call, or of none any more.
    pub(in crate::platform) async fn show(&mut self, words: Option<Words<'_>>) {
        let offer = words.map(|words| words.call.offer);
        if let Some(shown) = self.shown.take_if(|shown| Some(shown.offer) != offer)
            && let Err(error) = shown.take_back()
        {
            tracing::debug!(%error, "the notification was gone already");
        }
        let Some(words) = words.filter(|_| self.shown.is_none()) else { return };
        match self.tell(words) {
            Ok(shown) => self.shown = Some(shown),
            Err(error) => tracing::info!(%error, "no notification"),
        }
    }

    /// Hears the clicks. Never ends; may be dropped and begun again without missing one.
    pub(in crate::platform) async fn listen(&mut self) {
        while let Some(click) = self.clicks.recv().await {
            self.heard(click);
        }
        std::future::pending().await
    }

    /// A click on the one that is shown, or on one that is already being taken back.
    fn heard(&self, click: Click) {
        let current = self.shown.as_ref().is_some_and(|shown| shown.offer == click.offer);
        if current && self.press.try_send(click.press).is_err() {
            tracing::warn!(?click, "a notification's button is not heard");
        }
    }

    fn tell(&self, words: Words<'_>) -> windows::core::Result<Shown> {
        let document = XmlDocument::new()?;
        document.LoadXml(&HSTRING::from(paper(words)))?;
        let toast = ToastNotification::CreateToastNotification(&document)?;
        let (offer, click) = (words.call.offer, self.click.clone());
        toast.Activated(&TypedEventHandler::new(move |_, clicked: Ref<'_, IInspectable>| {
            let press = if is_button(clicked) { Press::Answer } else { Press::Open };
            if click.try_send(Click { offer, press }).is_err() {
                tracing::warn!(?press, "a notification's button is not heard");
            }
            Ok(())
        }))?;
        let notifier = ToastNotificationManager::CreateToastNotifierWithId(&PROGRAM.into())?;
        notifier.Show(&toast)?;
        Ok(Shown { offer, notifier, toast })
    }
}

impl Shown {
    /// From the screen, and from what is kept for later: a call that rings no more can be answered no more.
    fn take_back(&self) -> windows::core::Result<()> {
        self.notifier.Hide(&self.toast)?;
        ToastNotificationManager::History()?.ClearWithId(&PROGRAM.into())
    }
}

/// Whether it was the button, and not the paper beside it.
fn is_button(clicked: Ref<'_, IInspectable>) -> bool {
    let said = || clicked.ok()?.cast::<ToastActivatedEventArgs>()?.Arguments();
    said().is_ok_and(|said| said == ANSWER)
}
