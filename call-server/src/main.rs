//! The call server: builds the rooms, runs them, shuts them down in order. It decides nothing about calls.

mod accounts;
mod admin;
mod config;
mod gateway;
mod media;
mod observe;
mod recording;
mod sip;
mod store;
mod switchboard;

#[cfg(test)]
mod scratch;

fn main() {}
