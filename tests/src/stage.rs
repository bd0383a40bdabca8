//! A stage for what agents and supervisors do with calls: a site whose calls out go to an expert (baresip), people who each say a tone of
//! their own, and a script of who is to hear whom after each function. What everybody heard is compared with it at the end.

use crate::baresip::{self, Baresip};
use crate::tones::{self, story_with_pauses, tone, wav};
use crate::{Agent, Caller, Headless, HeadlessPlan, SOON, Server, Site};
use citizen::{CallPlan, Speech};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long each state of a call is kept.
pub const WHILE: Duration = Duration::from_millis(1_500);

/// A site, its server, and perhaps an expert.
#[derive(Debug)]
pub struct Stage {
    /// The site.
    pub site: Site,
    /// Its server.
    pub server: Server,
}

impl Stage {
    /// A site whose calls out go to this expert.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn new(name: &str, expert: Option<&Baresip>) -> Self {
        Self::configured(name, expert, |_| {})
    }

    /// The same with more in its configuration.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn configured(name: &str, expert: Option<&Baresip>, configure: impl FnOnce(&Site)) -> Self {
        let site = Site::demo(name);
        site.configure("queues", "wrap_up_seconds", "0");
        if let Some(expert) = expert {
            let trunk = format!(
                "\n[[trunks]]\nid = 7\nname = \"carrier\"\nsources = []\ntargets = [\"sip:{} 1\"]\noptions_seconds = 0\noutbound = [\"\"]\n\
                 shown_number = \"12345\"\n",
                expert.address()
            );
            site.write_configuration(&(site.configuration() + &trunk));
        }
        configure(&site);
        let server = Server::start(&site);
        Self { site, server }
    }

    /// A desktop whose voice is this tone, as its person likes it.
    #[must_use]
    pub fn desktop(&self, place: usize, hertz: f64, plan: HeadlessPlan) -> Headless {
        self.desktop_of(&self.site.agents[place], hertz, plan)
    }

    fn desktop_of(&self, agent: &Agent, hertz: f64, plan: HeadlessPlan) -> Headless {
        let voice = wav(self.site.folder(), &format!("voice{}", agent.number), hertz);
        Headless::start_speaking(&self.site, self.server.gateway, agent, plan, &voice, &[])
    }

    /// An agent who answers everything, and is ready.
    #[must_use]
    pub fn agent(&self, place: usize, hertz: f64) -> Headless {
        let mut agent = self.desktop(place, hertz, HeadlessPlan::WILLING);
        agent.state("ready", SOON);
        agent
    }

    /// A supervisor, who is not ready and whose voice path is there.
    #[must_use]
    pub fn supervisor(&self) -> Headless {
        let mut supervisor = self.desktop_of(&self.site.supervisor, tones::SUPERVISOR, HeadlessPlan::default());
        let _ = supervisor.event_ever("media", SOON, |value| value["receiving"] == true);
        supervisor
    }

    /// A citizen who says one tone for ever.
    #[must_use]
    pub fn citizen(&self) -> Caller {
        Caller::dial(CallPlan { speech: Speech::Looped(tone(tones::CITIZEN).into()), ..CallPlan::new(self.server.sip, "12345") })
    }

    /// The id under which somebody is called and supervised.
    ///
    /// # Panics
    /// If nobody has the number.
    #[must_use]
    pub fn id(&self, place: usize) -> String {
        let agents = self.site.cli(&["agent", "list"]);
        let number = &self.site.agents[place].number;
        let found = agents["agents"].as_array().and_then(|all| all.iter().find(|one| one["number"] == number.as_str()));
        found.and_then(|one| one["agent"].as_u64()).unwrap_or_else(|| panic!("no {number} in {agents}")).to_string()
    }
}

/// An expert outside, who answers by itself and says a tone; `None` where baresip is not installed.
///
/// # Panics
/// If it does not start.
#[must_use]
pub fn expert(name: &str) -> Option<Baresip> {
    if !baresip::is_installed() {
        eprintln!("baresip is not installed: nothing was tested");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("hotline-expert-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the expert");
    let speech = wav(&folder, "expert", tones::EXPERT);
    Some(Baresip::wait(&folder, &speech, "PCMA"))
}

/// Who is to hear whom, function after function.
#[derive(Debug, Default)]
pub struct Script {
    expected: BTreeMap<&'static str, Vec<Vec<f64>>>,
    functions: Vec<&'static str>,
}

impl Script {
    /// From now on, for a while, these hear these tones; whoever is not named goes on as before.
    pub fn then(&mut self, function: &'static str, keeper: &mut Headless, hear: &[(&'static str, &[f64])]) {
        self.functions.push(function);
        for (who, tones) in hear {
            self.expected.entry(who).or_default().push(tones.to_vec());
        }
        let _ = keeper.event_within("never", WHILE);
    }

    /// How many functions were played.
    #[must_use]
    pub fn count(&self) -> usize {
        self.functions.len()
    }

    /// What somebody heard is what was expected, in this order; silence and music at both ends do not count.
    ///
    /// # Panics
    /// If it is not; the message names both, and the functions.
    pub fn check(&self, who: &'static str, samples: &[i16]) {
        let trimmed = |mut story: Vec<Vec<f64>>| {
            story.dedup();
            let from = story.iter().position(|tones| !tones.is_empty()).unwrap_or(story.len());
            let to = story.iter().rposition(|tones| !tones.is_empty()).map_or(from, |last| last + 1);
            story.get(from..to).unwrap_or_default().to_vec()
        };
        let expected = trimmed(self.expected.get(who).cloned().unwrap_or_default());
        let found = trimmed(story_with_pauses(samples));
        let functions = &self.functions;
        assert_eq!(found, expected, "what {who} heard over {functions:?}: {:?}", tones::heard(samples));
    }
}
