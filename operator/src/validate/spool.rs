//! The queue of a relay.

use postern_config::{Database, RetryTimes, Spool, Storage, Violation};
use postern_crds::smtp_relay as api;

use super::{Parts, root::fit};
use crate::{material::Sealed, quantity::units};

impl Parts {
    pub(super) fn spool(
        &mut self,
        spool: Option<&api::Spool>,
        database: Option<(String, Sealed<Database>)>,
    ) -> Result<Option<Spool>, Violation> {
        let Some(spool) = spool else { return Ok(None) };
        let storage = match (&spool.postgres, database) {
            (Some(postgres), Some((name, content))) => {
                self.secrets.database = Some((name.clone(), content));
                let connections = fit("spec.spool.postgres.maxConnections", postgres.max_connections)?;
                Storage::Postgres { database: name, connections }
            }
            _ => Storage::Directory { durable: spool.storage == api::StorageKind::PersistentVolume, quota_bytes: quota(spool) },
        };
        Ok(Some(Spool {
            storage,
            retry: RetryTimes {
                first_seconds: fit("spec.spool.retry.firstSeconds", spool.retry.first_seconds)?,
                longest_seconds: fit("spec.spool.retry.longestSeconds", spool.retry.longest_seconds)?,
            },
            lifetime_seconds: fit("spec.spool.lifetimeSeconds", spool.lifetime_seconds)?,
            delay_warning_seconds: match spool.delay_warning_seconds {
                0 => None,
                seconds => Some(fit("spec.spool.delayWarningSeconds", seconds)?),
            },
            deliveries: fit("spec.spool.deliveries", spool.deliveries)?,
            deliveries_per_destination: fit("spec.spool.deliveriesPerDestination", spool.deliveries_per_destination)?,
        }))
    }
}

/// A volume of the pod's own tells its size, and the relay leaves a fifth of it free by itself. A folder on the node is as large as the node's
/// disk: it has a limit at which the kubelet evicts the pod, and the queue must stay well below that.
fn quota(spool: &api::Spool) -> Option<u64> {
    let limit = &spool.empty_dir.as_ref()?.size_limit;
    u64::try_from(units(limit)?).ok().map(|bytes| bytes / 5 * 4)
}
