//! Tests of the binary that want real models or servers, and say loudly what is absent.

mod real_answers;
mod real_audit;
mod real_exports;
mod real_listed;
mod real_servers;
