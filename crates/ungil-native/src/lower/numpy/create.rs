//! Arrays that are made in native code.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::super::arithmetic::{as_float, as_int, truth};
use super::super::complex::complex;
use super::super::function::FunctionLowerer;
use super::super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;
use crate::environment::Global;
use crate::ir::{Count, Expr, Op, Stmt, Store};
use crate::types::{ArrayType, Element, Type};

/// The functions of `numpy` that make arrays.
pub(super) const NAMES: &str =
    "zeros, ones, empty, full, zeros_like, ones_like, empty_like, full_like, arange, linspace";

impl FunctionLowerer<'_, '_> {
    /// A call that makes an array, if it is one.
    pub(super) fn creation(&mut self, call: &ast::ExprCall, name: &str) -> Lowered<Option<Expr>> {
        let (base, like) = match name.strip_suffix("_like") {
            Some(base) => (base, true),
            None => (name, false),
        };
        let named: &[&str] = match base {
            "zeros" | "ones" | "empty" => &["shape", "dtype"],
            "full" => &["shape", "fill_value", "dtype"],
            "arange" if !like => return self.arange(call).map(Some),
            "linspace" if !like => return self.linspace(call).map(Some),
            _ => return Ok(None),
        };
        let arguments = self.named_arguments(call, name, named, like)?;
        let [Some(shape), rest @ ..] = &arguments[..] else {
            return Err(self.refuse_missing(call, name, if like { "an array" } else { "a shape" }));
        };
        let mut element = match rest.last() {
            Some(Some(dtype)) => Some(self.element_of(dtype)?),
            _ => None,
        };
        let sizes = if like {
            let array = self.array(shape)?;
            let array = self.held(array);
            let Type::Array(ty) = array.ty else {
                unreachable!("`array` gives arrays");
            };
            element = element.or(Some(ty.element));
            (0..ty.dimensions)
                .map(|axis| Expr::new(Op::Dim(axis), vec![array.clone()], Type::Int))
                .collect()
        } else {
            self.shape(shape)?
        };
        let fill = match (base, rest) {
            ("full", [Some(value), ..]) => {
                let value_range = value.range();
                let value = self.expression(value)?;
                let may_be = element.is_none_or(|element| element.read() == Type::Complex);
                if !(value.ty.is_number() || may_be && value.ty == Type::Complex) {
                    return Err(self.refuse(
                        Diagnostic::new(value_range, "an array is filled with a number")
                            .label(value.ty.with_article()),
                    ));
                }
                value
            }
            ("full", _) => return Err(self.refuse_missing(call, name, "a value")),
            ("ones", _) => Expr::int(1),
            _ => Expr::int(0),
        };
        let element = element.unwrap_or(match (base, fill.ty) {
            ("full", Type::Int) => Element::Signed(64),
            ("full", Type::Bool) => Element::Bool,
            ("full", Type::Complex) => Element::Complex128,
            _ => Element::Float64,
        });
        Ok(Some(self.new_array(call.range(), element, fill, sizes)))
    }

    /// A new array in a slot of its own.
    pub(in crate::lower) fn new_array(
        &mut self,
        range: TextRange,
        element: Element,
        fill: Expr,
        sizes: Vec<Expr>,
    ) -> Expr {
        let fill = match (element.read(), fill.ty) {
            (Type::Complex, Type::Complex) => fill,
            (Type::Complex, _) => complex(as_float(fill), Expr::float(0.0)),
            (Type::Float, _) => as_float(fill),
            (Type::Bool, _) => truth(fill),
            (Type::Int, Type::Float) => self.float_to_int(fill, range),
            _ => as_int(fill),
        };
        let ty = Type::Array(ArrayType {
            element,
            dimensions: sizes.len() as u8,
            contiguous: true,
            writable: true,
        });
        let guards = vec![
            self.guard(range, "ValueError", "negative dimensions are not allowed"),
            self.guard(
                range,
                "MemoryError",
                "there is no memory for an array of this shape",
            ),
            self.guard(
                range,
                "OverflowError",
                format!("{{a}} does not fit into an element of type {element}"),
            ),
        ];
        let mut args = vec![fill];
        args.extend(sizes);
        let array = Expr::new(Op::NewArray, args, ty).guarded(guards);
        self.held(array)
    }

