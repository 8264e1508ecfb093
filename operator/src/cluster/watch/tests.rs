//! A watch against a server that does what it is told to do, in time that passes only when all wait.

#![allow(clippy::needless_pass_by_value, reason = "scripts read better by value")]

use std::{
    collections::VecDeque,
    sync::Mutex,
    task::{Context, Poll},
};

use axum::body::Bytes;
use axum::http::{Request, Response};
use futures::{Stream, future::BoxFuture, stream};
use http_body_util::{StreamBody, combinators::BoxBody};
use hyper::body::Frame;
use kube::{Client, client::Body};
use postern_crds::SmtpRelay;
use serde_json::{Value, json};

use super::*;
use crate::{
    cluster::{liveness::Liveness, world::Queues},
    inventory::Scope,
};

/// What the server answers to one request, and when each line of it comes.
struct Answer {
    code: u16,
    lines: Vec<(Duration, Value)>,
    /// After the last line nothing comes any more, and the connection stays.
    hangs: bool,
    /// What passes before it begins.
    delay: Duration,
}

fn list(version: u64, token: &str, items: Vec<Value>) -> Answer {
    let body = json!({
        "apiVersion": "postern.dev/v1alpha1", "kind": "SmtpRelayList",
        "metadata": {"resourceVersion": version.to_string(), "continue": token}, "items": items
    });
    Answer { code: 200, lines: vec![(Duration::ZERO, body)], hangs: false, delay: Duration::ZERO }
}

fn events(lines: Vec<(u64, Value)>) -> Answer {
    Answer {
        code: 200,
        lines: lines.into_iter().map(|(after, line)| (Duration::from_secs(after), line)).collect(),
        hangs: false,
        delay: Duration::ZERO,
    }
}

fn hanging() -> Answer {
    Answer { code: 200, lines: Vec::new(), hangs: true, delay: Duration::ZERO }
}

fn refusal(code: u16) -> Answer {
    let status = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "message": "no", "reason": "No"});
    Answer { code, lines: vec![(Duration::ZERO, status)], hangs: false, delay: Duration::ZERO }
}

fn event(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

fn bookmark(version: u64) -> Value {
    event(
        "BOOKMARK",
        json!({"apiVersion": "postern.dev/v1alpha1", "kind": "SmtpRelay", "metadata": {"resourceVersion": version.to_string()}}),
    )
}

fn relay(name: &str, version: u64) -> Value {
    json!({
        "apiVersion": "postern.dev/v1alpha1", "kind": "SmtpRelay",
        "metadata": {"name": name, "namespace": "mail", "uid": name, "resourceVersion": version.to_string(), "generation": version},
        "spec": {"hostname": "mx.example.com", "listeners": [{"name": "mx", "role": "Inbound", "port": 25, "tls": {"mode": "StartTls"}}]}
    })
}

type Asked = Arc<Mutex<Vec<(Duration, String)>>>;

#[derive(Clone)]
struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    /// When and what was asked.
    asked: Asked,
    begun: Instant,
}

impl tower::Service<Request<Body>> for Script {
    type Response = Response<BoxBody<Bytes, std::io::Error>>;
    type Error = std::io::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let query = request.uri().query().unwrap_or_default().to_owned();
        self.asked.lock().unwrap().push((self.begun.elapsed(), query));
        // What comes after the script is a watch in which nothing happens.
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or_else(hanging);
        Box::pin(async move {
            sleep(answer.delay).await;
            let response = Response::builder().status(answer.code).header("content-type", "application/json");
            Ok(response.body(BoxBody::new(StreamBody::new(frames(answer)))).unwrap())
        })
    }
}

fn frames(answer: Answer) -> impl Stream<Item = Result<Frame<Bytes>, std::io::Error>> + Send + Sync {
    let hangs = answer.hangs;
    stream::unfold(answer.lines.into_iter(), move |mut lines| async move {
        let Some((after, line)) = lines.next() else {
            if hangs {
                std::future::pending::<()>().await;
            }
            return None;
        };
        if !after.is_zero() {
            sleep(after).await;
        }
        Some((Ok(Frame::data(format!("{line}\n").into())), lines))
    })
}

struct Trial {
    world: Arc<World>,
    liveness: Liveness,
    asked: Asked,
}

impl Trial {
    /// Begins to watch a server that gives these answers.
    fn begin(need: Need, answers: Vec<Answer>) -> Self {
        Self::begin_in(None, need, answers)
    }

