//! Per-family sums: the state from which every headline number and its interval are computed.
//!
//! A metric adds what it saw of an item to its family's row; division comes last, inside the statistic that
//! [`crate::stats::interval::estimate`] evaluates on the totals and on the totals without one family.

use std::collections::BTreeMap;

/// One family's sums.
#[derive(Clone, Debug, PartialEq)]
struct Row {
    sums: Vec<f64>,
    items: u64,
}

/// One row of sums per probe family, in the order of the family names.
///
/// The order, and with it every rounding error, is independent of the order of insertion of *families*; within a
/// family values are added in the order in which they come.
#[derive(Clone, Debug, PartialEq)]
pub struct FamilyTable {
    columns: usize,
    rows: BTreeMap<String, Row>,
}

impl FamilyTable {
    /// An empty table with `columns` sums per family.
    pub fn new(columns: usize) -> Self {
        Self { columns, rows: BTreeMap::new() }
    }

    /// Adds `values` to the sums of `family`, and `items` to its count of items.
    ///
    /// # Panics
    /// When `values` does not have one entry per column: a mistake of the caller, not of the data.
    pub fn add(&mut self, family: &str, values: &[f64], items: u64) {
        assert_eq!(values.len(), self.columns, "one value per column");
        if !self.rows.contains_key(family) {
            let empty = Row { sums: vec![0.0; self.columns], items: 0 };
            self.rows.insert(family.to_owned(), empty);
        }
        if let Some(row) = self.rows.get_mut(family) {
            for (sum, value) in row.sums.iter_mut().zip(values) {
                *sum += value;
            }
            row.items += items;
        }
    }

    /// Adds every row of `other`.
    ///
    /// # Panics
    /// When the two tables have different numbers of columns.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.columns, other.columns, "tables of one shape");
        for (family, row) in &other.rows {
            self.add(family, &row.sums, row.items);
        }
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of families.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// No family yet.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of items over all families.
    pub fn items(&self) -> u64 {
        self.rows.values().map(|row| row.items).sum()
    }

    /// Column sums over all families, in the order of their names.
    pub fn totals(&self) -> Vec<f64> {
        let mut totals = vec![0.0; self.columns];
        for row in self.rows.values() {
            for (total, value) in totals.iter_mut().zip(&row.sums) {
                *total += value;
            }
        }
        totals
    }

    /// Families in the order of their names: name, sums, items.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = (&str, &[f64], u64)> {
        self.rows.iter().map(|(family, row)| (family.as_str(), row.sums.as_slice(), row.items))
    }

    /// The sums of one family.
    pub fn get(&self, family: &str) -> Option<&[f64]> {
        self.rows.get(family).map(|row| row.sums.as_slice())
    }

    /// The rows of the families that `keep` accepts.
    pub fn filter(&self, keep: impl Fn(&str) -> bool) -> Self {
        let rows = self
            .rows
            .iter()
            .filter(|(family, _)| keep(family))
            .map(|(family, row)| (family.clone(), row.clone()))
            .collect();
        Self { columns: self.columns, rows }
    }
}
