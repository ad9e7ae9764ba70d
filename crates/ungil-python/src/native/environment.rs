//! What a native function's global names mean, read from the running Python.
//!
//! Everything that was asked for is noted down: a call checks that it is still the same object.

use std::sync::Arc;

use pyo3::exceptions::PyBaseException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyModule, PyString, PyType};
use ungil_native::{Element, Environment, FunctionId, FunctionSource, Global, ModuleId};

use super::function::{NativeFunction, constant};

/// Where `prange` is.
const PARALLEL: &str = "ungil._native.parallel";

/// A name that compiled code relies on.
#[derive(Debug)]
pub(super) struct Dependency {
    pub(super) place: Place,
    pub(super) value: Option<Py<PyAny>>,
}

/// Where a name's value is.
#[derive(Debug)]
pub(super) enum Place {
    /// A module's names.
    Names(Py<PyDict>, Py<PyString>),
    /// A variable of the function around.
    Cell(Py<PyAny>),
}

pub(super) struct PythonEnvironment<'py> {
    py: Python<'py>,
    functions: Vec<Bound<'py, NativeFunction>>,
    modules: Vec<Bound<'py, PyModule>>,
    pub(super) dependencies: Vec<Dependency>,
    /// What Python raised while it was asked.
    pub(super) error: Option<PyErr>,
}

impl<'py> PythonEnvironment<'py> {
    /// The environment of one function, which is number 0.
    pub(super) fn new(function: &Bound<'py, NativeFunction>) -> Self {
        Self {
            py: function.py(),
            functions: vec![function.clone()],
            modules: Vec::new(),
            dependencies: Vec::new(),
            error: None,
        }
    }

    pub(super) fn function_object(&self, id: FunctionId) -> &Bound<'py, NativeFunction> {
        &self.functions[id.0]
    }

    fn note(&mut self, place: Place, value: Option<&Bound<'py, PyAny>>) {
        let known = self.dependencies.iter().any(|known| known.place == place);
        if !known {
            self.dependencies.push(Dependency {
                place,
                value: value.map(|value| value.clone().unbind()),
            });
        }
    }

    fn looked_up(
        &mut self,
        names: &Bound<'py, PyDict>,
        name: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let name = PyString::intern(self.py, name);
        let value = names.get_item(&name)?;
        self.note(
            Place::Names(names.clone().unbind(), name.unbind()),
            value.as_ref(),
        );
        Ok(value)
    }

    fn find(&mut self, function: FunctionId, name: &str) -> PyResult<Global> {
        let python = self.functions[function.0].get().function(self.py).clone();
        let code = python.getattr("__code__")?;
        let free: Vec<String> = code.getattr("co_freevars")?.extract()?;
        if let Some(position) = free.iter().position(|free| free == name) {
            let cell = python.getattr("__closure__")?.get_item(position)?;
            let value = cell.getattr("cell_contents").ok();
            self.note(Place::Cell(cell.unbind()), value.as_ref());
            return match value {
                Some(value) => self.meaning(&value),
                None => Ok(Global::Missing),
            };
        }
        let globals = python.getattr("__globals__")?.cast_into::<PyDict>()?;
        if let Some(value) = self.looked_up(&globals, name)? {
            return self.meaning(&value);
        }
        let builtins = python.getattr("__builtins__")?.cast_into::<PyDict>()?;
        match self.looked_up(&builtins, name)? {
            Some(value) => self.meaning(&value),
            None => Ok(Global::Missing),
        }
    }

    fn meaning(&mut self, value: &Bound<'py, PyAny>) -> PyResult<Global> {
        if let Ok(native) = value.cast::<NativeFunction>() {
            return Ok(Global::Native(self.function_id(native)));
        }
        if let Some(constant) = constant(value) {
            return Ok(Global::Constant(constant));
        }
        if value.is_instance_of::<PyInt>() {
            return Ok(Global::Other("an int beyond 64 bits".to_owned()));
        }
        if let Ok(module) = value.cast::<PyModule>() {
            self.modules.push(module.clone());
            return Ok(Global::Module(ModuleId(self.modules.len() - 1)));
        }
        if let Ok(class) = value.cast::<PyType>()
            && let Some(known) = super::record::known(class)?
        {
            return Ok(match &known.record {
                Ok(record) => Global::Record(*record),
                Err(reason) => Global::Other(format!("a dataclass, but {reason}")),
            });
        }
        if let Some(width) = width(value) {
            return Ok(Global::Width(width));
        }
        if let Some(global) = self.known_function(value)? {
            return Ok(global);
        }
        Ok(Global::Other(described(value)?))
    }

    /// A function or class of `builtins` or `math`, recognised by being the very object there.
    fn known_function(&self, value: &Bound<'py, PyAny>) -> PyResult<Option<Global>> {
        let Ok(name) = value
            .getattr("__name__")
            .and_then(|name| name.extract::<String>())
        else {
            return Ok(None);
        };
        let loaded = self.py.import("sys")?.getattr("modules")?;
        for module in ["builtins", "math", PARALLEL, "numpy"] {
            let Ok(home) = loaded.get_item(module) else {
                continue;
            };
            let home = home.getattr("__dict__")?.cast_into::<PyDict>()?;
            let Some(known) = home.get_item(&name)? else {
                continue;
            };
            if !known.is(value) {
                continue;
            }
            let exception = value
                .cast::<PyType>()
                .is_ok_and(|class| class.is_subclass_of::<PyBaseException>().unwrap_or(false));
            return Ok(Some(match module {
                _ if exception => Global::Exception(name),
                "builtins" => Global::Builtin(name),
                "math" => Global::Math(name),
                "numpy" => Global::Numpy(name),
                _ => Global::Parallel,
            }));
        }
        Ok(None)
    }

    fn function_id(&mut self, native: &Bound<'py, NativeFunction>) -> FunctionId {
        let known = self.functions.iter().position(|known| known.is(native));
        FunctionId(known.unwrap_or_else(|| {
            self.functions.push(native.clone());
            self.functions.len() - 1
        }))
    }

    fn or_keep(&mut self, result: PyResult<Global>) -> Global {
        result.unwrap_or_else(|error| {
            self.error.get_or_insert(error);
            Global::Missing
        })
    }
}

