//! Makes everything ready that a run needs: tools, source, Kconfig, oracles, guest.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::shown::Shown;
use crate::build::MakePlan;
use crate::kconfig::{ConfResolver, Project, Resolver, Start};
use crate::model::{Event, Fragment};
use crate::oracle::{self, Oracle, SHIPPED};
use crate::settings::{self, Base, Settings, Wishes};
use crate::setup::{self, Need, Setup};
use crate::supervise::CancelToken;
use crate::ui::Ui;
use crate::{Error, Result};

/// Wall time that one build may take. A kernel takes minutes; this is for a make that hangs.
const BUILD_LIMIT: Duration = Duration::from_secs(4 * 3600);

/// What a run works with.
pub(super) struct Tools {
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) plan: MakePlan,
    pub(super) oracles: Vec<Oracle>,
    pub(super) guest: Option<PathBuf>,
    pub(super) kbisect: PathBuf,
    pub(super) project: Project,
    /// What verdicts depend on, besides the resolved config.
    pub(super) key: serde_json::Value,
}
