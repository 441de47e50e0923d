//! Comparisons with peers: see `README.md` here. Each is a bench target of its own; nothing is shared yet.
