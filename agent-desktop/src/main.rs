//! The agent's desktop client.

mod app;
mod font;
mod i18n;
mod screens;
mod theme;
mod widget;

fn main() {}
