//! Which type elements have that are calculated from others: the rules of `NumPy` 2.

use super::join::{Kind, Part};
use crate::types::{Element, Type};

/// The smallest type that both have a place in.
pub(super) fn promoted(one: Element, other: Element) -> Element {
    use Element::{Bool, Float32, Float64, Signed, Unsigned};
    match (one, other) {
        (one, other) if one == other => one,
        (Bool, other) | (other, Bool) => other,
        (Signed(a), Signed(b)) => Signed(a.max(b)),
        (Unsigned(a), Unsigned(b)) => Unsigned(a.max(b)),
        (Signed(signed), Unsigned(unsigned)) | (Unsigned(unsigned), Signed(signed)) => {
            if signed > unsigned {
                Signed(signed)
            } else if unsigned < 64 {
                Signed(2 * unsigned)
            } else {
                Float64
            }
        }
        (Float32, Signed(bits) | Unsigned(bits)) | (Signed(bits) | Unsigned(bits), Float32)
            if bits < 32 =>
        {
            Float32
        }
        _ => Float64,
    }
}

/// The type in which operands meet. Numbers are weak beside arrays: they take their type where they are of
/// the same kind.
pub(super) fn common(parts: &[Part]) -> Element {
    let of_arrays = parts
        .iter()
        .filter_map(|part| match part.kind {
            Kind::Of(element) => Some(element),
            Kind::Number => None,
        })
        .reduce(promoted);
    let numbers = parts.iter().filter(|part| part.kind == Kind::Number);
    let of_number = |ty| match ty {
        Type::Float => Element::Float64,
        Type::Bool => Element::Bool,
        _ => Element::Signed(64),
    };
    numbers
        .fold(of_arrays, |known, part| {
            let own = of_number(part.value.ty);
            Some(match known {
                None => own,
                Some(known) if of_arrays.is_none() => promoted(known, own),
                Some(known) => match (part.value.ty, known) {
                    (Type::Float, known) if !known.is_float() => Element::Float64,
                    (Type::Int, Element::Bool) => own,
                    _ => known,
                },
            })
        })
        .unwrap_or(Element::Float64)
}

/// The floating type in which a function of floats is calculated, if there is one of 32 or 64 bits.
pub(super) fn floating(element: Element) -> Option<Element> {
    match element {
        Element::Float32 | Element::Float64 => Some(element),
        Element::Signed(16) | Element::Unsigned(16) => Some(Element::Float32),
        Element::Signed(32 | 64) | Element::Unsigned(32 | 64) => Some(Element::Float64),
        // NumPy takes floats of 16 bits there.
        _ => None,
    }
}

/// Whether `NumPy` puts such elements into others without being asked to: of the same kind, or of a larger one.
pub(super) fn same_kind(from: Element, to: Element) -> bool {
    use Element::{Bool, Signed, Unsigned};
    match (from, to) {
        (Bool, _) | (Unsigned(_), Unsigned(_)) | (Signed(_) | Unsigned(_), Signed(_)) => true,
        (_, to) => to.is_float(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_numpy_promotes() {
        let cases = [
            ("int8", "uint8", "int16"),
            ("int64", "uint32", "int64"),
            ("int64", "uint64", "float64"),
            ("int16", "float32", "float32"),
            ("int32", "float32", "float64"),
            ("uint8", "uint16", "uint16"),
        ];
        for (one, other, both) in cases {
            let [one, other, both] = [one, other, both].map(|name| Element::named(name).unwrap());
            assert_eq!(promoted(one, other), both);
            assert_eq!(promoted(other, one), both);
            assert_eq!(promoted(Element::Bool, other), other);
        }
    }
}
