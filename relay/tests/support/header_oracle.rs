//! The header firewall as one would write it for a message that lies whole in memory: slow and plain, so that it can be believed.

/// The message without the fields that `host` must not let in.
pub(crate) fn filter(message: &[u8], host: &str) -> Vec<u8> {
    let mut passed = Vec::new();
    let mut lines = message.split_inclusive(|byte| *byte == b'\n').peekable();
    let continues = |line: &&[u8]| line.starts_with(b" ") || line.starts_with(b"\t");
    // What continues no field would continue the one that the relay puts before the message.
    while lines.next_if(continues).is_some() {}
    while let Some(line) = lines.next_if(|line| !matches!(*line, b"\r\n" | b"\n")) {
        let mut field = line.to_vec();
        while let Some(continuation) = lines.next_if(continues) {
            field.extend_from_slice(continuation);
        }
        if !is_forbidden(&unfold(&field), host) {
            passed.extend_from_slice(&field);
        }
    }
    passed.extend(lines.flatten());
    passed
}

/// One char for one byte, without the line ends.
fn unfold(field: &[u8]) -> String {
    let text: String = field.iter().map(|byte| char::from(*byte)).collect();
    text.replace("\r\n", "").replace('\n', "")
}

fn is_forbidden(field: &str, host: &str) -> bool {
    let lower = field.to_ascii_lowercase();
    if lower.starts_with("x-ms-exchange-organization-") || lower.starts_with("x-ms-exchange-forest-") {
        return true;
    }
    let value = lower.strip_prefix("authentication-results").and_then(|rest| rest.trim_start_matches([' ', '\t']).strip_prefix(':'));
    value.is_some_and(|value| authserv_id(value).trim().trim_end_matches('.') == host)
}

fn authserv_id(value: &str) -> String {
    let value = skip_comments(value);
    let Some(quoted) = value.strip_prefix('"') else {
        return value.chars().take_while(|char| *char > ' ' && *char != '\u{7f}' && !"()<>@,;:\\\"/[]?=".contains(*char)).collect();
    };
    let mut id = String::new();
    let mut chars = quoted.chars();
    while let Some(char) = chars.next().filter(|char| *char != '"') {
        id.extend(if char == '\\' { chars.next() } else { Some(char) });
    }
    id
}

fn skip_comments(value: &str) -> &str {
    let value = value.trim_start_matches([' ', '\t']);
    let Some(mut rest) = value.strip_prefix('(') else {
        return value;
    };
    let mut depth = 1;
    while depth > 0 {
        let mut chars = rest.chars();
        match chars.next() {
            Some('(') => depth += 1,
            Some(')') => depth -= 1,
            Some('\\') => _ = chars.next(),
            Some(_) => {}
            None => return "",
        }
        rest = chars.as_str();
    }
    skip_comments(rest)
}
