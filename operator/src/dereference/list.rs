//! Lists of the mailboxes that exist, in ConfigMaps.

use postern_config::{DomainName, RecipientList};
use postern_crds::accepted_domain::ListReference;

use super::{Context, Fault, ReferenceProblem, Target, TargetKind, bundle, grant::Referrer};
use crate::inventory::{Key, OBJECT_DATA_BYTES};

pub(super) fn lookup(
    context: Context<'_>,
    domain: Referrer<'_>,
    target: &Key,
    reference: &ListReference,
    field: &str,
) -> Result<RecipientList, ReferenceProblem> {
    let may_refer = context.may_refer(domain, TargetKind::ConfigMap, target);
    // A list is part of the configuration, so it must be here even where other things may be elsewhere.
    let config_map = may_refer.and_then(|()| context.inventory.config_maps.get(target).ok_or(Fault::NotFound));
    let text = config_map.and_then(|config_map| bundle::text(config_map, &reference.key));
    let list = text.and_then(|text| parse(text, &reference.key));
    list.map_err(|fault| {
        let target = Target { kind: TargetKind::ConfigMap, key: target.clone() };
        ReferenceProblem { field: field.to_owned(), target, fault }
    })
}

/// One mailbox a line, in any case; empty lines and those that begin with `#` are skipped.
fn parse(text: &str, key: &str) -> Result<RecipientList, Fault> {
    let mut mailboxes = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        mailboxes.push(mailbox(line).ok_or_else(|| Fault::NotAMailbox { key: key.to_owned(), line: index + 1 })?);
    }
    mailboxes.sort_unstable();
    mailboxes.dedup();
    let list = RecipientList { mailboxes };
    if written_bytes(&list) > OBJECT_DATA_BYTES { Err(Fault::ListTooLarge(key.to_owned())) } else { Ok(list) }
}

fn mailbox(line: &str) -> Option<String> {
    let line = line.to_lowercase();
    let (local, domain) = line.rsplit_once('@')?;
    let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@\"(),:;<>[\\]".contains(c);
    let is_mailbox = (1..=64).contains(&local.len()) && local.chars().all(is_plain) && DomainName::parse(domain).is_ok();
    is_mailbox.then_some(line)
}

/// How long the list is in the configuration: two quotes, a comma, a line end and four spaces for each mailbox.
fn written_bytes(list: &RecipientList) -> usize {
    list.mailboxes.iter().map(|mailbox| mailbox.len() + 8).sum()
}
