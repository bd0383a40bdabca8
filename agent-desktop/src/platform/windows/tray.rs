//! The tray's icon: the state by colour and word, a click opens the window, its menu answers.

use crate::platform::signs::{SIDE, disc};
use crate::platform::{Press, Sign};
use tokio::sync::mpsc;
use tray_icon::menu::{Menu, MenuEvent, MenuItem, PredefinedMenuItem};
use tray_icon::{Icon, MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};

/// The icon, ours until this is dropped.
pub(in crate::platform) struct Tray {
    icon: TrayIcon,
    press: mpsc::Sender<Press>,
    state: MenuItem,
    answer: MenuItem,
    open: MenuItem,
    /// The colour that it has.
    colour: Option<[u8; 3]>,
    /// Whether it was there when that was last told.
    there: Option<bool>,
}

impl Tray {
    /// Makes it; it appears now, or when the desktop has a tray.
    pub(in crate::platform) async fn start(press: mpsc::Sender<Press>) -> Option<Self> {
        Self::make(press).inspect_err(|error| tracing::info!(%error, "no tray")).ok()
    }

    fn make(press: mpsc::Sender<Press>) -> tray_icon::Result<Self> {
        let [state, answer, open] = [(); 3].map(|()| MenuItem::new("", false, None));
        open.set_enabled(true);
        let menu = Menu::new();
        if let Err(error) = menu.append_items(&[&state, &PredefinedMenuItem::separator(), &answer, &open]) {
            tracing::info!(%error, "no menu of the tray");
        }
        hear(&press, &answer, &open);
        let icon = TrayIconBuilder::new().with_menu(Box::new(menu)).with_menu_on_left_click(false).build()?;
        Ok(Self { icon, press, state, answer, open, colour: None, there: None })
    }

    /// Shows this from now on.
    pub(in crate::platform) async fn show(&mut self, sign: &Sign) {
        self.state.set_text(&sign.state);
        self.answer.set_text(&sign.answer);
        self.answer.set_enabled(sign.can_answer);
        self.open.set_text(&sign.open);
        if let Err(error) = self.paint(sign) {
            tracing::info!(%error, "the tray does not follow");
        }
        let there = self.icon.rect().is_some();
        if self.there.replace(there) != Some(there) {
            say(&self.press, Press::Tray(there));
        }
    }

    fn paint(&mut self, sign: &Sign) -> tray_icon::Result<()> {
        if self.colour != Some(sign.colour) {
            self.icon.set_icon(Some(round(sign.colour)?))?;
            self.colour = Some(sign.colour);
        }
        self.icon.set_tooltip(Some(format!("{}\n{}", sign.product, sign.state)))
    }
}

/// There is one tray in a program, and its clicks have one hearer.
fn hear(press: &mpsc::Sender<Press>, answer: &MenuItem, open: &MenuItem) {
    let (clicked, chosen) = (press.clone(), press.clone());
    TrayIconEvent::set_event_handler(Some(move |event| {
        if let TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. } = event {
            say(&clicked, Press::Open);
        }
    }));
    let items = [(answer.id().clone(), Press::Answer), (open.id().clone(), Press::Open)];
    MenuEvent::set_event_handler(Some(move |event: MenuEvent| {
        if let Some((_, press)) = items.iter().find(|(id, _)| *id == event.id) {
            say(&chosen, *press);
        }
    }));
}

fn say(press: &mpsc::Sender<Press>, what: Press) {
    if press.try_send(what).is_err() {
        tracing::warn!(?what, "the tray is not heard");
    }
}

/// A disc of the state's colour.
fn round([red, green, blue]: [u8; 3]) -> tray_icon::Result<Icon> {
    let pixels = disc().flat_map(|opacity| [red, green, blue, opacity]);
    Icon::from_rgba(pixels.collect(), SIDE.into(), SIDE.into()).map_err(|error| std::io::Error::other(error).into())
}
