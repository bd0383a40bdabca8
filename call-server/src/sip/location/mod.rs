//! Location: from a SIP URI to the places it can be reached at, best first (RFC 3263).
//!
//! A room of its own: it owns the resolver and its cache, no socket of SIP. The order itself is [`search`], pure. Failover is the
//! caller's: it tries the next destination after a 503, a timeout or a connection that cannot be made.

mod search;
#[cfg(test)]
mod tests;

pub(crate) use search::BadTarget;

use super::destination::{Destination, Transport};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use search::{Answer, Pointer, Question, Search, Service};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Longest time for one URI, all questions together.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest wait for one name server, and how often it is asked again.
const SERVER_PATIENCE: Duration = Duration::from_secs(2);
const SERVER_ATTEMPTS: usize = 2;
/// Most answers that are kept for as long as they say, and most questions under way.
const CACHED_ANSWERS: u64 = 512;
const QUESTIONS_AT_ONCE: usize = 64;

/// Why a URI leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LocateError {
    /// Wrongly written, or not for us: asking again will not help.
    #[error("{0}")]
    Target(#[from] BadTarget),
    /// The name service knows no such place.
    #[error("the name service knows no address for it")]
    Nothing,
    /// The name service did not answer, or not sensibly: later it may.
    #[error("the name service does not answer: {0}")]
    NameService(String),
}

/// Looks destinations up. Cheap to clone; clones share one cache.
#[derive(Debug, Clone)]
pub(crate) struct Locator {
    resolver: Option<Arc<TokioResolver>>,
    ours: Arc<[Transport]>,
}

impl Locator {
    /// `ours` are the transports that we have, best first; `name_server` is asked instead of those of the system (resolv.conf).
    pub(crate) fn new(ours: &[Transport], name_server: Option<SocketAddr>) -> Self {
        let resolver = build(name_server)
            .inspect_err(|error| tracing::warn!(%error, "there is no usable name service: SIP destinations must be IP addresses"));
        Self { resolver: resolver.ok().map(Arc::new), ours: ours.into() }
    }

    /// Every destination of a URI, in the order in which to try; never empty. Waits for the name service, at most ten seconds: never
    /// call it on the path of messages.
    ///
    /// # Errors
    /// The URI cannot be used, or leads nowhere.
    pub(crate) async fn locate(&self, uri: &str) -> Result<Vec<Destination>, LocateError> {
        let mut search = Search::new(uri, &self.ours)?;
        let mut trouble = None;
        let ended = tokio::time::timeout(PATIENCE, async {
            while let Some(question) = search.question() {
                let answer = self.ask(&question).await.unwrap_or_else(|error| {
                    trouble = Some(error);
                    nothing(&question)
                });
                search.answer(answer, draw);
            }
        });
        if ended.await.is_err() {
            trouble = Some(format!("nothing within {} s", PATIENCE.as_secs()));
        }
        let found = search.finish();
        match trouble {
            _ if !found.is_empty() => Ok(found),
            Some(error) => Err(LocateError::NameService(error)),
            None => Err(LocateError::Nothing),
        }
    }

    async fn ask(&self, question: &Question) -> Result<Answer, String> {
        let resolver = self.resolver.as_ref().ok_or("this host has none")?;
        let (name, kind) = match question {
            Question::Pointers(name) => (name, RecordType::NAPTR),
            Question::Services(name) => (name, RecordType::SRV),
            Question::Addresses(name) => return addresses(resolver, name).await,
        };
        let found = match resolver.lookup(full(name)?, kind).await {
            Ok(found) => found,
            Err(error) => return none_or_trouble(question, &error),
        };
        let records = found.answers().iter().map(|record| &record.data);
        Ok(match question {
            Question::Services(_) => Answer::Services(records.filter_map(service).collect()),
            Question::Pointers(_) | Question::Addresses(_) => Answer::Pointers(records.filter_map(pointer).collect()),
        })
    }
}

fn build(name_server: Option<SocketAddr>) -> Result<TokioResolver, NetError> {
    let mut builder = match name_server {
        None => TokioResolver::builder_tokio()?,
        Some(address) => {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].into_iter().map(|mut connection| {
                connection.port = address.port();
                connection
            });
            let server = NameServerConfig::new(address.ip(), true, connections.collect());
            let config = ResolverConfig::from_name_servers(vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    let options = builder.options_mut();
    options.timeout = SERVER_PATIENCE;
    options.attempts = SERVER_ATTEMPTS;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.cache_size = CACHED_ANSWERS;
    options.max_active_requests = QUESTIONS_AT_ONCE;
    builder.build()
}

async fn addresses(resolver: &TokioResolver, name: &str) -> Result<Answer, String> {
    match resolver.lookup_ip(full(name)?).await {
        Ok(found) => Ok(Answer::Addresses(found.iter().collect())),
        Err(error) => none_or_trouble(&Question::Addresses(name.to_owned()), &error),
    }
}

/// The name with its final dot: a search list in resolv.conf must not lead a call to another company.
fn full(name: &str) -> Result<Name, String> {
    let mut name = Name::from_utf8(name).map_err(|error| error.to_string())?;
    name.set_fqdn(true);
    Ok(name)
}

fn none_or_trouble(question: &Question, error: &NetError) -> Result<Answer, String> {
    if error.is_no_records_found() || error.is_nx_domain() { Ok(nothing(question)) } else { Err(error.to_string()) }
}

fn nothing(question: &Question) -> Answer {
    match question {
        Question::Pointers(_) => Answer::Pointers(Vec::new()),
        Question::Services(_) => Answer::Services(Vec::new()),
        Question::Addresses(_) => Answer::Addresses(Vec::new()),
    }
}

fn pointer(record: &RData) -> Option<Pointer> {
    let RData::NAPTR(found) = record else { return None };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(Pointer {
        order: found.order,
        preference: found.preference,
        flags: text(&found.flags),
        service: text(&found.services),
        replacement: plain(&found.replacement),
    })
}

fn service(record: &RData) -> Option<Service> {
    let RData::SRV(found) = record else { return None };
    Some(Service { priority: found.priority, weight: found.weight, port: found.port, target: plain(&found.target) })
}

fn plain(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.').map_or(text.clone(), str::to_owned)
}

/// A number from 0 to `most`. Without randomness the first of equals is taken: calls go on, only the load is spread less well.
fn draw(most: u32) -> u32 {
    getrandom::u32().map_or(0, |number| ((u64::from(number) * (u64::from(most) + 1)) >> 32) as u32)
}
