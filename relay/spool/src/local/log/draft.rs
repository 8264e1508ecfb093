//! Turns requests into records.

use super::{
    Log,
    request::{Addition, Amendment, Change, Draft},
};
use crate::{
    MessageId, SpoolError,
    local::{
        format::{Kind, Meta},
        index::{Grave, Lease, Place, Queued},
        names,
        quarantine::SetAside,
        read::{self, ReadError, Record},
    },
};

impl Log {
    /// The records that make the change. None when it turns out that nothing is to be done.
    pub(super) fn draft(&mut self, id: MessageId, change: Change) -> Result<Vec<Draft>, SpoolError> {
        match change {
            Change::Add(addition) => self.add(id, addition),
            Change::Amend(amendment) => self.amend(id, amendment),
            Change::Remove(lease) => self.remove(id, lease),
            Change::SetAside(what) => self.set_aside(id, &what),
            Change::SetAsideState(what) => self.set_aside_state(id, &what),
            Change::Move(segment) => self.relocate(id, segment),
            Change::Rebury(grave) => Ok(self.rebury(id, grave)),
        }
    }

    fn queued(&self, id: MessageId) -> Result<Queued, SpoolError> {
        self.store.index().get(id).copied().ok_or(SpoolError::NotFound(id))
    }

    fn check(&self, id: MessageId, lease: Option<Lease>) -> Result<(), SpoolError> {
        match lease {
            Some(lease) if !self.store.index().is_leased(id, lease) => Err(SpoolError::Fenced(id)),
            _ => Ok(()),
        }
    }

    fn add(&self, id: MessageId, addition: Addition) -> Result<Vec<Draft>, SpoolError> {
        if self.queued(id).is_ok() {
            return Err(SpoolError::Exists(id));
        }
        let Addition { due, held, body_bytes, meta, content, file } = addition;
        let mut draft = Draft::new(Kind::Message, id, meta, content);
        draft.header.due = due;
        draft.header.held = held;
        draft.header.body_bytes = body_bytes;
        draft.header.filed = file.is_some();
        draft.file = file;
        self.store.usage.check(draft.header.record_len())?;
        Ok(vec![draft])
    }

    fn amend(&mut self, id: MessageId, amendment: Amendment) -> Result<Vec<Draft>, SpoolError> {
        let queued = self.queued(id)?;
        self.check(id, amendment.lease)?;
        if !queued.readable {
            return Err(SpoolError::Unreadable(id));
        }
        let statuses = match amendment.statuses {
            Some(statuses) => statuses,
            None => self.statuses(id, &queued)?,
        };
        let mut draft = Draft::new(Kind::State, id, Meta { statuses, ..Meta::default() }, Vec::new());
        draft.header.due = amendment.due.unwrap_or(queued.due);
        draft.header.held = amendment.held.unwrap_or(queued.held);
        Ok(vec![draft])
    }

    /// The newest statuses as they are stored.
    fn statuses(&mut self, id: MessageId, queued: &Queued) -> Result<Vec<u8>, SpoolError> {
        if let Some(state) = self.newest_state(id, queued)? {
            return Ok(state.meta.statuses);
        }
        let (file, tag) = self.store.segment_of(id, queued.message)?;
        Ok(read::record(&*file, tag, queued.message).map_err(|error| failed(id, error))?.meta.statuses)
    }

    /// The record with the newest statuses, unless that is the message's own. One that is corrupt is set aside, and those before it count again:
    /// some recipient may be tried once more, and none is forgotten.
    fn newest_state(&mut self, id: MessageId, queued: &Queued) -> Result<Option<Record>, SpoolError> {
        let Some(place) = queued.state else { return Ok(None) };
        let (file, tag) = self.store.segment_of(id, place)?;
        match read::record(&*file, tag, place) {
            Ok(record) => Ok(Some(record)),
            Err(ReadError::Corrupt(what)) => self.set_aside_state(id, &what).map(|_| None),
            Err(error @ ReadError::Storage(_)) => Err(failed(id, error)),
        }
    }

    fn set_aside_state(&mut self, id: MessageId, what: &str) -> Result<Vec<Draft>, SpoolError> {
        let queued = self.queued(id)?;
        if let Some(place) = queued.state {
            self.copy_record(id, place, what)?;
            self.store.change(|index| index.drop_state(id));
        }
        Ok(Vec::new())
    }

