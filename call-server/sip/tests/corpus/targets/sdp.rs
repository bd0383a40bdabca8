//! One session description: what we answer to it we can read ourselves, it names our address alone, and a renewed answer turns directions.

use sip_core::sdp::{Codec, Crypto, Local, Offer, Opus, Security, Suite, renewed};

pub(crate) fn target(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for security in [Security::Plain, Security::Preferred, Security::Required] {
        if let Ok(offer) = Offer::parse_secured(&text, security) {
            answered(&text, &offer);
        }
    }
}

fn answered(text: &str, offer: &Offer) {
    let local = Local { address: [192, 0, 2, 9].into(), port: 20_000, session_id: 1, session_version: 1 };
    let Some(answer) = offer.answer_with_opus(local, &[Codec::Pcma, Codec::Pcmu], Opus::for_speech()) else { return };
    let answer = match offer.choose_crypto(&Suite::ALL) {
        Some(line) => answer.secured(Crypto::new(line.tag, line.suite, &vec![7; line.suite.key_bytes()]).expect("the suite's length")),
        None => answer,
    };
    let written = answer.to_string();
    let security = if offer.crypto.is_empty() { Security::Plain } else { Security::Required };
    let read = Offer::parse_secured(&written, security).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!((read.address, read.port, read.direction), (local.address, local.port, offer.direction.answered()));
    assert_eq!(read.codecs.first(), answer.codec.as_ref());
    assert_eq!(read.crypto.first(), answer.crypto.as_ref());
    let streams = |text: &str| text.lines().filter(|line| line.starts_with("m=")).count();
    assert_eq!(streams(&written), streams(text), "an answer has as many streams as its offer");
    let codecs: Vec<Codec> = answer.codec.iter().map(|chosen| chosen.codec).collect();
    let narrow = Offer::parse_secured(text, security).ok().and_then(|offer| offer.answer(local, &codecs));
    let narrow = narrow.map(|narrow| match &answer.crypto {
        Some(key) => narrow.secured(key.clone()).to_string(),
        None => narrow.to_string(),
    });
    if let Some(narrow) = narrow {
        assert_eq!(renewed(&narrow, text), Some(narrow), "the same offer is answered with the same text");
    }
}
