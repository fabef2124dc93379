//! The resolver that asks the native engine first, and lets the tree's own `conf` confirm.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::conf::ConfResolver;
use super::convert;
use super::engine::{Graph, Mode, Model, Prompt};
use super::quick::Quick;
use super::read::parse_config;
use super::resolve::{Resolver, Selectors, Vary};
use crate::identity::{self, Seen, SourceTree};
use crate::model::{Fragment, Request, ResolvedConfig, Symbol};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// Resolves natively, in milliseconds, and lets `conf` confirm each config before anything is
/// built from it. When they do not agree, `conf` is right, and is asked alone from then on.
#[derive(Debug)]
pub struct CheckedResolver {
    conf: ConfResolver,
    /// `None`: this source is left to `conf`.
    model: Option<Model>,
    /// Who depends on whom in it, once that is asked.
    graph: OnceLock<Graph>,
    distrusted: AtomicBool,
    /// Hashes of the fragments of which `conf` says the same. Not of what they resolve to: an
    /// engine that overlooks a request says what was confirmed without it.
    confirmed: Mutex<HashSet<blake3::Hash>>,
    warnings: Mutex<Vec<String>>,
    /// Where differences are kept.
    evidence: PathBuf,
    /// The source, if somebody watches it.
    source: Option<Arc<SourceTree>>,
}

/// How often `conf` is asked while the source is written to.
const TRIES: u32 = 3;

impl CheckedResolver {
    /// `model` is the tree of `conf`, if the native engine understands it. When the two differ,
    /// what they say is kept in the folder `evidence`.
    #[must_use]
    pub fn new(conf: ConfResolver, model: Option<Model>, evidence: &Path) -> Self {
        Self {
            conf,
            model,
            graph: OnceLock::new(),
            distrusted: AtomicBool::new(false),
            confirmed: Mutex::default(),
            warnings: Mutex::default(),
            evidence: evidence.to_owned(),
            source: None,
        }
    }

    /// What `conf` alone says counts only if the source is what it was.
    #[must_use]
    pub fn watching(self, source: Arc<SourceTree>) -> Self {
        Self {
            source: Some(source),
            ..self
        }
    }

    /// The tree's own `conf`.
    #[must_use]
    pub fn conf(&self) -> &ConfResolver {
        &self.conf
    }

    /// The tree as the native engine understands it.
    #[must_use]
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// The tree as the native engine understands it, unless it was found wrong.
    #[must_use]
    pub fn trusted(&self) -> Option<&Model> {
        let trusted = !self.distrusted.load(Ordering::Relaxed);
        self.model.as_ref().filter(|_| trusted)
    }

    fn native(&self, fragment: &Fragment) -> Option<ResolvedConfig> {
        let (mode, text) = self.conf.question(fragment);
        let model = self.trusted()?;
        let asked = model.assignments(text);
        let text = model.resolve(mode, Some(&asked)).write();
        let config = parse_config(&text);
        Some(ResolvedConfig::new(text, config))
    }

    /// What `conf` says, and whether it is what `ours` is. If nobody says the same, the source must be what it
    /// was while it was asked.
    fn ask(
        &self,
        fragment: &Fragment,
        ours: Option<&ResolvedConfig>,
        cancel: &CancelToken,
    ) -> Result<ResolvedConfig> {
        for _ in 0..TRIES {
            let since = self.source.as_ref().map(|source| source.generation());
            let theirs = self.conf.resolve(fragment, cancel);
            let is_confirmed = ours
                .zip(theirs.as_ref().ok())
                .is_some_and(|(ours, theirs)| ours.text == theirs.text);
            let Some((source, since)) = self.source.as_ref().zip(since) else {
                return theirs;
            };
            if is_confirmed || cancel.is_cancelled() {
                return theirs;
            }
            match source.look(since, cancel) {
                Ok(Seen::Same) => return theirs,
                Err(error) => return theirs.and(Err(error)),
                Ok(Seen::Changed(changes)) => return Err(identity::changed(&changes)),
                Ok(Seen::Touched(_)) => {}
            }
        }
        Err(
            Error::failed("the source is written to again and again while Kconfig reads it")
                .hint("let nobody write to it while a run uses it; then `kbisect resume`"),
        )
    }

    fn distrust(&self, fragment: &Fragment, ours: &ResolvedConfig, theirs: &ResolvedConfig) {
        if self.distrusted.swap(true, Ordering::Relaxed) {
            // Another thread tells it.
            return;
        }
        let folder = self.evidence.join(&ours.fingerprint.to_string()[..12]);
        let fragment = format!("{}{fragment}", self.conf.base());
        let files = [
            ("fragment", &fragment),
            ("native.config", &ours.text),
            ("conf.config", &theirs.text),
        ];
        let kept = fs::create_dir_all(&folder)
            .and_then(|()| {
                files
                    .iter()
                    .try_for_each(|(name, text)| fs::write(folder.join(name), text))
            })
            .map_err(|e| Error::io("keep the difference in", &folder, e));
        let place = match kept {
            Ok(()) => format!("see {}", folder.display()),
            Err(error) => error.to_string(),
        };
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.push(format!(
            "the native Kconfig engine and the tree's own conf differ ({} symbols): conf is used \
             from here on. Please report this: {place}",
            ours.config.diff(&theirs.config).len()
        ));
    }
}

impl Resolver for CheckedResolver {
    fn resolve(&self, fragment: &Fragment, cancel: &CancelToken) -> Result<ResolvedConfig> {
        let Some(ours) = self.native(fragment) else {
            return self.ask(fragment, None, cancel);
        };
        let confirmed = || {
            self.confirmed
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let question = blake3::hash(fragment.to_string().as_bytes());
        if confirmed().contains(&question) {
            return Ok(ours);
        }
        let theirs = self.ask(fragment, Some(&ours), cancel)?;
        if ours.text == theirs.text {
            confirmed().insert(question);
        } else {
            self.distrust(fragment, &ours, &theirs);
        }
        Ok(theirs)
    }

    fn foresee(&self, fragment: &Fragment, cancel: &CancelToken) -> Result<ResolvedConfig> {
        match self.native(fragment) {
            Some(ours) => Ok(ours),
            None => self.conf.resolve(fragment, cancel),
        }
    }

    fn vary(&self, requests: &[Request]) -> Option<Box<dyn Vary + '_>> {
        let model = self.trusted()?;
        let graph = self.graph.get_or_init(|| Graph::of(model));
        let quick = Quick::new(&self.conf, model, graph, requests)?;
        Some(Box::new(quick))
    }

    fn foresee_prompts(&self, config: &ResolvedConfig) -> Option<BTreeMap<Symbol, Prompt>> {
        let model = self.trusted()?;
        let asked = model.assignments(&config.text);
        let mut state = model.resolve(Mode::OldDef, Some(&asked));
        Some(convert::prompts(&mut state))
    }

    fn foresee_selectors(&self, config: &ResolvedConfig) -> Option<Selectors> {
        let model = self.trusted()?;
        let asked = model.assignments(&config.text);
        let mut state = model.resolve(Mode::OldDef, Some(&asked));
        Some(convert::selectors(&mut state))
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut warnings)
    }
}
