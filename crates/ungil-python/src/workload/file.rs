//! A Python file as a module that workers can import too.
//!
//! The file's directory goes on `sys.path` and the module is called after the file; a file inside a package is imported as part of the package, so that its relative
//! imports work. A name that is taken (`random.py`) or that is none (`my-work.py`) gets a synthetic
//! one, derived from the file's path alone and therefore the same in every process.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use pyo3::prelude::*;

use super::reference::Reference;
use crate::error::{Error, Result};
use crate::suggest;

/// How to import this file and find `attribute` in it.
pub(super) fn reference(py: Python<'_>, given: &str, attribute: &str) -> Result<Reference> {
    let path = Path::new(given);
    let file = path
        .canonicalize()
        .map_err(|source| unreadable(path, &source))?;
    if !file.is_file() {
        return Err(Error::Usage(format!("\"{given}\" is not a Python file.")));
    }
    let (search, module) = placed(&file);
    let by_name = module.split('.').all(is_identifier) && names_this(py, &module, &search, &file)?;
    Ok(if by_name {
        Reference {
            search,
            module,
            file: None,
            attribute: attribute.to_owned(),
        }
    } else {
        let module = synthetic(&file);
        Reference {
            search,
            module,
            file: Some(file),
            attribute: attribute.to_owned(),
        }
    })
}

fn unreadable(path: &Path, source: &std::io::Error) -> Error {
    let siblings: Vec<String> = path
        .parent()
        .map(|parent| {
            if parent.as_os_str().is_empty() {
                Path::new(".")
            } else {
                parent
            }
        })
        .and_then(|parent| parent.read_dir().ok())
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            Path::new(name)
                .extension()
                .is_some_and(|extension| extension == "py")
        })
        .collect();
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    let hint = suggest::did_you_mean(&name, siblings.iter().map(String::as_str));
    Error::Usage(format!(
        "cannot read \"{}\": {source}.{hint}",
        path.display()
    ))
}

/// The directory above the outermost package, and the dotted name from there.
fn placed(file: &Path) -> (PathBuf, String) {
    let stem = file
        .file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let mut names = if stem == "__init__" {
        Vec::new()
    } else {
        vec![stem]
    };
    let mut directory = file.parent().unwrap_or(Path::new("/"));
    while directory.join("__init__.py").is_file() {
        let Some((name, parent)) = directory.file_name().zip(directory.parent()) else {
            break;
        };
        names.insert(0, name.to_string_lossy().into_owned());
        directory = parent;
    }
    (directory.to_path_buf(), names.join("."))
}

fn is_identifier(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name
            .chars()
            .all(|letter| letter == '_' || letter.is_alphanumeric())
}

/// Whether importing `module` gives this file.
fn names_this(py: Python<'_>, module: &str, search: &Path, file: &Path) -> Result<bool> {
    let outermost = module.split('.').next().unwrap_or(module);
    let expected = if outermost == module {
        file.to_path_buf()
    } else {
        search.join(outermost).join("__init__.py")
    };
    let sys = py.import("sys")?;
    let origin: Option<PathBuf> = if let Ok(loaded) = sys.getattr("modules")?.get_item(outermost) {
        loaded
            .getattr("__file__")
            .and_then(|file| file.extract())
            .ok()
    } else if sys.getattr("stdlib_module_names")?.contains(outermost)? {
        // The standard library comes before the file's directory, see `Reference::put_on_path`.
        None
    } else {
        let places = [search.as_os_str()];
        let spec = py
            .import("importlib.machinery")?
            .getattr("PathFinder")?
            .call_method1("find_spec", (outermost, places))?;
        spec.getattr("origin")
            .and_then(|origin| origin.extract())
            .ok()
    };
    Ok(origin.is_some_and(|origin| origin.canonicalize().is_ok_and(|origin| origin == expected)))
}

fn synthetic(file: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let stem: String = stem
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    format!("ungil_workload_{stem}_{:08x}", hasher.finish() as u32)
}
