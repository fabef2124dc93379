//! Requests that are left out of a start, by the native engine: only what that reaches is calculated.

use std::sync::Arc;

use super::conf::ConfResolver;
use super::engine::{Assignment, Graph, Model, Varying};
use super::read::parse_config;
use super::resolve::{Changes, Vary};
use crate::model::{Request, RequestId, Symbol};

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Quick<'a> {
    model: &'a Model,
    varying: Varying<'a>,
    /// By request, the assignments that come or go with it.
    places: Arc<Vec<Vec<usize>>>,
}

impl<'a> Quick<'a> {
    /// Of what `conf` would be asked. `None`: the engine cannot do it by parts.
    pub(super) fn new(
        conf: &ConfResolver,
        model: &'a Model,
        graph: &'a Graph,
        requests: &[Request],
    ) -> Option<Self> {
        let (mode, lines) = conf.lines(requests);
        let mut places = vec![Vec::new(); requests.len()];
        let mut assignments: Vec<(Assignment, bool)> = Vec::with_capacity(lines.len());
        for line in lines {
            for assignment in model.assignments(&line.text) {
                if let Some(id) = line.changes_with {
                    places[id.index()].push(assignments.len());
                }
                assignments.push((assignment, line.is_on));
            }
        }
        Some(Self {
            model,
            varying: Varying::new(model, graph, mode, assignments)?,
            places: Arc::new(places),
        })
    }
}

impl Vary for Quick<'_> {
    fn leave_out(&mut self, requests: &[RequestId]) -> Option<Changes> {
        let places = requests.iter().flat_map(|id| &self.places[id.index()]);
        let places: Vec<usize> = places.copied().collect();
        let changed = self.varying.flip(&places)?;
        let value = |id| {
            let symbol = Symbol::new(self.model.name(id)).ok()?;
            let config = parse_config(&self.varying.line(id));
            let value = config.get(&symbol).clone();
            Some((symbol, value))
        };
        Some(changed.into_iter().filter_map(value).collect())
    }

    fn undo(&mut self) {
        self.varying.undo();
    }

    fn stay(&mut self) {
        self.varying.stay();
    }

    fn fork(&self) -> Box<dyn Vary + '_> {
        Box::new(self.clone())
    }
}
