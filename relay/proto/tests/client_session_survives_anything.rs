//! Whatever a next hop sends, and in whatever pieces: its n-th reply is taken for the answer to the n-th question, or the session is over.

#![allow(clippy::unwrap_used, reason = "functions that tests share are tests too")]

use postern_proto::{
    address::{ForwardPath, ReversePath},
    client::{Event, Extension, Session, To},
    envelope::{MailFrom, RcptTo},
};
use proptest::prelude::*;

/// What a relay asks, one after the other; RCPT goes along with MAIL where that is allowed.
const QUESTIONS: [To; 8] = [To::Connect, To::Ehlo, To::Mail, To::Rcpt, To::Data, To::EndOfData, To::Rset, To::Quit];

fn ask(session: &mut Session, question: To) -> bool {
    let mail = MailFrom::new(ReversePath::Null);
    match question {
        To::Ehlo => session.ehlo("relay.example.com"),
        To::Mail => session.mail(&mail),
        To::Rcpt => session.rcpt(&RcptTo::new(ForwardPath::Postmaster)),
        To::Data => session.data(),
        To::EndOfData => session.content(b".").and_then(|()| session.end_of_data()),
        To::Rset => session.rset(),
        To::Quit => session.quit(),
        To::Connect | To::StartTls | To::Auth => Ok(()),
    }
    .is_ok()
}

/// Talks to a server that sends `pieces`, one at each read, and returns what the session took for answers.
fn talk(pieces: &[Vec<u8>]) -> Vec<(To, u16)> {
    let mut session = Session::new();
    let mut pieces = pieces.iter();
    let mut questions = QUESTIONS.into_iter().peekable();
    let mut answers = Vec::new();
    while let Some(question) = questions.next() {
        let mut asked = usize::from(ask(&mut session, question));
        if question == To::Mail && session.capabilities().offers(Extension::Pipelining) {
            asked += usize::from(questions.next_if_eq(&To::Rcpt).is_some_and(|rcpt| ask(&mut session, rcpt)));
        }
        for _ in 0..asked {
            session.sent(session.output().len());
            let Some(answer) = hear(&mut session, &mut pieces) else { return answers };
            answers.push(answer);
        }
    }
    answers
}

fn hear<'a>(session: &mut Session, pieces: &mut impl Iterator<Item = &'a Vec<u8>>) -> Option<(To, u16)> {
    loop {
        match session.step() {
            Ok(Event::Reply(to, reply)) => return Some((to, reply.code)),
            Ok(Event::Read) => session.input().extend_from_slice(pieces.next()?),
            Err(_) => {
                assert!(!session.is_reusable());
                return None;
            }
        }
    }
}

/// Reads of which most make sense after one another, so that many dialogues come far.
fn pieces() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let fixed = |bytes: &'static [u8]| Just(bytes.to_vec());
    let piece = prop_oneof![
        6 => fixed(b"250 ok\r\n"),
        3 => fixed(b"250 ok\r\n250 ok\r\n"),
        3 => fixed(b"354 go\r\n"),
        1 => fixed(b"550 no\r\n"),
        1 => fixed(b"421 bye\r\n"),
        1 => fixed(b"25"),
        1 => fixed(b"0-x\r\n"),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    let ehlo = prop_oneof![fixed(b"250-mx\r\n250 PIPELINING\r\n"), fixed(b"250 mx\r\n")];
    (ehlo, prop::collection::vec(piece, 0..16)).prop_map(|(ehlo, rest)| [vec![b"220 mx\r\n".to_vec(), ehlo], rest].concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn answers_keep_the_order_of_the_questions(pieces in pieces()) {
        let answers = talk(&pieces);
        let order: Vec<_> = answers.iter().map(|(to, _)| QUESTIONS.iter().position(|question| question == to).unwrap()).collect();
        prop_assert!(order.is_sorted(), "{answers:?}");
        let codes: Vec<_> = answers.iter().map(|(_, code)| *code).collect();
        prop_assert_eq!(&codes[..], &codes_sent(&pieces)[..codes.len()]);
    }

    /// A server that speaks when it is asked, and every answer in its own reads.
    #[test]
    fn a_good_dialogue_comes_to_its_end_whatever_the_reads(cut in 1_usize..9) {
        let replies = ["220 mx\r\n", "250-mx\r\n250 SIZE\r\n", "250 ok\r\n", "250 ok\r\n", "354 go\r\n", "250 ok\r\n", "250 ok\r\n", "221 bye\r\n"];
        let pieces: Vec<_> = replies.iter().flat_map(|reply| reply.as_bytes().chunks(cut).map(<[u8]>::to_vec)).collect();
        prop_assert_eq!(talk(&pieces).into_iter().map(|(to, _)| to).collect::<Vec<_>>(), QUESTIONS);
    }
}

/// The codes of the replies in a stream, as a plain reading finds them: the first three bytes of each line that is the last of its reply.
fn codes_sent(pieces: &[Vec<u8>]) -> Vec<u16> {
    let stream = pieces.concat();
    let lines = stream.split_inclusive(|byte| *byte == b'\n').filter(|line| line.get(3) != Some(&b'-'));
    lines.filter_map(|line| std::str::from_utf8(line.get(..3)?).ok()?.parse().ok()).collect()
}
