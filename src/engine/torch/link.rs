//! The build script. With the feature `torch` it writes into the program where libtorch is, so
//! that it starts without LD_LIBRARY_PATH; otherwise it does nothing.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=src/engine/torch/link.rs");
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    if env::var_os("CARGO_FEATURE_TORCH").is_none() {
        return;
    }
    let libtorch = env::var("LIBTORCH").unwrap_or_default();
    let libraries = Path::new(&libtorch).join("lib");
    if !libraries.is_dir() {
        // Said before the compiler says it in a thousand lines.
        println!(
            "cargo::error={}: no such folder, and the feature `torch` needs libtorch there; run \
             ./models/setup-torch, or set LIBTORCH to a libtorch 2.4",
            libraries.display()
        );
        return;
    }
    if env::var("CARGO_CFG_UNIX").is_ok() {
        println!("cargo::rustc-link-arg=-Wl,-rpath,{}", libraries.display());
        if libraries.join("libtorch_cuda.so").exists() {
            // Nothing names a symbol of it: it registers itself when it is loaded.
            println!("cargo::rustc-link-arg=-Wl,--no-as-needed");
            println!("cargo::rustc-link-arg=-ltorch_cuda");
        }
    }
}
