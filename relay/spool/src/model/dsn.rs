//! How wishes about reports (RFC 3461) are stored: as SMTP writes their parameters. They are read by SMTP's own grammar.

use std::{fmt::Display, str::FromStr};

use postern_proto::envelope::{DsnRequest, Return, xtext::Xtext};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// RET and ENVID, each in a field of its own.
pub(super) mod dsn_request {
    use super::{Deserialize, Deserializer, DsnRequest, Error, Return, Serialize, Serializer, Xtext, parameter};

    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Stored {
        #[serde(with = "parameter", default, skip_serializing_if = "Option::is_none")]
        ret: Option<Return>,
        /// As xtext.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        envelope_id: Option<String>,
    }

    pub(in crate::model) fn serialize<S: Serializer>(dsn: &DsnRequest, serializer: S) -> Result<S::Ok, S::Error> {
        let envelope_id = dsn.envelope_id.as_deref().map(|id| Xtext(id).to_string());
        Stored { ret: dsn.ret, envelope_id }.serialize(serializer)
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DsnRequest, D::Error> {
        let Stored { ret, envelope_id } = Stored::deserialize(deserializer)?;
        let envelope_id = envelope_id.as_deref().map(DsnRequest::parse_envelope_id).transpose().map_err(D::Error::custom)?;
        Ok(DsnRequest { ret, envelope_id })
    }
}

/// The value of a parameter, or null.
pub(super) mod parameter {
    use super::{Deserialize, Deserializer, Display, Error, FromStr, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes the field so")]
    pub(in crate::model) fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::model) fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| text.parse()).transpose().map_err(D::Error::custom)
    }
}
