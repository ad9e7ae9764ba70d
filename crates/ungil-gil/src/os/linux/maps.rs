//! What is mapped into a process.

/// One line of `/proc/PID/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) from: usize,
    pub(crate) to: usize,
    /// `PROT_READ` and so on.
    pub(crate) protection: i32,
    /// Where in the file it begins.
    pub(crate) offset: u64,
    /// The file, if it is one.
    pub(crate) path: Option<String>,
}

/// The lines of the text of such a file.
pub(crate) fn parse(maps: &str) -> impl Iterator<Item = Mapping> {
    maps.lines().filter_map(mapping)
}

fn mapping(line: &str) -> Option<Mapping> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start().split_once(' ')?;
        rest = after;
        Some(word)
    };
    let (from, to) = word()?.split_once('-')?;
    let letters = word()?;
    let offset = word()?;
    let (_device, _inode) = (word()?, word());
    let protection = [
        ('r', libc::PROT_READ),
        ('w', libc::PROT_WRITE),
        ('x', libc::PROT_EXEC),
    ]
    .iter()
    .filter(|(letter, _)| letters.contains(*letter))
    .fold(0, |all, (_, flag)| all | flag);
    Some(Mapping {
        from: usize::from_str_radix(from, 16).ok()?,
        to: usize::from_str_radix(to, 16).ok()?,
        protection,
        offset: u64::from_str_radix(offset, 16).ok()?,
        path: Some(rest.trim_start())
            .filter(|path| path.starts_with('/'))
            .map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart() {
        let maps = "00400000-00452000 r-xp 00001000 08:02 173 /usr/bin/py thon\n\
                    7ffd-7fff rw-p 00000000 00:00 0\n00652000-00655000 rw-p 00000000 00:00 0 [heap]\n";
        let found: Vec<Mapping> = parse(maps).collect();
        assert_eq!(
            found[0],
            Mapping {
                from: 0x40_0000,
                to: 0x45_2000,
                protection: libc::PROT_READ | libc::PROT_EXEC,
                offset: 0x1000,
                path: Some("/usr/bin/py thon".to_owned()),
            }
        );
        assert_eq!(found.len(), 3);
        assert_eq!(found[1].path, None);
        assert_eq!(found[2].path, None);
    }
}
