//! Drives one SMTP session: the protocol asks, the policy and the next hop answer.
