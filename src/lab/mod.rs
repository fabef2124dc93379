//! TODO lab
