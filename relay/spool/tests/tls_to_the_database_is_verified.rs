//! The link to the database is as safe as it was asked to be.

#![allow(clippy::unwrap_used, clippy::panic, reason = "functions that tests share are tests too")]

mod common;

use common::{database::settings, mail::put_len};
use postern_spool::{OpenError, Postgres, postgres::Tls};
use postern_tests::{pki::Authority, postgres};

struct Server {
    server: postgres::Postgres,
    authority: Authority,
}

/// A server that speaks TLS as `name`, or none.
async fn server(name: Option<&str>) -> Server {
    let authority = Authority::new("databases").unwrap();
    let mut server = postgres::Postgres::new().unwrap();
    if let Some(name) = name {
        server.show(&authority.server(&[name]).unwrap()).unwrap();
    }
    server.run().await.unwrap();
    Server { server, authority }
}

impl Server {
    async fn open(&self, tls: Tls) -> Result<Postgres, OpenError> {
        let mut settings = settings(&self.server, "postgres");
        settings.tls = tls;
        Postgres::open(settings).await
    }

    fn verify(&self) -> Tls {
        verify(&self.authority)
    }

    /// Who is connected with TLS and without.
    fn sessions(&self) -> String {
        let sql = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'relay-0'";
        self.server.sql("postgres", sql).unwrap()
    }
}

fn verify(authority: &Authority) -> Tls {
    Tls::Verify { authorities: Some(authority.pem()) }
}

#[tokio::test]
async fn the_right_certificate_is_taken() {
    let server = server(Some("127.0.0.1")).await;
    let spool = server.open(server.verify()).await.unwrap();
    put_len(&spool, 5).await;
    assert_eq!(server.sessions(), "t");
}

#[tokio::test]
async fn the_certificate_of_another_authority_is_not() {
    let server = server(Some("127.0.0.1")).await;
    let error = server.open(verify(&Authority::new("databases").unwrap())).await.unwrap_err();
    assert!(matches!(error, OpenError::Storage(_)), "{error}");
    assert!(matches!(server.open(Tls::Verify { authorities: None }).await, Err(OpenError::Storage(_))));
}

#[tokio::test]
async fn the_certificate_of_another_name_is_not() {
    let server = server(Some("database.example.com")).await;
    assert!(matches!(server.open(server.verify()).await, Err(OpenError::Storage(_))));
    // Encryption alone asks for no name.
    let spool = server.open(Tls::Encrypt).await.unwrap();
    put_len(&spool, 5).await;
    assert_eq!(server.sessions(), "t");
}

#[tokio::test]
async fn a_server_without_tls_is_used_only_where_that_is_said() {
    let server = server(None).await;
    assert!(matches!(server.open(server.verify()).await, Err(OpenError::Storage(_))));
    assert!(matches!(server.open(Tls::Encrypt).await, Err(OpenError::Storage(_))));
    put_len(&server.open(Tls::Clear).await.unwrap(), 5).await;
}

#[tokio::test]
async fn what_is_no_certificate_is_refused() {
    let server = server(Some("127.0.0.1")).await;
    for pem in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(server.open(Tls::Verify { authorities: Some(pem.to_owned()) }).await.is_err(), "{pem:?}");
    }
}
