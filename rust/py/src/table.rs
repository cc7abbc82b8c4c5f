//! Bindings of the table module.
// pyo3 hands arguments over as owned values.
#![allow(clippy::needless_pass_by_value)]

use crate::columns::Table;
use arrow_array::{ArrayRef, LargeStringArray, UInt32Array};
use mathforge_core::metrics::Paired;
use mathforge_core::table::columns::NONE;
use mathforge_core::table::curves::{Curves, MethodCurves};
use mathforge_core::table::fields::Options as FieldOptions;
use mathforge_core::table::grades::Grades;
use mathforge_core::table::parts::{self, Facts, Parts};
use mathforge_core::table::tally::{Method, Options, Outcome};
use mathforge_core::table::votes::Rule;
use mathforge_core::table::{self, Columns, scan};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read so far, to be looked at from another thread.
#[pyclass(frozen)]
#[derive(Default)]
struct ScanProgress(Arc<AtomicU64>);

#[pymethods]
impl ScanProgress {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    #[getter]
    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Samples read from files.
#[pyclass]
struct Samples {
    columns: Columns,
    grades: Option<Grades>,
}

fn open(path: &Path) -> PyResult<Parts<BufReader<File>>> {
    Parts::open(BufReader::new(File::open(path).map_err(failed)?)).map_err(failed)
}

fn save(columns: &[&Columns], facts: Facts, path: &Path) -> PyResult<()> {
    let mut out = BufWriter::new(File::create(path).map_err(failed)?);
    parts::write(columns, facts, &mut out).map_err(failed)?;
    out.flush().map_err(failed)?;
    out.get_ref().sync_all().map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> PyErr {
    PyOSError::new_err(error.to_string())
}

impl Samples {
    fn grades(&mut self, py: Python<'_>, threads: usize) -> &mut Grades {
        let Self { columns, grades } = self;
        grades.get_or_insert_with(|| py.detach(|| Grades::of(columns, threads)))
    }
}

#[pymethods]
impl Samples {
    #[new]
    fn new() -> Self {
        Self { columns: Columns::default(), grades: None }
    }

    #[staticmethod]
    #[pyo3(signature = (pieces, *, id_key, undecided_reasons, strict, threads, progress))]
    fn scan(
        py: Python<'_>,
        pieces: Vec<(u32, PathBuf, u64, Option<u64>)>,
        id_key: String,
        undecided_reasons: Vec<String>,
        strict: bool,
        threads: usize,
        progress: &ScanProgress,
    ) -> PyResult<Self> {
        let options = FieldOptions { id_key, undecided_reasons, strict };
        let counter = Arc::clone(&progress.0);
        let pieces: Vec<_> = pieces
            .into_iter()
            .map(|(file, path, start, end)| scan::Piece { file, path, start, end })
            .collect();
        let columns = py
            .detach(|| {
                scan::plan(&pieces).and_then(|ranges| scan::scan(&ranges, &options, threads, &counter))
            })
            .map_err(failed)?;
        Ok(Self { columns, grades: None })
    }

    #[staticmethod]
    #[pyo3(signature = (data, *, id_key, undecided_reasons, strict, progress))]
    fn scan_bytes(
        py: Python<'_>,
        data: &[u8],
        id_key: String,
        undecided_reasons: Vec<String>,
        strict: bool,
        progress: &ScanProgress,
    ) -> Self {
        let options = FieldOptions { id_key, undecided_reasons, strict };
        let counter = Arc::clone(&progress.0);
        Self { columns: py.detach(|| scan::scan_bytes(data, &options, &counter)), grades: None }
    }

    /// Gives files new numbers: file `n` becomes `numbers[n]`, which must rise with n.
    fn renumber(&mut self, numbers: Vec<u32>) -> PyResult<()> {
        self.columns
            .renumber(&numbers)
            .map_err(|file| PyValueError::new_err(format!("no new number for file {file}")))
    }

    /// Makes samples that were read as file 0 from offset 0 those of `file` from `offset` on.
    fn move_to(&mut self, file: u32, offset: u64) {
        self.columns.move_to(file, offset);
    }

    /// All parts of a file, or one of them; and the facts about them.
    #[staticmethod]
    #[pyo3(signature = (path, part=None))]
    fn read(py: Python<'_>, path: PathBuf, part: Option<usize>) -> PyResult<(Self, Facts)> {
        py.detach(|| {
            let mut parts = open(&path)?;
            let columns = match part {
                Some(at) => parts.part(at),
                None => parts.all(),
            };
            let columns = columns.map_err(failed)?;
            Ok((Self { columns, grades: None }, parts.facts().clone()))
        })
    }

    /// The facts about the parts of a file, without reading them.
    #[staticmethod]
    fn read_facts(py: Python<'_>, path: PathBuf) -> PyResult<Facts> {
        py.detach(|| Ok(open(&path)?.facts().clone()))
    }

    /// Writes these as one part; renaming is the caller's.
    fn write(&self, py: Python<'_>, path: PathBuf, facts: Facts) -> PyResult<()> {
        py.detach(|| save(&[&self.columns], facts, &path))
    }

    /// Writes a part for each of `samples`; renaming is the caller's.
    #[staticmethod]
    fn write_parts(
        py: Python<'_>,
        samples: Vec<PyRef<'_, Self>>,
        path: PathBuf,
        facts: Facts,
    ) -> PyResult<()> {
        let columns: Vec<&Columns> = samples.iter().map(|one| &one.columns).collect();
        py.detach(|| save(&columns, facts, &path))
    }

    /// Adds the samples of `other`, which is empty afterwards.
    fn merge(&mut self, py: Python<'_>, other: &mut Self) {
        self.grades = None;
        let taken = std::mem::take(&mut other.columns);
        py.detach(|| self.columns.merge(taken));
    }

    fn name_by_line(&mut self, py: Python<'_>) {
        py.detach(|| self.columns.name_by_line());
    }

    /// `buckets` parts by problem and one of what belongs to none; empties this one.
    fn split(&mut self, py: Python<'_>, buckets: usize) -> Vec<Self> {
        let taken = std::mem::take(&mut self.columns);
        self.grades = None;
        py.detach(|| taken.split(buckets)).into_iter().map(|columns| Self { columns, grades: None }).collect()
    }

    fn __len__(&self) -> usize {
        self.columns.samples.len()
    }

    #[getter]
    fn problems(&self) -> usize {
        self.columns.problems.len()
    }

    #[getter]
    fn unnamed(&self) -> usize {
        self.columns.unnamed.len()
    }

    /// Bytes of memory held, about.
    #[getter]
    fn size(&self) -> usize {
        self.columns.size()
    }

    /// Pairs of expected answer and answer that the native comparison left open.
    fn open_pairs(&mut self, py: Python<'_>, threads: usize) -> Vec<(String, String)> {
        self.grades(py, threads);
        let Self { columns, grades } = self;
        grades.as_ref().map_or_else(Vec::new, |grades| {
            grades
                .open(columns)
                .into_iter()
                .map(|(gold, answer)| (gold.to_owned(), answer.to_owned()))
                .collect()
        })
    }

    fn decide(&mut self, py: Python<'_>, decided: Vec<(String, String, bool)>) {
        self.grades(py, 1);
        let Self { columns, grades } = self;
        if let Some(grades) = grades {
            grades.decide(columns, &decided);
        }
    }

    /// (file, kind, kept, rows, lines of the first rows).
    fn damage(&self) -> Vec<(u32, &'static str, bool, u64, Vec<u64>)> {
        let counts = self.columns.damage.iter();
        counts
            .map(|(file, kind, kept, count)| {
                let lines = count.places.iter().map(|place| self.columns.line(*place)).collect();
                (file, kind.code(), kept, count.rows, lines)
            })
            .collect()
    }

    /// Problem, and `conflicting_gold` or `conflicting_subset`.
    fn conflicts(&self) -> Vec<(String, &'static str)> {
        let (golds, subsets) = &self.columns.conflicts;
        let name = |problem: &u32| self.columns.names.get(*problem).to_owned();
        let golds = golds.iter().map(|problem| (name(problem), "conflicting_gold"));
        golds.chain(subsets.iter().map(|problem| (name(problem), "conflicting_subset"))).collect()
    }

    /// The tally and, with `outcomes`, a table of problems.
    fn tally(
        &mut self,
        py: Python<'_>,
        string_votes: bool,
        first_k: bool,
        threads: usize,
        outcomes: bool,
    ) -> PyResult<(Tally, Option<Table>)> {
        self.grades(py, threads);
        let Self { columns, grades } = self;
        let Some(grades) = grades else { return Err(PyValueError::new_err("no grades")) };
        let options = Options { votes: if string_votes { Rule::String } else { Rule::Class }, first_k };
        let (tally, rows) =
            py.detach(|| table::Tally::with_outcomes(columns, grades, options, threads, outcomes));
        let table = outcomes.then(|| problem_table(columns, &rows)).transpose()?;
        Ok((Tally(tally), table))
    }
}

/// One row per problem.
fn problem_table(columns: &Columns, rows: &[Outcome]) -> PyResult<Table> {
    let text = |number: u32| (number != NONE).then(|| columns.texts.get(number));
    let facts = |row: &Outcome| &columns.problems[row.problem as usize];
    let mut all: Vec<(&str, ArrayRef)> = vec![
        (
            "problem",
            Arc::new(LargeStringArray::from_iter_values(
                rows.iter().map(|row| columns.names.get(row.problem)),
            )),
        ),
        (
            "subset",
            Arc::new(rows.iter().map(|row| text(facts(row).subset.text)).collect::<LargeStringArray>()),
        ),
        (
            "expected_answer",
            Arc::new(rows.iter().map(|row| text(facts(row).gold.text)).collect::<LargeStringArray>()),
        ),
        ("num_samples", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.n)))),
        ("num_no_answer", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.silent)))),
        (
            "majority_answer",
            Arc::new(rows.iter().map(|row| text(row.majority)).collect::<LargeStringArray>()),
        ),
        ("majority_votes", Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.votes)))),
    ];
    for (at, method) in Method::ALL.into_iter().enumerate() {
        if rows.iter().any(|row| row.correct[at].is_some()) {
            let name = match method {
                Method::Symbolic => "num_symbolic_correct",
                Method::Judge => "num_judge_correct",
                Method::Both => "num_both_correct",
                Method::Any => "num_any_correct",
            };
            all.push((name, Arc::new(rows.iter().map(|row| row.correct[at]).collect::<UInt32Array>())));
        }
    }
    Table::new(all)
}

