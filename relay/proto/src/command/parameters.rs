//! Parameters of MAIL and RCPT: `keyword` or `keyword=value` (RFC 5321 section 4.1.2).

use super::ArgumentError;

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parameter<'a> {
    pub(super) keyword: &'a str,
    pub(super) value: Option<&'a str>,
}

/// The parameters in what stands behind the path.
pub(super) fn parameters(text: &str) -> impl Iterator<Item = Result<Parameter<'_>, ArgumentError>> {
    let stuck_to_path = !text.is_empty() && !text.starts_with(' ');
    let first = stuck_to_path.then_some(Err(ArgumentError::Parameter));
    first.into_iter().chain(text.split(' ').filter(|word| !word.is_empty()).map(parameter))
}

fn parameter(word: &str) -> Result<Parameter<'_>, ArgumentError> {
    let (keyword, value) = match word.split_once('=') {
        Some((keyword, value)) => (keyword, Some(value)),
        None => (word, None),
    };
    let is_keyword = keyword.starts_with(|c: char| c.is_ascii_alphanumeric())
        && keyword.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let is_value = value.is_none_or(|value| !value.is_empty() && !value.contains('='));
    if is_keyword && is_value { Ok(Parameter { keyword, value }) } else { Err(ArgumentError::Parameter) }
}

impl Parameter<'_> {
    pub(super) fn is(&self, keyword: &str) -> bool {
        self.keyword.eq_ignore_ascii_case(keyword)
    }
}
