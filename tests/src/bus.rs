//! A session bus of a test's own, on which we are the desktop: the server of notifications and the tray.

use crate::SOON;
use crate::process::Running;
use std::collections::HashMap;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use zbus::blocking::Connection;
use zbus::interface;
use zbus::zvariant::OwnedValue;

const NOTIFICATIONS: &str = "org.freedesktop.Notifications";
const NOTIFICATIONS_PATH: &str = "/org/freedesktop/Notifications";
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// What a program told the desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A notification.
    Shown {
        /// Ours of it.
        number: u32,
        /// Its first line.
        title: String,
        /// The rest.
        body: String,
        /// Names and words of its buttons, by turns.
        actions: Vec<String>,
    },
    /// It is taken back.
    Withdrawn(u32),
    /// An icon for the tray, on this connection.
    Tray(String),
}

/// The bus and we on it.
#[derive(Debug)]
pub struct Bus {
    address: String,
    connection: Connection,
    told: Receiver<Told>,
    _daemon: Running,
}

impl Bus {
    /// Starts it; its log goes into `folder`.
    ///
    /// # Panics
    /// If dbus-daemon is missing or does not come up.
    #[must_use]
    pub fn start(folder: &Path) -> Self {
        let mut command = Command::new("dbus-daemon");
        command.args(["--session", "--nofork", "--nopidfile", "--print-address"]);
        let mut daemon = Running::start("dbus-daemon", &mut command, &folder.join("dbus.log"));
        let address = daemon.wait_for("address", SOON, |line| line.starts_with("unix:").then(|| line.trim().to_owned()));
        let (tell, told) = channel();
        let builder = zbus::blocking::connection::Builder::address(address.as_str()).expect("the bus has an address");
        let connection = builder
            .serve_at(NOTIFICATIONS_PATH, Notifications { tell: tell.clone(), count: 0 })
            .and_then(|builder| builder.serve_at("/StatusNotifierWatcher", Watcher { tell }))
            .and_then(|builder| builder.name(NOTIFICATIONS))
            .and_then(|builder| builder.name(WATCHER))
            .and_then(zbus::blocking::connection::Builder::build)
            .expect("we are the desktop of a bus of our own");
        Self { address, connection, told, _daemon: daemon }
    }

    /// Makes a program use it.
    pub fn connect(&self, command: &mut Command) {
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
    }

    /// The next that `pick` makes something of.
    ///
    /// # Panics
    /// If it does not come in time.
    pub fn told<T>(&self, what: &str, pick: impl Fn(Told) -> Option<T>) -> T {
        let until = std::time::Instant::now() + SOON;
        let mut others = Vec::new();
        loop {
            let told = self.told.recv_timeout(until.saturating_duration_since(std::time::Instant::now()));
            let told = told.unwrap_or_else(|_| panic!("the desktop was not told of {what}, but of {others:?}"));
            match pick(told.clone()) {
                Some(picked) => return picked,
                None => others.push(told),
            }
        }
    }

    /// A button of a notification is pressed.
    ///
    /// # Panics
    /// If the bus is gone.
    pub fn press(&self, number: u32, action: &str) {
        let sent = self.connection.emit_signal(None::<&str>, NOTIFICATIONS_PATH, NOTIFICATIONS, "ActionInvoked", &(number, action));
        sent.expect("a signal can be sent");
    }

    /// The tray's icon is clicked.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn click_tray(&self, owner: &str) {
        let item = Some("org.kde.StatusNotifierItem");
        self.connection.call_method(Some(owner), "/StatusNotifierItem", item, "Activate", &(0_i32, 0_i32)).expect("the icon answers");
    }

    /// What the tray's icon says when one points at it: its title and its text.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn tray_tip(&self, owner: &str) -> (String, String) {
        type Tip = (String, Vec<(i32, i32, Vec<u8>)>, String, String);
        let asked = ("org.kde.StatusNotifierItem", "ToolTip");
        let properties = Some("org.freedesktop.DBus.Properties");
        let answer = self.connection.call_method(Some(owner), "/StatusNotifierItem", properties, "Get", &asked).expect("the icon answers");
        let value: OwnedValue = answer.body().deserialize().expect("a value");
        let (_, _, title, text) = Tip::try_from(value).expect("a tool tip");
        (title, text)
    }
}

struct Notifications {
    tell: Sender<Told>,
    count: u32,
}

#[interface(name = "org.freedesktop.Notifications")]
impl Notifications {
    fn get_capabilities(&self) -> Vec<String> {
        vec!["actions".to_owned(), "body".to_owned()]
    }

    #[expect(clippy::too_many_arguments, reason = "the specification's")]
    fn notify(
        &mut self,
        _program: String,
        _replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _expires_ms: i32,
    ) -> u32 {
        self.count += 1;
        let _ = self.tell.send(Told::Shown { number: self.count, title, body, actions });
        self.count
    }

    fn close_notification(&self, number: u32) {
        let _ = self.tell.send(Told::Withdrawn(number));
    }

    fn get_server_information(&self) -> (String, String, String, String) {
        ("a test".to_owned(), "Hotline".to_owned(), "1".to_owned(), "1.2".to_owned())
    }
}

struct Watcher {
    tell: Sender<Told>,
}

#[interface(name = "org.kde.StatusNotifierWatcher")]
impl Watcher {
    fn register_status_notifier_item(&self, _service: String, #[zbus(header)] header: zbus::message::Header<'_>) {
        if let Some(sender) = header.sender() {
            let _ = self.tell.send(Told::Tray(sender.to_string()));
        }
    }

    fn register_status_notifier_host(&self, _service: String) {}

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        Vec::new()
    }
}
