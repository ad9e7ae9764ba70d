//! Lists as wholes. The list is the second word where nothing else is said; the first one is the kind of its items.

use std::cmp::Ordering;

use super::list::{Kind, List, Span};
use super::{Call, End};
use crate::memory;

/// Gives a new list, or the guard of memory.
fn give(call: &mut Call<'_>, list: Option<&List>, memory: usize) -> End {
    match list {
        Some(list) => call.give_int(list.head as i64),
        None => Err(memory),
    }
}

pub(super) fn slice(call: &mut Call<'_>) -> End {
    let source = List::of(call.words[0], call.words[1]);
    let Some(span) = Span::of(&call.words[2..], source.len()) else {
        return Err(0);
    };
    let made = List::new(source.kind, span.count);
    if let Some(list) = &made {
        if span.step == 1 {
            list.append(&source, span.start, span.count);
        } else {
            for at in 0..span.count {
                list.append(&source, span.position(at), 1);
            }
        }
    }
    give(call, made.as_ref(), 1)
}

/// Words: kind, list, what it gets, the slice.
pub(super) fn set_slice(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let mut source = List::of(call.words[0], call.words[2]);
    let Some(span) = Span::of(&call.words[3..], list.len()) else {
        return Err(0);
    };
    let own = source.head == list.head;
    if own {
        // What it gets are the items that it has now.
        let Some(copy) = List::new(list.kind, list.len()) else {
            return Err(1);
        };
        copy.append(&list, 0, list.len());
        source = copy;
    }
    let end = if span.step == 1 {
        replace(&list, &span, &source)
    } else if source.len() == span.count {
        for at in 0..span.count {
            list.put(span.position(at), &source, at);
        }
        Ok(())
    } else {
        call.fail_ints(2, source.len(), span.count)
    };
    if own {
        // SAFETY: the copy that was made above.
        unsafe { memory::list_free(source.head) };
    }
    end
}

fn replace(list: &List, span: &Span, source: &List) -> End {
    let (length, added) = (list.len(), source.len());
    let rest = span.start + span.count;
    let after = length - span.count + added;
    if !list.reserve(after) {
        return Err(1);
    }
    list.shift(span.start + added, rest, length - rest);
    for at in 0..added {
        list.put(span.start + at, source, at);
    }
    list.set_len(after);
    Ok(())
}

pub(super) fn delete_slice(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let Some(span) = Span::of(&call.words[2..], list.len()) else {
        return Err(0);
    };
    if span.count == 0 {
        return Ok(());
    }
    let (low, step) = if span.step > 0 {
        (span.start, span.step)
    } else {
        (span.position(span.count - 1), -span.step)
    };
    let (mut kept, mut gone) = (low, 0);
    for at in low..list.len() {
        // The product cannot overflow: it is asked for only as far as the span reaches.
        if gone < span.count && at == low + gone * step {
            gone += 1;
        } else {
            list.shift(kept, at, 1);
            kept += 1;
        }
    }
    list.set_len(list.len() - span.count);
    Ok(())
}

pub(super) fn delete(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let (index, length) = (call.int(2), list.len());
    let at = if index < 0 { index + length } else { index };
    if !(0..length).contains(&at) {
        return Err(0);
    }
    remove_at(&list, at);
    Ok(())
}

pub(super) fn remove_at(list: &List, at: i64) {
    let rest = list.len() - at - 1;
    list.shift(at, at + 1, rest);
    list.set_len(at + rest);
}

pub(super) fn extend(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let source = List::of(call.words[0], call.words[2]);
    let added = source.len();
    if !list.reserve(list.len() + added) {
        return Err(0);
    }
    list.append(&source, 0, added);
    Ok(())
}

pub(super) fn concatenate(call: &mut Call<'_>) -> End {
    let one = List::of(call.words[0], call.words[1]);
    let other = List::of(call.words[0], call.words[2]);
    let made = List::new(one.kind, one.len() + other.len());
    if let Some(list) = &made {
        list.append(&one, 0, one.len());
        list.append(&other, 0, other.len());
    }
    give(call, made.as_ref(), 0)
}

pub(super) fn repeat(call: &mut Call<'_>) -> End {
    let source = List::of(call.words[0], call.words[1]);
    let Some(length) = source.len().checked_mul(call.int(2).max(0)) else {
        return Err(0);
    };
    let made = List::new(source.kind, length);
    if let Some(list) = &made {
        list.append(&source, 0, source.len().min(length));
        list.fill(length);
    }
    give(call, made.as_ref(), 0)
}

pub(super) fn repeat_in_place(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let Some(length) = list.len().checked_mul(call.int(2).max(0)) else {
        return Err(0);
    };
    if !list.reserve(length) {
        return Err(0);
    }
    if length == 0 {
        list.set_len(0);
    }
    list.fill(length);
    Ok(())
}

/// The list's items as a slice of that type.
///
/// # Safety
/// They are of that type, and nobody else looks at them meanwhile.
unsafe fn slice_of<'a, T>(list: &List) -> &'a mut [T] {
    // SAFETY: as many items as the list has, one after the other; an address is there also without items.
    unsafe { std::slice::from_raw_parts_mut(list.address(0).cast::<T>(), list.len() as usize) }
}

pub(super) fn reverse(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    // SAFETY: bools are bytes, ints and floats words.
    unsafe {
        match list.kind {
            Kind::Bool => slice_of::<u8>(&list).reverse(),
            _ => slice_of::<u64>(&list).reverse(),
        }
    }
    Ok(())
}

/// Equal ones stay in their order, also backwards.
pub(super) fn sort(call: &mut Call<'_>) -> End {
    let list = List::of(call.words[0], call.words[1]);
    let backwards = call.words[2] != 0;
    let ordered = |order: Ordering| if backwards { order.reverse() } else { order };
    // SAFETY: the items are of these types.
    unsafe {
        match list.kind {
            Kind::Bool => slice_of::<u8>(&list).sort_by(|a, b| ordered(a.cmp(b))),
            Kind::Int => slice_of::<i64>(&list).sort_by(|a, b| ordered(a.cmp(b))),
            Kind::Float => {
                let floats = slice_of::<f64>(&list);
                if floats.len() > 1 && floats.iter().any(|one| one.is_nan()) {
                    return Err(0);
                }
                floats.sort_by(|a, b| ordered(a.partial_cmp(b).unwrap_or(Ordering::Equal)));
            }
        }
    }
    Ok(())
}
