//! What the metrics are computed from: counts of how problems came out. Whole numbers only, so that parts add up to the
//! same tally in any order.

use super::columns::{Columns, Flags, NONE, Sample};
use super::counts::{bits, pairs};
use super::grades::{Grade, Grades};
use super::groups::Groups;
use super::rewards::Rewards;
use super::votes::{self, Rule, Votes};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Ways to score a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// `symbolic_correct`.
    Symbolic,
    /// `judge_correct`.
    Judge,
    /// Both say yes.
    Both,
    /// At least one says yes.
    Any,
}

impl Method {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 4] = [Self::Symbolic, Self::Judge, Self::Both, Self::Any];

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Symbolic => "symbolic_correct",
            Self::Judge => "judge_correct",
            Self::Both => "both_correct",
            Self::Any => "any_correct",
        }
    }
}

/// How a problem came out under one method: its samples, how many are right, how many gave no answer, and for each class of
/// answers its votes and how many of them are right, the largest first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signature {
    /// Samples.
    pub n: u32,
    /// Right ones.
    pub correct: u32,
    /// Samples without an answer.
    pub silent: u32,
    /// Votes and right votes of each class.
    pub classes: Box<[(u32, u32)]>,
}

/// One method's counts over problems with the same number of samples.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scores {
    /// Samples that have this score.
    pub labelled: u64,
    /// Right samples by rank (the order of files).
    pub by_rank: Vec<u64>,
    /// Problems by how many of their first k samples are right: at `k * (k + 1) / 2 + c`.
    pub prefixes: Vec<u64>,
    /// Problems by outcome.
    #[serde(with = "pairs")]
    pub signatures: HashMap<Signature, u64>,
    /// Problems by the score of the most frequent pair of answer string and label among the first k samples, ties shared:
    /// (k, right ones among the tied, tied). Only under [`Options::first_k`].
    #[serde(with = "pairs")]
    pub first_k: BTreeMap<(u32, u32, u32), u64>,
}

/// Problems of one subset with the same number of samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// Problems.
    pub problems: u64,
    /// First place that names the subset: subsets are reported in the order of files.
    pub first: Option<u64>,
    /// Sum of sampled tokens.
    pub tokens: u128,
    /// Samples that say how many.
    pub with_tokens: u64,
    /// Samples neither proved right nor wrong.
    pub undecided: u64,
    /// Earliest start, unix seconds.
    #[serde(with = "bits")]
    pub start_s: Option<f64>,
    /// Latest end.
    #[serde(with = "bits")]
    pub end_s: Option<f64>,
    /// Samples without an answer, by rank.
    pub silent_by_rank: Vec<u64>,
    /// Problems by samples without an answer.
    pub silent: Vec<u64>,
    /// Problems whose first k samples (index k - 1) all lack an answer.
    pub silent_prefixes: Vec<u64>,
    /// Counts by method, in the order of [`Method::ALL`].
    pub scores: [Scores; 4],
    /// Choices by reward, of the first method that samples have.
    pub rewards: Rewards,
}

/// A subset's name (None for problems without one) and a number of samples.
pub type CellKey = (Option<String>, u32);

/// Counts by subset and number of samples.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// The counts.
    #[serde(with = "pairs")]
    pub cells: BTreeMap<CellKey, Cell>,
}

/// What to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// What makes one vote.
    pub votes: Rule,
    /// Also vote by pairs of string and label over the first k samples, as NeMo-Skills does.
    pub first_k: bool,
}

/// The outcome of one problem.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Number of the problem.
    pub problem: u32,
    /// Samples.
    pub n: u32,
    /// Samples without an answer.
    pub silent: u32,
    /// Right samples by method; None if not all samples have this score.
    pub correct: [Option<u32>; 4],
    /// Number of the most frequent answer, the first given among equals; [`NONE`] if there is none.
    pub majority: u32,
    /// Its votes.
    pub votes: u32,
}

impl Tally {
    /// Counts all samples, on `threads` threads; hands the outcome of each problem to nobody.
    pub fn of(columns: &Columns, grades: &Grades, options: Options, threads: usize) -> Self {
        Self::with_outcomes(columns, grades, options, threads, false).0
    }

