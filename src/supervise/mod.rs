//! Child processes: groups, time limits, cancelling, logs, the make job server.