    /// `numpy.arange`.
    fn arange(&mut self, call: &ast::ExprCall) -> Lowered<Expr> {
        let range = call.range();
        let dtype = call
            .arguments
            .keywords
            .iter()
            .find(|keyword| keyword.arg.as_ref().is_some_and(|name| &**name == "dtype"));
        if call.arguments.keywords.len() > usize::from(dtype.is_some()) {
            return Err(self.refuse(
                Diagnostic::new(range, "`arange` takes its bounds by position here")
                    .label("has other keyword arguments than `dtype`"),
            ));
        }
        let element = match dtype {
            Some(dtype) => self.element_of(&dtype.value)?,
            None => Element::Signed(64),
        };
        let given = self.operands(&call.arguments.args)?;
        if given.iter().any(|(value, _)| value.ty == Type::Float) {
            return self.arange_of_floats(given, dtype.is_some(), range);
        }
        if !(1..=3).contains(&given.len()) {
            return Err(self.refuse(
                Diagnostic::new(range, "`arange` takes one to three numbers")
                    .label("not a range that NumPy knows either"),
            ));
        }
        let (start, stop, step) = self.range_of("arange", given)?;
        let guard = self.guard(range, "ZeroDivisionError", "division by zero");
        let site = self.push_site(range, None);
        let bounds = (start.clone(), stop.clone(), step.clone());
        let round = |slot, body| {
            Stmt::Count(Box::new(Count::new(
                slot,
                bounds.clone(),
                guard,
                site,
                body,
            )))
        };
        // Python counts, in a loop that LLVM makes one division of.
        let (value, length) = (self.temporary(Type::Int), self.temporary(Type::Int));
        let mut overflow = self.overflow(range);
        overflow.proof = crate::ir::Proof::Waived;
        let one_more = Expr::new(
            Op::Add,
            vec![Expr::slot(length, Type::Int), Expr::int(1)],
            Type::Int,
        )
        .guarded(vec![overflow]);
        self.emit(Stmt::Set(length, Expr::int(0)));
        self.emit(round(value, vec![Stmt::Set(length, one_more.clone())]));
        let sizes = vec![Expr::slot(length, Type::Int)];
        let array = self.new_array(range, element, Expr::int(0), sizes);
        let mut guards = vec![self.guard(range, "IndexError", "the position is within the array")];
        guards[0].proof = crate::ir::Proof::Waived;
        guards.push(self.guard(
            range,
            "OverflowError",
            format!("{{a}} does not fit into an element of type {element}"),
        ));
        let stored = Expr::slot(value, Type::Int);
        let store = Stmt::Store(Store {
            array: array.clone(),
            index: vec![Expr::slot(length, Type::Int)],
            value: match element.read() {
                Type::Float => as_float(stored),
                Type::Bool => truth(stored),
                Type::Complex => complex(as_float(stored), Expr::float(0.0)),
                _ => stored,
            },
            guards,
        });
        self.emit(Stmt::Set(length, Expr::int(0)));
        self.emit(round(value, vec![store, Stmt::Set(length, one_more)]));
        Ok(array)
    }

    fn shape(&mut self, shape: &ast::Expr) -> Lowered<Vec<Expr>> {
        let range = shape.range();
        let mut sizes = Vec::new();
        if let ast::Expr::Tuple(tuple) = shape {
            for size in &tuple.elts {
                let value = self.expression(size)?;
                let value = self.expect_int(value, size.range(), "a size is an int")?;
                sizes.push(self.held(value));
            }
        } else {
            let value = self.expression(shape)?;
            if let Type::Tuple(items) = value.ty {
                let value = self.held(value);
                for (at, &item) in items.iter().enumerate() {
                    let size = Expr::new(Op::Item(at), vec![value.clone()], item);
                    sizes.push(self.expect_int(size, range, "a size is an int")?);
                }
            } else {
                let value = self.expect_int(value, range, "a size is an int")?;
                sizes.push(self.held(value));
            }
        }
        if (1..=4).contains(&sizes.len()) {
            return Ok(sizes);
        }
        Err(self.refuse(
            Diagnostic::new(range, "arrays have 1 to 4 dimensions here")
                .label(format!("{} given", sizes.len())),
        ))
    }

    /// What a `dtype` stands for.
    pub(in crate::lower) fn element_of(&mut self, dtype: &ast::Expr) -> Lowered<Element> {
        let global = match dtype {
            ast::Expr::Name(name) if !self.is_local(&name.id) => {
                Some(self.lowerer.environment.global(self.id, &name.id))
            }
            ast::Expr::Attribute(attribute) => self.module_attribute(attribute),
            ast::Expr::StringLiteral(text) => Some(Global::Numpy(text.value.to_str().to_owned())),
            _ => None,
        };
        let found = match global {
            Some(Global::Width(element)) => Some(element),
            Some(Global::Builtin(name)) => match name.as_str() {
                "float" => Some(Element::Float64),
                "int" => Some(Element::Signed(64)),
                "bool" => Some(Element::Bool),
                "complex" => Some(Element::Complex128),
                _ => None,
            },
            Some(Global::Numpy(name)) if matches!(name.as_str(), "bool" | "bool_") => {
                Some(Element::Bool)
            }
            Some(Global::Numpy(name)) => Element::named(&name),
            _ => None,
        };
        found.ok_or_else(|| {
            self.refuse(
                Diagnostic::new(dtype.range(), "native code knows no such type of elements")
                    .label("not a constant that names one")
                    .help(
                        "there are bool, int8 to int64, uint8 to uint64, float32, float64, complex64 and \
                         complex128 of NumPy, and Python's bool, int, float and complex",
                    ),
            )
        })
    }

    /// Arguments by position or by name.
    fn named_arguments<'e>(
        &self,
        call: &'e ast::ExprCall,
        name: &str,
        named: &[&str],
        like: bool,
    ) -> Lowered<Vec<Option<&'e ast::Expr>>> {
        let mut found: Vec<Option<&ast::Expr>> = vec![None; named.len()];
        if let Some(extra) = call.arguments.args.get(named.len()) {
            return Err(self.refuse(
                Diagnostic::new(
                    extra.range(),
                    format!("`{name}` takes fewer arguments here"),
                )
                .label("one too many"),
            ));
        }
        for (place, argument) in found.iter_mut().zip(&call.arguments.args) {
            *place = Some(argument);
        }
        for keyword in &call.arguments.keywords {
            let at = keyword.arg.as_ref().and_then(|arg| {
                let known = |name: &&str| **name == **arg && !(like && *name == "shape");
                named.iter().position(known)
            });
            let Some(at) = at else {
                return Err(self.refuse(
                    Diagnostic::new(
                        keyword.range(),
                        format!("native code has no such argument of `{name}`"),
                    )
                    .label(format!("there are {}", named.join(", "))),
                ));
            };
            found[at] = Some(&keyword.value);
        }
        Ok(found)
    }

    fn refuse_missing(&self, call: &ast::ExprCall, name: &str, what: &str) -> Box<Refusal> {
        self.refuse(
            Diagnostic::new(call.range(), format!("`{name}` needs {what}")).label("in this call"),
        )
    }
}
