//! What is left of dynamic linking at run time: where everything went.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The libraries of a linked module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LinkMap {
    /// First address of the libraries' data: the heap's first address, taken from the allocator before it is used.
    pub memory_base: u32,
    /// Length of that data.
    pub memory_size: u32,
    /// Table slot of the call trampoline.
    pub trampoline: u32,
    /// Every library after those that it needs.
    pub libraries: Vec<Library>,
}

/// One linked library.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Library {
    /// Its path in the guest.
    pub path: String,
    /// Address of its data.
    pub memory_base: u32,
    /// Length of its data.
    pub memory_size: u32,
    /// First slot of its table elements.
    pub table_base: u32,
    /// Number of its table elements.
    pub table_size: u32,
    /// Exports of the linked module that bring it to life, in the order to call them.
    pub steps: Vec<String>,
    /// What `dlsym` finds: a table slot or an address.
    pub symbols: BTreeMap<String, u32>,
}

impl LinkMap {
    /// The library at a path.
    pub fn library(&self, path: &str) -> Option<&Library> {
        self.libraries.iter().find(|library| library.path == path)
    }
}
