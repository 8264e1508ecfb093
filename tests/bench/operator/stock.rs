//! What the operator is given: relays in many namespaces, each with its domains.

use anyhow::{Result, ensure};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{ListParams, PostParams},
    core::NamespaceResourceScope,
};
use postern_crds::{AcceptedDomain, SmtpRelay};
use postern_tests::cluster::Cluster;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

/// So many relays share a namespace.
const TOGETHER: u32 = 10;
/// Requests at once.
const HANDS: usize = 16;
/// Objects in a page of a list.
const PAGE: u32 = 500;

/// Relays and their domains, in the cluster.
pub(crate) struct Stock {
    /// Who may do all.
    pub(crate) client: Client,
    /// Every relay.
    pub(crate) relays: Vec<Place>,
    domains: u32,
}

/// Where a relay and its domains are.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) namespace: String,
    pub(crate) relay: String,
    /// Every domain of the relay.
    pub(crate) domains: Vec<String>,
}

impl Stock {
    /// Makes `relays`, each with as many `domains`.
    pub(crate) async fn make(cluster: &Cluster, relays: u32, domains: u32) -> Result<Self> {
        let client = cluster.client()?;
        let mut places = Vec::new();
        let mut namespace = String::new();
        for number in 0..relays {
            if number % TOGETHER == 0 {
                namespace = cluster.namespace("tenant").await?;
            }
            let domains = (0..domains).map(|domain| format!("domain-{number}-{domain}")).collect();
            places.push(Place { namespace: namespace.clone(), relay: format!("relay-{number}"), domains });
        }
        stream::iter(&places).map(Ok).try_for_each_concurrent(HANDS, |place| place.make(&client)).await?;
        Ok(Self { client, relays: places, domains })
    }

    /// Fails unless every relay has its workload, and every status is about what its resource says now.
    pub(crate) async fn is_done(&self) -> Result<()> {
        let relays = count(&self.client, |relay: &SmtpRelay| {
            let seen = relay.status.as_ref().and_then(|status| status.observed_generation);
            seen.is_some() && seen == relay.metadata.generation
        });
        let domains = count(&self.client, |domain: &AcceptedDomain| {
            let seen = domain.status.as_ref().and_then(|status| status.observed_generation);
            seen.is_some() && seen == domain.metadata.generation
        });
        let workloads = count(&self.client, |workload: &Deployment| workload.labels().contains_key("postern.dev/relay"));
        let (relays, domains, workloads) = (relays.await?, domains.await?, workloads.await?);
        let all = self.relays.len();
        ensure!(relays == all && workloads == all, "of {all} relays {relays} have a status of now, and {workloads} their pods' Deployment");
        let all = all * usize::try_from(self.domains)?;
        ensure!(domains == all, "of {all} domains {domains} have a status of now");
        Ok(())
    }
}

impl Place {
    async fn make(&self, client: &Client) -> Result<()> {
        let hostname = format!("{}.example.com", self.relay);
        let listeners = json!([{ "name": "mx", "role": "Inbound", "port": 25, "tls": { "mode": "StartTls" } }]);
        self.create::<SmtpRelay>(client, &self.relay, json!({ "hostname": hostname, "replicas": 1, "listeners": listeners })).await?;
        for domain in &self.domains {
            let spec = json!({
                "relayRefs": [{ "name": self.relay }],
                "domain": format!("{domain}.example.com"),
                "type": "Authoritative",
                "nextHops": [{ "host": "mail.internal.example.com", "port": 25 }],
            });
            self.create::<AcceptedDomain>(client, domain, spec).await?;
        }
        Ok(())
    }

    async fn create<K>(&self, client: &Client, name: &str, spec: Value) -> Result<()>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    {
        let resource: K = serde_json::from_value(
            json!({ "apiVersion": K::api_version(&()), "kind": K::kind(&()), "metadata": { "name": name }, "spec": spec }),
        )?;
        Api::<K>::namespaced(client.clone(), &self.namespace).create(&PostParams::default(), &resource).await?;
        Ok(())
    }
}

/// How many objects of a kind are as wanted.
async fn count<K>(client: &Client, is_meant: impl Fn(&K) -> bool) -> Result<usize>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let api = Api::<K>::all(client.clone());
    let mut params = ListParams::default().limit(PAGE);
    let mut count = 0;
    loop {
        let page = api.list(&params).await?;
        params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
        count += page.items.iter().filter(|object| is_meant(object)).count();
        if params.continue_token.is_none() {
            return Ok(count);
        }
    }
}
