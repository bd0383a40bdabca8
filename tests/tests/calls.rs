//! What an agent does with a call, with real sound: each leg says a tone of its own, and who heard which tone when is looked up in what
//! everybody heard. The expert outside is baresip behind a trunk.

use citizen::{CallPlan, Speech};
use e2e::baresip::{self, Baresip};
use e2e::tones::{AGENT, CITIZEN, COLLEAGUE, EXPERT, heard, story, tone, wav};
use e2e::{Caller, Headless, HeadlessPlan, LATER, SOON, Server, Site};
use std::time::Duration;

/// How long each state of a call is kept.
const WHILE: Duration = Duration::from_millis(1_500);

struct Stage {
    site: Site,
    server: Server,
}

impl Stage {
    /// A site whose calls out go to this expert.
    fn new(name: &str, expert: Option<&Baresip>) -> Self {
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
        let server = Server::start(&site);
        Self { site, server }
    }

    fn agent(&self, place: usize, hertz: f64) -> Headless {
        let voice = wav(self.site.folder(), &format!("agent{place}"), hertz);
        let mut agent =
            Headless::start_speaking(&self.site, self.server.gateway, &self.site.agents[place], HeadlessPlan::WILLING, &voice, &[]);
        agent.state("ready", SOON);
        agent
    }

    fn citizen(&self) -> Caller {
        Caller::dial(CallPlan { speech: Speech::Looped(tone(CITIZEN).into()), ..CallPlan::new(self.server.sip, "12345") })
    }

    /// The id under which a colleague is called.
    fn id(&self, place: usize) -> String {
        let agents = self.site.cli(&["agent", "list"]);
        let number = &self.site.agents[place].number;
        let found = agents["agents"].as_array().and_then(|all| all.iter().find(|one| one["number"] == number.as_str()));
        found.and_then(|one| one["agent"].as_u64()).unwrap_or_else(|| panic!("no {number} in {agents}")).to_string()
    }
}

fn expert(name: &str) -> Option<Baresip> {
    if !baresip::is_installed() {
        eprintln!("baresip is not installed: nothing was tested");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("hotline-expert-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for the expert");
    let speech = wav(&folder, "expert", EXPERT);
    Some(Baresip::wait(&folder, &speech, "PCMA"))
}

#[test]
fn hold_consult_and_three_way_let_everybody_hear_exactly_whom_they_should() {
    let stage = Stage::new("functions", None);
    let mut agent = stage.agent(0, AGENT);
    let citizen = stage.citizen();
    agent.event("talking", SOON);
    let mut colleague = stage.agent(1, COLLEAGUE);
    agent.talks_for(WHILE);
    agent.tell("hold");
    agent.state("holding", SOON);
    agent.talks_for(WHILE);
    agent.tell("retrieve");
    agent.state("talking", SOON);
    agent.talks_for(WHILE);
    agent.tell(&format!("consult agent:{}", stage.id(1)));
    colleague.state("consulting", SOON);
    agent.talks_for(WHILE);
    agent.tell("merge");
    colleague.state("talking", SOON);
    agent.talks_for(WHILE);
    agent.tell("leave");
    agent.state("ready", SOON);
    colleague.talks_for(WHILE);
    let report = citizen.hang_up(LATER);
    colleague.event("call_ended", SOON);
    let story_of_citizen = story(&report.heard);
    assert_eq!(story_of_citizen, [vec![AGENT], vec![AGENT, COLLEAGUE], vec![COLLEAGUE]], "{:?}", heard(&report.heard));
    assert_eq!(story(&agent.heard()), [vec![CITIZEN], vec![COLLEAGUE], vec![CITIZEN, COLLEAGUE]]);
    assert_eq!(story(&colleague.heard()), [vec![AGENT], vec![CITIZEN, AGENT], vec![CITIZEN]]);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("caller_hung_up", "caller"), "{call:?}");
    assert_eq!(call.segments.len(), 2, "{call:?}");
    let recorded = call.recording.as_ref().and_then(|recording| recording.length_ms).unwrap_or_default();
    let connected: u64 = report.talk_ms.unwrap_or_default();
    assert!(recorded + 1_500 > connected, "hold and consultation are recorded, too: {recorded} of {connected} ms");
    let [left, right] = stage.site.export(&call);
    assert_eq!(story(&left), [vec![CITIZEN]], "the citizen is on the left alone, also while held: {:?}", heard(&left));
    let rights = story(&right);
    assert_eq!(rights.first(), Some(&vec![AGENT]), "{rights:?}");
    assert_eq!(rights.last(), Some(&vec![COLLEAGUE]), "{rights:?}");
}

#[test]
fn an_agent_dials_out_over_a_trunk_and_both_hear_each_other() {
    let Some(expert) = expert("dial") else { return };
    let stage = Stage::new("outbound", Some(&expert));
    let mut agent = stage.agent(0, AGENT);
    agent.tell(&format!("dial {}", baresip::USER));
    agent.state("outbound", SOON);
    agent.event_where("call", SOON, |value| value["phase"] == "talking");
    agent.talks_for(WHILE);
    agent.tell("hang_up");
    agent.state("ready", SOON);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("agent_hung_up", "agent"), "{call:?}");
    assert_eq!(call.segments.len(), 1, "{call:?}");
    assert_eq!(story(&agent.heard()), [vec![EXPERT]]);
    assert_eq!(story(&expert.heard()), [vec![AGENT]]);
    let [left, right] = stage.site.export(&call);
    assert_eq!((story(&left), story(&right)), (vec![vec![EXPERT]], vec![vec![AGENT]]));
}

#[test]
fn a_citizen_is_handed_over_to_an_expert_outside_and_goes_on_without_the_agent() {
    let Some(expert) = expert("transfer") else { return };
    let stage = Stage::new("residual", Some(&expert));
    let mut agent = stage.agent(0, AGENT);
    let citizen = stage.citizen();
    agent.event("talking", SOON);
    agent.talks_for(WHILE);
    agent.tell(&format!("consult {}", baresip::USER));
    agent.event_where("call", SOON, |value| value["talk"]["aside"]["stage"] == "there");
    agent.talks_for(WHILE);
    agent.tell("complete");
    agent.state("ready", SOON);
    let status = Server::wait_status(&stage.site, "the talk without an agent", |status| status["calls"][0]["phase"] == "residual");
    assert_eq!(status["calls"][0]["agent"], serde_json::Value::Null);
    let _ = agent.event_within("never", WHILE);
    let report = citizen.hang_up(LATER);
    let call = stage.site.only_call();
    assert_eq!(call.end(), ("caller_hung_up", "caller"), "{call:?}");
    assert_eq!(story(&report.heard), [vec![AGENT], vec![EXPERT]], "{:?}", heard(&report.heard));
    assert_eq!(story(&agent.heard()), [vec![CITIZEN], vec![EXPERT]]);
    assert_eq!(story(&expert.heard()), [vec![AGENT], vec![CITIZEN]]);
}
