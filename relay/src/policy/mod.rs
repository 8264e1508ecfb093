//! Who may send what to whom. Pure: no I/O.