/// Counts that metrics are computed from.
#[pyclass]
#[derive(Default)]
struct Tally(table::Tally);

#[pymethods]
impl Tally {
    #[new]
    fn new() -> Self {
        Self::default()
    }

    fn merge(&mut self, other: &Self) {
        self.0.merge(other.0.clone());
    }

    /// As JSON; equal tallies give equal texts.
    fn to_json(&self) -> PyResult<String> {
        self.0.to_json().map_err(failed)
    }

    #[staticmethod]
    fn from_json(text: &str) -> PyResult<Self> {
        table::Tally::from_json(text)
            .map(Self)
            .map_err(|error| PyValueError::new_err(format!("not a tally: {error}")))
    }

    fn subsets(&self) -> Vec<String> {
        self.0.subsets().into_iter().map(str::to_owned).collect()
    }

    fn usual_samples(&self) -> Option<u32> {
        self.0.usual_samples()
    }

    /// Metrics up to `k` as nested dicts and lists, fractions of 1; None if no problem has so many samples.
    #[pyo3(signature = (subset, k, *, threads))]
    fn curves<'py>(
        &self,
        py: Python<'py>,
        subset: Option<String>,
        k: u32,
        threads: usize,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let curves = py
            .detach(|| self.0.curves(subset.as_deref(), k, threads))
            .map_err(|error| PyValueError::new_err(error.to_string()))?;
        curves.map(|curves| curves_dict(py, &curves)).transpose()
    }
}

