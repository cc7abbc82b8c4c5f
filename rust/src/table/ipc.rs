//! Columns as an Arrow record batch of one row of lists: `names` and `problems`, `texts`, `samples`, `rewards`, `unnamed`,
//! `ranges`, `damage` and its `places`.

use super::columns::{Columns, Flags, Given, Problem, Sample, Unnamed};
use super::damage::{Count, Kind, Place};
use super::parts::PartError;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Float64Array, LargeListArray, LargeStringArray, RecordBatch, StructArray,
    UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The columns of every part.
pub fn schema() -> Result<SchemaRef, ArrowError> {
    Ok(encode(&Columns::default())?.schema())
}

fn list(values: ArrayRef) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new("item", values.data_type().clone(), false));
    let offsets = OffsetBuffer::from_lengths([values.len()]);
    Ok(Arc::new(LargeListArray::try_new(field, offsets, values, None)?))
}

fn records(columns: Vec<(&str, ArrayRef)>) -> Result<ArrayRef, ArrowError> {
    let fields =
        columns.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), false)).collect();
    let arrays = columns.into_iter().map(|(_, column)| column).collect();
    list(Arc::new(StructArray::try_new(fields, arrays, None)?))
}

fn u8s(values: impl Iterator<Item = u8>) -> ArrayRef {
    Arc::new(UInt8Array::from_iter_values(values))
}

fn u16s(values: impl Iterator<Item = u16>) -> ArrayRef {
    Arc::new(UInt16Array::from_iter_values(values))
}

fn u32s(values: impl Iterator<Item = u32>) -> ArrayRef {
    Arc::new(UInt32Array::from_iter_values(values))
}

fn u64s(values: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(UInt64Array::from_iter_values(values))
}

fn f64s(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

/// A part as it is written.
pub fn encode(columns: &Columns) -> Result<RecordBatch, ArrowError> {
    let (problems, samples, unnamed) = (&columns.problems, &columns.samples, &columns.unnamed);
    let ranges = &columns.ranges;
    let damage: Vec<_> = columns.damage.iter().collect();
    let places: Vec<(u32, Place)> = damage
        .iter()
        .enumerate()
        .flat_map(|(at, (_, _, _, count))| count.places.iter().map(move |place| (at as u32, *place)))
        .collect();
    let (golds, subsets) = (&columns.conflicts.0, &columns.conflicts.1);
    let of_problem = |conflicts: &BTreeSet<u32>| -> ArrayRef {
        let has = |problem: usize| Some(conflicts.contains(&(problem as u32)));
        Arc::new((0..problems.len()).map(has).collect::<BooleanArray>())
    };
    let lists: Vec<(&str, ArrayRef)> = vec![
        ("names", list(Arc::new(LargeStringArray::from_iter_values(columns.names.iter())))?),
        (
            "problems",
            records(vec![
                ("gold", u32s(problems.iter().map(|p| p.gold.text))),
                ("gold_place", u64s(problems.iter().map(|p| p.gold.place))),
                ("subset", u32s(problems.iter().map(|p| p.subset.text))),
                ("subset_place", u64s(problems.iter().map(|p| p.subset.place))),
                ("start_s", f64s(problems.iter().map(|p| p.start_s))),
                ("end_s", f64s(problems.iter().map(|p| p.end_s))),
                ("gold_conflict", of_problem(golds)),
                ("subset_conflict", of_problem(subsets)),
            ])?,
        ),
        ("texts", list(Arc::new(LargeStringArray::from_iter_values(columns.texts.iter())))?),
        (
            "samples",
            records(vec![
                ("place", u64s(samples.iter().map(|s| s.place))),
                ("problem", u32s(samples.iter().map(|s| s.problem))),
                ("answer", u32s(samples.iter().map(|s| s.answer))),
                ("tokens", u32s(samples.iter().map(|s| s.tokens))),
                ("flags", u16s(samples.iter().map(|s| s.flags.bits()))),
            ])?,
        ),
        ("rewards", list(f64s(columns.rewards.iter().copied()))?),
        (
            "unnamed",
            records(vec![
                ("sample", u32s(unnamed.iter().map(|u| u.sample))),
                ("file", u32s(unnamed.iter().map(|u| u.place.file))),
                ("range", u64s(unnamed.iter().map(|u| u.place.range))),
                ("line", u64s(unnamed.iter().map(|u| u.place.line))),
            ])?,
        ),
        (
            "ranges",
            records(vec![
                ("file", u32s(ranges.keys().map(|(file, _)| *file))),
                ("range", u64s(ranges.keys().map(|(_, range)| *range))),
                ("lines", u64s(ranges.values().copied())),
            ])?,
        ),
        (
            "damage",
            records(vec![
                ("file", u32s(damage.iter().map(|d| d.0))),
                ("kind", u8s(damage.iter().map(|d| d.1 as u8))),
                ("kept", Arc::new(damage.iter().map(|d| Some(d.2)).collect::<BooleanArray>())),
                ("rows", u64s(damage.iter().map(|d| d.3.rows))),
            ])?,
        ),
        (
            "places",
            records(vec![
                ("damage", u32s(places.iter().map(|p| p.0))),
                ("range", u64s(places.iter().map(|p| p.1.range))),
                ("line", u64s(places.iter().map(|p| p.1.line))),
            ])?,
        ),
    ];
    let fields: Vec<Field> =
        lists.iter().map(|(name, column)| Field::new(*name, column.data_type().clone(), false)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), lists.into_iter().map(|(_, column)| column).collect())
}

