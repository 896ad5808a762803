//! Tests of the statement. One program: linking one for each file took longer than the tests.

mod calibrate;
mod dependencies;
mod pinned;
mod statement_schema;
