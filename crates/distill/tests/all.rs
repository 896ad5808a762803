//! Tests of distillation. One program: linking one for each file took longer than the tests.

mod beside;
mod check;
mod data;
mod exports;
mod hidden;
mod lora;
mod losses;
mod network;
mod precision;
mod records;
mod run;
mod teachers;
mod tensorboard;
mod tool_calls;
