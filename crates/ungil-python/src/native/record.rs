//! Dataclasses: what native code knows of them; their objects as memory for machine code, and back.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyMemoryError, PyOverflowError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple, PyType};
use ungil_native::{
    Element, Equality, Field, MOST_FIELDS, Record, RecordClass, RecordMemory, Type,
};

use super::arguments::{Parameter, Words, returned};
use super::function::constant;

/// A dataclass that was asked for.
pub(super) struct Known {
    class: Py<PyType>,
    names: Vec<Py<PyString>>,
    /// What native code knows of it, or why it cannot have it.
    pub(super) record: Result<Record, String>,
}

/// Those that were asked for, by the address of the class, which is kept.
static KNOWN: Mutex<Option<HashMap<usize, &'static Known>>> = Mutex::new(None);

/// What is known of a class, if it is a dataclass.
pub(super) fn known(class: &Bound<'_, PyType>) -> PyResult<Option<&'static Known>> {
    let key = class.as_ptr() as usize;
    let found = with_known(|known| known.get(&key).copied());
    if found.is_some() {
        return Ok(found);
    }
    if !class.hasattr("__dataclass_fields__")? {
        return Ok(None);
    }
    let py = class.py();
    let answer = py
        .import("ungil._native.records")?
        .call_method1("described", (class,))?;
    let mut names = Vec::new();
    let record = match answer.extract::<String>() {
        Ok(reason) => Err(reason),
        Err(_) => record(class, &answer, &mut names)?,
    };
    // For good, as its record is: a program has few of them.
    let new: &'static Known = Box::leak(Box::new(Known {
        class: class.clone().unbind(),
        names,
        record,
    }));
    Ok(Some(with_known(|known| *known.entry(key).or_insert(new))))
}

/// The class of a record.
fn class_of(record: Record) -> Option<&'static Known> {
    with_known(|known| {
        let mut all = known.values();
        all.find(|one| one.record.as_ref() == Ok(&record)).copied()
    })
}

