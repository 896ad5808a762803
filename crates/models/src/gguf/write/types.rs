//! Which tensor is stored in which type.

use std::str::FromStr;

use crate::gguf::quantize::WRITABLE;
use crate::{DType, ModelError};

/// How the tensors of a file are stored. Norms, biases and other vectors are always F32: every reader expects that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Types {
    /// Type of the matrices.
    pub matrices: DType,
    /// Type of the output head, which is the embedding where they are one; `None` for llama.cpp's rule: Q8_0 where the matrices
    /// are Q8_0 or its rows do not fit their blocks, Q6_K where they are other blocks, and their type else.
    pub output: Option<DType>,
}

impl FromStr for Types {
    type Err = ModelError;

    /// `q4_k`, `f16`, …: the type of the matrices.
    fn from_str(name: &str) -> Result<Types, ModelError> {
        Ok(Types { matrices: writable(name)?, output: None })
    }
}

/// The type of this name.
///
/// # Errors
/// There is none, or it is only read.
pub fn writable(name: &str) -> Result<DType, ModelError> {
    DType::from_name(name).filter(|dtype| WRITABLE.contains(dtype)).ok_or_else(|| {
        let names = WRITABLE.map(|dtype| dtype.name().to_lowercase()).join(", ");
        ModelError::Request { reason: format!("no tensor type to write is called {name:?}; there are {names}") }
    })
}

impl Types {
    /// The type of a matrix, and the one that was wanted where its rows do not fit that.
    pub(super) fn of(&self, is_output: bool, cols: usize) -> (DType, Option<DType>) {
        let wanted = match (is_output, self.output) {
            (true, Some(output)) => output,
            (true, None) if self.matrices.block_len() == 1 => self.matrices,
            (true, None) if self.matrices == DType::Q8_0 || !cols.is_multiple_of(self.matrices.block_len()) => {
                DType::Q8_0
            }
            (true, None) => DType::Q6_K,
            (false, _) => self.matrices,
        };
        let fitting = fitting(wanted, cols);
        (fitting, (fitting != wanted).then_some(wanted))
    }

    /// `general.file_type`: llama.cpp's number for files that are mostly of this type.
    pub(super) fn file_type(&self) -> u32 {
        match self.matrices {
            DType::F32 => 0,
            DType::Q4_0 => 2,
            DType::Q8_0 => 7,
            DType::Q5_0 => 8,
            DType::Q5_1 => 9,
            DType::Q4_K => 14,
            DType::Q5_K => 16,
            DType::Q6_K => 18,
            DType::BF16 => 32,
            // F16, and what is only read.
            _ => 1,
        }
    }
}

/// Where rows are no whole number of blocks llama.cpp takes the next larger type with blocks of 32, and F16 where they do not
/// fit that either.
fn fitting(wanted: DType, cols: usize) -> DType {
    let smaller = match wanted {
        DType::Q4_K => DType::Q5_0,
        DType::Q5_K => DType::Q5_1,
        DType::Q6_K => DType::Q8_0,
        other => other,
    };
    let fits = |dtype: &DType| cols.is_multiple_of(dtype.block_len());
    [wanted, smaller].into_iter().find(fits).unwrap_or(DType::F16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_do_not_fit_get_the_type_that_llama_cpp_gives_them() {
        use DType::{F16, F32, Q4_0, Q4_K, Q5_0, Q5_1, Q5_K, Q6_K, Q8_0};
        let check = |matrices: DType, output: Option<DType>, is_output: bool, cols: usize, expected| {
            assert_eq!(Types { matrices, output }.of(is_output, cols), expected, "{matrices} {is_output} {cols}");
        };
        check(Q4_K, None, false, 512, (Q4_K, None));
        check(Q4_K, None, false, 576, (Q5_0, Some(Q4_K)));
        check(Q5_K, None, false, 192, (Q5_1, Some(Q5_K)));
        check(Q6_K, None, false, 96, (Q8_0, Some(Q6_K)));
        check(Q4_K, None, false, 100, (F16, Some(Q4_K)));
        check(Q8_0, None, false, 100, (F16, Some(Q8_0)));
        check(F16, None, false, 7, (F16, None));
        // The head: Q6_K with blocks of its own size, Q8_0 where they do not fit.
        check(Q4_K, None, true, 512, (Q6_K, None));
        check(Q4_K, None, true, 576, (Q8_0, None));
        check(Q4_0, None, true, 576, (Q8_0, Some(Q6_K)));
        check(Q8_0, None, true, 512, (Q8_0, None));
        check(F32, None, true, 512, (F32, None));
        check(Q4_K, Some(Q4_K), true, 512, (Q4_K, None));
        check(Q4_K, Some(Q5_K), true, 576, (Q5_1, Some(Q5_K)));
    }

    #[test]
    fn names_are_read_and_others_refused() {
        assert_eq!("q4_k".parse::<Types>().map(|t| t.matrices).ok(), Some(DType::Q4_K));
        assert_eq!(writable("BF16").ok(), Some(DType::BF16));
        for name in ["q2_k", "q4_k_m", "", "int4"] {
            let error = writable(name).map_err(|e| e.to_string());
            assert!(error.is_err_and(|e| e.contains(name) && e.contains("q8_0, q6_k")), "{name}");
        }
    }
}
