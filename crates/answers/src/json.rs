//! The JSON files of a run folder: read with the place of a fault, written with a stable layout.

use std::fs;
use std::path::Path;

use hydrometer_probes::Probe;
use serde::de::DeserializeOwned;

use crate::folder::PROBES;
use crate::manifest::{FORMAT, Manifest};
use crate::{PartKind, RunError};

/// Most units of one kind that are believed.
const MAX_UNITS: u32 = 1_000_000;

/// Refuses another format, and a plan that does not belong to its hash.
pub(crate) fn check_sealed(path: &Path, manifest: &Manifest) -> Result<(), RunError> {
    if manifest.format != FORMAT {
        let (found, expected) = (manifest.format.clone(), FORMAT.to_owned());
        return Err(RunError::Format { path: path.to_path_buf(), found, expected });
    }
    let expected = manifest.hash();
    if manifest.plan_hash != expected {
        let found = manifest.plan_hash.clone();
        return Err(RunError::PlanHash { path: path.to_path_buf(), found, expected });
    }
    for kind in PartKind::ALL {
        let units = manifest.units.of(kind);
        if units > MAX_UNITS {
            let what = format!("units.{kind} is {units}, at most {MAX_UNITS} are allowed");
            return Err(RunError::Json { path: path.to_path_buf(), line: 1, what });
        }
    }
    Ok(())
}

pub(crate) fn read_manifest(path: &Path) -> Result<Manifest, RunError> {
    let value: serde_json::Value = read_json(path)?;
    // The format is looked at before the fields: a later format may have others.
    let found = value.get("format").and_then(serde_json::Value::as_str).unwrap_or("none").to_owned();
    if found != FORMAT {
        return Err(RunError::Format { path: path.to_path_buf(), found, expected: FORMAT.to_owned() });
    }
    let manifest: Manifest = read_json(path)?;
    check_sealed(path, &manifest)?;
    Ok(manifest)
}

pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RunError> {
    let text = fs::read_to_string(path).map_err(RunError::io("read", path))?;
    serde_json::from_str(&text).map_err(|error| json_error(path, error.line(), &error))
}

/// Lines of JSON; an absent file has none, and a last line without its line feed was never finished.
pub(crate) fn read_lines<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, RunError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(RunError::io("read", path)(error)),
    };
    text.split_inclusive('\n')
        .enumerate()
        .filter(|(_, line)| line.ends_with('\n'))
        .map(|(index, line)| serde_json::from_str(line).map_err(|error| json_error(path, index + 1, &error)))
        .collect()
}

fn json_error(path: &Path, line: usize, error: &serde_json::Error) -> RunError {
    RunError::Json { path: path.to_path_buf(), line, what: error.to_string() }
}

pub(crate) fn pretty<T: serde::Serialize>(path: &Path, value: &T) -> Result<Vec<u8>, RunError> {
    let mut bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| RunError::Encode { file: path.display().to_string(), what: error.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

pub(crate) fn probe_lines(probes: &[Probe]) -> Result<Vec<u8>, RunError> {
    let mut bytes = Vec::new();
    for probe in probes {
        serde_json::to_writer(&mut bytes, probe)
            .map_err(|error| RunError::Encode { file: PROBES.to_owned(), what: error.to_string() })?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
