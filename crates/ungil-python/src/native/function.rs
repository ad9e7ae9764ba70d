//! The callable that `@ungil.native` makes of a function.

use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::{PyIndexError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyComplex, PyComplexMethods, PyDict, PyFloat, PyInt, PyString, PyTuple,
};
use ungil_native::{Constant, FunctionId, FunctionSource, Options, Source, Text, Type};

use super::arguments::{Parameter, Words, returned};
use super::environment::PythonEnvironment;
use super::failure;
use super::running::{self, Outcome};
use super::specialisation::{ExplainedCheck, Specialisation, refusal_error};

/// A text or a tuple that is longer is no constant of machine code.
const LARGEST_CONSTANT: usize = 4096;

/// A function that is compiled to machine code when it is first called with arguments of some types.
#[pyclass(module = "ungil._ungil", frozen, weakref)]
pub(crate) struct NativeFunction {
    /// What the interpreter calls; its place in the object is told to the class.
    pub(super) vectorcall: super::direct::Pointer,
    function: Py<PyAny>,
    source: Arc<FunctionSource>,
    parameters: Vec<String>,
    /// How many can be given by position, and how many only so.
    positional: usize,
    positional_only: usize,
    /// Default values, by parameter.
    defaults: Vec<Option<Py<PyAny>>>,
    /// What annotations fix, once it is known.
    annotated: std::sync::OnceLock<Vec<Option<Type>>>,
    specialisations: Mutex<Vec<Arc<Specialisation>>>,
    /// Whether Python runs what is refused.
    fallback: bool,
}

impl NativeFunction {
    pub(super) fn function<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.function.bind(py)
    }

    pub(super) fn source(&self) -> &Arc<FunctionSource> {
        &self.source
    }

    fn known(&self) -> Vec<Arc<Specialisation>> {
        let known = self.specialisations.lock();
        known
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    pub(super) fn parameter_count(&self) -> usize {
        self.parameters.len()
    }

    pub(super) fn all_positional(&self) -> bool {
        self.positional == self.parameters.len()
    }

    /// The specialisation that was used last, if there is one.
    pub(super) fn latest(&self) -> Option<Arc<Specialisation>> {
        let known = self
            .specialisations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.first().cloned()
    }

    fn find(&self, arguments: &[Type]) -> Option<Arc<Specialisation>> {
        let mut known = self
            .specialisations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let at = known.iter().position(|one| one.arguments == arguments)?;
        known[..=at].rotate_right(1);
        known.first().cloned()
    }

    fn keep(&self, one: Arc<Specialisation>) {
        let mut known = self
            .specialisations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        known.retain(|other| other.arguments != one.arguments);
        known.insert(0, one);
    }

    /// The code for these types, compiled if it is not there or relies on names that have changed.
    pub(super) fn specialised(
        slf: &Bound<'_, Self>,
        arguments: &[Type],
    ) -> PyResult<Arc<Specialisation>> {
        let this = slf.get();
        if let Some(known) = this.find(arguments)
            && known.is_current(slf.py())
        {
            return Ok(known);
        }
        let fresh = Arc::new(Specialisation::new(slf, arguments)?);
        this.keep(fresh.clone());
        Ok(fresh)
    }

    pub(super) fn annotated(slf: &Bound<'_, Self>) -> PyResult<Vec<Option<Type>>> {
        let this = slf.get();
        if let Some(known) = this.annotated.get() {
            return Ok(known.clone());
        }
        let mut environment = PythonEnvironment::new(slf);
        let found = ungil_native::parameter_types(&mut environment, FunctionId(0));
        if let Some(error) = environment.error.take() {
            return Err(error);
        }
        Ok(this.annotated.get_or_init(|| found).clone())
    }

    /// The arguments in the order of the parameters, as Python matches them.
    fn matched<'py>(
        &self,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let py = arguments.py();
        let name = &self.source.name;
        let given = arguments.len();
        if given > self.positional {
            return Err(PyTypeError::new_err(format!(
                "{name}() takes {} positional argument{} but {given} {} given",
                self.positional,
                if self.positional == 1 { "" } else { "s" },
                if given == 1 { "was" } else { "were" },
            )));
        }
        let mut values: Vec<Option<Bound<'py, PyAny>>> = vec![None; self.parameters.len()];
        for (value, argument) in values.iter_mut().zip(arguments) {
            *value = Some(argument);
        }
        for (keyword, argument) in keywords.into_iter().flatten() {
            let keyword: String = keyword.extract()?;
            let at = self.parameters.iter().position(|known| *known == keyword);
            let Some(at) = at.filter(|&at| at >= self.positional_only) else {
                return Err(PyTypeError::new_err(format!(
                    "{name}() got an unexpected keyword argument '{keyword}'"
                )));
            };
            if values[at].replace(argument).is_some() {
                return Err(PyTypeError::new_err(format!(
                    "{name}() got multiple values for argument '{keyword}'"
                )));
            }
        }
        let mut missing = Vec::new();
        let mut matched = Vec::with_capacity(values.len());
        for (at, value) in values.into_iter().enumerate() {
            match value.or_else(|| {
                self.defaults[at]
                    .as_ref()
                    .map(|value| value.bind(py).clone())
            }) {
                Some(value) => matched.push(value),
                None => missing.push(format!("'{}'", self.parameters[at])),
            }
        }
        if missing.is_empty() {
            return Ok(matched);
        }
        Err(PyTypeError::new_err(format!(
            "{name}() missing {} required argument{}: {}",
            missing.len(),
            if missing.len() == 1 { "" } else { "s" },
            missing.join(", ")
        )))
    }

    /// Words and types of the arguments.
    fn converted(
        slf: &Bound<'_, Self>,
        values: &[Bound<'_, PyAny>],
    ) -> PyResult<(Words, Vec<Type>)> {
        let this = slf.get();
        let annotated = Self::annotated(slf)?;
        let mut words = Words::default();
        let mut types = Vec::with_capacity(values.len());
        for (at, value) in values.iter().enumerate() {
            let parameter = Parameter {
                function: &this.source.name,
                name: &this.parameters[at],
                annotated: annotated[at],
            };
            types.push(words.push(value, parameter)?);
        }
        Ok((words, types))
    }

    /// Whether Python runs the function because of this error; warns if so.
    fn falls_back(slf: &Bound<'_, Self>, error: &PyErr) -> PyResult<bool> {
        if !slf.get().fallback {
            return Ok(false);
        }
        slf.py()
            .import("ungil._native.errors")?
            .call_method1("falls_back", (error.value(slf.py()), slf))?
            .extract()
    }

    /// What an ended call gives; objects that were passed have what it has assigned to their fields.
    pub(super) fn outcome(
        py: Python<'_>,
        code: &Specialisation,
        outcome: Outcome,
        given: &Words,
    ) -> PyResult<Py<PyAny>> {
        given.write_back(py)?;
        match outcome {
            Outcome::Returned(words) => returned(py, code.returns, &mut words.into_iter(), given),
            Outcome::Failed(context) => Err(failure::failed(py, code, &context)),
            Outcome::Interrupted(error, context) => {
                Err(failure::interrupted(py, code, &context, &error))
            }
        }
    }
}

