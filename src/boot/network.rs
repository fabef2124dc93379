//! The network card of a machine, and the ports that lead to it.

use std::str::FromStr;

/// The network card, on QEMU's user network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nic {
    /// virtio-net.
    Virtio,
    /// Intel's 82540EM.
    E1000,
}

/// Which port of the host is forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostPort {
    /// One that is free.
    Auto,
    /// This one.
    Fixed(u16),
}

/// A TCP port of the guest to be reached at one of the host's, on the loopback address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The host's.
    pub host: HostPort,
    /// The guest's.
    pub guest: u16,
}

/// `HOSTPORT:GUESTPORT`, where the host's may be `auto`.
impl FromStr for Forward {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let port = |text: &str| match text.parse::<u16>() {
            Ok(port) if port > 0 => Ok(port),
            _ => Err(format!("`{text}` is no port number")),
        };
        let (host, guest) = text
            .split_once(':')
            .ok_or("it has to be HOSTPORT:GUESTPORT")?;
        let host = match host {
            "auto" => HostPort::Auto,
            _ => HostPort::Fixed(port(host)?),
        };
        Ok(Self {
            host,
            guest: port(guest)?,
        })
    }
}

/// A [`Forward`] whose port of the host is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortForward {
    /// The host's.
    pub host: u16,
    /// The guest's.
    pub guest: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_forward_is_refused() {
        for forward in ["22", "auto", "0:22", "x:22", "22:auto", "22:70000", ":"] {
            assert!(forward.parse::<Forward>().is_err(), "{forward}");
        }
        let expected = Forward {
            host: HostPort::Auto,
            guest: 22,
        };
        assert_eq!("auto:22".parse(), Ok(expected));
    }
}
