//! CPython (the published Pyodide build) in wasmtime, without a JavaScript engine.

pub mod edit;
pub mod exnref;
