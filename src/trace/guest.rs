//! What a guest tells of its kernel besides its functions: loaded modules, devices, mounted filesystems, sockets.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// A guest may write what it wants: so many names are taken from it, and none that is longer.
const MOST: usize = 1024;
const LONGEST: usize = 256;

/// How the guest was seen to use something of the kernel; what says more comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// There is a device that it drives.
    Device,
    /// It is a loaded module that something holds.
    Held,
    /// There are sockets of it.
    Socket,
    /// It is a filesystem that is mounted.
    Mounted,
}

impl Sign {
    /// How much likelier what is used so is needed: by the factor, its odds grow. A device is there in any boot,
    /// whether somebody uses it or not.
    #[must_use]
    pub fn odds(self) -> f64 {
        match self {
            Self::Device => 3.0,
            Self::Held => 5.0,
            Self::Socket | Self::Mounted => 10.0,
        }
    }

    /// `chance`, with this seen.
    #[must_use]
    pub fn raise(self, chance: f64) -> f64 {
        let odds = self.odds() * chance;
        odds / (odds + 1.0 - chance)
    }

    /// It in a word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Held => "held",
            Self::Socket => "socket",
            Self::Mounted => "mounted",
        }
    }
}

/// What a guest tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GuestSigns {
    /// The modules that are loaded.
    pub loaded: BTreeSet<String>,
    /// Of these, those that something other than a module holds: a device that is open, a filesystem.
    pub held: BTreeSet<String>,
    /// Aliases of modules for what is there, as modprobe would be asked for them, and how they are used.
    pub aliases: BTreeMap<String, Sign>,
}

/// The names of protocols in `/proc/net/protocols`, and the family that a module for it has as an alias.
const FAMILIES: [(&str, u8); 14] = [
    ("UNIX", 1),
    ("UNIX-STREAM", 1),
    ("TCP", 2),
    ("UDP", 2),
    ("RAW", 2),
    ("PING", 2),
    ("TCPv6", 10),
    ("UDPv6", 10),
    ("RAWv6", 10),
    ("PINGv6", 10),
    ("NETLINK", 16),
    ("PACKET", 17),
    ("AF_VSOCK", 40),
    ("XDP", 44),
];

