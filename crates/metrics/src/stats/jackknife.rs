//! Delete-one-family jackknife: the values of a statistic without each family in turn.

use super::families::FamilyTable;

/// The values of a statistic on the whole and without each family in turn.
#[derive(Clone, Debug)]
pub(crate) struct Jackknife {
    /// On all families.
    pub value: f64,
    /// Without family g, in the order of the family names.
    pub without: Vec<f64>,
}

impl Jackknife {
    /// `None` when the statistic is undefined, or not finite, on the whole or without any one family.
    pub fn new(table: &FamilyTable, statistic: &impl Fn(&[f64]) -> Option<f64>) -> Option<Self> {
        let rows: Vec<&[f64]> = table.rows().map(|(_, sums, _)| sums).collect();
        Self::of(&rows, table.columns(), statistic)
    }

    /// The same of the families' sums.
    pub fn of(rows: &[&[f64]], columns: usize, statistic: &impl Fn(&[f64]) -> Option<f64>) -> Option<Self> {
        let mut totals = vec![0.0; columns];
        for row in rows {
            for (total, sum) in totals.iter_mut().zip(*row) {
                *total += sum;
            }
        }
        let value = defined(statistic(&totals))?;
        let mut rest = vec![0.0; columns];
        let mut without = Vec::with_capacity(rows.len());
        for row in rows {
            for ((rest, total), sum) in rest.iter_mut().zip(&totals).zip(*row) {
                *rest = total - sum;
            }
            without.push(defined(statistic(&rest))?);
        }
        Some(Self { value, without })
    }

    /// Number of families.
    pub fn families(&self) -> usize {
        self.without.len()
    }

    /// How far each leave-one-out value lies from their mean.
    pub fn deviations(&self) -> impl Iterator<Item = f64> {
        let mean = self.without.iter().sum::<f64>() / self.without.len() as f64;
        self.without.iter().map(move |value| value - mean)
    }

    /// How this statistic and another of the same families vary together, in [−1, 1]; 0 where one of them does not vary.
    pub fn correlation(&self, other: &Self) -> f64 {
        let product: f64 = self.deviations().zip(other.deviations()).map(|(a, b)| a * b).sum();
        let squares = |of: &Self| of.deviations().map(|d| d * d).sum::<f64>();
        let scale = (squares(self) * squares(other)).sqrt();
        if scale > 0.0 { (product / scale).clamp(-1.0, 1.0) } else { 0.0 }
    }

    /// Variance of the statistic: (G − 1)/G · Σ (θ₍g₎ − mean)². `None` with fewer than two families.
    pub fn variance(&self) -> Option<f64> {
        let families = self.families() as f64;
        if families < 2.0 {
            return None;
        }
        let squares: f64 = self.deviations().map(|d| d * d).sum();
        Some((families - 1.0) / families * squares)
    }

    /// Efron's acceleration: Σ u³ / (6 (Σ u²)^{3/2}) with u_g = mean − θ₍g₎; 0 when nothing varies.
    pub fn acceleration(&self) -> f64 {
        let (mut squares, mut cubes) = (0.0, 0.0);
        for deviation in self.deviations() {
            squares += deviation * deviation;
            cubes -= deviation * deviation * deviation;
        }
        if squares > 0.0 { cubes / (6.0 * squares.powf(1.5)) } else { 0.0 }
    }
}

/// A finite value.
pub(crate) fn defined(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite())
}
