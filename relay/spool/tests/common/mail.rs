//! Messages, and what is done with them all the time.

use std::{sync::Arc, time::Duration};

use jiff::{Timestamp, ToSpan};
use postern_proto::address::{ForwardPath, ReversePath};
use postern_spool::{
    Body, Claim, DsnRequest, Entry, Envelope, Local, MessageId, Origin, Reach, Recipient, Recovery, Settings, Spool, SpoolError, Status,
    Writer, directory::Directory,
};

/// A lease that no test outlives.
pub const LEASE: Duration = Duration::from_hours(1);

/// The time at which all messages of tests arrive.
pub fn noon() -> Timestamp {
    "2026-11-27T12:00:00Z".parse().unwrap()
}

pub fn minutes(count: i64) -> Timestamp {
    noon() + count.minutes()
}

pub fn reverse_path(text: &str) -> ReversePath {
    ReversePath::parse(text).unwrap().0
}

pub fn recipient(text: &str) -> Recipient {
    Recipient::new(ForwardPath::parse(text).unwrap().0)
}

/// A message to these recipients.
pub fn entry_to(recipients: &[&str]) -> Entry {
    let envelope = Envelope {
        reverse_path: reverse_path("<sender@example.org>"),
        recipients: recipients.iter().map(|path| recipient(path)).collect(),
        body: None,
        smtputf8: false,
        dsn: DsnRequest::default(),
        arrival: noon(),
        expires: noon() + 120.hours(),
        listener: "submission".to_owned(),
        origin: Origin::Identity("billing".to_owned()),
    };
    Entry::new(MessageId::new(), envelope)
}

/// A message to one recipient.
pub fn entry() -> Entry {
    entry_to(&["<jo@example.com>"])
}

/// Content of this length, which tells its message and every place in it.
pub fn content(id: MessageId, len: usize) -> Vec<u8> {
    let mut content = Vec::with_capacity(len + 64);
    while content.len() < len {
        content.extend_from_slice(format!("{id} at {}\r\n", content.len()).as_bytes());
    }
    content.truncate(len);
    content
}

/// Puts a message into the queue.
pub async fn put<S: Spool>(spool: &S, entry: Entry, content: &[u8]) -> Result<MessageId, SpoolError> {
    let mut writer = spool.begin(entry).await?;
    for piece in content.chunks(10_000) {
        writer.append(piece).await?;
    }
    writer.commit().await
}

/// Puts a message of this length into the queue.
pub async fn put_len<S: Spool>(spool: &S, len: usize) -> MessageId {
    let entry = entry();
    let id = entry.id();
    put(spool, entry, &content(id, len)).await.unwrap()
}

/// All of the content.
pub async fn read(mut body: impl Body) -> Result<Vec<u8>, SpoolError> {
    let mut content = Vec::new();
    while let Some(chunk) = body.next_chunk().await? {
        content.extend_from_slice(chunk);
    }
    Ok(content)
}

/// Claims what is due at `now`.
pub async fn claim_at<S: Spool>(spool: &S, now: Timestamp) -> Vec<S::Claim> {
    spool.claim(Reach::Due, now, LEASE, usize::MAX).await.unwrap()
}

/// Claims the only message that is due.
pub async fn claim_one<S: Spool>(spool: &S) -> S::Claim {
    let mut claims = claim_at(spool, noon()).await;
    assert_eq!(claims.len(), 1, "messages that are due");
    claims.pop().unwrap()
}

/// The names of all messages.
pub async fn names<S: Spool>(spool: &S) -> Vec<MessageId> {
    let page = spool.list(&postern_spool::Filter::default(), None, usize::MAX).await.unwrap();
    page.messages.iter().map(|listed| listed.entry.id()).collect()
}

/// How often the first recipient was tried.
pub fn attempts(entry: &Entry) -> u32 {
    match &entry.statuses()[0] {
        Status::Pending(retry) => retry.attempts,
        other => panic!("{other:?} is pending"),
    }
}

/// Says that the first recipient was tried so often, and stores it.
pub async fn set_attempts(claim: &mut impl Claim, attempts: u32) -> Result<(), SpoolError> {
    if let Status::Pending(retry) = &mut claim.statuses_mut()[0] {
        retry.attempts = attempts;
    }
    claim.update().await
}

/// Settings with segments so small that they come and go all the time.
pub fn small_segments() -> Settings {
    Settings { quota_bytes: u64::MAX, segment_bytes: 8 * 1024 }
}

pub async fn open(directory: &Arc<dyn Directory>) -> (Local, Recovery) {
    Local::open(directory.clone(), small_segments()).await.unwrap()
}

/// Ends the spool and opens it again.
pub async fn reopen(spool: Local, directory: &Arc<dyn Directory>) -> (Local, Recovery) {
    spool.close().await;
    open(directory).await
}

/// The only file of a subdirectory.
pub fn only_file(directory: &Arc<dyn Directory>, subdirectory: &str) -> String {
    let mut names = directory.subdirectory(subdirectory).unwrap().names().unwrap();
    assert_eq!(names.len(), 1, "files in {subdirectory}/");
    names.pop().unwrap()
}

/// What is in a file.
pub fn bytes_of(directory: &Arc<dyn Directory>, subdirectory: &str, name: &str) -> Vec<u8> {
    let file = directory.subdirectory(subdirectory).unwrap().open(name).unwrap();
    let mut bytes = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
    file.read_at(&mut bytes, 0).unwrap();
    bytes
}

/// Puts a file in place of the one that may be there.
pub fn plant(directory: &Arc<dyn Directory>, subdirectory: &str, name: &str, bytes: &[u8]) {
    let subdirectory = directory.subdirectory(subdirectory).unwrap();
    if subdirectory.names().unwrap().iter().any(|there| there == name) {
        subdirectory.remove(name).unwrap();
    }
    let file = subdirectory.create(name).unwrap();
    file.write_at(&[bytes], 0).unwrap();
    file.sync().unwrap();
    subdirectory.sync().unwrap();
}

/// The bytes of a log with one segment, as it is while the spool is open.
pub fn only_segment(directory: &Arc<dyn Directory>) -> Vec<u8> {
    bytes_of(directory, "log", &only_file(directory, "log"))
}

/// A directory with these bytes as its only segment.
pub fn with_segment(bytes: &[u8]) -> Arc<dyn Directory> {
    let directory = super::machine::Machine::new(0).directory();
    plant(&directory, "log", "0000000001.log", bytes);
    directory
}

/// Sees that these messages are in the queue, and no other, with their content.
pub async fn assert_there<S: Spool>(spool: &S, expected: &[(MessageId, usize)]) {
    assert_eq!(names(spool).await, expected.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    for (id, len) in expected {
        assert!(read(spool.body(*id).await.unwrap()).await.unwrap() == content(*id, *len), "content of {id}");
    }
}
