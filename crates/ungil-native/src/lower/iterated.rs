//! What loops go over.

use ruff_python_ast as ast;
use ruff_text_size::{Ranged, TextRange};

use super::Lowered;
use super::function::FunctionLowerer;
use crate::diagnostic::Diagnostic;
use crate::ir::{Expr, Op};
use crate::types::Type;

impl FunctionLowerer<'_, '_> {
    /// What a `for` goes over.
    pub(super) fn iterated(&mut self, iter: &ast::Expr) -> Lowered<Iterated> {
        if let ast::Expr::Call(call) = iter
            && let Some(function) = self.builtin_called(call)
        {
            match function.as_str() {
                "range" => return self.range(call),
                "enumerate" => {
                    if let Some(enumerated) = self.enumerated(call)? {
                        return Ok(enumerated);
                    }
                }
                "zip" if !call.arguments.args.is_empty() => {
                    if let Some(strict) = is_strict(&call.arguments.keywords) {
                        return self.zipped(&call.arguments.args, strict);
                    }
                }
                "reversed" if call.arguments.keywords.is_empty() => {
                    if let [inner] = &*call.arguments.args {
                        let inner = self.iterated(inner)?;
                        match inner {
                            Iterated::Range { start, stop, step } => {
                                return self.reversed_range((start, stop, step), call.range());
                            }
                            Iterated::Array {
                                array,
                                len,
                                reversed: false,
                            } => {
                                return Ok(Iterated::Array {
                                    array,
                                    len,
                                    reversed: true,
                                });
                            }
                            Iterated::List { list, last: None } => {
                                let length = Self::list_length(list.clone());
                                let length = self.held(length);
                                let last = self.back_from(&length, &Expr::int(1));
                                let last = Some(self.held(last));
                                return Ok(Iterated::List { list, last });
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        // A tuple of numbers of one type is gone through as a list is.
        if let ast::Expr::Tuple(tuple) = iter {
            let list = ast::ExprList {
                node_index: tuple.node_index.clone(),
                range: tuple.range,
                elts: tuple.elts.clone(),
                ctx: tuple.ctx,
            };
            let list = self.list_literal(&list)?;
            return Ok(self.over_list(list));
        }
        if self.prange_called(iter).is_some() {
            return Err(self.refuse(
                Diagnostic::new(iter.range(), "native code cannot iterate over this")
                    .label("the range of a parallel loop, within something else")
                    .help("write `for i in ungil.prange(...)`"),
            ));
        }
        if let ast::Expr::Name(_)
        | ast::Expr::Subscript(_)
        | ast::Expr::List(_)
        | ast::Expr::ListComp(_)
        | ast::Expr::BinOp(_)
        | ast::Expr::UnaryOp(_)
        | ast::Expr::StringLiteral(_)
        | ast::Expr::BytesLiteral(_)
        | ast::Expr::Attribute(_)
        | ast::Expr::Call(_) = iter
        {
            let value = self.expression(iter)?;
            return self.iterated_value(value, iter.range());
        }
        Err(self.refuse_iterated(iter.range()))
    }

    /// The same of a value.
    pub(super) fn iterated_value(&mut self, value: Expr, range: TextRange) -> Lowered<Iterated> {
        match value.ty {
            Type::Array(_) => Ok(self.over_array(value)),
            Type::List(_) => Ok(self.over_list(value)),
            Type::Text(_) => Ok(self.over_text(value)),
            Type::Tuple(items) if items.windows(2).all(|two| two[0] == two[1]) => {
                let kept = self.held(value);
                let items = super::tuple::items(&kept);
                let list = self.new_list(items, range);
                Ok(self.over_list(list))
            }
            _ => Err(self.refuse_iterated(range)),
        }
    }

    fn refuse_iterated(&self, range: TextRange) -> Box<super::Refusal> {
        self.refuse(
            Diagnostic::new(range, "native code cannot iterate over this")
                .label("neither a range nor an array, a list or a text")
                .help(
                    "iterate over `range(...)`, an array or a list, or `enumerate`, `zip` or `reversed` \
                     of these",
                ),
        )
    }

    fn range(&mut self, call: &ast::ExprCall) -> Lowered<Iterated> {
        let arguments = &call.arguments;
        if let Some(keyword) = arguments.keywords.first() {
            return Err(self.refuse(
                Diagnostic::new(keyword.range(), "`range` takes no keyword arguments")
                    .label("not a range that Python knows either"),
            ));
        }
        let (start, stop, step) = self.range_bounds("range", &arguments.args, call.range())?;
        Ok(Iterated::Range { start, stop, step })
    }

    /// Start, stop and step, evaluated before the loop, once: the body may change what they are made of.
    pub(super) fn range_bounds(
        &mut self,
        name: &str,
        arguments: &[ast::Expr],
        range: TextRange,
    ) -> Lowered<(Expr, Expr, Expr)> {
        if !(1..=3).contains(&arguments.len()) {
            return Err(self.refuse(
                Diagnostic::new(range, format!("`{name}` takes one to three ints"))
                    .label("not a range that Python knows either"),
            ));
        }
        let mut values = Vec::new();
        for argument in arguments {
            let value = self.expression(argument)?;
            values.push((value, argument.range()));
        }
        self.range_of(name, values)
    }

    /// The same of values that are there.
    pub(super) fn range_of(
        &mut self,
        name: &str,
        given: Vec<(Expr, TextRange)>,
    ) -> Lowered<(Expr, Expr, Expr)> {
        let mut values = Vec::new();
        for (value, range) in given {
            let title = format!("`{name}` takes ints");
            let value = self.expect_int(value, range, &title)?;
            values.push(self.held(value));
        }
        let step = if values.len() == 3 {
            values.pop().expect("there are three")
        } else {
            Expr::int(1)
        };
        let stop = values.pop().expect("there is at least one");
        let start = values.pop().unwrap_or_else(|| Expr::int(0));
        Ok((start, stop, step))
    }

    fn over_text(&mut self, text: Expr) -> Iterated {
        let text = self.held(text);
        Iterated::Array {
            len: super::text::length(text.clone()),
            array: text,
            reversed: false,
        }
    }

    pub(super) fn over_array(&mut self, array: Expr) -> Iterated {
        let array = self.held(array);
        let len = Expr::new(Op::Dim(0), vec![array.clone()], Type::Int);
        Iterated::Array {
            array,
            len,
            reversed: false,
        }
    }

    /// Assigns what is at a position to the loop's target.
    pub(super) fn bind_item(
        &mut self,
        target: &ast::Expr,
        source: &Iterated,
        position: &Expr,
    ) -> Lowered<()> {
        let pair = match target {
            ast::Expr::Tuple(tuple) => Some(&tuple.elts[..]),
            _ => None,
        };
        match (source, pair) {
            (Iterated::Enumerate(inner, start), Some([index, value])) => {
                let number = self.number_at(start, position, index.range())?;
                self.assign_to(index, number)?;
                self.bind_item(value, inner, position)
            }
            (Iterated::Zip(all, ..), Some(targets)) if targets.len() == all.len() => {
                for (target, source) in targets.iter().zip(all) {
                    self.bind_item(target, source, position)?;
                }
                Ok(())
            }
            (Iterated::Enumerate(..) | Iterated::Zip(..), _) => Err(self.refuse(
                Diagnostic::new(target.range(), "this loop gives several values each time")
                    .label("expected a name for each")
                    .help("write `for a, b in ...`"),
            )),
            (Iterated::Steps { start, step, .. }, _) => {
                let value = self.step_at(start, step, position);
                self.assign_to(target, value)
            }
            (Iterated::Range { .. }, _) => self.assign_to(target, position.clone()),
            (
                Iterated::Array {
                    array,
                    len,
                    reversed,
                },
                _,
            ) => {
                let value = self.array_item(array, len, *reversed, position, target.range());
                self.assign_to(target, value)
            }
            (Iterated::List { list, last }, _) => {
                let at = match last {
                    Some(last) => self.back_from(last, position),
                    None => position.clone(),
                };
                let value = self.list_item_within(list, at, target.range())?;
                self.assign_to(target, value)
            }
        }
    }
}

/// The value of `strict=`, where it is a constant.
fn is_strict(keywords: &[ast::Keyword]) -> Option<bool> {
    match keywords {
        [] => Some(false),
        [keyword] if keyword.arg.as_deref() == Some("strict") => match &keyword.value {
            ast::Expr::BooleanLiteral(literal) => Some(literal.value),
            _ => None,
        },
        _ => None,
    }
}

/// What a `for` goes over.
pub(super) enum Iterated {
    Range {
        start: Expr,
        stop: Expr,
        step: Expr,
    },
    /// An array or a text.
    Array {
        array: Expr,
        len: Expr,
        reversed: bool,
    },
    List {
        list: Expr,
        /// The last position, where it is gone through backwards.
        last: Option<Expr>,
    },
    /// A range within the others, by position.
    Steps {
        start: Expr,
        step: Expr,
        len: Expr,
    },
    /// With the number that the first one has.
    Enumerate(Box<Iterated>, Expr),
    /// All together, the length of the shortest one, unless that can change, and whether all have to be as long.
    Zip(Vec<Iterated>, Expr, bool),
}

impl Iterated {
    /// How many rounds there are, or the end of the range.
    pub(super) fn len(&self) -> Expr {
        match self {
            Self::Range { stop, .. } => stop.clone(),
            Self::Array { len, .. } | Self::Zip(_, len, _) | Self::Steps { len, .. } => len.clone(),
            Self::Enumerate(inner, _) => inner.len(),
            Self::List { list, .. } => unreachable!("{list:?} has no fixed length"),
        }
    }

    /// Whether the loop's body can make it longer or shorter.
    pub(super) fn can_change(&self) -> bool {
        match self {
            Self::Range { .. } | Self::Array { .. } | Self::Steps { .. } => false,
            Self::List { .. } => true,
            Self::Enumerate(inner, _) => inner.can_change(),
            Self::Zip(all, ..) => all.iter().any(Self::can_change),
        }
    }

    /// The range that the loop counts over.
    pub(super) fn bounds(&self) -> (Expr, Expr, Expr) {
        match self {
            Self::Range { start, stop, step } => (start.clone(), stop.clone(), step.clone()),
            other => (Expr::int(0), other.len(), Expr::int(1)),
        }
    }
}