fn with_known<R>(inside: impl FnOnce(&mut HashMap<usize, &'static Known>) -> R) -> R {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    inside(known.get_or_insert_default())
}

type Described<'py> = (
    Vec<(String, String, String, Bound<'py, PyAny>, bool, bool, bool)>,
    bool,
    String,
    String,
);

fn record(
    class: &Bound<'_, PyType>,
    answer: &Bound<'_, PyAny>,
    names: &mut Vec<Py<PyString>>,
) -> PyResult<Result<Record, String>> {
    let (described, frozen, equality, not_made): Described<'_> = answer.extract()?;
    if described.len() > MOST_FIELDS {
        return Ok(Err(format!("it has more than {MOST_FIELDS} fields")));
    }
    let mut fields = Vec::new();
    for (name, ty, width, default, init, keyword_only, compared) in described {
        names.push(PyString::intern(class.py(), &name).unbind());
        fields.push(Field {
            name,
            ty: match ty.as_str() {
                "bool" => Type::Bool,
                "int" => Type::Int,
                "float" => Type::Float,
                _ => Type::Complex,
            },
            width: Element::named(&width),
            default: constant(&default),
            init,
            keyword_only,
            compared,
        });
    }
    Ok(Ok(Record::new(RecordClass {
        name: class.name()?.to_string(),
        fields,
        frozen,
        equality: match equality.as_str() {
            "tuples" => Equality::Tuples,
            "fields" => Equality::Fields,
            _ => Equality::Other(equality),
        },
        not_made: (!not_made.is_empty()).then_some(not_made),
    })))
}

/// An object that was passed: what machine code changes of it is written back.
pub(super) struct Passed {
    object: Py<PyAny>,
    record: Record,
    names: &'static [Py<PyString>],
    memory: RecordMemory,
}

impl Words {
    /// Adds an object of a dataclass: the same memory for the same object.
    pub(super) fn push_record(
        &mut self,
        value: &Bound<'_, PyAny>,
        known: &'static Known,
        record: Record,
        parameter: Parameter<'_>,
    ) -> PyResult<Type> {
        let same = self.records.iter().find(|one| one.object.is(value));
        if let Some(same) = same {
            self.words.push(same.memory.address());
            return Ok(Type::Record(record));
        }
        let mut fields = Self::default();
        for (field, name) in record.fields.iter().zip(&known.names) {
            let item = value.getattr(name)?;
            let path = format!("{}.{}", parameter.name, field.name);
            let item_parameter = Parameter {
                name: &path,
                annotated: Some(field.ty),
                ..parameter
            };
            fields.push(&item, item_parameter)?;
            if let (Some(width), Some(word)) = (field.width, fields.words.last_mut()) {
                *word = fitted(*word, width, item_parameter)?;
            }
        }
        let memory = RecordMemory::new(&fields.words)
            .ok_or_else(|| PyMemoryError::new_err("no memory for an object"))?;
        self.words.push(memory.address());
        self.records.push(Passed {
            object: value.clone().unbind(),
            record,
            names: &known.names,
            memory,
        });
        Ok(Type::Record(record))
    }

    /// Gives the objects that were passed what machine code has assigned to their fields.
    pub(super) fn write_back(&self, py: Python<'_>) -> PyResult<()> {
        for passed in &self.records {
            let changed = passed.memory.changed();
            if changed == 0 {
                continue;
            }
            let words = passed.memory.words();
            for (at, (field, name)) in passed.record.fields.iter().zip(passed.names).enumerate() {
                if changed >> at & 1 == 0 {
                    continue;
                }
                let mut words = words[passed.record.word(at)..].iter().copied();
                let value = returned(py, field.ty, &mut words, self)?;
                passed.object.bind(py).setattr(name, value)?;
            }
        }
        Ok(())
    }

    /// The object that machine code has returned: one that was passed, or a new one.
    pub(super) fn returned_record(
        &self,
        py: Python<'_>,
        record: Record,
        address: u64,
    ) -> PyResult<Py<PyAny>> {
        let passed = self.records.iter();
        if let Some(passed) = passed
            .into_iter()
            .find(|one| one.memory.address() == address)
        {
            return Ok(passed.object.clone_ref(py));
        }
        built(py, record, address)
    }
}

/// The number of a field of that width.
fn fitted(word: u64, width: Element, parameter: Parameter<'_>) -> PyResult<u64> {
    let (low, high) = width.bounds();
    let number = word.cast_signed();
    match width {
        Element::Float32 => Ok(f64::from(f64::from_bits(word) as f32).to_bits()),
        Element::Float64 => Ok(word),
        _ if (low..=high).contains(&number) => Ok(word),
        _ => Err(PyOverflowError::new_err(format!(
            "{}() argument '{}': {number} does not fit into a {width}",
            parameter.function, parameter.name
        ))),
    }
}

/// The object of Python that machine code has made, with its fields set as `__init__` would: without a call of it.
#[allow(unsafe_code)]
fn built(py: Python<'_>, record: Record, address: u64) -> PyResult<Py<PyAny>> {
    // SAFETY: the function that has returned it has given back its own references.
    let Some(memory) = (unsafe { RecordMemory::returned(address) }) else {
        return Ok(py.None());
    };
    let Some(known) = class_of(record) else {
        return Ok(py.None());
    };
    let class = known.class.bind(py);
    let plain = py.get_type::<PyAny>();
    let object = plain.call_method1("__new__", (class,))?;
    let words = memory.words();
    let mut words = words.into_iter();
    let nothing = Words::default();
    for (field, name) in record.fields.iter().zip(&known.names) {
        let value = returned(py, field.ty, &mut words, &nothing)?;
        let arguments = PyTuple::new(
            py,
            [object.as_any(), name.bind(py).as_any(), value.bind(py)],
        )?;
        plain.call_method1("__setattr__", arguments)?;
    }
    Ok(object.unbind())
}
