use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{reference::LocalSecretReference, schema::rule};

/// The queue of what is not yet delivered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    ".emptyDir",
    "has(self.emptyDir) == (self.storage == 'EmptyDir')",
    "emptyDir belongs to the storage EmptyDir; set the field of the storage that you name, and no other",
))]
#[schemars(transform = rule(
    ".persistentVolume",
    "has(self.persistentVolume) == (self.storage == 'PersistentVolume')",
    "persistentVolume belongs to the storage PersistentVolume; set the field of the storage that you name, and no other",
))]
#[schemars(transform = rule(
    ".postgres",
    "has(self.postgres) == (self.storage == 'Postgres')",
    "postgres belongs to the storage Postgres; set the field of the storage that you name, and no other",
))]
pub struct Spool {
    /// Where the queue lies. It can't be changed: make another SmtpRelay.
    ///
    /// `EmptyDir`: in a volume that ends with its pod. It survives a crash of the container, and a pod that ends in peace hands its mail to
    /// others; the mail of a pod that is lost is lost, so the relay reports `SpoolDurable=False`. `PersistentVolume`: in a volume of each pod's
    /// own, which outlives it; the mail of a pod waits on its volume until the pod is back. `Postgres`: in a PostgreSQL database that all pods
    /// share, so that each delivers what another took.
    #[schemars(transform = rule(
        "",
        "self == oldSelf",
        "mail may lie in the queue, so its storage can't be changed; make another SmtpRelay with the new one, and delete this when its queue is empty",
    ))]
    pub storage: StorageKind,
    /// The volume of the storage `EmptyDir`. Required with it, refused with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "EmptyDirStorage")]
    pub empty_dir: Option<EmptyDirStorage>,
    /// The volumes of the storage `PersistentVolume`. Required with it, refused with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PersistentVolumeStorage")]
    pub persistent_volume: Option<PersistentVolumeStorage>,
    /// The database of the storage `Postgres`. Required with it, refused with others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "PostgresStorage")]
    pub postgres: Option<PostgresStorage>,
    /// When what could not be delivered is tried again.
    #[serde(default)]
    pub retry: Retry,
    /// How long, in seconds, a message is tried; then its sender gets it back. Default 432000 (5 days); 3600 to 2592000.
    #[serde(default = "default_lifetime_seconds")]
    #[schemars(range(min = 3600, max = 2_592_000))]
    pub lifetime_seconds: i32,
    /// After how many seconds the sender is told that a message still waits; 0 for never. Default 14400 (4 hours); 0 or 60 to 2592000.
    #[serde(default = "default_delay_warning_seconds")]
    #[schemars(range(min = 0, max = 2_592_000))]
    #[schemars(transform = rule(
        "",
        "self == 0 || self >= 60",
        "a warning comes after a minute at the soonest; write 60 or more, or 0 for none",
    ))]
    pub delay_warning_seconds: i32,
    /// Deliveries that one pod makes at once. Default 100; 1 to 10000.
    #[serde(default = "default_deliveries")]
    #[schemars(range(min = 1, max = 10_000))]
    pub deliveries: i32,
    /// Deliveries that one pod makes at once to one destination: a route's smart hosts, or the exchangers of one domain. Default 20; 1 to 1000.
    #[serde(default = "default_deliveries_per_destination")]
    #[schemars(range(min = 1, max = 1000))]
    pub deliveries_per_destination: i32,
}

/// Where a queue lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum StorageKind {
    /// In a volume that ends with its pod.
    EmptyDir,
    /// In a volume of each pod's own, which outlives it.
    PersistentVolume,
    /// In a database that all pods share.
    Postgres,
}

/// A volume that ends with its pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct EmptyDirStorage {
    /// Its size; the queue takes four fifths of it, and then senders get 452 4.3.1 and try again. Default `2Gi`.
    #[schemars(schema_with = "crate::schema::quantity")]
    pub size_limit: Quantity,
}

impl Default for EmptyDirStorage {
    fn default() -> Self {
        Self { size_limit: Quantity("2Gi".to_owned()) }
    }
}

/// Volumes that outlive their pods, and the relay: nobody but you deletes them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = rule(
    "",
    "self == oldSelf",
    "the volumes of a relay can't be changed here; grow each PersistentVolumeClaim by hand, or make another SmtpRelay and delete this when its queue is empty",
))]
pub struct PersistentVolumeStorage {
    /// The class that makes them. It can't be changed. Default: the cluster's own default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "crate::schema::object_name")]
    pub storage_class_name: Option<String>,
    /// The size of each; the queue takes four fifths of it, and then senders get 452 4.3.1 and try again. It can't be changed.
    #[schemars(schema_with = "crate::schema::quantity")]
    pub size: Quantity,
}

/// A PostgreSQL database, version 14 or later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PostgresStorage {
    /// Where the database is, and how the relay logs in: a Secret of the relay's namespace.
    ///
    /// `host`, `database` and `username`; `password` where the server wants one; `port`, 5432 when it is not there; `tls`, what TLS to the server
    /// must give: `Verify` (a certificate for the host from the CA of `ca.crt`, or from a public CA), `Encrypt` (any certificate) or `Clear`;
    /// `Verify` when it is not there.
    pub connection_ref: LocalSecretReference,
    /// Connections that one pod keeps at most. Default 10; 2 to 100.
    #[serde(default = "default_max_connections")]
    #[schemars(range(min = 2, max = 100))]
    pub max_connections: i32,
}

/// When what could not be delivered is tried again: each time the wait doubles, give or take a fifth, up to a longest one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(transform = rule(
    ".longestSeconds",
    "self.firstSeconds <= self.longestSeconds",
    "waits grow; make longestSeconds at least firstSeconds",
))]
pub struct Retry {
    /// Seconds until the second attempt. Default 300; 1 to 86400.
    #[schemars(range(min = 1, max = 86_400))]
    pub first_seconds: i32,
    /// The longest wait, in seconds. Default 3600; 1 to 86400.
    #[schemars(range(min = 1, max = 86_400))]
    pub longest_seconds: i32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first_seconds: 300, longest_seconds: 3600 }
    }
}

fn default_lifetime_seconds() -> i32 {
    432_000
}

fn default_delay_warning_seconds() -> i32 {
    14_400
}

fn default_deliveries() -> i32 {
    100
}

fn default_deliveries_per_destination() -> i32 {
    20
}

fn default_max_connections() -> i32 {
    10
}
