//! The values that a metric can take.

use std::fmt;

use crate::stats::estimate::Estimate;
use crate::stats::limits::Shape;

/// One end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// The value can be taken.
    Closed(f64),
    /// It cannot, or it is infinite.
    Open(f64),
}

impl End {
    /// Where it is.
    pub const fn value(self) -> f64 {
        match self {
            Self::Closed(value) | Self::Open(value) => value,
        }
    }
}

/// The values that a metric can take. Shown as mathematicians write it: `[0, ∞)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    /// The lower end.
    pub low: End,
    /// The upper end.
    pub high: End,
}

impl Range {
    /// A share: [0, 1].
    pub const SHARE: Self = Self::closed(0.0, 1.0);
    /// [0, ∞)
    pub const FROM_ZERO: Self = Self { low: End::Closed(0.0), high: End::Open(f64::INFINITY) };
    /// (0, ∞)
    pub const ABOVE_ZERO: Self = Self { low: End::Open(0.0), high: End::Open(f64::INFINITY) };
    /// (−∞, 1]
    pub const TO_ONE: Self = Self { low: End::Open(f64::NEG_INFINITY), high: End::Closed(1.0) };
    /// (−∞, ∞)
    pub const ANY: Self = Self { low: End::Open(f64::NEG_INFINITY), high: End::Open(f64::INFINITY) };

    /// Both ends can be taken.
    pub const fn closed(low: f64, high: f64) -> Self {
        Self { low: End::Closed(low), high: End::Closed(high) }
    }

    /// What the range says of a family.
    pub(super) fn shape(&self) -> Shape {
        let finite = |end: End| Some(end.value()).filter(|end| end.is_finite());
        Shape::Between { low: finite(self.low), high: finite(self.high) }
    }

    /// Values that the metric cannot take are none that the interval has to hold.
    pub(super) fn narrow(&self, found: &mut Estimate) {
        if let Some(interval) = &mut found.interval {
            // An estimate without bias may lie a little outside itself.
            interval.low = interval.low.max(self.low.value().min(found.value));
            interval.high = interval.high.min(self.high.value().max(found.value));
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: f64| match value {
            f64::INFINITY => "∞".to_owned(),
            f64::NEG_INFINITY => "−∞".to_owned(),
            std::f64::consts::LN_2 => "ln 2".to_owned(),
            value => value.to_string().replace('-', "−"),
        };
        let open = if let End::Closed(_) = self.low { '[' } else { '(' };
        let close = if let End::Closed(_) = self.high { ']' } else { ')' };
        write!(f, "{open}{}, {}{close}", number(self.low.value()), number(self.high.value()))
    }
}
