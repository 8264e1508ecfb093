//! A user file with a mistake is refused, with its name and what is wrong with it.

use postern_config::{SenderPattern, User};
use postern_relay::auth::Users;
use tempfile::TempDir;

use crate::site::{ARGON2, BCRYPT, SCRAM, certified, load, user};

fn refusal(contents: &[String]) -> String {
    load(contents).err().unwrap_or_else(|| panic!("{contents:?} was taken")).to_string()
}

fn json(user: &User) -> String {
    serde_json::to_string(user).unwrap()
}

#[test]
fn each_mistake_is_told_with_its_file() {
    let cases = [
        (user("alice", Some("secret")), "passwordHash: the password hash is of no known scheme"),
        (user("alice", Some(&ARGON2.replace("m=64", "m=1000000"))), "passwordHash: the argon2 password hash asks for 976 MiB"),
        (user("alice", Some("$2b$04$")), "passwordHash: the bcrypt password hash can't be read"),
        (user("alice", None), "neither passwordHash nor certificateNames"),
        (user("", Some(ARGON2)), "name: write 1 to 255 bytes"),
        (user(&"x".repeat(256), Some(ARGON2)), "name: write 1 to 255 bytes"),
        (user("\u{2168}", Some(ARGON2)), "name: write 1 to 255 bytes"),
        (user("a\u{7}", Some(ARGON2)), "name: write 1 to 255 bytes"),
        (certified("alice", &["App.example"]), "certificateNames: \"App.example\" is empty or not in lower case"),
        (certified("alice", &[""]), "certificateNames: \"\" is empty"),
        (User { allowed_senders: Vec::new(), ..user("alice", Some(ARGON2)) }, "allowedSenders: name at least one"),
        (User { allowed_senders: vec![SenderPattern::Any], ..user("alice", Some(ARGON2)) }, "allowedSenders: `*` is only for users"),
        (
            User {
                allowed_senders: vec![SenderPattern::Any],
                password_hash: Some(ARGON2.to_owned()),
                ..certified("alice", &["app.example"])
            },
            "allowedSenders: `*` is only for users",
        ),
        (User { messages_per_minute: 0, ..user("alice", Some(ARGON2)) }, "messagesPerMinute: must be at least 1"),
    ];
    for (user, problem) in cases {
        let refusal = refusal(&[json(&user)]);
        assert!(refusal.starts_with(&format!("user.u0.json: {problem}")), "{refusal}");
        assert!(!refusal.contains("secret") && !refusal.contains("$argon2id$"), "{refusal}");
    }
}

#[test]
fn two_users_share_neither_name_nor_certificate() {
    let refused = refusal(&[json(&user("alice", Some(ARGON2))), json(&user("alice", Some(BCRYPT)))]);
    assert_eq!(refused, "user.u1.json: name: \"alice\" is the name of another user too");
    let refused = refusal(&[json(&certified("a", &["a.example", "b.example"])), json(&certified("b", &["b.example"]))]);
    assert_eq!(refused, "user.u1.json: certificateNames: \"b.example\" lets another user in too");
}

#[test]
fn a_file_is_bounded_and_one_json_object() {
    let padded = |bytes: usize| {
        let mut content = json(&user("alice", Some(ARGON2)));
        content.push_str(&" ".repeat(bytes - content.len()));
        content
    };
    assert!(load(&[padded(64 << 10)]).is_ok());
    assert_eq!(refusal(&[padded((64 << 10) + 1)]), "user.u0.json: larger than 64 KiB");
    for content in ["", "{}", "null", "{\"name\":\"alice\"", &(json(&user("alice", Some(ARGON2))) + "x")] {
        let refused = refusal(&[content.to_owned()]);
        assert!(refused.starts_with("user.u0.json: "), "{refused}");
    }
    let missing = Users::load(TempDir::new().unwrap().path(), &["gone".to_owned()]).err().unwrap().to_string();
    assert!(missing.starts_with("user.gone.json: No such file"), "{missing}");
}

#[test]
fn scram_is_for_when_every_user_has_a_verifier() {
    let loaded = |users: &[User]| load(&users.iter().map(json).collect::<Vec<_>>()).unwrap();
    let none = loaded(&[]);
    assert!(none.is_empty() && !none.every_one_has_a_verifier());
    assert!(loaded(&[user("alice", Some(SCRAM)), user("bob", Some(SCRAM))]).every_one_has_a_verifier());
    assert!(!loaded(&[user("alice", Some(SCRAM)), user("bob", Some(ARGON2))]).every_one_has_a_verifier());
    let any = User { allowed_senders: vec![SenderPattern::Any], ..certified("app", &["app.example"]) };
    assert!(!loaded(&[user("alice", Some(SCRAM)), any]).every_one_has_a_verifier());
}
