//! Dialogues of a client with a server session, as text: `vectors/sessions/README.md` tells the form.

use std::{fs, path::Path};

use postern_proto::{
    reply::Reply,
    server::{AuthOffer, Offer, TlsOffer},
};

use crate::{
    driver::{Answer, Driver},
    text::{escape, unescape},
};

/// One dialogue.
pub(crate) struct Dialogue {
    pub(crate) name: String,
    offer: Offer,
    /// What the client says before the dialogue begins; the replies to it are not looked at.
    preamble: &'static [u8],
    acts: Vec<Act>,
}

enum Act {
    /// Bytes of the client.
    Client(Vec<u8>),
    /// A line that the log must have.
    Expect(String),
    /// How the driver deals with the question before.
    Answer(Answer),
}

/// Reads all dialogues of the folder.
pub(crate) fn load(folder: &str) -> Vec<Dialogue> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(folder);
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    files.sort();
    files.iter().flat_map(|path| parse_file(path)).collect()
}

fn parse_file(path: &Path) -> Vec<Dialogue> {
    let stem = path.file_stem().unwrap().to_string_lossy();
    let mut dialogues: Vec<Dialogue> = Vec::new();
    for line in fs::read_to_string(path).unwrap().lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match (line.strip_prefix("== "), dialogues.last_mut()) {
            (Some(name), _) => dialogues.push(Dialogue::new(format!("{stem}: {name}"))),
            (None, Some(dialogue)) => dialogue.line(line),
            (None, None) => panic!("{stem}: a line stands before the first dialogue: {line}"),
        }
    }
    dialogues
}

impl Dialogue {
    fn new(name: String) -> Self {
        let offer = Offer {
            hostname: "mx.test".to_owned(),
            max_message_bytes: 1000,
            max_recipients: 100,
            tls: TlsOffer::Optional,
            one_next_hop_per_transaction: false,
            auth: AuthOffer::Never,
            dsn: false,
        };
        Self { name, offer, preamble: b"EHLO client.test\r\n", acts: Vec::new() }
    }

    fn line(&mut self, line: &str) {
        let (kind, text) = line.split_at(2);
        let text = text.strip_prefix(' ').unwrap_or(text);
        match kind {
            "= " => self.setting(text),
            "C:" => self.acts.push(Act::Client([unescape(text), b"\r\n".to_vec()].concat())),
            "C|" => self.acts.push(Act::Client(unescape(text))),
            "S:" | "* " | "? " => self.acts.push(Act::Expect(line.to_owned())),
            "B:" => self.acts.push(Act::Expect(format!("B: {}", escape(&unescape(text))))),
            "! " => self.acts.push(Act::Answer(match text.strip_prefix("refuse ") {
                Some(refusal) => Answer::RefuseContent(reply(refusal)),
                None => Answer::Reply(reply(text)),
            })),
            _ => panic!("{}: not a line of a dialogue: {line}", self.name),
        }
    }

    fn setting(&mut self, setting: &str) {
        match setting.split_once(' ') {
            Some(("tls", "required")) => self.offer.tls = TlsOffer::Required,
            Some(("tls", "active")) => self.offer.tls = TlsOffer::Active,
            Some(("size", bytes)) => self.offer.max_message_bytes = bytes.parse().unwrap(),
            Some(("recipients", count)) => self.offer.max_recipients = count.parse().unwrap(),
            Some(("next-hops", "one")) => self.offer.one_next_hop_per_transaction = true,
            Some(("from", "connect")) => self.preamble = b"",
            Some(("from", "helo")) => self.preamble = b"HELO client.test\r\n",
            Some(("from", "rcpt")) => self.preamble = b"EHLO client.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<u@d.test>\r\n",
            _ => panic!("{}: not a setting: {setting}", self.name),
        }
    }

    /// What the client says until TLS or the end, and then until the next.
    pub(crate) fn segments(&self) -> Vec<Vec<u8>> {
        let mut segments = vec![Vec::new()];
        for act in &self.acts {
            match act {
                Act::Client(bytes) => segments.last_mut().unwrap().extend_from_slice(bytes),
                Act::Expect(line) if line == "* TLS" => segments.push(Vec::new()),
                Act::Expect(_) | Act::Answer(_) => {}
            }
        }
        segments
    }

    /// Bytes that the client says in all.
    pub(crate) fn len(&self) -> usize {
        self.segments().iter().map(Vec::len).sum()
    }

    /// Lines that the log must have.
    pub(crate) fn expected(&self) -> Vec<&str> {
        self.acts.iter().filter_map(|act| if let Act::Expect(line) = act { Some(line.as_str()) } else { None }).collect()
    }

    fn driver(&self) -> Driver {
        let mut answers = Vec::new();
        for act in &self.acts {
            match act {
                Act::Expect(line) if line.starts_with("? ") => answers.push(Answer::Default),
                Act::Answer(answer) => *answers.last_mut().expect("a question stands before an answer") = answer.clone(),
                Act::Expect(_) | Act::Client(_) => {}
            }
        }
        Driver::new(&self.offer, self.preamble, answers)
    }

    /// Lets the session hear what the client says, cut before the bytes of the given numbers. Gives the log.
    pub(crate) fn run(&self, cut_before: impl Fn(usize) -> bool) -> Vec<String> {
        let mut driver = self.driver();
        let mut number = 0;
        for segment in self.segments() {
            let mut heard = 0;
            for at in 0..segment.len() {
                if cut_before(number + at) {
                    driver.hear(&segment[heard..at]);
                    heard = at;
                }
            }
            driver.hear(&segment[heard..]);
            driver.start_tls();
            number += segment.len();
        }
        driver.log().to_vec()
    }

    /// Lets the session hear each line when it is written, and checks that the log is then as far as it is written.
    pub(crate) fn run_as_written(&self) {
        let mut driver = self.driver();
        let mut expected = Vec::new();
        let mut acts = self.acts.iter().peekable();
        while let Some(act) = acts.next() {
            match act {
                Act::Client(bytes) => {
                    driver.start_tls();
                    driver.hear(bytes);
                }
                Act::Expect(line) => expected.push(line.as_str()),
                Act::Answer(_) => {}
            }
            if acts.peek().is_none_or(|next| matches!(next, Act::Client(_))) {
                assert_same(&self.name, "as it is written", &expected, driver.log());
            }
        }
    }
}

fn reply(text: &str) -> Reply {
    let (code, rest) = text.split_once(' ').unwrap();
    let (enhanced, rest) = rest.split_once(' ').unwrap();
    let mut digits = enhanced.split('.').skip(1).map(|digits| digits.parse().unwrap());
    Reply::new(code.parse().unwrap(), (digits.next().unwrap(), digits.next().unwrap()), rest.to_owned())
}

/// Fails unless the log has the expected lines; of a reply, the expected line needs to have no more than codes.
pub(crate) fn assert_same(name: &str, how: &str, expected: &[&str], log: &[String]) {
    let same = |expected: &&str, line: &String| match line.strip_prefix(*expected) {
        Some(rest) => rest.is_empty() || expected.starts_with("S: ") && rest.starts_with(' '),
        None => false,
    };
    let matches = expected.len() == log.len() && expected.iter().zip(log).all(|(expected, line)| same(expected, line));
    assert!(matches, "{name}, heard {how}\nexpected:\n  {}\nlog:\n  {}\n", expected.join("\n  "), log.join("\n  "));
}
