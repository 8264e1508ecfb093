//! The operator's CAs, kept in Secrets of its own namespace, and who it is to the pods of relays.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::{
    apply::FIELD_MANAGER,
    cluster::{Permits, WriteError, permit::WRITE_TIMEOUT},
    issue::{Authority, DamagedCa, IssueError, identity, is_current, issue_identity},
    labels::{MANAGED_BY, OPERATOR},
    material::CertifiedKey,
};

/// So often it is looked whether somebody replaced a CA.
const REREAD: Duration = Duration::from_mins(10);
/// So often it is tried to write a CA that others write too.
const ATTEMPTS: usize = 3;

/// The operator's CAs.
#[derive(Clone, Debug)]
pub struct Authorities {
    /// Of the certificates that relays show for mail.
    pub mail: Arc<Authority>,
    /// Of those by which relays and the operator know each other.
    pub identities: Arc<Authority>,
}

/// Why the operator's own keys are out of reach.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// A Secret can't be read or written.
    #[error("Secret {secret} of the operator: {source}")]
    Access {
        /// The Secret.
        secret: String,
        /// Why.
        source: WriteError,
    },
    /// A Secret does not hold what it should.
    #[error("Secret {secret} of the operator: {source}")]
    Damaged {
        /// The Secret.
        secret: String,
        /// What is wrong with it.
        source: DamagedCa,
    },
    /// Others write the Secret all the time.
    #[error("Secret {0} of the operator: others write it at the same time")]
    Contended(String),
    /// A certificate can't be made.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// A certificate that was made can't be used.
    #[error("the operator's certificate can't be used: {0}")]
    Tls(#[from] rustls::Error),
}

impl KeyringError {
    /// In one word.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Access { .. } | Self::Contended(_) => "KeyringAccess",
            Self::Damaged { .. } => "KeyringDamaged",
            Self::Issue(_) | Self::Tls(_) => "IssueFailed",
        }
    }

    /// Whether it passes by itself.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Access { source: WriteError::Api(kube::Error::Api(status)), .. } => status.code >= 429,
            Self::Access { .. } | Self::Contended(_) => true,
            Self::Damaged { .. } | Self::Issue(_) | Self::Tls(_) => false,
        }
    }
}

/// Keeps the operator's CAs. It reads them once and then now and then; a lost Secret is written again, and of several that make a CA the first wins.
pub struct Keyring {
    api: Api<Secret>,
    namespace: String,
    permits: Permits,
    mail: Mutex<Option<Held>>,
    identities: Mutex<Option<Held>>,
    operator: Mutex<Option<Operator>>,
}

struct Held {
    authority: Arc<Authority>,
    read: Instant,
}

/// Who the operator is.
struct Operator {
    pair: CertifiedKey,
    authority: Arc<Authority>,
}

/// What a CA is for.
#[derive(Clone, Copy)]
enum Purpose {
    Mail,
    Identities,
}

impl Purpose {
    fn secret(self) -> &'static str {
        match self {
            Self::Mail => "postern-ca",
            Self::Identities => "postern-identity",
        }
    }

    fn at(self, now: Timestamp, kept: Vec<CertifiedKey>) -> Result<Authority, IssueError> {
        match self {
            Self::Mail => Authority::at(now, kept),
            Self::Identities => Authority::of_identities_at(now, kept),
        }
    }
}

