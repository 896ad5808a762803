//! llama.cpp base files: written, read back, and refused when they are broken.
#![allow(clippy::unwrap_used, reason = "test code")]

use std::fs;
use std::path::Path;

use hydrometer_answers::llama_kld::{BaseError, BaseHeader, BaseReader, BaseWriter, EncodedRow};
use proptest::prelude::*;

const SMALL: BaseHeader = BaseHeader { n_ctx: 6, n_vocab: 5, n_chunk: 2 };

fn logits(row: u64, vocab: u32) -> Vec<f32> {
    (0..vocab).map(|i| ((row * 31 + u64::from(i) * 17) % 23) as f32 * 0.7 - 5.0).collect()
}

fn write(path: &Path, header: BaseHeader) {
    let tokens: Vec<u32> = (0..header.tokens()).map(|i| (i % u64::from(header.n_vocab)) as u32).collect();
    let mut writer = BaseWriter::create(path, header, &tokens).unwrap();
    for row in 0..header.rows() {
        writer.write_logits(&logits(row, header.n_vocab)).unwrap();
    }
    writer.finish().unwrap();
}

#[test]
fn the_sizes_are_those_of_the_format() {
    let header = BaseHeader { n_ctx: 512, n_vocab: 151_936, n_chunk: 8 };
    assert_eq!((header.first_row(), header.rows_per_chunk()), (256, 255));
    assert_eq!(header.row_bytes(), 303_880);
    assert_eq!(header.file_bytes(), 20 + 4 * 8 * 512 + 8 * 255 * 303_880);
    assert_eq!(BaseHeader { n_vocab: 5, ..header }.row_bytes(), 8 + 12);
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("base");
    let header = BaseHeader { n_ctx: 4, n_vocab: 3, n_chunk: 1 };
    let mut writer = BaseWriter::create(&path, header, &[2, 1, 0, 2]).unwrap();
    writer.write_row(&EncodedRow { scale: 0.5, min_log_prob: -2.0, codes: vec![1, 2, 0xabcd] }).unwrap();
    writer.finish().unwrap();
    let mut expected = b"_logits_".to_vec();
    expected.extend([4, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0]);
    expected.extend([2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0]);
    expected.extend([0, 0, 0, 0x3f, 0, 0, 0, 0xc0]);
    expected.extend([1, 0, 2, 0, 0xcd, 0xab, 0, 0]);
    assert_eq!(fs::read(&path).unwrap(), expected);
}

#[test]
fn every_row_has_its_place_and_seeking_finds_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("base");
    write(&path, SMALL);
    let mut reader = BaseReader::open(&path).unwrap();
    assert_eq!(reader.header(), SMALL);
    assert_eq!(reader.tokens(), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]);
    let places: Vec<_> = (0..5).map(|row| reader.place(row)).collect();
    assert_eq!(places, [Some((0, 3, 4)), Some((0, 4, 0)), Some((1, 3, 0)), Some((1, 4, 1)), None]);
    let mut rows = Vec::new();
    let mut row = EncodedRow::default();
    while reader.read_row(&mut row).unwrap() {
        rows.push(row.clone());
    }
    assert_eq!(rows.len(), 4);
    for at in [2, 0, 3, 1] {
        reader.seek(at).unwrap();
        assert!(reader.read_row(&mut row).unwrap());
        assert_eq!(row, rows[at as usize]);
    }
    reader.seek(99).unwrap();
    assert!(!reader.read_row(&mut row).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Half a step of the 16-bit code, plus the rounding of the f32 arithmetic around it.
    #[test]
    fn log_probabilities_survive_to_half_a_step(
        row in prop::collection::vec(prop_oneof![4 => -40.0f32..40.0, 1 => Just(f32::NEG_INFINITY)], 2..40),
        peak in -40.0f32..40.0,
    ) {
        let mut row = row;
        row[0] = peak;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("base");
        let header = BaseHeader { n_ctx: 4, n_vocab: row.len() as u32, n_chunk: 1 };
        let mut writer = BaseWriter::create(&path, header, &[0, 1, 0, 1]).unwrap();
        writer.write_logits(&row).unwrap();
        writer.finish().unwrap();

        let mut read = EncodedRow::default();
        prop_assert!(BaseReader::open(&path).unwrap().read_row(&mut read).unwrap());
        let mut direct = EncodedRow::default();
        direct.encode(&row);
        prop_assert_eq!(&read, &direct);
        let mut decoded = vec![0.0; row.len()];
        read.decode(&mut decoded);
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f64 = row.iter().map(|l| f64::from(l - largest).exp()).sum();
        for (logit, decoded) in row.iter().zip(decoded) {
            let clamped = f64::from(logit.max(largest - 16.0));
            let exact = clamped - f64::from(largest) - sum.ln();
            prop_assert!((f64::from(decoded) - exact).abs() <= f64::from(read.scale) / 2.0 + 1e-5);
        }
    }

    #[test]
    fn hostile_bytes_are_an_error(
        bytes in prop::collection::vec(any::<u8>(), 0..80),
        with_magic in any::<bool>(),
    ) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("base");
        let file = if with_magic { [b"_logits_".as_slice(), &bytes].concat() } else { bytes };
        fs::write(&path, file).unwrap();
        prop_assert!(BaseReader::open(&path).is_err());
    }
}

