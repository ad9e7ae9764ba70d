//! What annotations fix.

use ruff_python_ast as ast;

use crate::environment::{Environment, FunctionId, Global};
use crate::types::{Element, Items, Scalar, Text, Type};

/// The types that the annotations of a function's parameters fix, in the order of the call.
pub(crate) fn annotations(
    environment: &mut dyn Environment,
    function: FunctionId,
) -> Vec<Option<Type>> {
    let source = environment.function(function);
    source
        .source
        .function()
        .parameters
        .iter_non_variadic_params()
        .map(|parameter| {
            annotated(
                environment,
                function,
                parameter.parameter.annotation.as_deref(),
            )
            // Nothing but None could be passed then: the call says that it is not in the language.
            .filter(|ty| *ty != Type::None)
        })
        .collect()
}

/// The width of a number that an annotation fixes, if it is of `ungil.types`.
pub(super) fn width(
    environment: &mut dyn Environment,
    function: FunctionId,
    annotation: Option<&ast::Expr>,
) -> Option<Element> {
    match named(environment, function, annotation?)? {
        Global::Width(element) => Some(element),
        _ => None,
    }
}

/// What a name in an annotation means.
fn named(
    environment: &mut dyn Environment,
    function: FunctionId,
    annotation: &ast::Expr,
) -> Option<Global> {
    match annotation {
        ast::Expr::Name(name) => Some(environment.annotation(function, &name.id)),
        ast::Expr::StringLiteral(text) => {
            let mut names = text.value.to_str().split('.');
            let first = environment.annotation(function, names.next()?.trim());
            names.try_fold(first, |global, name| match global {
                Global::Module(module) => Some(environment.attribute(module, name.trim())),
                _ => None,
            })
        }
        ast::Expr::Attribute(attribute) => match named(environment, function, &attribute.value)? {
            Global::Module(module) => Some(environment.attribute(module, &attribute.attr)),
            _ => None,
        },
        _ => None,
    }
}

/// The type that an annotation fixes, if it does.
pub(super) fn annotated(
    environment: &mut dyn Environment,
    function: FunctionId,
    annotation: Option<&ast::Expr>,
) -> Option<Type> {
    match annotation? {
        ast::Expr::NoneLiteral(_) => Some(Type::None),
        ast::Expr::Subscript(subscript) => collection(environment, function, subscript),
        other => match named(environment, function, other)? {
            Global::Width(element) => Some(element.read()),
            Global::Record(record) => Some(Type::Record(record)),
            Global::Builtin(name) => match name.as_str() {
                "bool" => Some(Type::Bool),
                "int" => Some(Type::Int),
                "float" => Some(Type::Float),
                "complex" => Some(Type::Complex),
                "str" => Some(Type::Text(Text::Str)),
                "bytes" => Some(Type::Text(Text::Bytes)),
                _ => None,
            },
            Global::Missing if is_none(other) => Some(Type::None),
            _ => None,
        },
    }
}

/// `"None"`
fn is_none(annotation: &ast::Expr) -> bool {
    matches!(annotation, ast::Expr::StringLiteral(text) if text.value.to_str() == "None")
}

/// `list[...]` and `tuple[...]`.
fn collection(
    environment: &mut dyn Environment,
    function: FunctionId,
    subscript: &ast::ExprSubscript,
) -> Option<Type> {
    let Global::Builtin(class) = named(environment, function, &subscript.value)? else {
        return None;
    };
    let items = match &*subscript.slice {
        ast::Expr::Tuple(tuple) => &tuple.elts[..],
        one => std::slice::from_ref(one),
    };
    let types = items
        .iter()
        .map(|item| {
            // The width of items is not checked: better no type than half of one.
            if width(environment, function, Some(item)).is_some() {
                return None;
            }
            annotated(environment, function, Some(item))
        })
        .collect::<Option<Vec<Type>>>()?;
    match (class.as_str(), &types[..]) {
        ("list", &[item]) => Scalar::of(item).map(Type::List),
        ("tuple", types) if types.iter().all(|ty| ty.is_small()) => {
            Some(Type::Tuple(Items::new(types)))
        }
        _ => None,
    }
}
