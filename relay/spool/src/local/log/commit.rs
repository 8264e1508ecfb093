//! Makes the changes of a batch.

use std::{io, sync::atomic::Ordering::Relaxed};

use super::{
    Log,
    request::{Change, Done, Draft, Request},
};
use crate::{
    MessageId, SpoolError,
    error::is_full,
    local::{
        body_file::BodyFile,
        index::{Grave, Queued},
        names,
        scan::Located,
    },
};

/// A request with its records.
struct Job {
    drafts: Vec<Draft>,
    adds: bool,
    /// A grave that is not needed once the records are durable.
    replaces: Option<Grave>,
    done: Done,
}

impl Request {
    /// Bytes of content that come with it.
    pub(super) fn content_len(&self) -> usize {
        match &self.change {
            Change::Add(addition) => addition.content.len(),
            _ => 0,
        }
    }
}

impl Log {
    /// Makes all changes of the batch durable, and answers each request.
    pub(super) fn commit(&mut self, batch: Vec<Request>) {
        let jobs = self.jobs(batch);
        let jobs = self.list_bodies(jobs);
        if jobs.is_empty() {
            self.look_after();
            return;
        }
        match self.append_all(&jobs) {
            Ok(located) => self.applied(jobs, &located),
            Err(error) if is_full(&error) => self.commit_without_room(jobs, &error),
            Err(error) => self.fail(jobs, &error),
        }
    }

    /// What makes room is more urgent than what needs it, and smaller.
    fn commit_without_room(&mut self, jobs: Vec<Job>, error: &io::Error) {
        let (additions, rest): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.adds);
        let some_failed = !additions.is_empty();
        self.fail(additions, error);
        if rest.is_empty() {
            return;
        }
        let mut result = if some_failed { self.append_all(&rest) } else { Err(error.kind().into()) };
        if result.as_ref().is_err_and(is_full) && self.ballast.give(&self.store.usage) {
            result = self.append_all(&rest);
        }
        match result {
            Ok(located) => self.applied(rest, &located),
            Err(error) => self.fail(rest, &error),
        }
    }

    /// Turns requests into records, and answers those that need none.
    fn jobs(&mut self, batch: Vec<Request>) -> Vec<Job> {
        let mut jobs = Vec::with_capacity(batch.len());
        for Request { id, change, done } in batch {
            let adds = matches!(change, Change::Add(_));
            let replaces = match &change {
                Change::Rebury(grave) => Some(*grave),
                _ => None,
            };
            match self.draft(id, change) {
                Ok(drafts) if !drafts.is_empty() => jobs.push(Job { drafts, adds, replaces, done }),
                result => self.answer(done, result.map(drop)),
            }
        }
        jobs
    }

    /// Makes it durable that the files with the content of new messages are there, before any record says so.
    fn list_bodies(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let has_file = |job: &Job| job.drafts.iter().any(|draft| draft.file.is_some());
        if !jobs.iter().any(has_file) {
            return jobs;
        }
        match self.store.bodies.sync() {
            Ok(()) => jobs,
            Err(error) => {
                let (concerned, rest): (Vec<_>, _) = jobs.into_iter().partition(has_file);
                self.fail(concerned, &error);
                rest
            }
        }
    }

    fn append_all(&mut self, jobs: &[Job]) -> io::Result<Vec<Located>> {
        let drafts: Vec<_> = jobs.iter().flat_map(|job| &job.drafts).collect();
        self.append(&drafts)
    }

    /// The records are durable: they count from now on.
    fn applied(&mut self, jobs: Vec<Job>, located: &[Located]) {
        let gone: Vec<_> = self.store.change(|index| {
            jobs.iter().filter_map(|job| job.replaces).for_each(|grave| index.segments.unbury(grave));
            located.iter().filter_map(|(place, header)| index.apply(*place, header)).collect()
        });
        self.store.changes.fetch_add(jobs.len() as u64, Relaxed);
        self.store.syncs.fetch_add(1, Relaxed);
        let (additions, rest): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.adds);
        let freed = !rest.is_empty();
        self.succeed(additions);
        // Whoever hears that a message is gone may put it in again: then its file must be gone, too.
        for (id, queued) in gone {
            self.remove_body(id, &queued);
        }
        self.succeed(rest);
        if freed {
            self.look_after();
        }
    }

    fn succeed(&mut self, jobs: Vec<Job>) {
        for job in jobs {
            job.drafts.into_iter().filter_map(|draft| draft.file).for_each(BodyFile::keep);
            self.answer(job.done, Ok(()));
        }
    }

    fn remove_body(&self, id: MessageId, queued: &Queued) {
        if !queued.filed {
            return;
        }
        match self.store.bodies.remove(&names::body(id)) {
            Ok(()) => self.store.usage.sub(queued.body_bytes),
            // The next start removes it.
            Err(error) => tracing::warn!(%id, %error, "the content of a message that is gone can't be removed"),
        }
    }

    fn fail(&mut self, jobs: Vec<Job>, error: &io::Error) {
        tracing::warn!(%error, changes = jobs.len(), "changes of the spool could not be made");
        for job in jobs {
            self.answer(job.done, Err(io::Error::new(error.kind(), error.to_string()).into()));
        }
        self.look_after();
    }

    fn answer(&mut self, done: Done, result: Result<(), SpoolError>) {
        match done {
            Done::Tell(_) => done.tell(result),
            Done::Nobody => self.upkeep.heard(&result),
        }
    }
}
