//! Builds an image, or runs cells in one, without Python:
//! `cargo run --example cell -- build STAGING OUT [MODULE...]` and `cargo run --example cell -- run IMAGE CODE...`.
#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::{Duration, Instant};

use mathforge_sandbox::{Sandbox, SandboxConfig, build_image};

fn main() -> mathforge_sandbox::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let start = Instant::now();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["build", staging, out, ..] => {
            let cache = std::env::var_os("MATHFORGE_CODE_CACHE");
            let cache = cache.as_deref().map(Path::new);
            build_image(Path::new(staging), Path::new(out), &words[3..], cache, &mut |stage, done| {
                println!("{:7.2} s  {stage} {:3.0} %", start.elapsed().as_secs_f64(), done * 100.0);
            })
        }
        ["run", image, ..] => {
            let sandbox = Sandbox::open(Path::new(image), SandboxConfig::default())?;
            println!("opened after {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
            let session = sandbox.session();
            for code in &words[2..] {
                println!("{:?}", session.run(code, Duration::from_secs(10))?);
            }
            Ok(())
        }
        _ => {
            println!("usage: cell build STAGING OUT [MODULE...] | cell run IMAGE CODE...");
            Ok(())
        }
    }
}
