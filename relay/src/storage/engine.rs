//! The queue, wherever it lies.

use std::time::Duration;

use jiff::Timestamp;
use postern_spool::{
    Body, Claim, Entry, Filter, Listed, Local, LocalBody, LocalClaim, LocalWriter, MessageId, Page, Postgres, Reach, Spool, SpoolError,
    Statistics, Status, Writer,
    postgres::{PostgresBody, PostgresClaim, PostgresWriter},
};
use tokio::sync::watch;

/// Does the same with whichever it is.
macro_rules! either {
    ($which:expr, $it:ident => $do:expr) => {
        match $which {
            Either::Local($it) => $do,
            Either::Postgres($it) => $do,
        }
    };
}

/// One of the two engines, or a part of one.
#[derive(Clone, Debug)]
pub enum Either<L, P> {
    /// On a disk of the pod's own.
    Local(L),
    /// In a database that all pods share.
    Postgres(P),
}

/// The queue, wherever it lies.
pub type Engine = Either<Local, Postgres>;

impl Spool for Engine {
    type Writer = Either<LocalWriter, PostgresWriter>;
    type Claim = Either<LocalClaim, PostgresClaim>;
    type Body = Either<LocalBody, PostgresBody>;

    async fn begin(&self, entry: Entry) -> Result<Self::Writer, SpoolError> {
        match self {
            Self::Local(spool) => spool.begin(entry).await.map(Either::Local),
            Self::Postgres(spool) => spool.begin(entry).await.map(Either::Postgres),
        }
    }

    async fn claim(&self, reach: Reach, now: Timestamp, lease: Duration, limit: usize) -> Result<Vec<Self::Claim>, SpoolError> {
        match self {
            Self::Local(spool) => Ok(spool.claim(reach, now, lease, limit).await?.into_iter().map(Either::Local).collect()),
            Self::Postgres(spool) => Ok(spool.claim(reach, now, lease, limit).await?.into_iter().map(Either::Postgres).collect()),
        }
    }

    fn next_due(&self) -> watch::Receiver<Option<Timestamp>> {
        either!(self, spool => spool.next_due())
    }

    async fn get(&self, id: MessageId) -> Result<Listed, SpoolError> {
        either!(self, spool => spool.get(id).await)
    }

    async fn body(&self, id: MessageId) -> Result<Self::Body, SpoolError> {
        match self {
            Self::Local(spool) => spool.body(id).await.map(Either::Local),
            Self::Postgres(spool) => spool.body(id).await.map(Either::Postgres),
        }
    }

    async fn list(&self, filter: &Filter, after: Option<MessageId>, limit: usize) -> Result<Page, SpoolError> {
        either!(self, spool => spool.list(filter, after, limit).await)
    }

    async fn hold(&self, id: MessageId) -> Result<(), SpoolError> {
        either!(self, spool => spool.hold(id).await)
    }

    async fn resume(&self, id: MessageId) -> Result<(), SpoolError> {
        either!(self, spool => spool.resume(id).await)
    }

    async fn reschedule(&self, id: MessageId, due: Timestamp) -> Result<(), SpoolError> {
        either!(self, spool => spool.reschedule(id, due).await)
    }

    async fn remove(&self, id: MessageId) -> Result<(), SpoolError> {
        either!(self, spool => spool.remove(id).await)
    }

    async fn statistics(&self) -> Result<Statistics, SpoolError> {
        either!(self, spool => spool.statistics().await)
    }

    async fn close(&self) {
        either!(self, spool => spool.close().await);
    }
}

impl<L: Writer, P: Writer> Writer for Either<L, P> {
    async fn append(&mut self, piece: &[u8]) -> Result<(), SpoolError> {
        either!(self, writer => writer.append(piece).await)
    }

    fn hold(&mut self) {
        either!(self, writer => writer.hold());
    }

    async fn commit(self) -> Result<MessageId, SpoolError> {
        either!(self, writer => writer.commit().await)
    }
}

impl<L: Claim + Sync, P: Claim + Sync> Claim for Either<L, P> {
    type Body = Either<L::Body, P::Body>;

    fn entry(&self) -> &Entry {
        either!(self, claim => claim.entry())
    }

    fn is_held(&self) -> bool {
        either!(self, claim => claim.is_held())
    }

    fn statuses_mut(&mut self) -> &mut [Status] {
        either!(self, claim => claim.statuses_mut())
    }

    fn body_bytes(&self) -> u64 {
        either!(self, claim => claim.body_bytes())
    }

    async fn body(&self) -> Result<Self::Body, SpoolError> {
        match self {
            Self::Local(claim) => claim.body().await.map(Either::Local),
            Self::Postgres(claim) => claim.body().await.map(Either::Postgres),
        }
    }

    async fn update(&mut self) -> Result<(), SpoolError> {
        either!(self, claim => claim.update().await)
    }

    async fn renew(&mut self, until: Timestamp) -> Result<(), SpoolError> {
        either!(self, claim => claim.renew(until).await)
    }

    async fn finish(self) -> Result<(), SpoolError> {
        either!(self, claim => claim.finish().await)
    }

    async fn release(self) -> Result<(), SpoolError> {
        either!(self, claim => claim.release().await)
    }
}

impl<L: Body, P: Body> Body for Either<L, P> {
    async fn next_chunk(&mut self) -> Result<Option<&[u8]>, SpoolError> {
        either!(self, body => body.next_chunk().await)
    }
}
