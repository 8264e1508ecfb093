//! The workload of a relay whose pods have volumes. A volume goes on with the pod of its number, and stays when there is none: mail may be in it.

use k8s_openapi::{
    api::{
        apps::v1::{StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec, StatefulSetUpdateStrategy},
        core::v1::{PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use postern_crds::smtp_relay::PersistentVolumeStorage;

use super::{Settings, names::Names, pod, volumes::QUEUE};
use crate::{quantity::canonical, validate::Validated};

pub(super) fn build(names: &Names, validated: &Validated<'_>, volume: &PersistentVolumeStorage, settings: &Settings) -> StatefulSet {
    let retain = || Some("Retain".to_owned());
    StatefulSet {
        metadata: names.metadata(&names.workload()),
        spec: Some(StatefulSetSpec {
            replicas: Some(validated.relay.spec.replicas),
            selector: names.selector(),
            service_name: Some(names.peers()),
            // No pod waits for another: the mail on its volume would wait too.
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy { type_: Some("RollingUpdate".to_owned()), rolling_update: None }),
            persistent_volume_claim_retention_policy: Some(StatefulSetPersistentVolumeClaimRetentionPolicy {
                when_deleted: retain(),
                when_scaled: retain(),
            }),
            volume_claim_templates: Some(vec![claim(names, volume)]),
            template: pod::template(names, validated, settings),
            ..StatefulSetSpec::default()
        }),
        status: None,
    }
}

fn claim(names: &Names, volume: &PersistentVolumeStorage) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: ObjectMeta { name: Some(QUEUE.to_owned()), labels: Some(names.labels()), ..ObjectMeta::default() },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: volume.storage_class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some([("storage".to_owned(), canonical(&volume.size))].into()),
                limits: None,
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        status: None,
    }
}
