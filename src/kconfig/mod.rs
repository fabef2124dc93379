//! TODO kconfig
