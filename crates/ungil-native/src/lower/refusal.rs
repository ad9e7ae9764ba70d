//! What is not in the language: why, and what to write instead.

use ruff_python_ast as ast;
use ruff_python_ast::Stmt as Syntax;
use ruff_text_size::Ranged;

use super::function::FunctionLowerer;
use super::{Lowered, Refusal};
use crate::diagnostic::Diagnostic;

impl FunctionLowerer<'_, '_> {
    pub(super) fn refuse_signature(&mut self, function: &ast::StmtFunctionDef) -> Lowered<()> {
        if function.is_async {
            return Err(self.refuse(
                Diagnostic::new(
                    function.name.range(),
                    "a native function cannot be a coroutine",
                )
                .label("`async def`")
                .help("write `def`, and run it on a thread: `await asyncio.to_thread(f, ...)`"),
            ));
        }
        let parameters = &function.parameters;
        for (parameter, stars) in [(&parameters.vararg, "*"), (&parameters.kwarg, "**")] {
            if let Some(parameter) = parameter {
                return Err(self.refuse(
                    Diagnostic::new(
                        parameter.range(),
                        "a native function takes a fixed number of arguments",
                    )
                    .label(format!("`{stars}{}`", parameter.name))
                    .help("name every parameter, or pass an array"),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn refuse_statement(&self, stmt: &Syntax) -> Box<Refusal> {
        let (what, help) = match stmt {
            Syntax::ClassDef(_) => ("classes", "keep the data in numbers and arrays"),
            Syntax::With(_) => ("`with`", "use it around the call of the native function"),
            Syntax::Global(_) => (
                "`global`",
                "return the new value, or keep it in an array that is passed as an argument",
            ),
            Syntax::Nonlocal(_) => (
                "`nonlocal` of variables outside of the native function",
                "return the new value",
            ),
            Syntax::Import(_) | Syntax::ImportFrom(_) => {
                ("`import`", "move it to the top of the module")
            }
            _ => (
                "this statement",
                "leave it out, or move it out of the native function",
            ),
        };
        // Only the head is underlined: a statement can be long.
        let text = &self.source.source.text[stmt.range().start().to_usize()..];
        let head = text.lines().next().unwrap_or("").trim_end().len();
        let end = stmt.range().start().to_usize() + head;
        let range = ruff_text_size::TextRange::new(
            stmt.range().start(),
            stmt.range().end().min((end as u32).into()),
        );
        self.refuse(
            Diagnostic::new(range, format!("native code has no {what}"))
                .label("not in the native language")
                .help(help),
        )
    }

    pub(super) fn refuse_expression(&self, expr: &ast::Expr) -> Box<Refusal> {
        let (what, help) = match expr {
            ast::Expr::Lambda(_) => (
                "lambdas",
                "define a function outside and decorate it with `@ungil.native`",
            ),
            ast::Expr::Dict(_) => ("dicts", "pass an array and index it"),
            ast::Expr::Set(_) => ("sets", "pass an array of bools and index it"),
            ast::Expr::SetComp(_) | ast::Expr::DictComp(_) | ast::Expr::Generator(_) => (
                "comprehensions but of lists",
                "write the loop, or a list: `[... for ... in ...]`",
            ),
            ast::Expr::FString(_) | ast::Expr::TString(_) => (
                "texts that are put together",
                "return what goes into it, and do this outside of the native function",
            ),
            ast::Expr::Await(_) => ("`await`", "await outside of the native function"),
            ast::Expr::Yield(_) | ast::Expr::YieldFrom(_) => (
                "generators",
                "write the results into an array that is passed as an argument",
            ),
            ast::Expr::Starred(_) => ("`*` of values", "write them out"),
            ast::Expr::Slice(_) => ("slices here", "index an array with it"),
            _ => (
                "this expression",
                "leave it out, or move it out of the native function",
            ),
        };
        self.refuse(
            Diagnostic::new(expr.range(), format!("native code has no {what}"))
                .label("not in the native language")
                .help(help),
        )
    }

    pub(super) fn refuse_builtin(&self, call: &ast::ExprCall, name: &str) -> Box<Refusal> {
        let given = call.arguments.args.len();
        let known = [
            "abs", "all", "any", "bool", "complex", "divmod", "float", "int", "len", "list", "max",
            "min", "ord", "pow", "round", "sorted", "sum",
        ];
        let diagnostic = if known.contains(&name) {
            Diagnostic::new(
                call.range(),
                format!("native code has no `{name}` of {given} arguments"),
            )
            .label("not in the native language")
        } else {
            Diagnostic::new(call.func.range(), format!("native code has no `{name}`"))
                .label("needs the interpreter, or is not in the native language yet")
        };
        self.refuse(match name {
            "print" | "input" | "open" => {
                diagnostic.help("return the values, and do this outside of the native function")
            }
            "map" | "filter" => diagnostic.help("write the loop: it is as fast here as in C"),
            "range" | "enumerate" | "zip" | "reversed" => {
                diagnostic.help("use it in the head of a `for` loop")
            }
            _ => diagnostic.help(format!("there are {}", known.join(", "))),
        })
    }
}
