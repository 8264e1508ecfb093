//! The messages of a client (RFC 5802 section 7). What the grammar allows and nobody needs is refused: extensions, and attributes without
//! bounds.

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::auth::name::MAX_NAME_BYTES;

const MAX_NONCE_BYTES: usize = 256;

/// What the client says of channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag<'a> {
    /// `n`: it can't.
    Unable,
    /// `y`: it can, and thinks that the server can't.
    Unoffered,
    /// `p`: it does, by this type.
    Used(&'a str),
}

/// The first message.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::auth) struct ClientFirst<'a> {
    pub(super) flag: Flag<'a>,
    /// On whose behalf the client wants to act; empty for its own.
    pub(in crate::auth) authzid: String,
    /// The user.
    pub(in crate::auth) name: String,
    pub(super) nonce: &'a str,
    /// All before the bare message.
    pub(super) gs2_header: &'a str,
    /// All that is signed.
    pub(super) bare: &'a str,
}

impl<'a> ClientFirst<'a> {
    /// Reads it; `None` when it breaks the grammar or a bound.
    pub(in crate::auth) fn parse(message: &'a [u8]) -> Option<Self> {
        let message = str::from_utf8(message).ok()?;
        let mut parts = message.splitn(3, ',');
        let (flag, authzid, bare) = (parts.next()?, parts.next()?, parts.next()?);
        let flag = match flag {
            "n" => Flag::Unable,
            "y" => Flag::Unoffered,
            _ => Flag::Used(flag.strip_prefix("p=")?),
        };
        let authzid = if authzid.is_empty() { String::new() } else { saslname(authzid.strip_prefix("a=")?)? };
        let (name, nonce) = bare.split_once(',')?;
        let nonce = nonce.strip_prefix("r=").filter(|nonce| is_nonce(nonce))?;
        let gs2_header = &message[..message.len() - bare.len()];
        Some(Self { flag, authzid, name: saslname(name.strip_prefix("n=")?)?, nonce, gs2_header, bare })
    }
}

/// The last message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    /// The GS2 header with the data of the channel.
    pub(super) channel_binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: [u8; 32],
    /// All that is signed.
    pub(super) without_proof: &'a str,
}

impl<'a> ClientFinal<'a> {
    /// Reads it; `None` when it breaks the grammar or a bound.
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let message = str::from_utf8(message).ok()?;
        let (without_proof, proof) = message.rsplit_once(",p=")?;
        let (channel_binding, nonce) = without_proof.split_once(',')?;
        let channel_binding = BASE64_STANDARD.decode(channel_binding.strip_prefix("c=")?).ok()?;
        let nonce = nonce.strip_prefix("r=").filter(|nonce| is_nonce(nonce))?;
        let proof = BASE64_STANDARD.decode(proof).ok()?.try_into().ok()?;
        Some(Self { channel_binding, nonce, proof, without_proof })
    }
}

/// Printable, and no comma: an extension that followed is none of it.
fn is_nonce(text: &str) -> bool {
    (1..=MAX_NONCE_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// A name in which `=2C` stands for a comma and `=3D` for an equals sign.
fn saslname(text: &str) -> Option<String> {
    let mut pieces = text.split('=');
    let mut name = pieces.next()?.to_owned();
    for piece in pieces {
        let (sign, rest) = if let Some(rest) = piece.strip_prefix("2C") { (',', rest) } else { ('=', piece.strip_prefix("3D")?) };
        name.push(sign);
        name.push_str(rest);
    }
    (1..=MAX_NAME_BYTES).contains(&name.len()).then_some(name).filter(|name| !name.contains('\0'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_come_out_of_their_escapes() {
        let first = ClientFirst::parse(b"p=tls-exporter,a=boss,n=a=2Cb=3Dc,r=xyz").unwrap();
        assert_eq!((first.flag, &*first.authzid, &*first.name, first.nonce), (Flag::Used("tls-exporter"), "boss", "a,b=c", "xyz"));
        assert_eq!((first.gs2_header, first.bare), ("p=tls-exporter,a=boss,", "n=a=2Cb=3Dc,r=xyz"));
    }

    #[test]
    fn what_the_grammar_forbids_and_what_nobody_needs_is_refused() {
        let long = format!("n,,n=user,r={}", "x".repeat(MAX_NONCE_BYTES + 1));
        let firsts = [
            "",
            "n",
            "n,,",
            "n,,n=user",
            "n,,n=user,r=",
            "n,,n=,r=x",
            "n,,m=ext,n=user,r=x",
            "n,,n=user,r=x,ext=1",
            "x,,n=user,r=x",
            "n,user,n=user,r=x",
            "n,,n=us=er,r=x",
            "n,,n=us=2cer,r=x",
            "n,,r=x,n=user",
            "n,,n=user,r=a b",
            "p,,n=user,r=x",
            &long,
        ];
        for first in firsts {
            assert_eq!(ClientFirst::parse(first.as_bytes()), None, "{first}");
        }
        let proof = BASE64_STANDARD.encode([1; 32]);
        assert!(ClientFinal::parse(format!("c=biws,r=x,p={proof}").as_bytes()).is_some());
        let finals = [
            format!("c=biws,r=x,ext=1,p={proof}"),
            format!("r=x,p={proof}"),
            format!("c=!,r=x,p={proof}"),
            "c=biws,r=x".into(),
            "c=biws,r=x,p=AAAA".into(),
        ];
        for last in finals {
            assert_eq!(ClientFinal::parse(last.as_bytes()), None, "{last}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_is_too_much(message in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = ClientFirst::parse(&message);
            let _ = ClientFinal::parse(&message);
        }

        #[test]
        fn any_name_comes_through(name in "[^\0]{1,60}") {
            let message = format!("n,,n={},r=nonce", name.replace('=', "=3D").replace(',', "=2C"));
            prop_assert_eq!(ClientFirst::parse(message.as_bytes()).unwrap().name, name);
        }
    }
}
