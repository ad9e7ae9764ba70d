//! What a routine is called with.

use super::End;

/// Words that come in and go out.
pub(crate) struct Call<'a> {
    pub(super) words: &'a [u64],
    pub(super) out: &'a mut [u64; 4],
}

impl Call<'_> {
    pub(super) fn int(&self, at: usize) -> i64 {
        self.words[at].cast_signed()
    }

    pub(super) fn float(&self, at: usize) -> f64 {
        f64::from_bits(self.words[at])
    }

    pub(super) fn ints(&self) -> impl Iterator<Item = i64> {
        self.words.iter().map(|word| word.cast_signed())
    }

    pub(super) fn give_int(&mut self, value: i64) -> End {
        self.out[0] = value.cast_unsigned();
        Ok(())
    }

    pub(super) fn give_float(&mut self, value: f64) -> End {
        self.out[0] = value.to_bits();
        Ok(())
    }

    /// An int, or the guard where there is none of 64 bits.
    pub(super) fn give_fitting(&mut self, value: Option<i64>, guard: usize) -> End {
        match value {
            Some(value) => self.give_int(value),
            None => Err(guard),
        }
    }

    /// Fails with what the messages call `i` and `j`.
    pub(super) fn fail_ints(&mut self, guard: usize, i: i64, j: i64) -> End {
        (self.out[0], self.out[1]) = (i.cast_unsigned(), j.cast_unsigned());
        Err(guard)
    }

    /// Fails with what the messages call `a` and `i`.
    pub(super) fn fail_float(&mut self, guard: usize, a: f64, i: i64) -> End {
        (self.out[0], self.out[2]) = (i.cast_unsigned(), a.to_bits());
        Err(guard)
    }
}