impl GuestSigns {
    /// What begins the lines in which a guest tells: of `/proc/modules`, `/proc/mounts`, `/proc/net/protocols`, and the
    /// `modalias` of a device.
    pub const MARKS: [&'static str; 4] = ["modules: ", "mounts: ", "protocols: ", "device: "];

    /// What is told on a console, among other lines. A guest without `/proc` or `/sys` tells nothing.
    #[must_use]
    pub fn read(console: &str) -> Self {
        let mut all = Self::default();
        let [modules, mounts, protocols, device] = Self::MARKS;
        for line in console.lines() {
            if let Some(rest) = line.strip_prefix(modules) {
                all.module(rest);
            } else if let Some(rest) = line.strip_prefix(mounts) {
                all.mount(rest);
            } else if let Some(rest) = line.strip_prefix(protocols) {
                all.protocol(rest);
            } else if let Some(rest) = line.strip_prefix(device) {
                all.alias(rest.trim(), Sign::Device);
            }
        }
        all
    }

    /// `net_failover 24576 1 virtio_net, Live 0xffffffffc0336000`
    fn module(&mut self, line: &str) {
        let words: Vec<&str> = line.split_whitespace().take(4).collect();
        let &[name, _, count, by] = &words[..] else {
            return;
        };
        if self.loaded.len() >= MOST || !is_name(name) {
            return;
        }
        self.loaded.insert(name.to_owned());
        let by = by.split(',').filter(|by| !by.is_empty() && *by != "-");
        let modules = by.count();
        if count.parse().is_ok_and(|count: usize| count > modules) {
            self.held.insert(name.to_owned());
        }
    }

    /// `/dev/vda / ext4 rw,relatime 0 0`
    fn mount(&mut self, line: &str) {
        let kind = line.split_whitespace().nth(2);
        // To tell what there is the guest mounts these itself.
        let kind = kind.filter(|kind| !["proc", "sysfs"].contains(kind));
        if let Some(kind) = kind {
            self.alias(&format!("fs-{kind}"), Sign::Mounted);
        }
    }

    /// `UNIX      1024      2      -1   NI       0   yes  kernel ...`
    fn protocol(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (name, sockets) = (words.next(), words.nth(1));
        let is_used = sockets
            .and_then(|n| n.parse().ok())
            .is_some_and(|n: i64| n > 0);
        let family = FAMILIES.iter().find(|(of, _)| Some(*of) == name);
        if let Some((_, family)) = family.filter(|_| is_used) {
            self.alias(&format!("net-pf-{family}"), Sign::Socket);
        }
    }

    fn alias(&mut self, alias: &str, sign: Sign) {
        if self.aliases.len() >= MOST || !is_name(alias) {
            return;
        }
        let seen = self.aliases.entry(alias.to_owned()).or_insert(sign);
        *seen = sign.max(*seen);
    }
}

/// Is it short, and nothing but what names have?
fn is_name(name: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a guest of Debian's cloud kernel wrote it.
    const CONSOLE: &str = "guest# p modules; p mounts\r\n\
        ffffffff81000000 T _text\r\n\
        modules: virtio_net 61440 0 - Live 0xffffffffc034b000\r\n\
        modules: net_failover 24576 1 virtio_net, Live 0xffffffffc0336000\r\n\
        modules: ext4 983040 2 - Live 0xffffffffc0400000\r\n\
        modules: virtio_ring 49152 3 virtio_net,virtio_pci, Live 0xffffffffc0300000\r\n\
        mounts: rootfs / rootfs rw,size=112188k 0 0\r\n\
        mounts: proc /proc proc rw,relatime 0 0\r\n\
        mounts: /dev/vda /mnt ext4 rw,relatime 0 0\r\n\
        protocols: protocol  size sockets  memory press maxhdr  slab module     cl co\r\n\
        protocols: PACKET    1536      0      -1   NI       0   no   kernel      n  n\r\n\
        protocols: UNIX      1024      2      -1   NI       0   yes  kernel      n  n\r\n\
        protocols: TCPv6     2368      1       0   no     320   yes  ipv6        y  y\r\n\
        device: pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00\r\n\
        end: 42000\r\n";

    fn names(set: &BTreeSet<String>) -> String {
        set.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn modules_devices_mounts_and_sockets_are_read_among_other_lines() {
        let signs = GuestSigns::read(CONSOLE);
        assert_eq!(
            names(&signs.loaded),
            "ext4 net_failover virtio_net virtio_ring"
        );
        assert_eq!(names(&signs.held), "ext4 virtio_ring");
        let aliases: Vec<(&str, Sign)> = signs
            .aliases
            .iter()
            .map(|(a, s)| (a.as_str(), *s))
            .collect();
        assert_eq!(
            aliases,
            [
                ("fs-ext4", Sign::Mounted),
                ("fs-rootfs", Sign::Mounted),
                ("net-pf-1", Sign::Socket),
                ("net-pf-10", Sign::Socket),
                (
                    "pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00",
                    Sign::Device
                ),
            ]
        );
    }

    #[test]
    fn a_guest_without_proc_and_sys_tells_nothing() {
        let console = "cat: can't open '/proc/modules': No such file or directory\r\n\
                       cat: can't open '/sys/bus/*/devices/*/modalias': No such file\r\nend: 42000\r\n";
        assert_eq!(GuestSigns::read(console), GuestSigns::default());
    }

    #[test]
    fn what_a_guest_makes_up_is_bounded_and_free_of_controls() {
        let mut console = String::new();
        for number in 0..3 * MOST {
            console += &format!("device: virtio:{number}\nmodules: m{number} 1 1 - Live 0x0\n");
        }
        console += "modules: a\u{1b}[2Jb 1 1 - Live 0x0\n";
        let signs = GuestSigns::read(&console);
        assert_eq!((signs.aliases.len(), signs.loaded.len()), (MOST, MOST));
        let long = "x".repeat(LONGEST + 1);
        let odd = format!(
            "device: {long}\ndevice: a\u{1b}[2J\nmodules: {long} 1 1 -\nmodules: \u{202e}x 1 1 -\n\
             mounts: a b {long}\nprotocols: UNIX 1 -3\nprotocols: UNIX 1 99999999999999999999\nmodules: \nmounts: x\n"
        );
        assert_eq!(GuestSigns::read(&odd), GuestSigns::default());
    }

    #[test]
    fn what_is_seen_raises_a_chance_and_makes_nothing_certain() {
        let signs = [Sign::Device, Sign::Held, Sign::Socket, Sign::Mounted];
        assert!(signs.is_sorted() && signs.iter().map(|sign| sign.odds()).is_sorted());
        for sign in signs {
            for chance in [0.01, 0.1, 0.6, 0.99] {
                let raised = sign.raise(chance);
                assert!(
                    raised > chance && raised < 1.0,
                    "{sign:?} {chance} {raised}"
                );
            }
        }
        // Code that does not run is hardly needed, although there is a device.
        assert!(Sign::Device.raise(0.01) < 0.05 && Sign::Mounted.raise(0.6) > 0.9);
    }
}
