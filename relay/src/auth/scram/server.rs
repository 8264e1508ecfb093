//! An exchange.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{
    Verifier, hmac,
    message::{ClientFinal, ClientFirst, Flag},
};

/// The type of channel binding of TLS 1.3 (RFC 9266).
const TLS_EXPORTER: &str = "tls-exporter";

/// What the mechanism and the connection say of channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::auth) enum Binding {
    /// The exchange is to be bound to a channel that exports this.
    Required([u8; 32]),
    /// It could have been bound, but the client chose a mechanism that does not.
    Forgone,
    /// The connection gives nothing to bind to.
    Impossible,
}

impl Binding {
    /// What the client must have put before its bare message, and what it adds to that at the end; `None` if it must not go on.
    fn data(self, flag: Flag<'_>) -> Option<Vec<u8>> {
        match (self, flag) {
            (Self::Required(data), Flag::Used(TLS_EXPORTER)) => Some(data.to_vec()),
            // A client that could bind and did not see our offer: somebody took it out on the way (RFC 5802 section 6).
            (Self::Forgone, Flag::Unoffered) | (Self::Required(_), _) | (_, Flag::Used(_)) => None,
            (Self::Forgone | Self::Impossible, Flag::Unable) | (Self::Impossible, Flag::Unoffered) => Some(Vec::new()),
        }
    }
}

/// The server, which has sent its first message.
pub(in crate::auth) struct Server {
    verifier: Verifier,
    /// The client's and ours.
    nonce: String,
    /// What the client must send as its channel binding.
    channel_binding: Vec<u8>,
    /// Both first messages, as they are signed.
    signed: String,
}

impl Server {
    /// Answers the client's first message. `nonce` is printable, has no comma, and never comes twice.
    pub(in crate::auth) fn begin(first: &ClientFirst<'_>, binding: Binding, verifier: Verifier, nonce: &str) -> Option<(Self, Vec<u8>)> {
        let data = binding.data(first.flag)?;
        let nonce = format!("{}{nonce}", first.nonce);
        let challenge = format!("r={nonce},s={},i={}", BASE64_STANDARD.encode(&verifier.salt), verifier.iterations);
        let signed = format!("{},{challenge}", first.bare);
        let channel_binding = [first.gs2_header.as_bytes(), &data].concat();
        Some((Self { verifier, nonce, channel_binding, signed }, challenge.into_bytes()))
    }

    /// Judges the client's last message. What comes out proves to the client that the server knows the verifier.
    pub(in crate::auth) fn finish(&self, last: &[u8]) -> Option<Vec<u8>> {
        let last = ClientFinal::parse(last)?;
        let message = [self.signed.as_bytes(), b",", last.without_proof.as_bytes()];
        let signature = hmac(&self.verifier.stored_key, &message);
        let mut client_key = last.proof;
        client_key.iter_mut().zip(signature).for_each(|(byte, mask)| *byte ^= mask);
        let is_proven = Sha256::digest(client_key).ct_eq(&self.verifier.stored_key)
            & last.channel_binding.ct_eq(&self.channel_binding)
            & last.nonce.as_bytes().ct_eq(self.nonce.as_bytes());
        bool::from(is_proven).then(|| format!("v={}", BASE64_STANDARD.encode(hmac(&self.verifier.server_key, &message))).into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 section 3: user `user`, password `pencil`.
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const CHALLENGE: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const PROOF: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
    /// What PostgreSQL and gsasl make of that password and salt.
    const VERIFIER: &str =
        "4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";

    fn begin(first: &str, binding: Binding) -> Option<(Server, Vec<u8>)> {
        Server::begin(&ClientFirst::parse(first.as_bytes())?, binding, Verifier::parse(VERIFIER).unwrap(), NONCE)
    }

    #[test]
    fn the_exchange_of_rfc_7677_comes_out_as_it_is_there() {
        let (server, challenge) = begin(FIRST, Binding::Impossible).unwrap();
        assert_eq!(challenge, CHALLENGE.as_bytes());
        assert_eq!(server.finish(LAST.as_bytes()).unwrap(), PROOF.as_bytes());
    }

    #[test]
    fn no_bit_of_the_last_message_may_change() {
        let (server, _) = begin(FIRST, Binding::Impossible).unwrap();
        for place in 0..LAST.len() * 8 {
            let mut last = LAST.as_bytes().to_vec();
            last[place / 8] ^= 1 << (place % 8);
            assert_eq!(server.finish(&last), None, "bit {place}");
        }
    }

    #[test]
    fn channel_binding_is_neither_left_out_nor_put_in() {
        let required = Binding::Required([9; 32]);
        let cases = [
            ("n", Binding::Impossible, true),
            ("y", Binding::Impossible, true),
            ("p=tls-exporter", Binding::Impossible, false),
            ("n", Binding::Forgone, true),
            ("y", Binding::Forgone, false),
            ("p=tls-exporter", Binding::Forgone, false),
            ("n", required, false),
            ("y", required, false),
            ("p=tls-unique", required, false),
            ("p=tls-exporter", required, true),
        ];
        for (flag, binding, goes_on) in cases {
            assert_eq!(begin(&format!("{flag},,n=user,r=x"), binding).is_some(), goes_on, "{flag} {binding:?}");
        }
    }

    /// The client's side, to make last messages that are right but for the channel.
    fn last(challenge: &[u8], first: &str, channel: &[u8]) -> String {
        let mut salted = [0; 32];
        let salt = Verifier::parse(VERIFIER).unwrap().salt;
        pbkdf2::pbkdf2::<::hmac::Hmac<Sha256>>(b"pencil", &salt, 4096, &mut salted).unwrap();
        let challenge = str::from_utf8(challenge).unwrap();
        let nonce = challenge.split(',').next().unwrap();
        let (header, bare) = first.split_at(first.find("n=user").unwrap());
        let without_proof = format!("c={},{nonce}", BASE64_STANDARD.encode([header.as_bytes(), channel].concat()));
        let client_key = hmac(&salted, &[b"Client Key"]);
        let signature = hmac(&Sha256::digest(client_key), &[format!("{bare},{challenge},{without_proof}").as_bytes()]);
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, mask)| key ^ mask).collect();
        format!("{without_proof},p={}", BASE64_STANDARD.encode(proof))
    }

    #[test]
    fn a_proof_from_another_channel_is_worth_nothing() {
        let first = "p=tls-exporter,,n=user,r=abc";
        let (server, challenge) = begin(first, Binding::Required([9; 32])).unwrap();
        assert!(server.finish(last(&challenge, first, &[9; 32]).as_bytes()).is_some());
        assert!(server.finish(last(&challenge, first, &[8; 32]).as_bytes()).is_none());
        assert!(server.finish(last(&challenge, first, &[]).as_bytes()).is_none());
    }
}