/// Opens a small file whose bytes were changed and expects this error.
fn check(change: impl FnOnce(&mut Vec<u8>), expect: &str) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("base");
    write(&path, SMALL);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    let mut row = EncodedRow::default();
    let result = BaseReader::open(&path).and_then(|mut reader| {
        while reader.read_row(&mut row)? {}
        Ok(())
    });
    let text = result.unwrap_err().to_string();
    assert!(text.contains(expect), "{text}");
}

#[test]
fn broken_files_say_what_was_expected_and_found() {
    let whole = SMALL.file_bytes();
    check(
        |bytes| bytes.truncate(100),
        &format!("100 bytes, the header (n_ctx 6, n_vocab 5, n_chunk 2) asks for {whole}"),
    );
    check(|bytes| bytes.truncate(100), "truncated");
    check(|bytes| bytes.push(0), "something behind the last row");
    check(|bytes| bytes.truncate(14), "header field n_vocab");
    check(|bytes| bytes[0] = b'G', "begins with \"Glogits_\"");
    check(Vec::clear, "begins with \"\"");
    check(|bytes| bytes[8..12].copy_from_slice(&(-1i32).to_le_bytes()), "header field n_ctx is -1");
    check(|bytes| bytes[8..12].copy_from_slice(&3i32.to_le_bytes()), "header field n_ctx is 3, expected 4 to");
    check(|bytes| bytes[16..20].copy_from_slice(&0i32.to_le_bytes()), "header field n_chunk is 0");
    // The largest header that passes the range checks asks for more bytes than 64 bits count.
    check(
        |bytes| {
            bytes[8..12].copy_from_slice(&((1i32 << 24) - 1).to_le_bytes());
            bytes[12..16].copy_from_slice(&((1i32 << 24) - 1).to_le_bytes());
            bytes[16..20].copy_from_slice(&i32::MAX.to_le_bytes());
        },
        "truncated",
    );
    check(|bytes| bytes[24..28].copy_from_slice(&5i32.to_le_bytes()), "token 1 is 5, outside the vocabulary of 5");
    check(|bytes| bytes[20..24].copy_from_slice(&(-7i32).to_le_bytes()), "token 0 is -7");
    let row = 20 + 4 * 12 + 20;
    check(|bytes| bytes[row..row + 4].copy_from_slice(&f32::NAN.to_le_bytes()), "row 1: scale NaN");
    check(|bytes| bytes[row..row + 4].copy_from_slice(&(-1f32).to_le_bytes()), "row 1: scale -1");
}

#[test]
fn a_writer_checks_what_it_is_given_and_leaves_nothing_half_written() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("base");
    let create = |header, tokens: &[u32]| BaseWriter::create(&path, header, tokens);
    assert!(matches!(create(SMALL, &[0; 11]), Err(BaseError::Count { found: 11, expected: 12, .. })));
    assert!(matches!(create(SMALL, &[5; 12]), Err(BaseError::Token { index: 0, .. })));
    assert!(matches!(create(BaseHeader { n_ctx: 1, ..SMALL }, &[]), Err(BaseError::Header { field: "n_ctx", .. })));
    let mut writer = create(SMALL, &[0; 12]).unwrap();
    let refused = |result: Result<(), BaseError>, expect: &str| {
        let text = result.unwrap_err().to_string();
        assert!(text.contains(expect), "{text}");
    };
    refused(writer.write_logits(&[0.0; 4]), "row 0: 4 entries, expected 5");
    refused(writer.write_logits(&[0.0, f32::NAN, 0.0, 0.0, 0.0]), "row 0: logit 1 is NaN");
    refused(writer.write_logits(&[f32::NEG_INFINITY; 5]), "row 0: no logit is finite");
    for row in 0..3 {
        writer.write_logits(&logits(row, 5)).unwrap();
    }
    refused(writer.finish(), "3 rows were given, the header asks for 4");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    let mut writer = create(SMALL, &[0; 12]).unwrap();
    for row in 0..4 {
        writer.write_logits(&logits(row, 5)).unwrap();
    }
    refused(writer.write_logits(&logits(4, 5)), "5 rows were given, the header asks for 4");
    writer.finish().unwrap();
    assert_eq!(BaseReader::open(&path).unwrap().header(), SMALL);
}
