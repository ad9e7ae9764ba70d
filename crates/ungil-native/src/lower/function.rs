//! One function: its slots, its sites, its variables.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::attempt::Attempt;
use super::call::Callee;
use super::locals::Locals;
use super::nested::with_written;
use super::promotion::Promotions;
use super::state::State;
use super::{Lowered, Lowerer, Refusal};
use crate::diagnostic::Diagnostic;
use crate::environment::{FunctionId, FunctionSource};
use crate::ir::{
    Block, Expr, Function, Guard, Message, Proof, Raise, Site, SiteId, Slot, SlotId, Stmt,
};
use crate::types::{Element, Type};

/// Expressions and statements nested deeper than this are refused: passes are recursive.
pub(super) const DEEPEST: usize = 150;

pub(super) struct FunctionLowerer<'a, 'e> {
    pub(super) lowerer: &'a mut Lowerer<'e>,
    pub(super) id: FunctionId,
    pub(super) source: &'a Arc<FunctionSource>,
    pub(super) definition: &'a ast::StmtFunctionDef,
    /// The variables of the functions around that come in as parameters.
    pub(super) captured: Vec<String>,
    pub(super) state: State,
    pub(super) loops: Vec<LoopFrame>,
    /// The `try` statements around, the innermost last.
    pub(super) attempts: Vec<Attempt<'a>>,
    /// How many handlers are around.
    pub(super) handling: usize,
    /// How many parallel loops are around.
    pub(super) parallel: usize,
    /// The variables of the functions around that it assigns to: their values are returned as well.
    pub(super) written: Vec<String>,
    /// The types of the variables of the functions around.
    pub(super) around: HashMap<String, Type>,
    /// Where statements go.
    pub(super) block: Block,
    /// A variable that was read before it was assigned to, as far as ways are known so far: what follows
    /// is not reached.
    pub(super) unbound: Option<Box<Refusal>>,
    /// What the function returns, from its annotation or its first `return`, and where that is.
    pub(super) returns: Option<(Type, TextRange)>,
    pub(super) returns_annotated: bool,
    pub(super) promoted: Promotions,
    pub(super) promote: Promotions,
    pub(super) locals: BTreeSet<String>,
    /// The widths that annotations give to numbers, by variable.
    pub(super) widths: HashMap<String, Element>,
    /// The width of a returned number.
    pub(super) returned_width: Option<Element>,
    /// The variables of the comprehensions that are being lowered, and what they are called here.
    pub(super) scopes: Vec<(String, String)>,
    pub(super) slots: Vec<Slot>,
    pub(super) by_name: HashMap<(String, Type), SlotId>,
    depth: usize,
    /// All that is right of the `=` or of `return` in the statement that is being lowered.
    pub(super) whole: TextRange,
}

/// What leaves a loop's body.
#[derive(Default)]
pub(super) struct LoopFrame {
    pub(super) breaks: State,
    pub(super) continues: State,
}

impl<'a, 'e> FunctionLowerer<'a, 'e> {
    pub(super) fn lower(
        lowerer: &'a mut Lowerer<'e>,
        callee: &Callee,
        source: &'a Arc<FunctionSource>,
        arguments: &[Type],
        returns: Option<Type>,
    ) -> Lowered<Function> {
        let id = callee.function;
        let definition = callee.definition(source);
        let mut locals = Locals::of(definition);
        locals.names.extend(callee.captured.iter().cloned());
        let mut this = FunctionLowerer {
            lowerer,
            id,
            source,
            definition,
            captured: callee.captured.clone(),
            state: State::entry(),
            loops: Vec::new(),
            attempts: Vec::new(),
            handling: 0,
            parallel: 0,
            written: callee.written.clone(),
            around: HashMap::new(),
            block: Vec::new(),
            unbound: None,
            returns: None,
            returns_annotated: returns.is_some(),
            promoted: Promotions::default(),
            promote: Promotions::default(),
            locals: locals.names,
            widths: HashMap::new(),
            returned_width: None,
            scopes: Vec::new(),
            slots: Vec::new(),
            by_name: HashMap::new(),
            depth: 0,
            whole: TextRange::default(),
        };
        if let Some(range) = locals.too_deep {
            return Err(this.too_deep(range));
        }
        this.refuse_signature(definition)?;
        this.note_widths(definition, &locals.annotations);
        let site = this.site(
            definition.name.range(),
            "RecursionError",
            "maximum recursion depth exceeded: the stack of this thread is full",
        );
        loop {
            let lowered = this.pass(definition, arguments, returns);
            let new = std::mem::take(&mut this.promote);
            if !this.promoted.extend(new) || this.lowerer.failed {
                return Ok(Function {
                    source: id,
                    name: definition.name.to_string(),
                    parameters: lowered?,
                    slots: this.slots,
                    returns: with_written(
                        this.returns.map_or(Type::None, |(ty, _)| ty),
                        callee,
                        arguments,
                    ),
                    body: this.block,
                    site,
                    recursive: false,
                    long: false,
                });
            }
            this.state = State::entry();
            this.loops = Vec::new();
            this.attempts = Vec::new();
            (this.handling, this.parallel) = (0, 0);
            this.block = Vec::new();
            this.unbound = None;
            this.slots = Vec::new();
            this.by_name = HashMap::new();
            this.scopes = Vec::new();
            this.depth = 0;
        }
    }

