use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{reference::LocalSecretReference, schema::keyed_by};

/// Who may authenticate on Submission listeners.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Auth {
    /// The users.
    pub users: Users,
}

/// Users of a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Users {
    /// Secrets of the relay's namespace, each of which is one user. 1 to 1000.
    ///
    /// `username`: the name that the client authenticates with. `passwordHash`: what the password is held against, argon2id, bcrypt, or a
    /// verifier of SCRAM-SHA-256 as PostgreSQL writes it; SCRAM is offered when every user has one. `certificateNames`: DNS names or e-mail
    /// addresses, one a line, any of which in a client certificate lets the user in (AUTH EXTERNAL); one of `passwordHash` and
    /// `certificateNames` must be there. `allowedSenders`: whom the user may send as, one a line: `user@example.com`, `@example.com`, `<>` for
    /// reports, or `*` for a user who has certificates alone. `messagesPerMinute`: messages that the user may begin in a minute at one pod,
    /// 60 when it is not there.
    ///
    /// A Secret that changes counts within seconds, with no new pod. A user whose Secret is wrong or gone can't log in until it is mended, and
    /// `ResolvedRefs` names it; other users are not affected.
    #[schemars(length(min = 1, max = 1000))]
    #[schemars(transform = keyed_by(&["name"]))]
    pub secret_refs: Vec<LocalSecretReference>,
}
