//! Makes a comparison of results.

use std::collections::BTreeSet;
use std::collections::HashMap;

use super::names::{Traits, differing, names};
use super::types::{
    COMPARISON_VERSION, Cell, Column, ComparedRun, Comparison, OnlyBy, Row, State, Summary,
};
use crate::model::{Symbol, count, sanitize_line};
use crate::report::{KeptRequest, Reason, Status};
use crate::{Error, Result};

/// Longest evidence in a cell, in characters.
const EVIDENCE: usize = 400;

/// Compares the answers of these runs.
///
/// # Errors
/// There are fewer than two; they are of different projects or architectures.
pub fn compare(runs: &[ComparedRun]) -> Result<Comparison> {
    if runs.len() < 2 {
        return Err(Error::usage("a comparison takes at least two runs")
            .hint("give two or more folders: `kbisect compare DIR DIR`"));
    }
    check(runs, "projects", "/project/name")?;
    check(runs, "architectures", "/arch")?;
    let traits: Vec<Traits> = runs.iter().map(|run| Traits::of(&run.report)).collect();
    let differ = differing(runs, &traits);
    let names = names(runs, &traits, &differ);
    let columns: Vec<Column> = (runs.iter().zip(traits).zip(names))
        .map(|((run, traits), name)| column(run, traits, name))
        .collect();
    let rows = rows(runs);
    Ok(Comparison {
        v: COMPARISON_VERSION,
        differ,
        summary: summary(&columns, &rows),
        notes: columns.iter().filter_map(note).collect(),
        columns,
        rows,
    })
}

/// Symbols of another project or architecture mean something else. `path` leads to the part of the key.
fn check(runs: &[ComparedRun], what: &str, path: &str) -> Result<()> {
    let part = |run: &ComparedRun| {
        let part = run.report.key.pointer(path)?.as_str()?;
        Some(sanitize_line(part, 60))
    };
    let named: Vec<(&ComparedRun, String)> = runs
        .iter()
        .filter_map(|run| Some((run, part(run)?)))
        .collect();
    let Some((first, name)) = named.first() else {
        return Ok(());
    };
    match named.iter().find(|(_, other)| other != name) {
        None => Ok(()),
        Some((run, other)) => Err(Error::usage(format!(
            "the runs are of different {what}: {name} in {}, {other} in {}",
            first.dir.display(),
            run.dir.display()
        ))
        .hint("their symbols do not mean the same; compare runs of one project and architecture")),
    }
}

fn column(run: &ComparedRun, traits: Traits, name: String) -> Column {
    Column {
        name,
        dir: sanitize_line(&run.dir.to_string_lossy(), 4096),
        oracle: traits.oracle,
        source: traits.source,
        guest: traits.guest,
        start: traits.start,
        status: run.report.status,
        requests: run.report.kept.len(),
    }
}

fn rows(runs: &[ComparedRun]) -> Vec<Row> {
    let by_symbol = |run: &'_ ComparedRun| -> HashMap<Symbol, Cell> {
        let kept = run.report.kept.iter();
        kept.map(|kept| (kept.request.symbol.clone(), cell(kept)))
            .collect()
    };
    let answers: Vec<HashMap<Symbol, Cell>> = runs.iter().map(by_symbol).collect();
    let mut seen = BTreeSet::new();
    let kept = runs.iter().flat_map(|run| &run.report.kept);
    let mut rows: Vec<Row> = kept
        .filter(|kept| seen.insert(&kept.request.symbol))
        .map(|kept| {
            let symbol = &kept.request.symbol;
            let cells = runs.iter().zip(&answers).map(|(run, answer)| {
                let cell = answer.get(symbol).cloned();
                cell.unwrap_or_else(|| without(run, symbol))
            });
            Row {
                symbol: symbol.clone(),
                cells: cells.collect(),
            }
        })
        .collect();
    // The sort is stable: requests of as many answers stay in menu order.
    rows.sort_by_key(|row| std::cmp::Reverse(row.answers()));
    rows
}

fn cell(kept: &KeptRequest) -> Cell {
    let mut cell = Cell {
        value: Some(kept.request.value.clone()),
        ..empty(State::Unproved)
    };
    match &kept.reason {
        Reason::Needed {
            trial,
            stage,
            evidence,
            ..
        } => {
            cell.state = State::Needed;
            cell.trial = Some(*trial);
            cell.stage = Some(*stage);
            let evidence = evidence.as_ref();
            cell.evidence = evidence.map(|text| sanitize_line(text, EVIDENCE));
        }
        Reason::Implied { by } => {
            cell.state = State::Implied;
            cell.by = Some(by.clone());
        }
        Reason::Kept => cell.state = State::Kept,
        Reason::Unproved => {}
    }
    cell
}

fn empty(state: State) -> Cell {
    Cell {
        state,
        value: None,
        trial: None,
        stage: None,
        evidence: None,
        by: None,
    }
}

/// The cell of a run whose answer does not have the request.
fn without(run: &ComparedRun, symbol: &Symbol) -> Cell {
    match &run.asked {
        Some(asked) if !asked.contains(symbol) => empty(State::NotAsked),
        _ => empty(State::Absent),
    }
}

fn summary(columns: &[Column], rows: &[Row]) -> Summary {
    let mut summary = Summary {
        all: 0,
        some: 0,
        undecided: 0,
        only: Vec::new(),
    };
    let mut only: Vec<Vec<Symbol>> = vec![Vec::new(); columns.len()];
    for row in rows {
        let states = || row.cells.iter().map(|cell| cell.state);
        let is_needed = states().any(State::is_needed);
        let is_spared = !states().all(State::is_in_answer);
        match (states().all(State::is_needed), is_needed && is_spared) {
            (true, _) => summary.all += 1,
            (false, true) => summary.some += 1,
            (false, false) => summary.undecided += 1,
        }
        if is_needed && is_spared && row.answers() == 1 {
            let at = states().position(State::is_needed);
            at.into_iter()
                .for_each(|at| only[at].push(row.symbol.clone()));
        }
    }
    let only = columns.iter().zip(only);
    let only = only.filter(|(_, symbols)| !symbols.is_empty());
    summary.only = only
        .map(|(column, symbols)| OnlyBy {
            column: column.name.clone(),
            symbols,
        })
        .collect();
    summary
}

/// What a reader must know of the answer of this run.
fn note(column: &Column) -> Option<String> {
    let said = match column.status {
        Status::Minimal => return None,
        Status::Leaves => {
            "minimal only if its oracle is monotone: what is implied was not tested alone"
        }
        Status::Unproved => "not proved: some of its requests may not be needed",
        Status::Stopped => {
            "unfinished: it stopped early, so some of its requests may not be needed"
        }
        Status::Running => "unfinished: it runs now, so some of its requests may not be needed",
    };
    let requests = count(column.requests, "request");
    Some(format!("{} ({requests}): {said}", column.name))
}
