//! The element types of `Value` and `Array`: characters of `struct`, or the simple types of
//! `ctypes`.

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyFloat};
use std::ffi::CStr;

/// An element type of 64-bit Linux.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Format(u8);

const KNOWN: &[u8] = b"?cbBhHiIlLqQfd";

impl Format {
    /// From "i" or `ctypes.c_int`.
    pub(crate) fn parse(given: &Bound<'_, PyAny>) -> PyResult<Self> {
        let code = given.getattr("_type_").unwrap_or_else(|_| given.clone());
        let code: Option<String> = code.extract().ok();
        code.as_deref().and_then(Self::of).ok_or_else(|| {
            PyTypeError::new_err(format!(
                "the type must be one of the characters {} or a simple type of ctypes such as ctypes.c_int, not {}",
                String::from_utf8_lossy(KNOWN),
                given.repr().map_or_else(|_| "this".to_owned(), |repr| repr.to_string())
            ))
        })
    }

    fn of(code: &str) -> Option<Self> {
        match code.as_bytes() {
            [code] => Self::from_byte(*code),
            _ => None,
        }
    }

    pub(crate) fn from_byte(code: u8) -> Option<Self> {
        KNOWN.contains(&code).then_some(Self(code))
    }

    pub(crate) fn byte(self) -> u8 {
        self.0
    }

    pub(crate) fn character(self) -> char {
        char::from(self.0)
    }

    /// Bytes of an element.
    pub(crate) fn size(self) -> usize {
        match self.0 {
            b'?' | b'c' | b'b' | b'B' => 1,
            b'h' | b'H' => 2,
            b'i' | b'I' | b'f' => 4,
            _ => 8,
        }
    }

    /// For the buffer protocol.
    pub(crate) fn c_str(self) -> &'static CStr {
        match self.0 {
            b'?' => c"?",
            b'c' => c"c",
            b'b' => c"b",
            b'B' => c"B",
            b'h' => c"h",
            b'H' => c"H",
            b'i' => c"i",
            b'I' => c"I",
            b'l' => c"l",
            b'L' => c"L",
            b'q' => c"q",
            b'Q' => c"Q",
            b'f' => c"f",
            _ => c"d",
        }
    }

    fn is_signed(self) -> bool {
        matches!(self.0, b'b' | b'h' | b'i' | b'l' | b'q')
    }

    /// The Python object that these bits stand for.
    pub(crate) fn read(self, py: Python<'_>, bits: u64) -> PyResult<Bound<'_, PyAny>> {
        Ok(match self.0 {
            b'?' => (bits != 0).into_pyobject(py)?.to_owned().into_any(),
            b'c' => PyBytes::new(py, &[bits as u8]).into_any(),
            b'f' => PyFloat::new(py, f64::from(f32::from_bits(bits as u32))).into_any(),
            b'd' => PyFloat::new(py, f64::from_bits(bits)).into_any(),
            _ if self.is_signed() => self.sign_extended(bits).into_pyobject(py)?.into_any(),
            _ => bits.into_pyobject(py)?.into_any(),
        })
    }

    /// The bits that stand for a Python object; refuses what does not fit.
    pub(crate) fn write(self, object: &Bound<'_, PyAny>) -> PyResult<u64> {
        Ok(match self.0 {
            b'?' => u64::from(object.is_truthy()?),
            b'c' => match object.extract::<&[u8]>()? {
                [byte] => u64::from(*byte),
                _ => return Err(PyTypeError::new_err("one byte is expected")),
            },
            b'f' => u64::from((object.extract::<f64>()? as f32).to_bits()),
            b'd' => object.extract::<f64>()?.to_bits(),
            _ => self.fitting(object.extract::<i128>()?)?,
        })
    }

    /// The bits of the sum of the element with these bits and `delta`.
    pub(crate) fn sum(self, bits: u64, delta: &Bound<'_, PyAny>) -> PyResult<u64> {
        match self.0 {
            b'f' => {
                let sum = f64::from(f32::from_bits(bits as u32)) + delta.extract::<f64>()?;
                Ok(u64::from((sum as f32).to_bits()))
            }
            b'd' => Ok((f64::from_bits(bits) + delta.extract::<f64>()?).to_bits()),
            b'?' | b'c' => Err(PyTypeError::new_err(format!(
                "cannot add to elements of type {}",
                self.character()
            ))),
            _ => {
                let old = if self.is_signed() {
                    i128::from(self.sign_extended(bits))
                } else {
                    i128::from(bits)
                };
                let sum = old.checked_add(delta.extract::<i128>()?);
                self.fitting(sum.unwrap_or(i128::MAX))
            }
        }
    }

    fn sign_extended(self, bits: u64) -> i64 {
        match self.size() {
            1 => i64::from(bits as i8),
            2 => i64::from(bits as i16),
            4 => i64::from(bits as i32),
            _ => bits.cast_signed(),
        }
    }

    /// Refuses numbers that the element cannot hold: `multiprocessing.Value` cuts them off without
    /// a word.
    fn fitting(self, number: i128) -> PyResult<u64> {
        let width = 8 * self.size() as u32;
        let (least, most) = if self.is_signed() {
            (-(1_i128 << (width - 1)), (1_i128 << (width - 1)) - 1)
        } else {
            (0, (1_i128 << width) - 1)
        };
        if (least..=most).contains(&number) {
            return Ok(number as u64);
        }
        Err(PyOverflowError::new_err(format!(
            "an element of type {} holds {least} to {most}",
            self.character()
        )))
    }
}
