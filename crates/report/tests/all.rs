//! Tests of reports. One program: linking one for each file took longer than the tests.

mod compared;
mod formats;
mod page;
mod pictures;
mod sample;
