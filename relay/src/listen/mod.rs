//! Accepts connections: ports, PROXY protocol, TLS, limits.