impl Keyring {
    /// Keeps them in `namespace`.
    #[must_use]
    pub fn new(client: Client, permits: Permits, namespace: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            namespace: namespace.to_owned(),
            permits,
            mail: Mutex::new(None),
            identities: Mutex::new(None),
            operator: Mutex::new(None),
        }
    }

    /// The CAs as they are at `now`; made when there are none, succeeded when that is due.
    pub async fn authorities(&self, now: Timestamp) -> Result<Authorities, KeyringError> {
        let mail = self.authority(Purpose::Mail, &mut *self.mail.lock().await, now).await?;
        let identities = self.authority(Purpose::Identities, &mut *self.identities.lock().await, now).await?;
        Ok(Authorities { mail, identities })
    }

    /// What the operator shows to pods, and trusts of them; nothing when that is what it was the last time.
    pub async fn renewed_tls(&self, identities: &Arc<Authority>, now: Timestamp) -> Result<Option<Arc<ClientConfig>>, KeyringError> {
        let mut operator = self.operator.lock().await;
        let is_good =
            |operator: &Operator| operator.authority == *identities && is_current(&operator.pair, identity::OPERATOR, identities, now);
        if operator.as_ref().is_some_and(is_good) {
            return Ok(None);
        }
        let pair = issue_identity(identity::OPERATOR, identities, now)?;
        let config = client_config(&pair, identities)?;
        *operator = Some(Operator { pair, authority: Arc::clone(identities) });
        Ok(Some(Arc::new(config)))
    }

    async fn authority(&self, purpose: Purpose, held: &mut Option<Held>, now: Timestamp) -> Result<Arc<Authority>, KeyringError> {
        let kept = held.as_ref().map(|held| held.authority.published().to_vec()).unwrap_or_default();
        if let Some(held) = held.as_ref().filter(|held| held.read.elapsed() < REREAD)
            && purpose.at(now, kept.clone())? == *held.authority
        {
            return Ok(Arc::clone(&held.authority));
        }
        let authority = Arc::new(self.read_or_write(purpose, kept, now).await?);
        *held = Some(Held { authority: Arc::clone(&authority), read: Instant::now() });
        Ok(authority)
    }

    /// What the Secret holds, brought up to `now`. `kept` is written if there is no Secret.
    async fn read_or_write(&self, purpose: Purpose, kept: Vec<CertifiedKey>, now: Timestamp) -> Result<Authority, KeyringError> {
        let name = purpose.secret();
        for _ in 0..ATTEMPTS {
            let (authority, found) = match self.read(name).await? {
                None => (purpose.at(now, kept.clone())?, None),
                Some(secret) => {
                    let data = secret.data.clone().unwrap_or_default();
                    let kept = Authority::kept_in(&data).map_err(|source| KeyringError::Damaged { secret: self.name(name), source })?;
                    let authority = purpose.at(now, kept)?;
                    if authority.data() == data {
                        return Ok(authority);
                    }
                    (authority, Some(secret))
                }
            };
            match self.write(name, &authority, found).await {
                Ok(()) => return Ok(authority),
                // Another was faster; what it wrote counts.
                Err(WriteError::Api(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {}
                Err(source) => return Err(KeyringError::Access { secret: self.name(name), source }),
            }
        }
        Err(KeyringError::Contended(self.name(name)))
    }

    async fn read(&self, name: &str) -> Result<Option<Secret>, KeyringError> {
        let access = |source| KeyringError::Access { secret: self.name(name), source };
        let read = timeout(WRITE_TIMEOUT, self.api.get_opt(name)).await.map_err(|_| access(WriteError::TimedOut))?;
        read.map_err(|error| access(error.into()))
    }

    async fn write(&self, name: &str, authority: &Authority, found: Option<Secret>) -> Result<(), WriteError> {
        let params = PostParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PostParams::default() };
        let permit = self.permits.take()?;
        if let Some(secret) = found {
            // At the version that was read.
            let secret = Secret { data: Some(authority.data()), ..secret };
            permit.spend(self.api.replace(name, &params, &secret)).await?;
        } else {
            let labels = [(MANAGED_BY, OPERATOR), ("app.kubernetes.io/part-of", "postern")];
            let secret = Secret {
                metadata: ObjectMeta {
                    name: Some(name.to_owned()),
                    labels: Some(labels.map(|(label, value)| (label.to_owned(), value.to_owned())).into()),
                    ..ObjectMeta::default()
                },
                data: Some(authority.data()),
                ..Secret::default()
            };
            permit.spend(self.api.create(&params, &secret)).await?;
        }
        Ok(())
    }

    fn name(&self, name: &str) -> String {
        format!("{}/{name}", self.namespace)
    }
}

fn client_config(pair: &CertifiedKey, authority: &Authority) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(authority.bundle().as_str().as_bytes()).flatten());
    let chain = CertificateDer::pem_slice_iter(pair.chain().as_bytes()).flatten().collect();
    let key = PrivateKeyDer::from_pem_slice(pair.key().reveal().as_bytes())
        .map_err(|error| rustls::Error::General(format!("its key can't be read: {error}")))?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
