//! How paths and the body type are stored: as SMTP writes them. They are read by SMTP's own grammar, so that nothing comes out of the spool
//! that could not have come in.

use postern_proto::{
    address::{ForwardPath, ReversePath},
    envelope::BodyType,
    path_parser::PathError,
};
use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

fn whole<'de, P, D: Deserializer<'de>>(text: &str, parsed: Result<(P, &str), PathError>) -> Result<P, D::Error> {
    match parsed {
        Ok((path, "")) => Ok(path),
        Ok((_, rest)) => Err(D::Error::custom(format_args!("{rest:?} stands behind the path in {text:?}"))),
        Err(error) => Err(D::Error::custom(format_args!("{text:?}: {error}"))),
    }
}

/// `<local@domain>` or `<>`.
pub(super) mod reverse_path {
    use super::{Deserialize, Deserializer, ReversePath, Serializer, whole};

    pub(in crate::model) fn serialize<S: Serializer>(path: &ReversePath, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("<{path}>"))
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ReversePath, D::Error> {
        let text = String::deserialize(deserializer)?;
        whole::<_, D>(&text, ReversePath::parse(&text))
    }
}

/// `<local@domain>` or `<Postmaster>`.
pub(super) mod forward_path {
    use super::{Deserialize, Deserializer, ForwardPath, Serializer, whole};

    pub(in crate::model) fn serialize<S: Serializer>(path: &ForwardPath, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("<{path}>"))
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ForwardPath, D::Error> {
        let text = String::deserialize(deserializer)?;
        whole::<_, D>(&text, ForwardPath::parse(&text))
    }
}

/// `7BIT`, `8BITMIME` (RFC 6152) or null.
pub(super) mod body_type {
    use serde::Serialize;

    use super::{BodyType, Deserialize, Deserializer, Serializer};

    /// The same, named as SMTP names it.
    #[derive(Serialize, Deserialize)]
    enum Named {
        #[serde(rename = "7BIT")]
        SevenBit,
        #[serde(rename = "8BITMIME")]
        EightBitMime,
    }

    #[expect(clippy::trivially_copy_pass_by_ref, clippy::ref_option, reason = "serde passes the field so")]
    pub(in crate::model) fn serialize<S: Serializer>(body: &Option<BodyType>, serializer: S) -> Result<S::Ok, S::Error> {
        let named = body.map(|body| match body {
            BodyType::SevenBit => Named::SevenBit,
            BodyType::EightBitMime => Named::EightBitMime,
        });
        named.serialize(serializer)
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<BodyType>, D::Error> {
        Ok(Option::deserialize(deserializer)?.map(|named| match named {
            Named::SevenBit => BodyType::SevenBit,
            Named::EightBitMime => BodyType::EightBitMime,
        }))
    }
}