/// The lists of one part.
struct Part<'a>(&'a RecordBatch);

impl<'a> Part<'a> {
    fn list(&self, name: &str) -> Result<&'a ArrayRef, PartError> {
        let column = self.0.column_by_name(name).ok_or(PartError::Version)?;
        let lists = column.as_list_opt::<i64>().ok_or(PartError::Version)?;
        // One row, one list.
        if lists.len() == 1 { Ok(lists.values()) } else { Err(PartError::Version) }
    }

    fn strings(&self, name: &str) -> Result<&'a LargeStringArray, PartError> {
        self.list(name)?.as_string_opt::<i64>().ok_or(PartError::Version)
    }

    fn field(&self, list: &str, name: &str, kind: &DataType) -> Result<&'a ArrayRef, PartError> {
        let records = self.list(list)?.as_struct_opt().ok_or(PartError::Version)?;
        records.column_by_name(name).filter(|column| column.data_type() == kind).ok_or(PartError::Version)
    }

    fn u32s(&self, list: &str, name: &str) -> Result<&'a [u32], PartError> {
        Ok(self.field(list, name, &DataType::UInt32)?.as_primitive::<UInt32Type>().values())
    }

    fn u64s(&self, list: &str, name: &str) -> Result<&'a [u64], PartError> {
        Ok(self.field(list, name, &DataType::UInt64)?.as_primitive::<UInt64Type>().values())
    }

    fn f64s(&self, list: &str, name: &str) -> Result<&'a [f64], PartError> {
        Ok(self.field(list, name, &DataType::Float64)?.as_primitive::<Float64Type>().values())
    }
}

