//! The queue, for people: a Unix socket on which the relay answers, and the commands of `postern-relay queue` that ask there.
//!
//! What lies in the queue is other people's mail. So it is told on a socket alone that only the relay's own user can use, from within the pod;
//! no port of the network has any of it.
//!
//! A request is a page: whoever walks a long queue asks again and again, from where the last page ended. So the relay keeps nothing between
//! two requests, and work ends when nobody asks for more of it.

mod bounce;
pub mod cli;
mod serve;
mod wire;

pub use bounce::{Bounce, BounceError};
pub use serve::Server;
