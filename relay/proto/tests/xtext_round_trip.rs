//! What parameters about reports say is the same when it is written and read again, and never more than one word of a command.

use postern_proto::envelope::{
    DsnRequest, Notify, OriginalRecipient, Return,
    xtext::{self, Xtext},
};
use proptest::prelude::*;

/// What may stand in a command as a value: printable ASCII without a space or `=`.
fn is_value(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'!'..=b'<' | b'>'..=b'~'))
}

fn notify() -> impl Strategy<Value = Notify> {
    let on = |(success, failure, delay)| Notify::On { success, failure, delay };
    prop_oneof![Just(Notify::Never), (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(on)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn printable_text_is_the_same_as_xtext_and_back(text in "[ -~]{0,60}") {
        let written = Xtext(&text).to_string();
        prop_assert!(text.is_empty() || is_value(&written));
        prop_assert_eq!(xtext::decode(&written), Some(text));
    }

    #[test]
    fn whatever_is_written_as_xtext_is_one_word(text in ".{1,60}") {
        prop_assert!(is_value(&Xtext(&text).to_string()));
    }

    #[test]
    fn what_is_read_as_xtext_is_printable_and_has_one_reading(text in "([!-~]|\\+[0-9A-F]{2}){1,60}") {
        if let Some(decoded) = xtext::decode(&text) {
            prop_assert!(decoded.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            let written = Xtext(&decoded).to_string();
            prop_assert!(written.len() <= text.len());
            prop_assert_eq!(xtext::decode(&written), Some(decoded));
        }
    }

    #[test]
    fn an_envelope_id_fits_or_is_refused(text in "[ -~]{1,110}") {
        let written = Xtext(&text).to_string();
        prop_assert_eq!(DsnRequest::parse_envelope_id(&written).ok(), (written.len() <= 100).then_some(text));
    }

    #[test]
    fn an_original_recipient_is_the_same_or_is_refused(address in "[^\\p{Cc}]{1,120}", is_utf8: bool) {
        let original = OriginalRecipient { address_type: if is_utf8 { "utf-8" } else { "rfc822" }.to_owned(), address };
        let written = original.to_string();
        prop_assert!(is_value(&written));
        let may_be_read = written.len() <= 500 && (is_utf8 || original.address.is_ascii());
        prop_assert_eq!(written.parse().ok(), may_be_read.then_some(original));
    }

    #[test]
    fn an_address_in_utf8_may_stand_for_itself(address in "[!-*,-<>-\\[\\]-~äλ中😀]{1,40}") {
        let original = OriginalRecipient { address_type: "utf-8".to_owned(), address };
        prop_assert_eq!(format!("utf-8;{}", original.address).parse().ok(), Some(original));
    }

    #[test]
    fn a_control_character_is_never_read(before in "[a-z]{0,5}", control in "\\p{Cc}") {
        let hex = format!("{:02X}", u32::from(control.chars().next().unwrap_or_default()));
        for text in [format!("rfc822;{before}+{hex}"), format!("utf-8;{before}\\x{{{hex}}}"), format!("utf-8;{before}{control}")] {
            prop_assert!(text.parse::<OriginalRecipient>().is_err(), "{text}");
        }
    }

    #[test]
    fn notify_is_the_same(notify in notify()) {
        let written = notify.to_string();
        prop_assert!(is_value(&written));
        let nothing = Notify::On { success: false, failure: false, delay: false };
        let read = if notify == nothing { Notify::Never } else { notify };
        prop_assert_eq!(written.parse(), Ok(read));
        prop_assert_eq!(written.to_lowercase().parse(), Ok(read));
    }

    #[test]
    fn ret_is_the_same(full: bool) {
        let ret = if full { Return::Full } else { Return::Headers };
        prop_assert_eq!(ret.to_string().parse(), Ok(ret));
    }
}