    fn begin_in(namespace: Option<&str>, need: Need, answers: Vec<Answer>) -> Self {
        let asked = Asked::default();
        let script = Script { answers: Arc::new(Mutex::new(answers.into())), asked: Arc::clone(&asked), begun: Instant::now() };
        let resource = ApiResource::erase::<SmtpRelay>(&());
        let world = Arc::new(World::new(Scope::default(), Queues::default()));
        let mut liveness = Liveness::default();
        let watch = Watch::<DynamicObject> {
            api: Api::all_with(Client::new(script, "default"), &resource),
            resource,
            source: Source::Relays,
            namespace: namespace.map(str::to_owned),
            labels: None,
            need,
            world: Arc::clone(&world),
            progress: liveness.add("SmtpRelay".to_owned()),
        };
        tokio::spawn(watch.follow());
        Self { world, liveness, asked }
    }

    fn knows(&self, name: &str) -> bool {
        self.world.inventory_for(&Key::new("mail", name)).is_some()
    }

    /// The queries, without what all have in common.
    fn asked(&self) -> Vec<String> {
        let kept = |part: &&str| part.starts_with("resourceVersion=") || part.starts_with("continue=") || part.starts_with("watch=");
        let shown = |query: &String| query.split('&').filter(kept).collect::<Vec<_>>().join(" ");
        self.asked.lock().unwrap().iter().map(|(_, query)| shown(query)).collect()
    }

    fn times(&self) -> Vec<Duration> {
        self.asked.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }
}

/// The answer, some seconds later.
fn slow(mut answer: Answer, seconds: u64) -> Answer {
    answer.delay = Duration::from_secs(seconds);
    answer
}