#[pymethods]
impl NativeFunction {
    #[new]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)] // Python's keywords
    #[pyo3(signature = (function, file, first_line, text, *, fastmath=false, boundscheck=true, wrap=false, fallback=false))]
    fn new(
        py: Python<'_>,
        function: Bound<'_, PyAny>,
        file: &str,
        first_line: u32,
        text: &str,
        fastmath: bool,
        boundscheck: bool,
        wrap: bool,
        fallback: bool,
    ) -> PyResult<Self> {
        let source = Source::parse(file, first_line, text).map_err(|diagnostic| {
            let text = diagnostic.render_text(file, first_line, text);
            refusal_error(py, &diagnostic.title, &text, file, first_line)
        })?;
        let name: String = function.getattr("__name__")?.extract()?;
        let parameters = source.parameter_names();
        if *source.function().name != *name.as_str() {
            return Err(PyValueError::new_err(format!(
                "the text in {file} is not that of `{name}`: the file has changed since it was loaded. \
                 Load it again"
            )));
        }
        let definition = &source.function().parameters;
        let positional_only = definition.posonlyargs.len();
        let positional = positional_only + definition.args.len();
        let defaults = defaults(&function, &parameters, positional)?;
        let constants = defaults
            .iter()
            .map(|value| value.as_ref().and_then(|value| constant(value.bind(py))))
            .collect();
        let options = Options {
            fastmath,
            unchecked_bounds: !boundscheck,
            wrap,
        };
        Ok(Self {
            vectorcall: super::direct::pointer(),
            function: function.unbind(),
            parameters,
            positional,
            positional_only,
            defaults,
            annotated: std::sync::OnceLock::new(),
            specialisations: Mutex::new(Vec::new()),
            fallback,
            source: Arc::new(FunctionSource {
                source,
                name,
                defaults: constants,
                options,
            }),
        })
    }

    #[pyo3(signature = (*arguments, **keywords))]
    fn __call__(
        slf: &Bound<'_, Self>,
        arguments: &Bound<'_, PyTuple>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        super::direct::prepare(slf);
        let values = slf.get().matched(arguments, keywords)?;
        let (words, types) = Self::converted(slf, &values)?;
        let code = match Self::specialised(slf, &types) {
            Err(error) if Self::falls_back(slf, &error)? => {
                drop(words);
                let function = slf.get().function(slf.py());
                return function.call(arguments, keywords).map(Bound::unbind);
            }
            code => code?,
        };
        let outcome = running::run(slf.py(), &code, &words.words);
        Self::outcome(slf.py(), &code, outcome, &words)
    }

