//! A server that falls silent, speaks in single bytes, slips replies in before TLS or closes after the dot: its messages wait and go later, and no
//! other message waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use postern_config::{NextHopTlsMode, RouteTarget, Timeouts};
use postern_spool::Listed;
use postern_tests::{
    config::{RelayFolder, next_hops},
    next_hop::{Act, At, NextHop, Script},
    pki::Authority,
};

use crate::stage::{Stage, envelope, route, taken};

const CONTENT: &[u8] = b"Subject: Lunch\r\n\r\nAt one?\r\n";
/// How long a server may take for a reply where it takes longer, in seconds.
const DEADLINE: u32 = 5;

/// A server that does one thing wrong until it is mended.
struct Bad {
    hop: NextHop,
    is_mended: Arc<AtomicBool>,
}

impl Bad {
    async fn start(at: At, act: Act) -> Self {
        let is_mended = Arc::new(AtomicBool::new(false));
        let mended = Arc::clone(&is_mended);
        let script = Script::new(move |asked| if asked.at == at && !mended.load(Ordering::Relaxed) { act.clone() } else { Act::Comply });
        Self { hop: script.start().await.unwrap(), is_mended }
    }

    fn mend(&self) {
        self.is_mended.store(true, Ordering::Relaxed);
    }
}

/// A queue with a smart host for `bad.example`, and another one for all else.
async fn stage(bad: &NextHop, good: &NextHop, change: impl FnOnce(&mut RelayFolder)) -> Stage {
    Stage::new(|folder| {
        folder.root.routes.push(route("bad", &["bad.example"], bad.address().port()));
        folder.root.routes.push(route("good", &[], good.address().port()));
        change(folder);
    })
    .await
}

fn impatient(folder: &mut RelayFolder) {
    let timeouts = &mut folder.root.timeouts;
    *timeouts = Timeouts { next_hop_command_seconds: DEADLINE, next_hop_final_reply_seconds: DEADLINE, ..timeouts.clone() };
}

fn put_off(listed: &Listed) -> Option<(u16, (u8, u16, u16))> {
    let failure = listed.entry.statuses()[0].failure()?;
    Some((failure.code, failure.enhanced))
}

/// The message waits with 4.4.2, which is the link's fault, and another passes by meanwhile; then it arrives.
async fn waits_until_it_is_mended(bad: Bad) {
    let good = Script::good().start().await.unwrap();
    let mut stage = stage(&bad.hop, &good, impatient).await;
    let id = stage.put(envelope(&["jo@bad.example"]), CONTENT).await;
    stage.put(envelope(&["sam@good.example"]), CONTENT).await;
    stage.start();
    taken(&good, 1).await;
    let listed = stage.when(id, "a failed attempt", |listed| put_off(listed).is_some()).await;
    assert_eq!(put_off(&listed), Some((451, (4, 4, 2))));
    bad.mend();
    stage.is_empty().await;
    assert_eq!(bad.hop.record().messages().last().unwrap().content, CONTENT);
    assert_eq!(bad.hop.record().messages().len(), 1);
    assert_eq!(stage.metric("postern_next_hop_possible_duplicates_total"), 0);
}

#[tokio::test]
async fn one_that_never_answers_is_given_up_after_the_deadline() {
    waits_until_it_is_mended(Bad::start(At::Mail, Act::Hang).await).await;
}

#[tokio::test]
async fn one_that_takes_the_deadline_for_a_few_bytes_is_given_up() {
    let pause = Duration::from_secs(u64::from(DEADLINE)) / 4;
    waits_until_it_is_mended(Bad::start(At::Mail, Act::Whisper(pause)).await).await;
}

#[tokio::test]
async fn one_that_speaks_in_single_bytes_is_heard_out() {
    let slow = Script::new(|_| Act::Whisper(Duration::from_millis(5))).start().await.unwrap();
    let good = Script::good().start().await.unwrap();
    let mut stage = stage(&slow, &good, |_| {}).await;
    stage.put(envelope(&["jo@bad.example"]), CONTENT).await;
    stage.start();
    stage.is_empty().await;
    assert_eq!(slow.record().messages().len(), 1);
    assert_eq!(slow.record().messages()[0].content, CONTENT);
    assert_eq!(stage.metric("postern_queue_attempts_total"), 1);
}

#[tokio::test]
async fn replies_that_are_slipped_in_before_tls_are_not_believed() {
    // If they were, the recipient would be refused for good, and the sender told so.
    let injected = b"220 2.0.0 Go ahead\r\n250-evil\r\n250 PIPELINING\r\n250 2.1.0 Ok\r\n550 5.1.1 unknown\r\n".to_vec();
    let certificate = Authority::new("ca").unwrap().server(&["127.0.0.1"]).unwrap();
    let script = Script::fault(At::StartTls, Act::Write(injected)).with_tls(certificate.server_config().unwrap());
    let (hop, good) = (script.start().await.unwrap(), Script::good().start().await.unwrap());
    let mut stage = stage(&hop, &good, |folder| {
        let next_hops = next_hops(hop.address().port(), NextHopTlsMode::Encrypt);
        folder.root.routes[0].to = RouteTarget::Hosts { next_hops, credentials: None };
    })
    .await;
    stage.put(envelope(&["jo@bad.example"]), CONTENT).await;
    stage.start();
    stage.is_empty().await;
    let messages = hop.record().messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].is_tls);
    assert_eq!((&*messages[0].content, &*messages[0].rcpts), (CONTENT, &["<jo@bad.example>".to_owned()][..]));
    assert_eq!(good.record().connections(), 0, "nobody was told anything");
}

#[tokio::test]
async fn one_that_closes_after_the_dot_may_get_it_twice() {
    let bad = Bad::start(At::EndOfData, Act::Close).await;
    let good = Script::good().start().await.unwrap();
    let mut stage = stage(&bad.hop, &good, |_| {}).await;
    let id = stage.put(envelope(&["jo@bad.example"]), CONTENT).await;
    stage.start();
    let listed = stage.when(id, "a failed attempt", |listed| put_off(listed).is_some()).await;
    assert_eq!(put_off(&listed), Some((451, (4, 4, 2))));
    bad.mend();
    stage.is_empty().await;
    let messages = bad.hop.record().messages();
    assert!(messages.len() > 1 && messages.iter().all(|message| message.content == CONTENT), "{messages:?}");
    assert_eq!(stage.metric("postern_next_hop_possible_duplicates_total"), u64::try_from(messages.len()).unwrap() - 1);
    assert_eq!(stage.metric("postern_queue_deliveries_total{result=\"delivered\",destination=\"smart_hosts\"}"), 1);
}
