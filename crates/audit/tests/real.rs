//! Tests of the statement that want real models or data, and say loudly what is absent.

mod real_style;
