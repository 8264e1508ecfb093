//! What is taken out of messages, or refused, on their way through.
