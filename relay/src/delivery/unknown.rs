//! Whether a next hop says that it does not know a recipient.

use postern_proto::reply::Reply;

/// 550 with the code for an unknown mailbox (RFC 3463 section 3.2; Exchange says 5.1.10), or with none (5.0.0 where the next hop gave none).
/// Another destination may know it.
pub(crate) fn says_unknown(reply: &Reply) -> bool {
    reply.code == 550 && reply.enhanced.is_none_or(|code| matches!((code.subject, code.detail), (0, 0) | (1, 1 | 10)))
}
