//! `mathforge._native`: conversion between Python and the core. One file per core module, no logic.

use pyo3::prelude::*;

mod allocator;
mod answer;
mod columns;
mod compression;
mod driver;
mod extraction;
mod harmony;
mod metrics;
#[cfg(feature = "sandbox")]
mod sandbox;
#[cfg(feature = "sandbox")]
mod sandbox_inputs;
mod stream;
mod table;

#[global_allocator]
static ALLOCATOR: allocator::BySize = allocator::BySize;

#[pymodule(gil_used = false)]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    columns::register(module)?;
    compression::register(module)?;
    harmony::register(module)?;
    stream::register(module)?;
    driver::register(module)?;
    answer::register(module)?;
    extraction::register(module)?;
    metrics::register(module)?;
    table::register(module)?;
    #[cfg(feature = "sandbox")]
    sandbox::register(module)?;
    #[cfg(feature = "sandbox")]
    sandbox_inputs::register(module)?;
    // The public names are those of the Python modules; the stub describes this one.
    module.delattr("__all__")
}
