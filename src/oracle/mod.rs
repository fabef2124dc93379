//! TODO oracle
