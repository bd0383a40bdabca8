//! What changed between two views, as JSON lines. These lines are the product's face for scripts: names are added, never changed.
//!
//! A caller's number, name and address are printed: whoever starts a headless client is its agent.

use super::Script;
use desktop_core::{DeviceProblem, HistoryTold, LinkFailure, LinkState, Saved, SignInProblem, View, VoiceWay};
use serde_json::{Value, json};
use shared::model::{CallView, Desk, OfferView};
use shared::wire::{SignInRefusal, SignOutReason};

/// The view before, and what was counted.
#[derive(Debug, Default)]
pub(super) struct Report {
    before: View,
    calls_ended: u64,
}

/// What one look found.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Lines to print.
    pub(super) lines: Vec<Value>,
    /// Nothing more will happen by itself.
    pub(super) ended: bool,
    /// Why, if not as wished.
    pub(super) problem: Option<String>,
}

impl Report {
    /// Calls that were talked in and are over.
    pub(super) fn calls_ended(&self) -> u64 {
        self.calls_ended
    }

    /// Compares with the view before. A question that the script answers is no event, and a session begins with its drafts.
    pub(super) fn look(&mut self, view: &View, script: &Script) -> Seen {
        if matches!(&view.link, LinkState::ConfirmCertificate { fingerprint } if script.trust.as_ref() == Some(fingerprint))
            || view.link == LinkState::ConfirmTakeOver && script.take_over
            || is_arriving(view)
        {
            return Seen::default();
        }
        let before = std::mem::replace(&mut self.before, view.clone());
        let mut seen = Seen::default();
        session(&before, view, &mut seen);
        if let Some(desk) = &view.desk {
            self.desk(before.desk.as_ref(), desk, &mut seen.lines);
        }
        if view.voice.receiving != before.voice.receiving {
            seen.lines.push(json!({"event": "media", "receiving": view.voice.receiving}));
        }
        sound(&before, view, &mut seen.lines);
        voice(&before, view, &mut seen.lines);
        if let Some(refusal) = view.refusal.filter(|refusal| before.refusal != Some(*refusal)) {
            seen.lines.push(json!({"event": "refused", "reason": refusal}));
        }
        if let Some(saved) = view.saved.filter(|saved| before.saved != Some(*saved)) {
            seen.lines.push(match saved {
                Saved::Summary { interaction } => json!({"event": "saved", "what": "summary", "interaction": interaction}),
                Saved::Password => json!({"event": "saved", "what": "password"}),
            });
        }
        messages(&before, view, &mut seen.lines);
        card_history(&before, view, &mut seen.lines);
        if view.marks != before.marks {
            let told = view.marks.as_ref();
            seen.lines.extend(told.map(|(call, marks)| json!({"event": "marks", "interaction": call, "marks": marks})));
        }
        if view.waiting != before.waiting {
            seen.lines.extend(view.waiting.as_ref().map(|rows| json!({"event": "waiting", "rows": rows})));
        }
        if view.agents != before.agents {
            seen.lines.extend(view.agents.as_ref().map(|floor| {
                let rows: Vec<_> = floor.rows.values().collect();
                json!({"event": "agents", "version": floor.version, "rows": rows})
            }));
        }
        end(&before, view, &mut seen);
        seen
    }

    fn desk(&mut self, before: Option<&Desk>, desk: &Desk, lines: &mut Vec<Value>) {
        self.call_ended(before, desk, lines);
        offer(before.and_then(|desk| desk.offer.as_ref()), desk.offer.as_ref(), lines);
        if let Some(call) = desk.call.as_ref().filter(|call| interaction(before) != Some(call.interaction)) {
            lines.push(called("talking", call));
        }
        let talk = |desk: &Desk| desk.call.as_ref().map(|call| (call.phase, call.talk.clone()));
        if let Some(call) = desk.call.as_ref().filter(|_| before.and_then(talk) != talk(desk)) {
            lines.push(json!({"event": "call", "phase": call.phase, "interaction": call.interaction, "talk": call.talk}));
        }
        if before.map(|desk| desk.state) != Some(desk.state) {
            let mut line = json!(desk.state);
            line["event"] = json!("state");
            line["since"] = json!(desk.since);
            lines.push(line);
        }
        if before.map(|desk| desk.next) != Some(desk.next) && (desk.next.is_some() || before.is_some()) {
            lines.push(json!({"event": "next_state", "next": desk.next}));
        }
        if before.map(|desk| desk.awaits) != Some(desk.awaits) && (desk.awaits.is_some() || before.is_some()) {
            lines.push(json!({"event": "awaits", "awaits": desk.awaits}));
        }
        let voice = |desk: &Desk| (desk.voice.device, desk.voice.line);
        if before.map(voice).unwrap_or_default() != voice(desk) {
            lines.push(json!({"event": "device", "device": desk.voice.device, "line": desk.voice.line}));
        }
        if before.and_then(|desk| desk.watches) != desk.watches {
            lines.push(json!({"event": "watches", "watches": desk.watches}));
        }
        if let Some(wrap_up) = desk.wrap_up.as_ref().filter(|now| before.and_then(|desk| desk.wrap_up.as_ref()) != Some(*now)) {
            lines.push(json!({"event": "wrap_up", "expires": wrap_up.expires, "extensions": wrap_up.extensions}));
        }
        if let Some(notice) = desk.notice.filter(|notice| before.and_then(|desk| desk.notice) != Some(*notice)) {
            lines.push(json!({"event": "notice", "notice": notice}));
        }
    }

