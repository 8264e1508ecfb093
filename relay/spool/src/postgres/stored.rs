//! A message as its rows have it.

use crc32c::{crc32c, crc32c_append};
use sqlx::{Row as _, postgres::PgRow};
use uuid::Uuid;

use super::{failure::failed, schema::MESSAGE_VERSION};
use crate::{
    Listed, MessageId, SpoolError,
    encoding::{decode_entry, decode_statuses},
    time::timestamp,
};

/// What became of reading a message.
pub(super) enum Stored {
    Whole(Box<Listed>),
    /// It is not what was stored.
    Corrupt(MessageId, String),
    /// A newer version of the program wrote it.
    Unreadable(MessageId),
}

/// The checksum that covers the envelope, and the checksums of the content.
pub(super) fn envelope_crc(envelope: &[u8], checksums: &[u8]) -> i64 {
    crc32c_append(crc32c(envelope), checksums).into()
}

/// Reads `id`, `due`, `held`, `body_bytes`, `reader`, `claimed` and what of `message` is named so.
pub(super) fn read(row: &PgRow) -> Result<Stored, SpoolError> {
    let id = MessageId::from(row.try_get::<Uuid, _>("id").map_err(failed)?);
    if row.try_get::<i16, _>("reader").map_err(failed)? > MESSAGE_VERSION {
        return Ok(Stored::Unreadable(id));
    }
    match decode(id, row).map_err(failed)? {
        Ok(listed) => Ok(Stored::Whole(Box::new(listed))),
        Err(what) => Ok(Stored::Corrupt(id, what)),
    }
}

fn decode(id: MessageId, row: &PgRow) -> Result<Result<Listed, String>, sqlx::Error> {
    let Some(envelope) = row.try_get::<Option<&[u8]>, _>("envelope")? else { return Ok(Err("its envelope is missing".to_owned())) };
    if envelope_crc(envelope, row.try_get("checksums")?) != row.try_get::<i64, _>("envelope_crc")? {
        return Ok(Err("its envelope is damaged".to_owned()));
    }
    let statuses: &[u8] = row.try_get("statuses")?;
    if i64::from(crc32c(statuses)) != row.try_get::<i64, _>("statuses_crc")? {
        return Ok(Err("its statuses are damaged".to_owned()));
    }
    let entry = decode_statuses(statuses).and_then(|statuses| decode_entry(id, envelope, statuses));
    let body_bytes = u64::try_from(row.try_get::<i64, _>("body_bytes")?).unwrap_or(0);
    let (due, held, claimed) = (timestamp(row.try_get("due")?), row.try_get("held")?, row.try_get("claimed")?);
    Ok(entry.map(|entry| Listed { entry, body_bytes, due, held, claimed }))
}