    /// Counts all samples; with `keep`, also returns each problem's outcome, in the order of problem numbers.
    pub fn with_outcomes(
        columns: &Columns,
        grades: &Grades,
        options: Options,
        threads: usize,
        keep: bool,
    ) -> (Self, Vec<Outcome>) {
        let problems = columns.problems.len();
        let share = problems.div_ceil(threads.max(1)).max(1);
        let groups = Groups::of(columns, threads);
        let numbers = if options.votes == Rule::Class { votes::same_numbers(columns) } else { Vec::new() };
        let count = |from: usize| {
            let mut counter = Counter::new(columns, grades, &numbers, options, keep);
            let mut group = Vec::new();
            for problem in from as u32..(from + share).min(problems) as u32 {
                groups.get(problem, &mut group);
                counter.problem(problem, &group);
            }
            counter.finish()
        };
        let parts = std::thread::scope(|scope| {
            let count = &count;
            let workers: Vec<_> =
                (0..problems).step_by(share).map(|from| scope.spawn(move || count(from))).collect();
            workers.into_iter().map(|worker| worker.join().unwrap_or_default()).collect::<Vec<_>>()
        });
        let mut all = (Self::default(), Vec::new());
        for (tally, outcomes) in parts {
            all.0.merge(tally);
            all.1.extend(outcomes);
        }
        all
    }

    /// Adds the counts of other problems.
    pub fn merge(&mut self, other: Self) {
        for (key, cell) in other.cells {
            self.cells.entry(key).or_default().merge(cell);
        }
    }

    /// The counts of one subset, or of all, for each number of samples.
    pub fn by_size(&self, subset: Option<&str>) -> BTreeMap<u32, Cell> {
        let mut sizes: BTreeMap<u32, Cell> = BTreeMap::new();
        for ((name, n), cell) in &self.cells {
            if subset.is_none() || name.as_deref() == subset {
                sizes.entry(*n).or_default().merge(cell.clone());
            }
        }
        sizes
    }
}

fn add(own: &mut Vec<u64>, other: &[u64]) {
    if own.len() < other.len() {
        own.resize(other.len(), 0);
    }
    for (own, other) in own.iter_mut().zip(other) {
        *own += other;
    }
}

fn join<T>(own: Option<T>, other: Option<T>, pick: fn(T, T) -> T) -> Option<T> {
    match (own, other) {
        (Some(own), Some(other)) => Some(pick(own, other)),
        (own, other) => own.or(other),
    }
}

impl Cell {
    /// Adds the counts of other problems.
    pub fn merge(&mut self, other: Self) {
        self.problems += other.problems;
        self.first = join(self.first, other.first, u64::min);
        self.tokens += other.tokens;
        self.with_tokens += other.with_tokens;
        self.undecided += other.undecided;
        self.start_s = join(self.start_s, other.start_s, f64::min);
        self.end_s = join(self.end_s, other.end_s, f64::max);
        add(&mut self.silent_by_rank, &other.silent_by_rank);
        add(&mut self.silent, &other.silent);
        add(&mut self.silent_prefixes, &other.silent_prefixes);
        for (own, other) in self.scores.iter_mut().zip(other.scores) {
            own.labelled += other.labelled;
            add(&mut own.by_rank, &other.by_rank);
            add(&mut own.prefixes, &other.prefixes);
            for (signature, count) in other.signatures {
                *own.signatures.entry(signature).or_default() += count;
            }
            for (key, count) in other.first_k {
                *own.first_k.entry(key).or_default() += count;
            }
        }
        self.rewards.merge(&other.rewards);
    }
}

/// Goes through problems, reusing what it needs for each.
struct Counter<'a> {
    columns: &'a Columns,
    grades: &'a Grades,
    options: Options,
    votes: Votes<'a>,
    strings: Votes<'a>,
    cells: HashMap<(u32, u32), Cell>,
    outcomes: Option<Vec<Outcome>>,
    answers: Vec<u32>,
    classes: Vec<u32>,
    labels: [Vec<Option<bool>>; 4],
    /// Methods that any sample can have: without a judge there is one.
    methods: usize,
    scratch: Vec<(u32, u32)>,
}