    fn call_ended(&mut self, before: Option<&Desk>, desk: &Desk, lines: &mut Vec<Value>) {
        let Some(ended) = interaction(before).filter(|ended| interaction(Some(desk)) != Some(*ended)) else { return };
        self.calls_ended += 1;
        let by = desk.wrap_up.as_ref().filter(|wrap_up| wrap_up.interaction == ended).map(|wrap_up| wrap_up.ended_by);
        lines.push(json!({"event": "call_ended", "interaction": ended, "ended_by": by}));
    }
}

/// The sound device, and what is wrong with it; one that is being opened is not news.
fn sound(before: &View, view: &View, lines: &mut Vec<Value>) {
    let problem = view.voice.device_problem.as_ref();
    if problem == Some(&DeviceProblem::Opening)
        || (&view.voice.device, problem) == (&before.voice.device, before.voice.device_problem.as_ref())
    {
        return;
    }
    lines.push(json!({"event": "sound", "device": view.voice.device, "problem": problem.map(device_problem)}));
}

fn device_problem(problem: &DeviceProblem) -> &'static str {
    match problem {
        DeviceProblem::Opening => "opening",
        DeviceProblem::Replaced => "replaced",
        DeviceProblem::Missing => "missing",
        DeviceProblem::NoFormat => "no_format",
        DeviceProblem::Stopped => "stopped",
        DeviceProblem::Hanging => "hanging",
        DeviceProblem::NotChosen => "not_chosen",
        DeviceProblem::Failed(_) => "failed",
    }
}

/// The way and codec of the voice, and how the talk sounds when that changes.
fn voice(before: &View, view: &View, lines: &mut Vec<Value>) {
    if view.voice.way != before.voice.way {
        let way = match view.voice.way {
            VoiceWay::Udp => "udp",
            VoiceWay::Tunnel => "websocket",
        };
        lines.push(json!({"event": "voice_way", "way": way}));
    }
    if (view.voice.sends, view.voice.hears) != (before.voice.sends, before.voice.hears) {
        lines.push(json!({"event": "voice_codec", "sends": view.voice.sends, "hears": view.voice.hears}));
    }
    let heard = |view: &View| view.health.as_ref().map(|health| (health.light(), health.troubles.clone()));
    if let Some(health) = view.health.as_ref().filter(|_| heard(before) != heard(view)) {
        let (light, troubles) = (health.light(), &health.troubles);
        let legs = (&health.citizen, &health.agent);
        lines.push(json!({"event": "talk_health", "light": light, "troubles": troubles, "citizen": legs.0, "agent": legs.1}));
    }
}

/// The answer to a question about a card's history.
fn card_history(before: &View, view: &View, lines: &mut Vec<Value>) {
    let Some(history) = view.card_history.as_ref().filter(|history| before.card_history.as_ref() != Some(*history)) else { return };
    let (interaction, person) = (history.interaction, history.person);
    lines.extend(match &history.told {
        HistoryTold::Asked => None,
        HistoryTold::Known { changes, more } => Some(json!({
            "event": "card_history", "interaction": interaction, "person": person, "changes": &**changes, "more": more,
        })),
        HistoryTold::Failed => Some(json!({"event": "card_history", "interaction": interaction, "person": person, "failed": true})),
    });
}

/// Each message that is new here or has come further.
fn messages(before: &View, view: &View, lines: &mut Vec<Value>) {
    if before.messages.pinned != view.messages.pinned {
        lines.push(json!({"event": "pinned", "rows": view.messages.pinned}));
    }
    if before.messages.rows == view.messages.rows {
        return;
    }
    for (number, row) in view.messages.rows.iter().filter(|(number, row)| before.messages.rows.get(*number) != Some(*row)) {
        let unread = view.messages.unread();
        lines.push(json!({"event": "message", "number": number, "unread": unread, "row": row}));
    }
}

fn interaction(desk: Option<&Desk>) -> Option<shared::model::InteractionId> {
    desk.and_then(|desk| desk.call.as_ref()).map(|call| call.interaction)
}

/// Signed in, and the drafts are not here yet: a summary would not be taken.
fn is_arriving(view: &View) -> bool {
    view.me.is_some() && !view.drafts_known && !view.must_change_password()
}