    /// Compiles for arguments like these, without calling.
    #[pyo3(signature = (*arguments, **keywords))]
    fn compile(
        slf: &Bound<'_, Self>,
        arguments: &Bound<'_, PyTuple>,
        keywords: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let values = slf.get().matched(arguments, keywords)?;
        let (_, types) = Self::converted(slf, &values)?;
        Self::specialised(slf, &types).map(|_| ())
    }

    /// Compiles for the types that the annotations fix; whether they fix all.
    fn _compile_as_annotated(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let types: Option<Vec<Type>> = Self::annotated(slf)?.into_iter().collect();
        let Some(types) = types else { return Ok(false) };
        Self::specialised(slf, &types).map(|_| true)
    }

    /// What there is, latest first: argument types, result, checks (made, before loops, proved), bytes
    /// of code, where it came from, typed program, LLVM IR.
    #[getter]
    fn _specialisations<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let known = slf.get().known();
        known.iter().map(|one| one.facts(slf.py())).collect()
    }

    /// Of the specialisation with this number: IR with lines, and the fates of its checks.
    fn _explained(slf: &Bound<'_, Self>, number: usize) -> PyResult<(String, Vec<ExplainedCheck>)> {
        let known = slf.get().known();
        let one = known
            .get(number)
            .ok_or_else(|| PyIndexError::new_err("there is no such specialisation"))?;
        one.explained(slf)
    }

    #[getter]
    fn __wrapped__<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.function.bind(py).clone()
    }

    #[getter]
    fn __doc__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr("__doc__")
    }

    #[getter]
    fn __module__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr("__module__")
    }

    /// As a method it would take the instance, as functions do.
    fn __get__<'py>(
        slf: &Bound<'py, Self>,
        instance: &Bound<'py, PyAny>,
        owner: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = owner;
        if instance.is_none() {
            return Ok(slf.clone().into_any());
        }
        let method = slf.py().import("types")?.getattr("MethodType")?;
        method.call1((slf, instance))
    }

    /// What is not there is looked for at the function.
    fn __getattr__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr(name)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let name: String = self.function.bind(py).getattr("__qualname__")?.extract()?;
        Ok(format!("<native function {name}>"))
    }

    /// Pickled by its name, as functions are.
    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.function.bind(py).getattr("__qualname__")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)
    }
}

/// The default values of a function's parameters.
fn defaults(
    function: &Bound<'_, PyAny>,
    parameters: &[String],
    positional: usize,
) -> PyResult<Vec<Option<Py<PyAny>>>> {
    let mut defaults: Vec<Option<Py<PyAny>>> = parameters.iter().map(|_| None).collect();
    let values = function.getattr("__defaults__")?;
    if let Ok(values) = values.cast::<PyTuple>() {
        let from = positional.saturating_sub(values.len());
        for (place, value) in defaults[from..].iter_mut().zip(values) {
            *place = Some(value.unbind());
        }
    }
    let values = function.getattr("__kwdefaults__")?;
    if let Ok(values) = values.cast::<PyDict>() {
        for (at, name) in parameters.iter().enumerate().skip(positional) {
            defaults[at] = values.get_item(name)?.map(Bound::unbind);
        }
    }
    Ok(defaults)
}

/// A value that does not change, as a constant of machine code.
pub(super) fn constant(value: &Bound<'_, PyAny>) -> Option<Constant> {
    if let Ok(truth) = value.cast::<PyBool>() {
        return Some(Constant::Bool(truth.is_true()));
    }
    if let Ok(int) = value.cast::<PyInt>() {
        return int.extract().ok().map(Constant::Int);
    }
    if let Ok(complex) = value.cast::<PyComplex>() {
        return Some(Constant::Complex(complex.real(), complex.imag()));
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return Some(Constant::Float(float.value()));
    }
    if value.len().is_ok_and(|length| length > LARGEST_CONSTANT) {
        return None;
    }
    if let Ok(text) = value.cast_exact::<PyString>() {
        return Some(Constant::Text(Text::Str, super::text::codes(text).ok()?));
    }
    if let Ok(bytes) = value.cast_exact::<PyBytes>() {
        let codes = bytes.as_bytes().iter().map(|&byte| u32::from(byte));
        return Some(Constant::Text(Text::Bytes, codes.collect()));
    }
    let tuple = value.cast_exact::<PyTuple>().ok()?;
    let items = tuple.iter().map(|item| constant(&item));
    items.collect::<Option<Vec<_>>>().map(Constant::Tuple)
}