impl<'a> Counter<'a> {
    fn new(
        columns: &'a Columns,
        grades: &'a Grades,
        numbers: &'a [u32],
        options: Options,
        keep: bool,
    ) -> Self {
        Self {
            columns,
            grades,
            options,
            methods: if columns.samples.are_judged() { Method::ALL.len() } else { 1 },
            votes: match options.votes {
                Rule::Class => Votes::by_value(columns, numbers),
                Rule::String => Votes::by_string(columns),
            },
            strings: Votes::by_string(columns),
            cells: HashMap::new(),
            outcomes: keep.then(Vec::new),
            answers: Vec::new(),
            classes: Vec::new(),
            labels: Default::default(),
            scratch: Vec::new(),
        }
    }

    fn finish(self) -> (Tally, Vec<Outcome>) {
        let name = |subset: u32| (subset != NONE).then(|| self.columns.texts.get(subset).to_owned());
        let mut tally = Tally::default();
        for ((subset, n), cell) in self.cells {
            tally.cells.entry((name(subset), n)).or_default().merge(cell);
        }
        (tally, self.outcomes.unwrap_or_default())
    }

    fn problem(&mut self, problem: u32, group: &[u32]) {
        if group.is_empty() {
            return;
        }
        let n = group.len() as u32;
        let facts = &self.columns.problems[problem as usize];
        let cell = self.cells.entry((facts.subset.text, n)).or_default();
        cell.problems += 1;
        cell.first = join(cell.first, Some(facts.subset.place), u64::min);
        cell.start_s = join(cell.start_s, Some(facts.start_s).filter(|s| s.is_finite()), f64::min);
        cell.end_s = join(cell.end_s, Some(facts.end_s).filter(|s| s.is_finite()), f64::max);
        self.answers.clear();
        self.labels.iter_mut().for_each(Vec::clear);
        let mut tokens = 0;
        for at in group {
            let sample = &self.columns.samples[*at as usize];
            self.answers.push(sample.answer);
            tokens += u64::from(sample.tokens);
            cell.with_tokens += u64::from(sample.flags.has(Flags::HAS_TOKENS));
            let (symbolic, undecided) = symbolic(sample, facts.gold.text, self.grades);
            cell.undecided += u64::from(undecided);
            self.labels[0].push(symbolic);
            if self.methods > 1 {
                let judged = sample.flags.has(Flags::HAS_JUDGED).then(|| sample.flags.has(Flags::JUDGED));
                let pair = symbolic.zip(judged);
                let others = [judged, pair.map(|(s, j)| s && j), pair.map(|(s, j)| s || j)];
                for (all, label) in self.labels[1..].iter_mut().zip(others) {
                    all.push(label);
                }
            }
        }
        cell.tokens += u128::from(tokens);
        let classes = self.votes.assign(&self.answers, &mut self.classes);
        let silent = count_silent(cell, &self.classes);
        let mut correct = [None; 4];
        let labels = &self.labels[..self.methods];
        for ((labels, scores), correct) in labels.iter().zip(&mut cell.scores).zip(&mut correct) {
            scores.labelled += labels.iter().flatten().count() as u64;
            *correct = labels.iter().copied().sum_right();
            if correct.is_some() {
                count_ranks(scores, labels);
                let signature = signature(labels, &self.classes, classes, &mut self.scratch);
                *scores.signatures.entry(signature).or_default() += 1;
            }
        }
        if !self.columns.rewards.is_empty()
            && let Some(labels) = labels.iter().find(|labels| labels.iter().all(Option::is_some))
        {
            let rewards = group.iter().map(|at| self.columns.rewards[*at as usize]).collect::<Vec<_>>();
            let seed = self.columns.names.get(problem);
            cell.rewards.add(&rewards, labels, &self.classes, seed);
        }
        if let Some(outcomes) = &mut self.outcomes {
            let (majority, votes) = majority(&self.answers, &self.classes, classes, &mut self.scratch);
            outcomes.push(Outcome { problem, n, silent, correct, majority, votes });
        }
        if self.options.first_k {
            self.strings.assign(&self.answers, &mut self.classes);
            for (labels, scores) in labels.iter().zip(&mut cell.scores) {
                count_first_k(scores, labels, &self.classes);
            }
        }
    }
}