fn curves_dict<'py>(py: Python<'py>, curves: &Curves) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("problems", curves.problems)?;
    dict.set_item("left_out", curves.left_out)?;
    dict.set_item("samples", curves.samples)?;
    dict.set_item("tokens", curves.tokens)?;
    dict.set_item("seconds", curves.seconds)?;
    dict.set_item("undecided", curves.undecided)?;
    dict.set_item("silent_average", &curves.silent_average)?;
    dict.set_item("silent_pass", &curves.silent_pass)?;
    dict.set_item("silent_first_k", &curves.silent_first_k)?;
    dict.set_item("best_of", &curves.best_of)?;
    dict.set_item("weighted_majority", &curves.weighted_majority)?;
    let methods = PyDict::new(py);
    for method in &curves.methods {
        methods.set_item(method.method.name(), method_dict(py, method)?)?;
    }
    dict.set_item("methods", methods)?;
    Ok(dict)
}

fn method_dict<'py>(py: Python<'py>, curves: &MethodCurves) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("average", &curves.average)?;
    let spreads: Vec<_> = curves
        .spreads
        .iter()
        .map(|spread| (spread.mean, spread.across_runs, spread.error_across_runs, spread.within_problem))
        .collect();
    dict.set_item("spreads", spreads)?;
    dict.set_item("majority", &curves.majority)?;
    dict.set_item("pass", &curves.pass)?;
    dict.set_item("pass_hat", &curves.pass_hat)?;
    dict.set_item("mg_pass", &curves.mg_pass)?;
    dict.set_item("first_k_majority", &curves.first_k_majority)?;
    dict.set_item("interval_ks", &curves.interval_ks)?;
    dict.set_item("majority_intervals", &curves.majority_intervals)?;
    dict.set_item("pass_intervals", &curves.pass_intervals)?;
    let outcomes: Vec<_> = curves.outcomes.iter().map(|o| (o.n, o.correct, o.problems)).collect();
    dict.set_item("outcomes", outcomes)?;
    let noise = PyDict::new(py);
    for (name, value) in [
        ("mean", curves.noise.mean),
        ("standard_error", curves.noise.standard_error),
        ("standard_error_within", curves.noise.standard_error_within),
        ("within", curves.noise.within),
        ("between", curves.noise.between),
        ("icc", curves.noise.icc),
        ("low", curves.noise.low),
        ("high", curves.noise.high),
    ] {
        noise.set_item(name, value)?;
    }
    dict.set_item("noise", noise)?;
    Ok(dict)
}

/// The comparison of two runs' values on the same problems; None for fewer than two.
#[pyfunction]
fn paired(
    py: Python<'_>,
    first: Vec<f64>,
    second: Vec<f64>,
    seed: u64,
) -> PyResult<Option<Bound<'_, PyDict>>> {
    let Some(found) = py.detach(|| Paired::of(&first, &second, seed)) else { return Ok(None) };
    let dict = PyDict::new(py);
    dict.set_item("problems", found.problems)?;
    dict.set_item("difference", found.difference)?;
    dict.set_item("standard_error", found.standard_error)?;
    dict.set_item("low", found.low)?;
    dict.set_item("high", found.high)?;
    dict.set_item("permutation_p", found.permutation_p)?;
    dict.set_item("sign_p", found.sign_p)?;
    dict.set_item("wins", found.wins)?;
    dict.set_item("ties", found.ties)?;
    dict.set_item("losses", found.losses)?;
    dict.set_item("detectable", found.detectable)?;
    dict.set_item("correlation", found.correlation)?;
    Ok(Some(dict))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<ScanProgress>()?;
    module.add_class::<Samples>()?;
    module.add_class::<Tally>()?;
    module.add_function(wrap_pyfunction!(paired, module)?)
}
