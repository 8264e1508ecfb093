//! HTTP for people and machines that watch the relay: health, metrics, status.
