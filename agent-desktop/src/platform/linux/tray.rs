//! The tray's icon (StatusNotifierItem): the state by colour and word, a click opens the window, its menu answers.

use crate::platform::signs::{SIDE, disc};
use crate::platform::{Press, Sign};
use ksni::menu::StandardItem;
use ksni::{Handle, Icon, MenuItem, OfflineReason, Status, ToolTip, TrayMethods};
use tokio::sync::mpsc;

/// The icon, ours until this is dropped.
pub(in crate::platform) struct Tray(Handle<Item>);

impl Tray {
    /// Registers it now, or when the desktop has a tray.
    pub(in crate::platform) async fn start(press: mpsc::Sender<Press>) -> Option<Self> {
        let item = Item { press, shown: Sign::default() };
        // It tells only when there is none, or again one.
        item.say(Press::Tray(true));
        let spawned = item.assume_sni_available(true).disable_dbus_name(true).spawn().await;
        spawned.map(Self).inspect_err(|error| tracing::info!(%error, "no tray")).ok()
    }

    /// Shows this from now on.
    pub(in crate::platform) async fn show(&self, sign: &Sign) {
        self.0.update(|item| item.shown = sign.clone()).await;
    }
}

struct Item {
    press: mpsc::Sender<Press>,
    shown: Sign,
}

impl Item {
    fn say(&self, press: Press) {
        if self.press.try_send(press).is_err() {
            tracing::warn!(?press, "the tray is not heard");
        }
    }
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        "hotline-agent".to_owned()
    }

    fn title(&self) -> String {
        self.shown.product.clone()
    }

    fn status(&self) -> Status {
        if self.shown.can_answer { Status::NeedsAttention } else { Status::Active }
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        vec![round(self.shown.colour)]
    }

    fn attention_icon_pixmap(&self) -> Vec<Icon> {
        vec![round(self.shown.colour)]
    }

    fn tool_tip(&self) -> ToolTip {
        ToolTip { title: self.shown.product.clone(), description: self.shown.state.clone(), ..ToolTip::default() }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.say(Press::Open);
    }

    fn secondary_activate(&mut self, _x: i32, _y: i32) {
        self.say(if self.shown.can_answer { Press::Answer } else { Press::Open });
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        let item = |label: &str, enabled: bool, press: Press| {
            let activate = Box::new(move |item: &mut Self| item.say(press));
            StandardItem { label: label.to_owned(), enabled, activate, ..StandardItem::default() }.into()
        };
        vec![
            item(&self.shown.state, false, Press::Open),
            MenuItem::Separator,
            item(&self.shown.answer, self.shown.can_answer, Press::Answer),
            item(&self.shown.open, true, Press::Open),
        ]
    }

    fn watcher_online(&self) {
        self.say(Press::Tray(true));
    }

    fn watcher_offline(&self, _reason: OfflineReason) -> bool {
        self.say(Press::Tray(false));
        true
    }
}

/// A disc of the state's colour.
fn round([red, green, blue]: [u8; 3]) -> Icon {
    let data = disc().flat_map(|opacity| [opacity, red, green, blue]);
    Icon { width: SIDE.into(), height: SIDE.into(), data: data.collect() }
}

#[cfg(test)]
mod tests {
    use super::round;

    #[test]
    fn the_icon_has_the_states_colour() {
        let icon = round([1, 2, 3]);
        let pixels = usize::try_from(icon.width * icon.height).expect("it is small");
        assert_eq!(icon.data.len(), 4 * pixels);
        assert_eq!(icon.data[..4], [0, 1, 2, 3]);
    }
}
