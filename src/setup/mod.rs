//! TODO setup