    /// Goes through the whole text; gives the slots of the parameters.
    fn pass(
        &mut self,
        definition: &ast::StmtFunctionDef,
        arguments: &[Type],
        returns: Option<Type>,
    ) -> Lowered<Vec<SlotId>> {
        let annotation = definition.returns.as_deref();
        self.returns = returns.zip(annotation.map(Ranged::range));
        let parameters = self.parameters(arguments);
        self.statements(&definition.body)?;
        if let Some(refusal) = self.unbound.take() {
            return Err(refusal);
        }
        self.end_of_body(definition)?;
        Ok(parameters)
    }

    fn parameters(&mut self, arguments: &[Type]) -> Vec<SlotId> {
        let definition = self.definition;
        let mut slots = Vec::new();
        for (parameter, &ty) in definition
            .parameters
            .iter_non_variadic_params()
            .zip(arguments)
        {
            let name = &parameter.parameter.name;
            let slot = self.variable(name, ty);
            slots.push(slot);
            if self.widths.contains_key(name.as_str()) {
                self.assign(name, Expr::slot(slot, ty), parameter.range());
            } else {
                self.state.bind(name, ty, false, name.range());
            }
        }
        let own = slots.len();
        for (name, &ty) in self.captured.clone().iter().zip(&arguments[own..]) {
            slots.push(self.variable(name, ty));
            self.around.insert(name.clone(), ty);
            self.state.bind(name, ty, false, definition.name.range());
        }
        slots
    }

    fn note_widths(
        &mut self,
        definition: &ast::StmtFunctionDef,
        annotations: &[(&str, &ast::Expr)],
    ) {
        let parameters = definition.parameters.iter_non_variadic_params();
        let parameters = parameters.filter_map(|parameter| {
            let annotation = parameter.parameter.annotation.as_deref()?;
            Some((parameter.parameter.name.as_str(), annotation))
        });
        for (name, annotation) in parameters.chain(annotations.iter().copied()) {
            if let Some(width) = self.lowerer.width(self.id, Some(annotation)) {
                self.widths.insert(name.to_owned(), width);
            }
        }
        self.returned_width = self.lowerer.width(self.id, definition.returns.as_deref());
    }

    /// Whether what is assigned to a variable is checked.
    pub(super) fn has_width(&self, name: &str) -> bool {
        self.widths.contains_key(name)
    }

    /// What happens where a function's text ends.
    fn end_of_body(&mut self, definition: &ast::StmtFunctionDef) -> Lowered<()> {
        if !self.state.is_reachable() {
            return Ok(());
        }
        match self.returns {
            None | Some((Type::None, _)) => self.leave_attempts(0, Expr::none()),
            Some((ty, at)) => Err(self.refuse(
                Diagnostic::new(
                    definition.name.range(),
                    format!("`{}` can end without a `return`", definition.name),
                )
                .label("its end is reached on some way")
                .context(at, format!("it returns {} here", ty.with_article()))
                .note("Python would return None there, which is of another type")
                .help("end the function with a `return` of a value or with `raise`"),
            )),
        }
    }

    pub(super) fn emit(&mut self, stmt: Stmt) {
        self.block.push(stmt);
    }

    /// A place that raises.
    pub(super) fn site(
        &mut self,
        range: TextRange,
        exception: &str,
        message: impl Into<String>,
    ) -> SiteId {
        self.push_site(
            range,
            Some(Raise {
                exception: exception.to_owned(),
                message: Message::Text(message.into()),
            }),
        )
    }

    pub(super) fn push_site(&mut self, range: TextRange, error: Option<Raise>) -> SiteId {
        let site = Site {
            function: self.id,
            range,
            error,
        };
        let sites = &mut self.lowerer.program.sites;
        // The same place is gone through again where types are found out: one site will do.
        if let Some(at) = sites.iter().rposition(|other| *other == site) {
            return at;
        }
        sites.push(site);
        sites.len() - 1
    }

    pub(super) fn guard(
        &mut self,
        range: TextRange,
        exception: &str,
        message: impl Into<String>,
    ) -> Guard {
        Guard {
            site: self.site(range, exception, message),
            proof: Proof::Open,
        }
    }

    /// A check whose error says what Python says in an expression.
    pub(super) fn as_python(&mut self, range: TextRange, exception: &str, example: &str) -> Guard {
        let error = Raise {
            exception: exception.to_owned(),
            message: Message::LikePython(example.to_owned()),
        };
        Guard {
            site: self.push_site(range, Some(error)),
            proof: Proof::Open,
        }
    }

    /// The check of an int's overflow.
    pub(super) fn overflow(&mut self, range: TextRange) -> Guard {
        let guard = self.guard(
            range,
            "OverflowError",
            "the result does not fit into an int of 64 bits",
        );
        Guard {
            proof: if self.source.options.wrap {
                Proof::Waived
            } else {
                Proof::Open
            },
            ..guard
        }
    }

    pub(super) fn refuse(&self, diagnostic: Diagnostic) -> Box<Refusal> {
        Box::new(Refusal {
            function: self.id,
            diagnostic,
            provisional: false,
            later: false,
        })
    }

    pub(super) fn depth(&self) -> usize {
        self.depth
    }

    /// After a refusal has gone up to here.
    pub(super) fn return_to(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// Goes one level deeper into the text.
    pub(super) fn nested<T>(
        &mut self,
        range: TextRange,
        inner: impl FnOnce(&mut Self) -> Lowered<T>,
    ) -> Lowered<T> {
        if self.depth == DEEPEST {
            return Err(self.too_deep(range));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }
}

impl FunctionLowerer<'_, '_> {
    fn too_deep(&self, range: TextRange) -> Box<Refusal> {
        self.refuse(
            Diagnostic::new(range, "this is nested too deeply")
                .label(format!("more than {DEEPEST} levels"))
                .help("split it into several statements or functions"),
        )
    }
}