/// Whether a sample is right by its own label, else by comparison, and whether it is undecided.
fn symbolic(sample: &Sample, gold: u32, grades: &Grades) -> (Option<bool>, bool) {
    let flags = sample.flags;
    let mut undecided = flags.has(Flags::UNDECIDED);
    let right = if flags.has(Flags::HAS_SYMBOLIC) {
        Some(flags.has(Flags::SYMBOLIC))
    } else if gold == NONE {
        None
    } else if sample.answer == NONE {
        Some(false)
    } else {
        let grade = grades.get(gold, sample.answer);
        undecided = grade == Some(Grade::Undecided);
        Some(grade == Some(Grade::Right))
    };
    (right, undecided)
}

fn count_silent(cell: &mut Cell, classes: &[u32]) -> u32 {
    cell.silent_by_rank.resize(classes.len(), 0);
    cell.silent_prefixes.resize(classes.len(), 0);
    cell.silent.resize(classes.len() + 1, 0);
    let mut silent = 0;
    for (rank, class) in classes.iter().enumerate() {
        if *class == NONE {
            cell.silent_by_rank[rank] += 1;
            silent += 1;
        }
        cell.silent_prefixes[rank] += u64::from(silent == rank + 1);
    }
    cell.silent[silent] += 1;
    silent as u32
}

trait SumRight {
    /// How many are right; None if any has no label.
    fn sum_right(self) -> Option<u32>;
}

impl<I: Iterator<Item = Option<bool>>> SumRight for I {
    fn sum_right(mut self) -> Option<u32> {
        self.try_fold(0, |sum, label| label.map(|right| sum + u32::from(right)))
    }
}

fn count_ranks(scores: &mut Scores, labels: &[Option<bool>]) {
    let n = labels.len();
    scores.by_rank.resize(n, 0);
    scores.prefixes.resize((n + 1) * (n + 2) / 2, 0);
    let mut right = 0;
    for (rank, label) in labels.iter().enumerate() {
        let one = usize::from(*label == Some(true));
        scores.by_rank[rank] += one as u64;
        right += one;
        let k = rank + 1;
        scores.prefixes[k * (k + 1) / 2 + right] += 1;
    }
}

fn signature(labels: &[Option<bool>], votes: &[u32], classes: u32, sizes: &mut Vec<(u32, u32)>) -> Signature {
    sizes.clear();
    sizes.resize(classes as usize, (0, 0));
    let (mut correct, mut silent) = (0, 0);
    for (label, vote) in labels.iter().zip(votes) {
        let right = u32::from(*label == Some(true));
        correct += right;
        if *vote == NONE {
            silent += 1;
        } else {
            let size = &mut sizes[*vote as usize];
            *size = (size.0 + 1, size.1 + right);
        }
    }
    sizes.sort_unstable_by(|left, right| right.cmp(left));
    Signature { n: labels.len() as u32, correct, silent, classes: sizes.as_slice().into() }
}

fn majority(answers: &[u32], votes: &[u32], classes: u32, sizes: &mut Vec<(u32, u32)>) -> (u32, u32) {
    sizes.clear();
    sizes.resize(classes as usize, (0, NONE));
    for (answer, vote) in answers.iter().zip(votes).filter(|(_, vote)| **vote != NONE) {
        let size = &mut sizes[*vote as usize];
        size.0 += 1;
        if size.1 == NONE {
            size.1 = *answer;
        }
    }
    let most = sizes.iter().map(|size| size.0).max().unwrap_or(0);
    sizes.iter().find(|size| size.0 == most && most > 0).map_or((NONE, 0), |size| (size.1, most))
}

/// As NeMo-Skills votes: over pairs of string and label, tied pairs sharing, samples in file order.
fn count_first_k(scores: &mut Scores, labels: &[Option<bool>], strings: &[u32]) {
    if labels.iter().any(Option::is_none) {
        return;
    }
    let mut pairs: HashMap<(u32, bool), u32> = HashMap::new();
    let (mut most, mut tied, mut right) = (0, 0, 0);
    for (rank, (label, string)) in labels.iter().zip(strings).enumerate() {
        let label = *label == Some(true);
        if *string != NONE {
            let votes = pairs.entry((*string, label)).or_default();
            *votes += 1;
            if *votes > most {
                (most, tied, right) = (*votes, 1, u32::from(label));
            } else if *votes == most {
                tied += 1;
                right += u32::from(label);
            }
        }
        *scores.first_k.entry((rank as u32 + 1, right, tied)).or_default() += 1;
    }
}
