//! From bytes to a marked tree, with every limit checked first.
//!
//! Files of other rooms (scenarios, the project file) are read through here too. It is not a YAML
//! library: anchors, tags, directives and several documents are refused, since two parsers rarely
//! agree on them and a reader never does.

mod agree;
mod build;
mod inside;
mod node;
mod raw;

use crate::diagnostic::Findings;

pub use inside::place_inside;
pub use node::{Entry, Meaning, Node, NodeKind, Scalar, Step, Style};

/// No file is longer than this, in bytes.
pub const BYTES_MAX: usize = 1 << 20;

/// No value lies deeper than this.
pub const DEPTH_MAX: usize = 32;

/// No file holds more values than this.
pub const NODES_MAX: usize = 50_000;

/// A file as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// How diagnostics call it: its path, as the user wrote it.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl SourceFile {
    /// A file.
    pub fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> SourceFile {
        SourceFile {
            name: name.into(),
            bytes: bytes.into(),
        }
    }

    /// The text, with broken bytes replaced.
    pub fn lossy_text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// A file that is YAML by our rules.
#[derive(Debug, Clone)]
pub struct Document<'a> {
    /// The whole text, byte order mark included: spans count from its start.
    pub text: &'a str,
    /// The tree.
    pub root: Node,
}

/// Reads a file into a tree. `None` when there is no tree to look at; what is wrong stands in the
/// findings, and there may be findings beside a tree.
pub fn parse<'a>(file: &'a SourceFile, findings: &mut Findings) -> Option<Document<'a>> {
    let text = raw::check(&file.bytes, findings)?;
    let root = build::build(text, findings)?;
    Some(Document { text, root })
}

/// Reads a file a second time, with the other YAML parser, into its typed form. The two must see
/// the same thing; call it when the tree is free of mistakes.
pub fn agree<T: serde::de::DeserializeOwned>(
    document: &Document<'_>,
    findings: &mut Findings,
) -> Option<T> {
    agree::agree(document, findings)
}