    fn remove(&mut self, id: MessageId, lease: Option<Lease>) -> Result<Vec<Draft>, SpoolError> {
        self.queued(id)?;
        self.check(id, lease)?;
        Ok(self.store.index().homes(id).map(|home| Draft::grave(id, home)).collect())
    }

    /// Copies the message into the quarantine first. When that fails it is left where it is, and alone.
    fn set_aside(&mut self, id: MessageId, what: &str) -> Result<Vec<Draft>, SpoolError> {
        let queued = self.queued(id)?;
        match self.quarantine(id, &queued, what) {
            Ok(()) => self.remove(id, None),
            Err(error) => {
                self.store.change(|index| index.set_unreadable(id));
                Err(error)
            }
        }
    }

    fn quarantine(&self, id: MessageId, queued: &Queued, what: &str) -> Result<(), SpoolError> {
        for place in [Some(queued.message), queued.state].into_iter().flatten() {
            self.copy_record(id, place, what)?;
        }
        // A file that is not there is what is wrong with the message.
        if queued.filed
            && let Ok(file) = self.store.bodies.open(&names::body(id))
        {
            let name = names::body(id);
            let (found_in, bytes) = (name.clone(), file.length()?);
            let report = SetAside { file: name, found_in, offset: 0, bytes, message: Some(id), what: what.to_owned(), torn: false };
            self.store.quarantine.set_aside(&report, &*file, &self.store.usage)?;
        }
        Ok(())
    }

    fn copy_record(&self, id: MessageId, place: Place, what: &str) -> Result<(), SpoolError> {
        let (segment, _) = self.store.segment_of(id, place)?;
        let report = SetAside {
            file: names::set_aside(place.segment(), place.offset),
            found_in: names::segment(place.segment()),
            offset: place.offset.into(),
            bytes: place.len.into(),
            message: Some(id),
            what: what.to_owned(),
            torn: false,
        };
        Ok(self.store.quarantine.set_aside(&report, &*segment, &self.store.usage)?)
    }

    /// What of the message lies in the segment, as a record of its own: its own record takes in the newest statuses.
    fn relocate(&mut self, id: MessageId, segment: u32) -> Result<Vec<Draft>, SpoolError> {
        let Ok(queued) = self.queued(id) else { return Ok(Vec::new()) };
        let state = self.newest_state(id, &queued)?;
        if queued.message.segment() == segment {
            return self.relocate_message(id, &queued, state);
        }
        let Some(state) = state.filter(|_| queued.state.is_some_and(|state| state.segment() == segment)) else { return Ok(Vec::new()) };
        let mut draft = Draft::new(Kind::State, id, state.meta, Vec::new());
        draft.header.due = queued.due;
        draft.header.held = queued.held;
        draft.header.format = state.header.format;
        Ok(vec![draft])
    }

    fn relocate_message(&mut self, id: MessageId, queued: &Queued, state: Option<Record>) -> Result<Vec<Draft>, SpoolError> {
        let (file, tag) = self.store.segment_of(id, queued.message)?;
        let read =
            read::record(&*file, tag, queued.message).and_then(|record| Ok((read::inline(&*file, queued.message, &record)?, record)));
        let (content, mut record) = match read {
            Ok(read) => read,
            Err(ReadError::Corrupt(what)) => return self.set_aside(id, &what),
            Err(error @ ReadError::Storage(_)) => return Err(failed(id, error)),
        };
        if let Some(state) = state {
            record.meta.statuses = state.meta.statuses;
            record.header.format = state.header.format;
        }
        let mut draft = Draft::new(Kind::Message, id, record.meta, content);
        draft.header.format = record.header.format;
        draft.header.due = queued.due;
        draft.header.held = queued.held;
        draft.header.filed = queued.filed;
        draft.header.body_bytes = queued.body_bytes;
        Ok(vec![draft])
    }

    /// A message that came back needs no grave: when it goes again, it is buried in that segment too.
    fn rebury(&mut self, id: MessageId, grave: Grave) -> Vec<Draft> {
        let mut index = self.store.index();
        if index.segments.get(grave.home).is_none() {
            return Vec::new();
        }
        if index.remember_stale(id, grave.home) {
            index.segments.unbury(grave);
            return Vec::new();
        }
        vec![Draft::grave(id, grave.home)]
    }
}

fn failed(id: MessageId, error: ReadError) -> SpoolError {
    match error {
        ReadError::Storage(error) => error.into(),
        ReadError::Corrupt(what) => SpoolError::Corrupt { id, what },
    }
}
