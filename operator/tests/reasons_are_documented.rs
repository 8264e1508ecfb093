//! `docs/status.md` tells what every condition, reason and event means.

#![allow(clippy::panic, reason = "a test may end so")]

use std::{env, fmt::Write as _, fs, path::Path};

use postern_operator::status::{EventReason, Reason};

const HEAD: &str = "# Status: conditions, reasons, events

Start with `kubectl get srelay,adom`: READY says whether mail flows, REASON why not, or what somebody should know. `-o wide` adds the message,
`kubectl describe` all conditions and the events. Messages name the field and what mends it. Written by `make crds`; a test fails while this
page and the operator differ.

## Conditions

Every condition carries the generation that it is about, so that tools which wait (kstatus, `helm --wait`, Flux, Argo CD) see the truth.

Of an SmtpRelay:

- `Accepted`: the resource is valid.
- `ResolvedRefs`: what it refers to is there and usable.
- `Programmed`: every ready pod runs the configuration of this generation. Never True without a ready pod.
- `Ready`: mail flows. Its reason is the one that matters most, whether or not mail flows: a relay that runs on what was last good, because
  a Secret is gone, is `True` with the reason `RefNotFound`.
- `AllLinksEncrypted`: every link requires TLS. False names those that don't.
- `SpoolDurable`, where there is a queue: what is taken into it outlives the pod that took it. False with the storage `EmptyDir`.
- `ClientAddressPreserved`: clients arrive with their own addresses, so that limits per client can tell them apart.

Of an AcceptedDomain: `Ready`, and at each relay (`status.relays`) `Accepted`, `ResolvedRefs` and `Programmed`, with `detachedSince` while a
relay answers 451 for a domain that it has lost.

Both have `Reconciling` while a change is being carried out, and `Stalled` when somebody has to do something; never both.

## Reasons

A fixed set, for alerts and scripts.

";

#[test]
fn the_page_is_what_the_operator_says() {
    let mut page = HEAD.to_owned();
    for reason in Reason::ALL {
        let _ = writeln!(page, "- `{}`: {}", reason.as_str(), reason.meaning());
    }
    page.push_str("\n## Events\n\nA fixed set too. Each change is told once.\n\n");
    for reason in EventReason::ALL {
        let _ = writeln!(page, "- `{}` ({}): {}", reason.as_str(), reason.severity().as_str(), reason.meaning());
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/status.md");
    if env::var_os("POSTERN_WRITE").is_some() {
        fs::write(&file, &page).unwrap_or_else(|error| panic!("docs/status.md: {error}"));
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == page, "docs/status.md is not what the operator says; run `make crds` and commit the result");
}