async fn after(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn pages_then_changes_from_where_the_list_was() {
    let trial = Trial::begin(
        Need::Required,
        vec![
            list(10, "more", vec![relay("a", 3)]),
            list(10, "", vec![relay("b", 4)]),
            events(vec![(1, event("ADDED", relay("c", 11))), (1, event("DELETED", relay("a", 12))), (1, bookmark(20)), (1, bookmark(21))]),
        ],
    );
    after(1).await;
    assert!(trial.liveness.is_synced() && trial.knows("a") && trial.knows("b"));
    after(10).await;
    assert!(!trial.knows("a") && trial.knows("b") && trial.knows("c"));
    // The server ended the watch; the next goes on from the last bookmark.
    assert_eq!(trial.asked(), ["", "continue=more", "watch=true resourceVersion=10", "watch=true resourceVersion=21"]);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_synced_by_half_a_list() {
    let trial = Trial::begin(Need::Required, vec![list(10, "more", vec![relay("a", 3)]), refusal(500)]);
    tokio::task::yield_now().await;
    sleep(Duration::from_millis(1)).await;
    assert!(trial.knows("a") && !trial.liveness.is_synced());
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_too_old_means_a_new_list_and_what_it_lacks_is_gone() {
    let gone = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 410, "message": "too old", "reason": "Expired"});
    let trial = Trial::begin(
        Need::Required,
        vec![
            list(10, "", vec![relay("a", 3), relay("b", 4)]),
            events(vec![(1, event("ERROR", gone))]),
            list(50, "", vec![relay("b", 4), relay("c", 40)]),
        ],
    );
    after(30).await;
    assert!(!trial.knows("a") && trial.knows("b") && trial.knows("c"));
    assert_eq!(trial.asked()[2..], ["", "watch=true resourceVersion=50"]);
}

#[tokio::test(start_paused = true)]
async fn no_object_stops_a_stream_by_what_it_holds() {
    let mut broken = relay("broken", 5);
    broken["spec"]["listeners"] = json!(7);
    let trial = Trial::begin(
        Need::Required,
        vec![
            list(10, "", vec![relay("a", 3), broken.clone(), relay("b", 4)]),
            events(vec![(1, event("MODIFIED", broken)), (1, event("ADDED", relay("c", 11)))]),
        ],
    );
    after(10).await;
    assert!(trial.knows("a") && trial.knows("b") && trial.knows("c") && !trial.knows("broken"));
    assert!(trial.world.unreadable_relay(&Key::new("mail", "broken")).is_some());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_died_in_silence_is_given_up() {
    let trial = Trial::begin(Need::Required, vec![list(10, "", vec![]), hanging(), events(vec![(1, event("ADDED", relay("a", 11)))])]);
    sleep(SILENCE + Duration::from_secs(10)).await;
    assert!(trial.knows("a"));
    assert_eq!(trial.asked()[..3], ["", "watch=true resourceVersion=10", "watch=true resourceVersion=10"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_is_asked_less_and_less() {
    let answers = [list(10, "", vec![])].into_iter().chain((0..12).map(|_| refusal(500))).collect();
    let trial = Trial::begin(Need::Required, answers);
    sleep(Duration::from_mins(10)).await;
    let times = trial.times();
    let waits: Vec<_> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).skip(1).take(11).collect();
    for (nth, wait) in waits.iter().enumerate() {
        let most = (BACKOFF.first * (1 << nth)).min(BACKOFF.most);
        assert!(*wait >= most / 2 && *wait <= most + Duration::from_millis(5), "{nth}: {wait:?} of {most:?}");
    }
    assert_eq!(trial.liveness.stuck(), Vec::<&str>::new());
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_does_not_spin() {
    let answers = [list(10, "", vec![])].into_iter().chain((0..1000).map(|_| events(vec![]))).collect();
    let trial = Trial::begin(Need::Required, answers);
    sleep(Duration::from_mins(1)).await;
    assert!(trial.asked().len() < 12, "{}", trial.asked().len());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_served_is_not_there_until_it_is() {
    let quiet = events(vec![(40, bookmark(11))]);
    let gone = (0..GONE).map(|_| refusal(404));
    let answers = [refusal(404), list(10, "", vec![relay("a", 3)]), quiet].into_iter().chain(gone).collect();
    let trial = Trial::begin(Need::IfServed, answers);
    after(1).await;
    assert!(trial.liveness.is_synced() && !trial.knows("a"));
    after(30).await;
    assert!(trial.knows("a"), "it appeared");
    after(60).await;
    assert!(!trial.knows("a"), "it is served no more");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_starts_and_knows_neither_apis_nor_rights_yet_takes_nothing_away() {
    for code in [403, 404] {
        let starting = (1..GONE).map(|_| refusal(code));
        let trial = Trial::begin(Need::IfAllowed, [list(10, "", vec![relay("a", 3)])].into_iter().chain(starting).collect());
        for _ in 0..60 {
            after(1).await;
            assert!(trial.knows("a"), "after {code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_any_more_is_left_out() {
    let forbidden = (0..=GONE).map(|_| refusal(403));
    let trial = Trial::begin(Need::IfAllowed, [list(10, "", vec![relay("a", 3)])].into_iter().chain(forbidden).collect());
    after(60).await;
    assert!(!trial.knows("a"));
}

#[tokio::test(start_paused = true)]
async fn a_start_is_not_held_up_by_what_may_never_be_read() {
    let trial = Trial::begin(Need::IfAllowed, (0..100).map(|_| refusal(403)).collect());
    after(30).await;
    assert!(trial.liveness.is_synced());
}

#[tokio::test(start_paused = true)]
async fn what_is_required_is_waited_for() {
    let trial = Trial::begin(Need::Required, vec![refusal(404), refusal(403), list(10, "", vec![relay("a", 3)])]);
    sleep(Duration::from_millis(100)).await;
    assert!(!trial.liveness.is_synced());
    after(10).await;
    assert!(trial.liveness.is_synced() && trial.knows("a"));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_may_not_be_read_holds_up_what_depends_on_it_and_nothing_else() {
    let trial = Trial::begin_in(Some("mail"), Need::Required, vec![refusal(403), refusal(403), list(10, "", vec![relay("a", 3)])]);
    let other = relay("b", 2);
    trial.world.observe(Source::Relays, serde_json::from_value(other).unwrap(), Urgency::Change);
    let mut elsewhere = relay("c", 2);
    elsewhere["metadata"]["namespace"] = "elsewhere".into();
    trial.world.observe(Source::Relays, serde_json::from_value(elsewhere).unwrap(), Urgency::Change);
    let is_whole = |namespace: &str, name: &str| trial.world.is_whole(&Key::new(namespace, name));
    sleep(Duration::from_millis(100)).await;
    assert!(trial.liveness.is_synced() && trial.liveness.missing().next().is_none(), "nothing else waits");
    assert!(!is_whole("mail", "b") && is_whole("elsewhere", "c"));
    after(10).await;
    assert!(trial.knows("a") && is_whole("mail", "a"));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_was_read_once_stays_as_it_was_when_it_may_not_be_read_any_more() {
    let gone = json!({"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 410, "message": "too old", "reason": "Expired"});
    let answers = vec![list(10, "", vec![relay("a", 3)]), events(vec![(1, event("ERROR", gone))]), refusal(403), refusal(403)];
    let trial = Trial::begin_in(Some("mail"), Need::Required, answers);
    after(5).await;
    assert!(trial.knows("a") && trial.world.is_whole(&Key::new("mail", "a")));
}

#[tokio::test(start_paused = true)]
async fn the_slowest_watch_that_gets_on_is_not_stuck() {
    let failures = (0..12).map(|_| refusal(500));
    let slowest = slow(hanging(), ANSWER.as_secs() - 1);
    let trial = Trial::begin(Need::Required, [list(10, "", vec![])].into_iter().chain(failures).chain([slowest]).collect());
    for _ in 0..1000 {
        after(1).await;
        assert_eq!(trial.liveness.stuck(), Vec::<&str>::new());
    }
}
