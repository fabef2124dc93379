//! TODO ui
