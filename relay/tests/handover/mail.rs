//! Messages of every kind, and what is in a queue.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};
use postern_proto::address::{ForwardPath, ReversePath};
use postern_spool::{
    Body as _, DsnRequest, Entry, Envelope, Failure, Filter, Local, MessageId, Origin, Recipient, Retry, Spool as _, Status, Writer as _,
};

/// What there is of a message: the entry, whether it is held, and the content.
pub(crate) type Whole = (Entry, bool, Vec<u8>);

/// A message that is new.
pub(crate) fn entry() -> Entry {
    let arrival = Timestamp::from_second(1_795_780_800).unwrap();
    let recipients = ["<jo@example.com>", "<kim@example.com>", "<lee@example.com>"];
    let envelope = Envelope {
        reverse_path: ReversePath::parse("<sender@example.org>").unwrap().0,
        recipients: recipients.map(|path| Recipient::new(ForwardPath::parse(path).unwrap().0)).to_vec(),
        body: None,
        smtputf8: true,
        dsn: DsnRequest { ret: None, envelope_id: Some("QQ314159".to_owned()) },
        arrival,
        expires: arrival + 120.hours(),
        listener: "submission".to_owned(),
        origin: Origin::Identity("billing".to_owned()),
    };
    Entry::new(MessageId::new(), envelope)
}

/// A message that was tried, delivered in part, and given up in part.
fn tried() -> Entry {
    let mut entry = entry();
    let later = entry.envelope().arrival + 1.hour();
    let busy = Failure::new(450, (4, 2, 1), "mailbox busy");
    entry.statuses_mut()[0] = Status::Pending(Retry { attempts: 7, next: later, last: Some(busy), delay_told: true });
    entry.statuses_mut()[1] = Status::Delivered;
    entry.statuses_mut()[2] = Status::Failed(Failure::new(550, (5, 1, 1), "no such user"));
    entry
}

/// Puts `count` messages of every kind and size into a queue.
pub(crate) async fn fill(spool: &Local, count: usize) {
    for index in 0..count {
        let entry = if index % 3 == 0 { tried() } else { entry() };
        let length = [0, 1, 5_000, 65_536, 200_001][index % 5];
        let content: Vec<u8> = (0..length).map(|at| u8::try_from((at * 7 + index) % 251).unwrap()).collect();
        let id = put(spool, entry, &content).await;
        if index % 4 == 0 {
            spool.hold(id).await.unwrap();
        }
    }
}

pub(crate) async fn put(spool: &Local, entry: Entry, content: &[u8]) -> MessageId {
    let mut writer = spool.begin(entry).await.unwrap();
    writer.append(content).await.unwrap();
    writer.commit().await.unwrap()
}

/// All that is in a queue.
pub(crate) async fn all(spool: &Local) -> BTreeMap<MessageId, Whole> {
    let mut all = BTreeMap::new();
    for listed in spool.list(&Filter::default(), None, usize::MAX).await.unwrap().messages {
        let mut body = spool.body(listed.entry.id()).await.unwrap();
        let mut content = Vec::new();
        while let Some(piece) = body.next_chunk().await.unwrap() {
            content.extend_from_slice(piece);
        }
        all.insert(listed.entry.id(), (listed.entry, listed.held, content));
    }
    all
}
