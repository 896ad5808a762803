//! The teacher cache: sequences found again by what they cover, one writer, damage named, nothing finished lost.
#![allow(clippy::unwrap_used, reason = "test code")]

use crate::support;

use std::fs;
use std::path::{Path, PathBuf};

use hydrometer_answers::RunError;
use hydrometer_answers::cache::{CacheSize, SequenceKey, SequenceRecords, TeacherCache};
use hydrometer_answers::sparse::Codec;
use hydrometer_metrics::sparse::{SparseDistribution, Truncation};
use support::model;

fn codec() -> Codec {
    Codec::of_logits(16, Truncation { mass: 0.9, k_min: 2, k_max: 4, draws: 3 })
}

/// Records of positions `first` to 9 of a sequence of ten tokens.
fn sequence(n: u32, first: u32) -> SequenceRecords {
    let tokens: Vec<u32> = (0..10).map(|i| (i * 3 + n) % 16).collect();
    let key = SequenceKey::new(&model("teacher").key(), &tokens);
    let mut records = SequenceRecords::new(tokens, first);
    let mut encoder = codec().encoder().unwrap();
    for position in first..9 {
        let row: Vec<f32> = (0..16).map(|token| ((token * 5 + position + n) % 7) as f32).collect();
        records.push(|out| encoder.encode(&row, key.seed(position), out)).unwrap();
    }
    records
}

fn key(n: u32) -> SequenceKey {
    SequenceKey::new(&model("teacher").key(), &sequence(n, 0).tokens)
}

fn writer(path: &Path) -> TeacherCache {
    TeacherCache::create_or_open(path, &model("teacher"), codec()).unwrap()
}

fn filled(path: &Path) -> TeacherCache {
    let mut cache = writer(path);
    cache.put(&[sequence(0, 5), sequence(1, 0)]).unwrap();
    cache.put(&[sequence(2, 5)]).unwrap();
    cache
}

