//! Reads envelopes and statuses of messages in the queue.

use std::sync::Arc;

use super::{
    blocking,
    format::Meta,
    index::Queued,
    log::{Change, Requests},
    read::{self, ReadError},
    store::Store,
};
use crate::{Filter, Listed, MessageId, Page, SpoolError, encoding::decode_statuses, time::timestamp};

/// A message without its content.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) listed: Listed,
    /// With the checksums of its content.
    pub(super) checksums: Meta,
}

/// What became of reading one.
enum Read {
    Loaded(Box<Loaded>),
    /// The statuses are corrupt.
    StateCorrupt(String),
    Corrupt(String),
}

/// Reads one message.
pub(super) async fn one(store: &Arc<Store>, requests: &Requests, id: MessageId) -> Result<Loaded, SpoolError> {
    let shared = store.clone();
    let read = blocking::run(move || read_one(&shared, id)).await?;
    judge(store, requests, id, read).await
}

/// Reads messages, all in one go. What became of each is told apart.
pub(super) async fn many(
    store: &Arc<Store>,
    requests: &Requests,
    ids: Vec<MessageId>,
) -> Result<Vec<Result<Loaded, SpoolError>>, SpoolError> {
    let shared = store.clone();
    let read = blocking::run::<Vec<_>, SpoolError>(move || Ok(ids.into_iter().map(|id| (id, read_one(&shared, id))).collect())).await?;
    let mut loaded = Vec::with_capacity(read.len());
    for (id, read) in read {
        loaded.push(match read {
            Ok(read) => judge(store, requests, id, read).await,
            Err(error) => Err(error),
        });
    }
    Ok(loaded)
}

/// A page of the queue.
pub(super) async fn page(
    store: &Arc<Store>,
    requests: &Requests,
    filter: &Filter,
    after: Option<MessageId>,
    limit: usize,
) -> Result<Page, SpoolError> {
    let ids: Vec<_> = {
        let index = store.index();
        index.after(after).map(|(id, _)| id).take(limit).collect()
    };
    let examined = ids.len();
    let next = ids.last().copied().filter(|_| examined == limit);
    let mut messages = Vec::new();
    for loaded in many(store, requests, ids).await? {
        match loaded {
            Ok(loaded) if filter.matches(&loaded.listed) => messages.push(loaded.listed),
            // What ended meanwhile is not in the queue; what can't be read is counted in the statistics.
            Ok(_) | Err(SpoolError::NotFound(_) | SpoolError::Corrupt { .. } | SpoolError::Unreadable(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Page { messages, examined, next })
}

/// Sees to it that what is corrupt is set aside.
async fn judge(store: &Arc<Store>, requests: &Requests, id: MessageId, read: Read) -> Result<Loaded, SpoolError> {
    match read {
        Read::Loaded(loaded) => Ok(*loaded),
        Read::Corrupt(what) => Err(set_aside(requests, id, what).await),
        Read::StateCorrupt(what) => {
            requests.make(id, Change::SetAsideState(what)).await?;
            let shared = store.clone();
            match blocking::run(move || read_one(&shared, id)).await? {
                Read::Loaded(loaded) => Ok(*loaded),
                Read::Corrupt(what) | Read::StateCorrupt(what) => Err(set_aside(requests, id, what).await),
            }
        }
    }
}

/// Sets a message aside, and gives the error that says so.
pub(super) async fn set_aside(requests: &Requests, id: MessageId, what: String) -> SpoolError {
    match requests.make(id, Change::SetAside(what.clone())).await {
        Ok(()) | Err(SpoolError::NotFound(_)) => SpoolError::Corrupt { id, what },
        Err(error) => error,
    }
}

/// Blocks.
fn read_one(store: &Store, id: MessageId) -> Result<Read, SpoolError> {
    loop {
        let (queued, claimed) = look_up(store, id)?;
        let read = read_records(store, id, &queued, claimed);
        // Its records may have been moved, and the segment with the old ones removed, while they were read.
        let unchanged = look_up(store, id)?.0 == queued;
        if unchanged {
            return read;
        }
    }
}

fn look_up(store: &Store, id: MessageId) -> Result<(Queued, bool), SpoolError> {
    let index = store.index();
    let queued = *index.get(id).ok_or(SpoolError::NotFound(id))?;
    if queued.readable { Ok((queued, index.is_claimed(id))) } else { Err(SpoolError::Unreadable(id)) }
}

fn read_records(store: &Store, id: MessageId, queued: &Queued, claimed: bool) -> Result<Read, SpoolError> {
    let mut statuses = None;
    if let Some(place) = queued.state {
        let (file, tag) = store.segment_of(id, place)?;
        let state = read::record(&*file, tag, place);
        match state.and_then(|record| decode_statuses(&record.meta.statuses).map_err(ReadError::Corrupt)) {
            Ok(newest) => statuses = Some(newest),
            Err(ReadError::Corrupt(what)) => return Ok(Read::StateCorrupt(what)),
            Err(ReadError::Storage(error)) => return Err(error.into()),
        }
    }
    let (file, tag) = store.segment_of(id, queued.message)?;
    let meta = match read::record(&*file, tag, queued.message) {
        Ok(record) => record.meta,
        Err(ReadError::Corrupt(what)) => return Ok(Read::Corrupt(what)),
        Err(ReadError::Storage(error)) => return Err(error.into()),
    };
    let entry = match meta.decode(id, statuses) {
        Ok(entry) => entry,
        Err(what) => return Ok(Read::Corrupt(what)),
    };
    let listed = Listed { entry, body_bytes: queued.body_bytes, due: timestamp(queued.due), held: queued.held, claimed };
    let checksums = Meta { checksums: meta.checksums, ..Meta::default() };
    Ok(Read::Loaded(Box::new(Loaded { listed, checksums })))
}
