//! CPython (the published Pyodide build) in wasmtime, without a JavaScript engine.
