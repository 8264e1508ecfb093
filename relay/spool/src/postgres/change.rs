//! Changes messages of the queue, many with one statement.

use std::collections::HashMap;

use crc32c::crc32c;
use sqlx::{Row as _, query};
use uuid::Uuid;

use super::{
    database::Database,
    due::Wake,
    failure::failed,
    lane::{Batch, Item},
    usage::Usage,
};
use crate::{MessageId, SpoolError};

/// Rows are locked in the order of their names, so that two who change the same ones never wait for each other. Content that was in pieces is
/// swept away later: that takes its time, and others wait for this.
const CHANGE: &str = "
    WITH wanted AS (
        SELECT * FROM unnest($2::uuid[], $3::bigint[], $4::boolean[], $5::bytea[], $6::bigint[], $7::bigint[], $8::boolean[], $9::bigint[])
            AS w (id, fence, gone, statuses, statuses_crc, due, held, lease_until)
    ), locked AS MATERIALIZED (
        SELECT q.id, q.body_bytes, w.fence IS NULL OR w.fence = q.fence AS ours FROM postern_spool.waiting q JOIN wanted w USING (id)
        WHERE q.queue = $1 ORDER BY q.id FOR UPDATE OF q
    ), allowed AS (
        SELECT w.* FROM wanted w JOIN locked USING (id) WHERE ours
    ), changed AS (
        UPDATE postern_spool.waiting q
        SET due = coalesce(a.due, q.due), held = coalesce(a.held, q.held), lease_until = coalesce(a.lease_until, q.lease_until)
        FROM allowed a WHERE q.queue = $1 AND q.id = a.id AND NOT a.gone
    ), restated AS (
        UPDATE postern_spool.message m SET statuses = a.statuses, statuses_crc = a.statuses_crc
        FROM allowed a WHERE m.queue = $1 AND m.id = a.id AND NOT a.gone AND a.statuses IS NOT NULL
    ), removed AS (
        DELETE FROM postern_spool.waiting q USING allowed a WHERE q.queue = $1 AND q.id = a.id AND a.gone
    ), forgotten AS (
        DELETE FROM postern_spool.message m USING allowed a WHERE m.queue = $1 AND m.id = a.id AND a.gone RETURNING m.body
    ), loosened AS (
        INSERT INTO postern_spool.loose SELECT body, 0 FROM forgotten WHERE body IS NOT NULL
    )
    SELECT id, ours, body_bytes FROM locked";

/// What is to become of a message.
#[derive(Debug)]
pub(super) struct Change {
    pub(super) id: MessageId,
    /// Only while this claim of it is the last.
    pub(super) fence: Option<i64>,
    pub(super) what: What,
}

/// What is to become of a message; what is `None` stays.
#[derive(Debug)]
pub(super) enum What {
    Amend {
        statuses: Option<Vec<u8>>,
        due: Option<i64>,
        held: Option<bool>,
        /// By the database's clock.
        lease_until: Option<i64>,
    },
    Remove,
}

impl What {
    pub(super) fn update(statuses: Vec<u8>, due: i64) -> Self {
        Self::Amend { statuses: Some(statuses), due: Some(due), held: None, lease_until: None }
    }

    pub(super) fn hold(held: bool) -> Self {
        Self::Amend { statuses: None, due: None, held: Some(held), lease_until: None }
    }

    pub(super) fn reschedule(due: i64) -> Self {
        Self::Amend { statuses: None, due: Some(due), held: None, lease_until: None }
    }

    pub(super) fn lease(until: i64) -> Self {
        Self::Amend { statuses: None, due: None, held: None, lease_until: Some(until) }
    }

    fn statuses(&self) -> Option<&[u8]> {
        match self {
            Self::Amend { statuses, .. } => statuses.as_deref(),
            Self::Remove => None,
        }
    }

    fn times(&self) -> (Option<i64>, Option<i64>) {
        match self {
            Self::Amend { due, lease_until, .. } => (*due, *lease_until),
            Self::Remove => (None, None),
        }
    }

    fn held(&self) -> Option<bool> {
        match self {
            Self::Amend { held, .. } => *held,
            Self::Remove => None,
        }
    }
}

/// Changes messages.
#[derive(Debug)]
pub(super) struct Changes {
    pub(super) database: Database,
    pub(super) queue: i32,
    pub(super) usage: Usage,
    pub(super) wake: Wake,
}

impl Item for Change {
    fn id(&self) -> MessageId {
        self.id
    }

    fn weight(&self) -> usize {
        self.what.statuses().map_or(0, <[u8]>::len)
    }
}

/// What of each item goes into one array.
fn column<'a, T>(items: &'a [Change], get: impl Fn(&'a Change) -> T) -> Vec<T> {
    items.iter().map(get).collect()
}

impl Batch for Changes {
    type Item = Change;

    async fn run(&self, items: &[Change]) -> Result<Vec<Result<(), SpoolError>>, SpoolError> {
        let query = query(CHANGE)
            .bind(self.queue)
            .bind(column(items, |item| Uuid::from(item.id)))
            .bind(column(items, |item| item.fence))
            .bind(column(items, |item| matches!(item.what, What::Remove)))
            .bind(column(items, |item| item.what.statuses()))
            .bind(column(items, |item| item.what.statuses().map(|statuses| i64::from(crc32c(statuses)))))
            .bind(column(items, |item| item.what.times().0))
            .bind(column(items, |item| item.what.held()))
            .bind(column(items, |item| item.what.times().1));
        let mut found = HashMap::with_capacity(items.len());
        for row in self.database.ask(query).await? {
            let told = (|| Ok::<_, sqlx::Error>((row.try_get::<Uuid, _>(0)?, (row.try_get(1)?, row.try_get(2)?))))();
            let (id, state): (_, (bool, i64)) = told.map_err(failed)?;
            found.insert(MessageId::from(id), state);
        }
        if items.iter().all(|item| matches!(item.what, What::Remove)) {
            self.wake.this();
        } else {
            self.wake.all();
        }
        Ok(items.iter().map(|item| self.outcome(item, found.get(&item.id).copied())).collect())
    }
}

impl Changes {
    fn outcome(&self, item: &Change, found: Option<(bool, i64)>) -> Result<(), SpoolError> {
        match found {
            Some((true, bytes)) => {
                if matches!(item.what, What::Remove) {
                    self.usage.remove(u64::try_from(bytes).unwrap_or(0));
                }
                Ok(())
            }
            Some((false, _)) => Err(SpoolError::Fenced(item.id)),
            None => Err(SpoolError::NotFound(item.id)),
        }
    }
}
