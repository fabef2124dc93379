//! TODO journal
