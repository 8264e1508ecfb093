//! Writes the vectors of the tests as seeds: `seeds FOLDER` makes a folder for each target.

#[path = "../../../proto/tests/support/text.rs"]
#[allow(dead_code)]
mod text;

use std::{env, fs, io, path::Path};

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../proto/tests/vectors");

fn main() -> io::Result<()> {
    let folder = env::args().nth(1).ok_or_else(|| io::Error::other("name the folder to write to"))?;
    let folder = Path::new(&folder);
    let dialogues = dialogues()?;
    let lines: Vec<_> = dialogues.iter().map(|dialogue| dialogue.client.clone()).collect();
    write(&folder.join("server_session"), dialogues.iter().map(Dialogue::seed).chain(big()))?;
    write(&folder.join("command_line"), lines.iter().cloned())?;
    write(&folder.join("data_reader"), lines.iter().map(|client| [&[0], &client[..]].concat()))?;
    write(&folder.join("client_session"), server_replies()?.into_iter())
}

fn write(folder: &Path, seeds: impl Iterator<Item = Vec<u8>>) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (number, seed) in seeds.enumerate() {
        fs::write(folder.join(format!("vector-{number:03}")), seed)?;
    }
    Ok(())
}

/// The settings of most dialogues, as `server_session` reads them: TLS is optional, 1000 bytes, 100 recipients.
const SETTINGS: u8 = 0b10_01_00;
const TLS_REQUIRED: u8 = 0b01;
const TLS_ACTIVE: u8 = 0b10;
const AUTH_AND_DSN: u8 = 0b1000_0000;
const SIZE: u8 = 0b11_00;
const SIZE_LARGE: u8 = 0b10_00;

/// What a dialogue needs to be heard.
struct Dialogue {
    settings: u8,
    preamble: &'static str,
    client: Vec<u8>,
}

impl Dialogue {
    /// As `server_session` reads it: settings, two tapes that are empty, what the client says.
    fn seed(&self) -> Vec<u8> {
        [&[self.settings, 0, 0], self.preamble.as_bytes(), &self.client].concat()
    }

    fn line(&mut self, line: &str) {
        match line.split_at_checked(2) {
            Some(("C:", text)) => self.client.extend([text::unescape(text.strip_prefix(' ').unwrap_or(text)), b"\r\n".to_vec()].concat()),
            Some(("C|", text)) => self.client.extend(text::unescape(text.strip_prefix(' ').unwrap_or(text))),
            Some(("= ", "tls required")) => self.settings |= TLS_REQUIRED,
            Some(("= ", "tls active")) => self.settings |= TLS_ACTIVE,
            Some(("= ", "from connect")) => self.preamble = "",
            Some(("= ", "from helo")) => self.preamble = "HELO client.test\r\n",
            Some(("= ", "from rcpt")) => self.preamble = "EHLO client.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<u@d.test>\r\n",
            Some(("= ", setting)) if setting.starts_with("auth") || setting.starts_with("dsn") => self.settings |= AUTH_AND_DSN,
            Some(("= ", setting)) if setting.starts_with("size") => self.settings &= !SIZE,
            _ => {}
        }
    }
}

fn dialogues() -> io::Result<Vec<Dialogue>> {
    let mut dialogues = Vec::new();
    for entry in fs::read_dir(Path::new(VECTORS).join("sessions"))? {
        for line in fs::read_to_string(entry?.path())?.lines() {
            if line.starts_with("== ") {
                dialogues.push(Dialogue { settings: SETTINGS, preamble: "EHLO client.test\r\n", client: Vec::new() });
            } else if let Some(dialogue) = dialogues.last_mut() {
                dialogue.line(line);
            }
        }
    }
    Ok(dialogues)
}

/// A client that pipelines without end, and a message over several reads.
fn big() -> [Vec<u8>; 2] {
    let greedy = Dialogue { settings: SETTINGS, preamble: "", client: b"EHLO x\r\n".repeat(400) };
    let preamble = "EHLO client.test\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<u@d.test>\r\nDATA\r\n";
    let long =
        Dialogue { settings: SETTINGS & !SIZE | SIZE_LARGE, preamble, client: [b"text\r\n".repeat(800), b".\r\n".to_vec()].concat() };
    [greedy.seed(), long.seed()]
}

/// Each vector of a reply behind a banner, with a tape that asks EHLO, MAIL, RCPT, DATA, the content and QUIT.
fn server_replies() -> io::Result<Vec<Vec<u8>>> {
    let tape =
        [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0, 0, 1, 6, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 1, 9];
    let length = u8::try_from(tape.len()).map_err(io::Error::other)?;
    let vectors: Vec<serde_json::Value> = serde_json::from_str(&fs::read_to_string(Path::new(VECTORS).join("replies.json"))?)?;
    let seed = |input: &str| [&[length], &tape[..], b"220 mx\r\n250 mx\r\n", input.as_bytes()].concat();
    let good = "250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n221 bye\r\n";
    Ok(vectors.iter().filter_map(|vector| vector["input"].as_str()).chain([good]).map(seed).collect())
}