impl Environment for PythonEnvironment<'_> {
    fn function(&mut self, id: FunctionId) -> Arc<FunctionSource> {
        self.functions[id.0].get().source().clone()
    }

    fn global(&mut self, function: FunctionId, name: &str) -> Global {
        let found = self.find(function, name);
        self.or_keep(found)
    }

    fn python(&self) -> (u8, u8) {
        let version = self.py.version_info();
        (version.major, version.minor)
    }

    fn annotation(&mut self, function: FunctionId, name: &str) -> Global {
        let noted = self.dependencies.len();
        let global = self.global(function, name);
        self.dependencies.truncate(noted);
        global
    }

    fn attribute(&mut self, module: ModuleId, name: &str) -> Global {
        let module = self.modules[module.0].clone();
        let names = module.dict();
        // Some modules load what they have when they are asked for it.
        if !names.contains(name).unwrap_or(true) {
            let _ = module.getattr(name);
        }
        let found = match self.looked_up(&names, name) {
            Ok(Some(value)) => self.meaning(&value),
            Ok(None) => Ok(Global::Missing),
            Err(error) => Err(error),
        };
        self.or_keep(found)
    }
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Names(names, name), Self::Names(others, other)) => {
                // Names are interned.
                names.is(others) && name.is(other)
            }
            (Self::Cell(cell), Self::Cell(other)) => cell.is(other),
            _ => false,
        }
    }
}

/// What one of `ungil.types` stands for: an `Annotated` number whose first addition has the name.
fn width(value: &Bound<'_, PyAny>) -> Option<Element> {
    let added = value.getattr("__metadata__").ok()?.get_item(0).ok()?;
    let class = added.get_type().fully_qualified_name().ok()?.to_string();
    if class != "ungil.types.Width" {
        return None;
    }
    Element::named(&added.getattr("name").ok()?.extract::<String>().ok()?)
}

/// What a value is, with its article.
fn described(value: &Bound<'_, PyAny>) -> PyResult<String> {
    if value.is_instance_of::<PyType>() {
        return Ok("a class".to_owned());
    }
    let class = value.get_type().name()?.to_string();
    Ok(match class.as_str() {
        "function" => "a function that is not native".to_owned(),
        "builtin_function_or_method" => "a function of C".to_owned(),
        "NoneType" => "None".to_owned(),
        _ if class.starts_with(['a', 'e', 'i', 'o', 'u']) => format!("an {class}"),
        _ => format!("a {class}"),
    })
}
