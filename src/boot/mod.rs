//! TODO boot
