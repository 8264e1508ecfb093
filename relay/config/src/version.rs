//! Versions of the contract: which of them are read, and how strictly.
//!
//! Operator and relays are never upgraded in the same instant, so each version is read by the relays of the version before and after it. A
//! change that an older relay can ignore adds a field; one that it must not ignore raises `minReader` in the files that use it.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::LoadError;

/// The version of the contract that this crate writes.
pub const VERSION: u32 = 2;
/// The oldest version that a reader of what this crate writes must know.
pub const MIN_READER: u32 = 2;
/// The oldest version that this crate reads.
pub const OLDEST: u32 = VERSION - 1;

/// How files are read, as their root says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Of our own version: a field that is not known is a mistake.
    Strict,
    /// Of another version that may be read: fields that are not known are ignored.
    Lenient,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Header {
    version: u64,
    min_reader: Option<u64>,
}

impl Reading {
    /// How the configuration with the root `bytes` is to be read, which the file `file` holds.
    pub(crate) fn of(file: &str, bytes: &[u8]) -> Result<Self, LoadError> {
        let Header { version, min_reader } = parse(file, bytes)?;
        let (ours, min_reader) = (u64::from(VERSION), min_reader.unwrap_or(version));
        if version == ours {
            Ok(Self::Strict)
        } else if version >= OLDEST.into() && min_reader <= ours {
            Ok(Self::Lenient)
        } else {
            Err(LoadError::Version { version, min_reader })
        }
    }

    /// The content of `file`.
    pub(crate) fn decode<T: Serialize + DeserializeOwned>(self, file: &str, bytes: &[u8]) -> Result<T, LoadError> {
        let value = parse(file, bytes)?;
        // The operator writes with the same encoder, so what is known all through comes back to the byte.
        if self == Self::Strict && encode(&value) != bytes {
            let unknown = unknown(&parse(file, bytes)?, &parse(file, &encode(&value))?);
            if let Some(field) = unknown {
                return Err(LoadError::UnknownField { file: file.to_owned(), field });
            }
        }
        Ok(value)
    }
}

fn parse<T: DeserializeOwned>(file: &str, bytes: &[u8]) -> Result<T, LoadError> {
    serde_json::from_slice(bytes).map_err(|source| LoadError::Malformed { file: file.to_owned(), source })
}

pub(crate) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    // The model holds no map with other keys than strings and no float, so encoding it can't fail.
    let mut bytes = serde_json::to_vec_pretty(value).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

/// Path of the first field that was `read` and is not among what is `known`. One that is null or an empty list says nothing.
fn unknown(read: &Value, known: &Value) -> Option<String> {
    match (read, known) {
        (Value::Object(read), Value::Object(known)) => read.iter().find_map(|(name, value)| match known.get(name) {
            Some(known) => unknown(value, known).map(|rest| format!("{name}{}{rest}", if rest.starts_with('[') { "" } else { "." })),
            None => (!value.is_null() && value.as_array().is_none_or(|list| !list.is_empty())).then(|| name.clone()),
        }),
        (Value::Array(read), Value::Array(known)) => read.iter().zip(known).enumerate().find_map(|(index, (read, known))| {
            unknown(read, known).map(|rest| format!("[{index}]{}{rest}", if rest.starts_with('[') { "" } else { "." }))
        }),
        _ => None,
    }
}
