//! What the session tells the server about its desktop and follows over every connection: the list of all agents, whether somebody sits
//! here, and what the voice path can.

use super::{Session, Stage};
use crate::Effect;
use shared::model::{Floor, VoiceCodec};
use shared::wire::{AgentsNews, FromClient, VoiceAbilities};
use std::sync::Arc;

impl Session {
    pub(super) fn watch_agents(&mut self, on: bool) {
        self.watching = on;
        if !on {
            self.view.agents = None;
        }
        self.say(FromClient::WatchAgents { on });
    }

    pub(super) fn watch_waiting(&mut self, on: bool) {
        self.watching_waiting = on;
        self.view.waiting = None;
        self.say(FromClient::WatchWaiting { on });
    }

    pub(super) fn attend(&mut self, attentive: bool) {
        if self.attentive != attentive {
            self.attentive = attentive;
            self.say(FromClient::Attentive { attentive });
        }
    }

    /// A new connection knows nothing yet. The old list stays on the screen until its snapshot has come.
    pub(super) fn tell_what_lasts(&mut self) {
        if self.watching {
            self.say(FromClient::WatchAgents { on: true });
        }
        if self.watching_waiting {
            self.say(FromClient::WatchWaiting { on: true });
        }
        if self.attentive {
            self.say(FromClient::Attentive { attentive: true });
        }
        self.ask_for_messages();
    }

    /// To a server that asks for it; an older one is told nothing.
    pub(super) fn tell_what_the_voice_can(&mut self) {
        let Stage::SignedIn(signed_in) = &self.stage else { return };
        let Some(options) = &signed_in.media.options else { return };
        let tunnel = options.tunnel;
        self.tell_of_mute();
        self.effects.push_back(Effect::Tunnel(tunnel));
    }

    /// The server shall not take a muted microphone for a broken one.
    pub(super) fn tell_of_mute(&mut self) {
        let Stage::SignedIn(signed_in) = &self.stage else { return };
        if signed_in.media.options.is_some() {
            let codecs = vec![VoiceCodec::Pcma, VoiceCodec::Opus];
            self.say(FromClient::Voice(VoiceAbilities { codecs, muted: self.view.muted }));
        }
    }

    /// News that do not follow what is known are not taken over: the whole list is asked for instead.
    pub(super) fn agents(&mut self, news: AgentsNews) {
        if !self.watching {
            return;
        }
        let follows = match (&self.view.agents, news.since) {
            (_, None) => true,
            (Some(known), Some(since)) => known.version == since,
            (None, Some(_)) => false,
        };
        if !follows {
            return self.say(FromClient::WatchAgents { on: true });
        }
        let mut floor = match news.since {
            None => Floor::default(),
            Some(_) => self.view.agents.take().map(Arc::unwrap_or_clone).unwrap_or_default(),
        };
        floor.version = news.version;
        floor.rows.extend(news.rows);
        for agent in &news.gone {
            floor.rows.remove(agent);
        }
        self.view.agents = Some(Arc::new(floor));
    }

    pub(super) fn say(&mut self, message: FromClient) {
        if matches!(&self.stage, Stage::SignedIn(signed_in) if matches!(signed_in.link, super::Link::Online(_))) {
            self.effects.push_back(Effect::Send(message));
        }
    }
}
