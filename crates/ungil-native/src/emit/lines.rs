//! Which line of the source an instruction is of, in the form of debug information.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::builder::Builder;

/// Where a function is.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    /// The file.
    pub file: String,
    /// The line of its `def`.
    pub line: u32,
}

/// Descriptions of a function and its lines, by number.
#[derive(Debug)]
pub(super) struct Described {
    function: usize,
    lines: BTreeMap<u32, usize>,
}

/// What all modules with lines have; 20 is the unit, 22 a type that says nothing.
pub(super) const MODULE: &str = "\
!llvm.dbg.cu = !{!20}
!llvm.module.flags = !{!21}
!20 = distinct !DICompileUnit(language: DW_LANG_Python, file: !23, producer: \"ungil\", isOptimized: true, \
runtimeVersion: 0, emissionKind: LineTablesOnly)
!21 = !{i32 2, !\"Debug Info Version\", i32 3}
!22 = !DISubroutineType(types: !10)
!23 = !DIFile(filename: \"module\", directory: \"\")
";

impl Builder<'_> {
    /// Begins to tell lines, if that is wanted, with that of the function's head.
    pub(super) fn describe(&mut self) {
        let Some(home) = self.home else { return };
        self.line = home.line;
        let name = escaped(&home.file);
        let file = self.mark(|_| format!("!DIFile(filename: \"{name}\", directory: \"\")"));
        let (name, line) = (escaped(&self.function.name), home.line);
        let function = self.mark(|_| {
            format!(
                "distinct !DISubprogram(name: \"{name}\", scope: !{file}, file: !{file}, line: {line}, \
                 type: !22, scopeLine: {line}, spFlags: DISPFlagDefinition | DISPFlagOptimized, unit: !20)"
            )
        });
        self.described = Some(Described {
            function,
            lines: BTreeMap::new(),
        });
        let _ = write!(self.attributes, " !dbg !{function}");
    }

    /// What an instruction of the current line is marked with.
    pub(super) fn location(&mut self) -> String {
        let line = self.line;
        let Some(described) = &mut self.described else {
            return String::new();
        };
        if let Some(known) = described.lines.get(&line) {
            return format!(", !dbg !{known}");
        }
        let scope = described.function;
        let number = self.mark(|_| format!("!DILocation(line: {line}, scope: !{scope})"));
        if let Some(described) = &mut self.described {
            described.lines.insert(line, number);
        }
        format!(", !dbg !{number}")
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'"' && byte != b'\\' {
            out.push(byte.into());
        } else {
            let _ = write!(out, "\\{byte:02X}");
        }
    }
    out
}