/// A part as it was written.
pub fn decode(batch: &RecordBatch) -> Result<Columns, PartError> {
    let part = Part(batch);
    let mut columns = Columns::default();
    for name in part.strings("names")?.iter().flatten() {
        columns.names.intern(name);
    }
    for text in part.strings("texts")?.iter().flatten() {
        columns.texts.intern(text);
    }
    decode_problems(&part, &mut columns)?;
    let flags = part.field("samples", "flags", &DataType::UInt16)?.as_primitive::<UInt16Type>().values();
    let (places, problems) = (part.u64s("samples", "place")?, part.u32s("samples", "problem")?);
    let (answers, tokens) = (part.u32s("samples", "answer")?, part.u32s("samples", "tokens")?);
    columns.samples = (0..places.len())
        .map(|at| Sample {
            place: places[at],
            problem: problems[at],
            answer: answers[at],
            tokens: tokens[at],
            flags: Flags::from_bits(flags[at]),
        })
        .collect();
    let rewards = part.list("rewards")?;
    if rewards.data_type() != &DataType::Float64 {
        return Err(PartError::Version);
    }
    columns.rewards = rewards.as_primitive::<Float64Type>().values().to_vec();
    let (files, ranges) = (part.u32s("unnamed", "file")?, part.u64s("unnamed", "range")?);
    let lines = part.u64s("unnamed", "line")?;
    for (at, sample) in part.u32s("unnamed", "sample")?.iter().enumerate() {
        let place = Place { file: files[at], range: ranges[at], line: lines[at] };
        columns.unnamed.push(Unnamed { sample: *sample, place });
    }
    let (files, ranges) = (part.u32s("ranges", "file")?, part.u64s("ranges", "range")?);
    for (at, lines) in part.u64s("ranges", "lines")?.iter().enumerate() {
        columns.ranges.insert((files[at], ranges[at]), *lines);
    }
    decode_damage(&part, &mut columns)?;
    check(&columns)?;
    Ok(columns)
}

fn decode_problems(part: &Part<'_>, columns: &mut Columns) -> Result<(), PartError> {
    let (gold, gold_place) = (part.u32s("problems", "gold")?, part.u64s("problems", "gold_place")?);
    let (subset, subset_place) = (part.u32s("problems", "subset")?, part.u64s("problems", "subset_place")?);
    let (start, end) = (part.f64s("problems", "start_s")?, part.f64s("problems", "end_s")?);
    let golds = part.field("problems", "gold_conflict", &DataType::Boolean)?.as_boolean();
    let subsets = part.field("problems", "subset_conflict", &DataType::Boolean)?.as_boolean();
    for at in 0..gold.len() {
        columns.problems.push(Problem {
            gold: Given { place: gold_place[at], text: gold[at] },
            subset: Given { place: subset_place[at], text: subset[at] },
            start_s: start[at],
            end_s: end[at],
        });
        for (conflicts, found) in [(&mut columns.conflicts.0, golds), (&mut columns.conflicts.1, subsets)] {
            if found.value(at) {
                conflicts.insert(at as u32);
            }
        }
    }
    Ok(())
}

fn decode_damage(part: &Part<'_>, columns: &mut Columns) -> Result<(), PartError> {
    let kinds = part.field("damage", "kind", &DataType::UInt8)?.as_primitive::<UInt8Type>().values();
    let kept = part.field("damage", "kept", &DataType::Boolean)?.as_boolean();
    let (files, rows) = (part.u32s("damage", "file")?, part.u64s("damage", "rows")?);
    let (owners, ranges) = (part.u32s("places", "damage")?, part.u64s("places", "range")?);
    let lines = part.u64s("places", "line")?;
    for at in 0..files.len() {
        let kind = *Kind::ALL.get(kinds[at] as usize).ok_or(PartError::Inconsistent)?;
        let places = owners
            .iter()
            .enumerate()
            .filter(|(_, owner)| **owner as usize == at)
            .map(|(place, _)| Place { file: files[at], range: ranges[place], line: lines[place] })
            .collect();
        columns.damage.restore(kind, kept.value(at), files[at], Count { rows: rows[at], places });
    }
    Ok(())
}

/// Whether all numbers point at something, so that nothing read from disk can lead out of bounds.
fn check(columns: &Columns) -> Result<(), PartError> {
    let text = |number: u32| number == super::columns::NONE || (number as usize) < columns.texts.len();
    let fits = columns.names.len() == columns.problems.len()
        && columns.problems.iter().all(|problem| text(problem.gold.text) && text(problem.subset.text))
        && columns
            .samples
            .iter()
            .all(|sample| (sample.problem as usize) < columns.problems.len() && text(sample.answer))
        && (columns.rewards.is_empty() || columns.rewards.len() == columns.samples.len())
        && columns.unnamed.iter().all(|unnamed| (unnamed.sample as usize) < columns.samples.len());
    if fits { Ok(()) } else { Err(PartError::Inconsistent) }
}
