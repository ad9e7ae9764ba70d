//! Operations on whole arrays, of which loops over their elements are made.

use crate::runtime::fold::Fold;
use crate::types::Element;

/// An operation beside an element-wise loop, or in it. Arrays come first among the arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EachOp {
    /// What an array's elements are calculated by, as long as no loop does it. Arguments: the value of one
    /// element, a size for each dimension, the arrays. It does not leave the lowering.
    Pending,
    /// In there, the element of the array of that number. It does not leave the lowering.
    Element(usize),
    /// A contiguous array as one of a single dimension.
    Flat,
    /// An array whose elements are known to lie next to each other along the last axis.
    Dense,
    /// Whether they do, in all of the arguments.
    IsDense,
    /// An array stretched to the sizes that follow, along axes that have one element.
    Spread,
    /// Checks that sizes of arrays fit together. Arguments: the sizes, one array after the other. Guard: they do not.
    Agree {
        /// How many sizes each array has.
        dimensions: [u8; 3],
        /// Whether the first array's are to stay as they are.
        into: bool,
    },
    /// Whether writing to the first array, element by element, would change what is still to be read
    /// of the others.
    Meets,
    /// Copies the second array into the first one, stretching it as needed.
    Copy,
    /// Tells where the others are read to calculate the first array, if that `writes`, or something new.
    /// Guard: the place.
    Uses {
        /// Whether the first one is written.
        writes: bool,
    },
    /// Begins a reduction of such elements. Arguments: the array of its state, how many there are. Gives how many
    /// are to be calculated next.
    Begin(Fold, Element),
    /// The same, after those in the array that is the second argument; the third is how many they are.
    Next,
    /// The result. Argument: the state. Guards: overflow, no elements.
    End,
    /// At the begin of a loop's body: rounds do not use what others write.
    Independent,
    /// An int as one of that width that wraps around.
    Wrap(Element),
    /// `hypot` of the C library.
    Hypot,
    /// Of floats, rounded down; infinite or no number where the second is zero.
    FloorDivide(Element),
}
