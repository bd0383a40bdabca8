//! `phone`: phones of the house that may register, and where they are now.

use super::changes::Change;
use super::cli_phones::{AddPhone, Phone};
use super::people::{make, text};
use super::sip_wishes::SipWish;
use super::{Failure, Outcome, load, open_store};
use crate::accounts;
use crate::config::Site;
use crate::sip::{BindingStatus, REALM};
use crate::store::{NewPhone, PhoneEntry};
use serde_json::{Value, json};
use shared::model::PhoneNumber;
use sip_core::digest::{Ha1, HashFunction};
use std::path::Path;

pub(super) fn phone(site: &Path, command: &Phone) -> Result<Outcome, Failure> {
    let loaded = load(site)?;
    match command {
        Phone::Add(wishes) => add(&loaded, wishes),
        Phone::List => list(&loaded),
        Phone::Remove { number } => remove(&loaded, number),
    }
}

fn number(text: &str) -> Result<PhoneNumber, Failure> {
    PhoneNumber::parse(text)
        .map_err(|error| Failure::new("bad_number", format!("{text} is no telephone number: {error}"), "Write it as 8001."))
}

fn add(site: &Site, wishes: &AddPhone) -> Result<Outcome, Failure> {
    let (number, name, class) = (number(&wishes.number)?, text("name", &wishes.name)?, wishes.class.permission());
    if site.bare_plan().numbers.contains_key(&number) {
        let message = format!("{} is a number of the hotline itself", number.as_str());
        return Err(Failure::new("number_taken", message, "Choose another number."));
    }
    let secret = accounts::random_password()?;
    let proof = |hash| Ha1::new(hash, number.as_str(), REALM, secret.reveal()).to_hex().to_owned().into();
    let (proof_md5, proof_sha256) = (proof(HashFunction::Md5), proof(HashFunction::Sha256));
    let mut told = make(site, Change::AddPhone(NewPhone { number: number.clone(), name: name.clone(), class, proof_md5, proof_sha256 }))?;
    told["secret"] = Value::String(secret.reveal().clone());
    let mut text = format!(
        "{} {name} may register and dial as class {class}.\nUser {}, secret (shown once): {}",
        number.as_str(),
        number.as_str(),
        secret.reveal()
    );
    if site.sip.phones.networks.is_empty() {
        text.push_str("\nNo phone can register yet: name their networks with [phones] networks in hotline.toml.");
    }
    Ok(Outcome::new(text, told))
}

fn remove(site: &Site, wished: &str) -> Result<Outcome, Failure> {
    let number = number(wished)?;
    let told = make(site, Change::RemovePhone { number })?;
    Ok(Outcome::new(format!("{wished} is removed and no longer registered."), told))
}

fn list(site: &Site) -> Result<Outcome, Failure> {
    let phones = open_store(site)?.phones()?;
    // Without a running server nobody is registered.
    let answer = super::trunks::ask(&site.folder, SipWish::Phones).unwrap_or_default();
    let places: Vec<BindingStatus> = serde_json::from_value(answer["bindings"].clone()).unwrap_or_default();
    let of = |phone: &PhoneEntry| places.iter().filter(|place| place.number == phone.number.as_str()).cloned().collect::<Vec<_>>();
    let rows: Vec<String> = phones.iter().map(|phone| row(phone, &of(phone))).collect();
    let text = if rows.is_empty() { "There are no phones yet; see `call-server phone add`.".to_owned() } else { rows.join("\n") };
    let json: Vec<Value> = phones
        .iter()
        .map(|phone| {
            let mut value = json!(phone);
            value["bindings"] = json!(of(phone));
            value
        })
        .collect();
    Ok(Outcome::new(text, json!({"phones": json})))
}

fn row(phone: &PhoneEntry, places: &[BindingStatus]) -> String {
    let head = format!("{:<8} {:<13} {}", phone.number.as_str(), phone.class.code(), phone.name);
    let place = |place: &BindingStatus| {
        let translated = if place.translated { ", behind address translation" } else { "" };
        format!("         registered from {} for {} s more{translated}", place.source, place.expires_in_s)
    };
    let rest = if places.is_empty() { vec!["         not registered".to_owned()] } else { places.iter().map(place).collect() };
    std::iter::once(head).chain(rest).collect::<Vec<_>>().join("\n")
}
