//! What annotations fix.

use ruff_python_ast as ast;

use crate::environment::{Environment, FunctionId, Global};
use crate::types::{Items, Scalar, Type};

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

/// The type that an annotation fixes, if it does.
pub(super) fn annotated(
    environment: &mut dyn Environment,
    function: FunctionId,
    annotation: Option<&ast::Expr>,
) -> Option<Type> {
    let mut builtin =
        |name: &str| environment.annotation(function, name) == Global::Builtin(name.to_owned());
    let name = match annotation? {
        ast::Expr::Name(name) => name.id.as_str(),
        ast::Expr::StringLiteral(text) => text.value.to_str(),
        ast::Expr::NoneLiteral(_) => return Some(Type::None),
        ast::Expr::Subscript(subscript) => {
            let ast::Expr::Name(name) = &*subscript.value else {
                return None;
            };
            if !matches!(name.id.as_str(), "list" | "tuple") || !builtin(&name.id) {
                return None;
            }
            let items = match &*subscript.slice {
                ast::Expr::Tuple(tuple) => &tuple.elts[..],
                one => std::slice::from_ref(one),
            };
            let types = items
                .iter()
                .map(|item| annotated(environment, function, Some(item)))
                .collect::<Option<Vec<Type>>>()?;
            return match (name.id.as_str(), &types[..]) {
                ("list", &[item]) => Scalar::of(item).map(Type::List),
                ("tuple", types) if types.iter().all(|ty| ty.is_small()) => {
                    Some(Type::Tuple(Items::new(types)))
                }
                _ => None,
            };
        }
        _ => return None,
    };
    let ty = match name {
        "bool" => Type::Bool,
        "int" => Type::Int,
        "float" => Type::Float,
        "None" => return Some(Type::None),
        _ => return None,
    };
    builtin(name).then_some(ty)
}