fn session(before: &View, view: &View, seen: &mut Seen) {
    // Told with the first desk: before it no command would have an effect.
    let whole = |view: &View| view.me.is_some() && view.desk.is_some();
    if let Some(me) = view.me.as_ref().filter(|_| whole(view) && !whole(before)) {
        seen.lines.push(json!({"event": "signed_in", "number": me.number, "name": me.name, "agent": me.agent}));
    }
    match (&before.link, &view.link) {
        (LinkState::Online, LinkState::Reconnecting { .. }) => seen.lines.push(json!({"event": "link", "online": false})),
        (LinkState::Reconnecting { .. }, LinkState::Online) => seen.lines.push(json!({"event": "link", "online": true})),
        // Other steps show as signed_in, problem or signed_out.
        _ => {}
    }
}

/// A ringing that begins, is completed by its card, or ends.
fn offer(before: Option<&OfferView>, now: Option<&OfferView>, lines: &mut Vec<Value>) {
    let key = |offer: &OfferView| (offer.offer, offer.call.card.clone());
    if let Some(offer) = now.filter(|offer| before.map(key) != Some(key(offer))) {
        lines.push(called("ringing", &offer.call));
    }
    if let Some(gone) = before.filter(|before| now.map(|now| now.offer) != Some(before.offer)) {
        lines.push(json!({"event": "ringing_ended", "interaction": gone.call.interaction}));
    }
}

fn called(event: &str, call: &CallView) -> Value {
    json!({
        "event": event,
        "interaction": call.interaction,
        "number": call.caller.number.as_ref().map(|number| number.reveal().as_str()),
        "name": call.card.as_ref().and_then(|card| card.first()).map(|person| person.name.reveal()),
        "address": call.card.as_ref().and_then(|card| card.first()).map(|person| person.address.reveal()),
        "persons": call.card.as_ref().map(|card| &card.persons),
        "contacts": call.card.as_ref().map(|card| &card.contacts),
        "queue": call.queue,
        "waited_ms": call.waited_ms,
    })
}

/// The end of a try or of a session, and problems on the way.
fn end(before: &View, view: &View, seen: &mut Seen) {
    seen.problem = match &view.link {
        LinkState::ConfirmCertificate { fingerprint } => Some(unknown(fingerprint)),
        LinkState::ConfirmTakeOver => Some(refused(SignInRefusal::SignedInElsewhere).to_owned()),
        LinkState::SignedOut | LinkState::SigningIn | LinkState::Online | LinkState::Reconnecting { .. } => {
            view.problem.as_ref().map(describe)
        }
    };
    let changed = (&before.link, &before.problem) != (&view.link, &view.problem);
    if !changed {
        return;
    }
    if let Some(text) = &seen.problem {
        seen.lines.push(json!({"event": "problem", "text": text}));
    }
    seen.ended = matches!(view.link, LinkState::SignedOut | LinkState::ConfirmCertificate { .. } | LinkState::ConfirmTakeOver);
    if view.link == LinkState::SignedOut && before.link != LinkState::SignedOut {
        seen.lines.extend(before.me.is_some().then(|| json!({"event": "signed_out"})));
    }
}

fn unknown(fingerprint: &str) -> String {
    format!(
        "the server's certificate is signed by nobody we trust. Its SHA-256 fingerprint is {fingerprint}. Compare it with the one that the \
         server printed; if it is the same, start again with --trust {fingerprint}, or give the CA's file with --ca"
    )
}

fn describe(problem: &SignInProblem) -> String {
    match problem {
        SignInProblem::Refused(reason) => refused(*reason).to_owned(),
        SignInProblem::Link(failure) => link(failure),
        SignInProblem::SignedOut(reason) => signed_out(*reason).to_owned(),
    }
}

fn refused(reason: SignInRefusal) -> &'static str {
    match reason {
        SignInRefusal::WrongCredentials => "number or password is wrong",
        SignInRefusal::TooManyAttempts => "too many failed attempts; try again later",
        SignInRefusal::SessionGone => "the session has ended on the server; sign in again",
        SignInRefusal::SignedInElsewhere => "this number is signed in elsewhere; give --take-over to work here instead",
        SignInRefusal::NotNow => "the server takes no sign-in now; try again later",
    }
}

fn link(failure: &LinkFailure) -> String {
    match failure {
        LinkFailure::Unreachable(reason) => format!("the server cannot be reached: {reason}"),
        LinkFailure::UnknownCertificate { fingerprint } => unknown(fingerprint),
        LinkFailure::ChangedCertificate { fingerprint } => format!(
            "the server's certificate is not the one that was trusted before; its SHA-256 fingerprint is now {fingerprint}. Somebody may be \
             listening in. If the server really has a new certificate, remove the old fingerprint from the file of trusted servers"
        ),
        LinkFailure::Broken(reason) => format!("the connection broke: {reason}"),
        LinkFailure::Protocol(reason) => format!("the server speaks something else: {reason}"),
    }
}

fn signed_out(reason: SignOutReason) -> &'static str {
    match reason {
        SignOutReason::Asked => "signed out",
        SignOutReason::Superseded => "the same number has signed in elsewhere",
        SignOutReason::Forced => "a supervisor has signed this number out",
        SignOutReason::Lost => "the server had lost this desktop for too long",
        SignOutReason::ServerStopping => "the server is stopping",
    }
}