fn blocks(path: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(path.join("blocks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn sequences_come_back_with_the_positions_asked_for() {
    let home = tempfile::tempdir().unwrap();
    drop(filled(home.path()));
    let mut cache = TeacherCache::open(home.path()).unwrap();
    assert_eq!((cache.teacher(), cache.codec(), cache.keys().len()), (&model("teacher"), &codec(), 3));
    for (n, first) in [(0, 5), (1, 0), (2, 5), (0, 5)] {
        assert_eq!(cache.get(&key(n), &(first..9)).unwrap(), Some(sequence(n, first)));
        assert!(cache.covers(&key(n), &(7..8)).unwrap());
    }
    assert!(!cache.covers(&key(0), &(4..9)).unwrap() && !cache.covers(&key(0), &(5..10)).unwrap());
    assert_eq!(cache.get(&key(9), &(5..9)).unwrap(), None);
    let bytes = blocks(home.path()).iter().map(|block| fs::metadata(block).unwrap().len()).sum();
    assert_eq!(cache.size().unwrap(), CacheSize { blocks: 2, sequences: 3, positions: 17, bytes });
    assert_eq!(cache.verify().unwrap(), []);
    // A later block may hold more of a sequence.
    let mut writer = writer(home.path());
    writer.put(&[sequence(0, 2)]).unwrap();
    assert_eq!(writer.get(&key(0), &(3..9)).unwrap(), Some(sequence(0, 2)));
    assert_eq!(writer.get(&key(0), &(5..9)).unwrap(), Some(sequence(0, 5)));
}

#[test]
fn one_writes_and_others_read() {
    let home = tempfile::tempdir().unwrap();
    let text = TeacherCache::open(home.path()).unwrap_err().to_string();
    assert!(text.contains("holds no teacher cache"), "{text}");
    let held = filled(home.path());
    let mut reader = TeacherCache::open(home.path()).unwrap();
    let again = TeacherCache::create_or_open(home.path(), &model("teacher"), codec());
    assert!(matches!(again, Err(RunError::Locked { .. })));
    assert!(matches!(reader.put(&[sequence(3, 0)]), Err(RunError::ReadOnly { .. })));
    drop(held);
    // What the user calls the teacher does not matter.
    let mut renamed = model("teacher");
    renamed.name = "another name".to_owned();
    TeacherCache::create_or_open(home.path(), &renamed, codec()).unwrap();
}

#[test]
fn another_teacher_codec_or_folder_is_refused() {
    let home = tempfile::tempdir().unwrap();
    drop(filled(home.path()));
    let check = |teacher: &str, draws: u32, expected: &str| {
        let truncation = Truncation { draws, ..codec().truncation };
        let made = TeacherCache::create_or_open(home.path(), &model(teacher), Codec { truncation, ..codec() });
        let text = made.unwrap_err().to_string();
        assert!(text.contains(expected), "{text}");
    };
    check("other", 3, "teacher.weights: the folder has \"blake3:weights-of-teacher\"");
    check("teacher", 4, "codec.truncation.draws: the folder has 3, asked for 4");
    check("teacher", 5000, "draws is 5000, expected at most 4096");
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("thesis.txt"), "years of work").unwrap();
    let text = TeacherCache::create_or_open(other.path(), &model("teacher"), codec()).unwrap_err().to_string();
    assert!(text.contains("it holds \"thesis.txt\" and no cache.json"), "{text}");
    fs::write(other.path().join("cache.json"), "{\"format\": \"hydrometer.teacher-cache/3\"}").unwrap();
    let text = TeacherCache::open(other.path()).unwrap_err().to_string();
    assert!(text.contains("teacher-cache/3") && text.contains("teacher-cache/1"), "{text}");
}

#[test]
fn damaged_blocks_are_named_and_the_others_are_read_where_asked() {
    let check = |damage: &dyn Fn(&mut Vec<u8>), expected: &str, at_opening: bool| {
        let home = tempfile::tempdir().unwrap();
        drop(filled(home.path()));
        let block = &blocks(home.path())[0];
        let mut bytes = fs::read(block).unwrap();
        damage(&mut bytes);
        fs::write(block, bytes).unwrap();
        let mut cache = TeacherCache::open_despite_damage(home.path()).unwrap();
        let problems = cache.verify().unwrap();
        assert!(problems.iter().all(|problem| problem.file == "blocks/00000000.hsd"), "{problems:?}");
        assert!(problems[0].what.contains(expected), "{problems:?}");
        assert_eq!(TeacherCache::open(home.path()).is_err(), at_opening);
        // Nothing is added to what is damaged, and what is whole can be told from it.
        let refused = TeacherCache::create_or_open(home.path(), &model("teacher"), codec()).unwrap_err();
        assert!(matches!(&refused, RunError::StoreDamaged { problems: found, .. } if *found == problems), "{refused}");
        let mut whole = TeacherCache::open_what_is_whole(home.path()).unwrap();
        assert_eq!(whole.problems(), problems);
        assert_eq!((whole.size().unwrap().sequences, whole.keys().len()), (1, 1));
        assert_eq!(cache.get(&key(2), &(5..9)).unwrap(), Some(sequence(2, 5)));
        let damaged = cache.get(&key(0), &(5..9));
        assert!(if at_opening { matches!(damaged, Ok(None)) } else { damaged.is_err() }, "{damaged:?}");
        // Moved away, it is asked again.
        fs::remove_file(block).unwrap();
        let mut cache = writer(home.path());
        assert!(!cache.covers(&key(0), &(5..9)).unwrap());
        cache.put(&[sequence(0, 5)]).unwrap();
        assert_eq!(cache.get(&key(0), &(5..9)).unwrap(), Some(sequence(0, 5)));
        assert_eq!(blocks(home.path())[1].file_name().unwrap(), "00000002.hsd");
    };
    check(&|bytes| bytes.truncate(bytes.len() / 2), "truncated or damaged", true);
    check(&|bytes| bytes.clear(), "has 0 bytes", true);
    let sequences = |bytes: &[u8]| 12 + u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
    check(
        &|bytes| {
            let at = sequences(bytes) + 12;
            bytes[at] ^= 1;
        },
        "was changed",
        false,
    );
}

#[test]
fn blocks_of_another_cache_are_not_read() {
    let [home, other] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    drop(filled(home.path()));
    TeacherCache::create_or_open(other.path(), &model("other"), codec()).unwrap();
    fs::copy(&blocks(home.path())[0], other.path().join("blocks/00000000.hsd")).unwrap();
    let text = TeacherCache::open(other.path()).unwrap_err().to_string();
    assert!(text.contains("is of another teacher or codec (teacher)"), "{text}");
}

#[test]
fn what_a_killed_process_left_is_ignored_and_removed() {
    let home = tempfile::tempdir().unwrap();
    drop(filled(home.path()));
    let leftover = home.path().join("blocks/00000002.hsd.tmp-1-0");
    fs::write(&leftover, "half of a blo").unwrap();
    assert_eq!(TeacherCache::open(home.path()).unwrap().verify().unwrap(), []);
    assert!(leftover.exists());
    assert_eq!(writer(home.path()).keys().len(), 3);
    assert!(!leftover.exists());
}

/// What a server lists is kept answer by answer: a killed process loses nothing that came, and blocks take it over.
#[test]
fn records_that_came_one_by_one_survive_until_a_block_has_them() {
    let home = tempfile::tempdir().unwrap();
    let codec = Codec::listed(16, 2);
    let tokens: Vec<u32> = (0..6).collect();
    let key = SequenceKey::new(&model("teacher").key(), &tokens);
    let open = || TeacherCache::create_or_open(home.path(), &model("teacher"), codec);
    let record = |p: f32| {
        let (listed, mut record) = ([(1, p.ln()), (2, (p / 4.0).ln())], Vec::new());
        codec.encode_listed(&SparseDistribution::listed(&listed).unwrap(), &mut record).unwrap();
        record
    };
    let other = SequenceKey::new(&model("teacher").key(), &[9, 9]);
    let mut cache = open().unwrap();
    cache.keep(key, 2, vec![record(0.5), record(0.6)]).unwrap();
    cache.keep(other, 0, vec![record(0.7)]).unwrap();
    drop(cache);
    let pending = home.path().join("pending");
    // A process that was killed while it wrote leaves half a line.
    fs::write(&pending, [fs::read(&pending).unwrap(), b"0123 {\"key".to_vec()].concat()).unwrap();
    let mut cache = open().unwrap();
    assert_eq!((cache.kept(&key, 2), cache.kept(&key, 3)), (Some(&record(0.5)[..]), Some(&record(0.6)[..])));
    assert_eq!((cache.kept(&key, 1), cache.kept(&key, 4), cache.keys().len()), (None, None, 0));
    let mut sequence = SequenceRecords::new(tokens, 2);
    for position in [2, 3] {
        let record = cache.kept(&key, position).unwrap().to_vec();
        sequence
            .push(|bytes| {
                bytes.extend(&record);
                Ok(())
            })
            .unwrap();
    }
    cache.put(std::slice::from_ref(&sequence)).unwrap();
    cache.settle(std::slice::from_ref(&sequence)).unwrap();
    assert_eq!((cache.kept(&key, 2), cache.kept(&other, 0)), (None, Some(&record(0.7)[..])));
    drop(cache);
    let mut read = TeacherCache::open(home.path()).unwrap();
    assert_eq!(read.get(&key, &(2..4)).unwrap(), Some(sequence));
    assert!(read.keep(key, 2, Vec::new()).is_err(), "a reader keeps nothing");
    let text = fs::read_to_string(home.path().join("cache.json")).unwrap();
    assert!(text.contains("hydrometer.teacher-cache/2") && text.contains("\"sums\": \"listed\""), "{text}");
    // Other records than those of logits are not mixed with them.
    assert!(matches!(
        TeacherCache::create_or_open(home.path(), &model("teacher"), self::codec()),
        Err(RunError::CacheDiffers { .. })
    ));
    let line = fs::read_to_string(&pending).unwrap().replacen("\"first\":0", "\"first\":1", 1);
    fs::write(&pending, line).unwrap();
    let RunError::StoreDamaged { problems, .. } = open().unwrap_err() else { panic!("damage is named") };
    assert!(problems[0].what.contains("line 1 is not one that was written"), "{problems:?}");
}
