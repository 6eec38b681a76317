//! Measures how fast the networks run, and what memory they take.
//!
//! ```text
//! cargo run --release --example speed
//! cargo run --release --features torch --example speed     both engines
//! ```
//!
//! For each engine and network, on one and two threads, in batches of 1, 8 and 32, as many
//! batches side by side as there are threads: sentences and word pieces a second (best of
//! [`RUNS`]), the arithmetic that this needs as a share of the fastest f32 matrix product
//! that the machine does on as many threads, and the process's peak memory (Linux only).
//! The reader's batch is so many sentences of 32 word pieces; the judge's so many windows
//! of 256, a thesis and seven sentences in each.

use std::path::Path;
use std::time::Instant;
use std::{fs, hint};

use anyhow::{Context, Result};
use konspekt::engine::{Backend, Device, Engine, Tensor, Workers};
use ndarray::{Array2, Array3};
use rayon::prelude::*;
use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions};
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

const RUNS: usize = 10;
const LAYERS: f64 = 6.0;
const WIDTH: f64 = 384.0;
const IN_WINDOW: usize = 7;

fn main() -> Result<()> {
    println!("engine  network  threads  batch  sentences/s  pieces/s  GFLOP/s  of peak  memory MB");
    for threads in [1, 2] {
        let embedded = Workers::new(threads);
        let peak = peak(&embedded);
        println!("f32 matrix product, {threads} thread(s): {peak:.0} GFLOP/s");
        let mut engines = vec![("rten", embedded)];
        if cfg!(feature = "torch") {
            let torch = Backend::Torch(Device::Cpu);
            engines.push(("torch", Workers::new(threads).on(torch)?));
        }
        for (name, workers) in &engines {
            for network in [("reader", 32, 1), ("judge", 256, IN_WINDOW)] {
                for batch in [1, 8, 32] {
                    measure(name, workers, threads, network, batch, peak)?;
                }
            }
        }
    }
    Ok(())
}

fn measure(
    engine_name: &str,
    workers: &Workers,
    threads: usize,
    (name, pieces, sentences): (&str, usize, usize),
    batch: usize,
    peak: f64,
) -> Result<()> {
    forget_peak_memory();
    let engine = load(name, workers)?;
    let outputs: &[&str] = match name {
        "reader" => &["entities", "claims", "voice", "causes", "commitment"],
        _ => &["stances"],
    };
    let seconds = best_of(|| {
        let run = |_| engine.run(inputs(name, batch, pieces), outputs).map(drop);
        workers.run(|| (0..threads).into_par_iter().try_for_each(run))
    })?;
    let inputs = (threads * batch) as f64;
    let flops = inputs * flops(pieces) / seconds / 1e9;
    let memory = peak_memory().map_or("–".to_owned(), |mb| format!("{mb:.0}"));
    println!(
        "{engine_name:6}  {name:7}  {threads:7}  {batch:5}  {:11.0}  {:8.0}  {flops:7.0}  {:6.0}%  {memory:>9}",
        inputs * sentences as f64 / seconds,
        inputs * pieces as f64 / seconds,
        100.0 * flops / peak
    );
    Ok(())
}

fn load(name: &str, workers: &Workers) -> Result<Box<dyn Engine>> {
    let read = |path: &Path| fs::read(path).with_context(|| path.display().to_string());
    let words = "word_vectors.data";
    let external = Some((words, read(&Path::new("models").join(words))?));
    let path = Path::new("models").join(name).join("model.onnx");
    workers.load_onnx(&path, read(&path)?, external)
}

/// Ids of common words; what they are does not change the time.
fn inputs(name: &str, batch: usize, pieces: usize) -> Vec<(&'static str, Tensor)> {
    let ids = Array2::from_shape_fn((batch, pieces), |(i, k)| {
        2000 + ((i * 31 + k * 7) % 999) as i32
    });
    let mask = Array2::<i32>::ones((batch, pieces));
    let third = match name {
        "reader" => (
            "shape_ids",
            Tensor::Int(Array2::ones((batch, pieces)).into_dyn()),
        ),
        _ => {
            let share = 1.0 / pieces as f32;
            let members = Array3::from_elem((batch, IN_WINDOW, pieces), share);
            ("members", Tensor::Float(members.into_dyn()))
        }
    };
    vec![
        ("input_ids", Tensor::Int(ids.into_dyn())),
        ("attention_mask", Tensor::Int(mask.into_dyn())),
        third,
    ]
}

/// Multiplications and additions of the encoder for one input: the four matrices of
/// attention, the two of the feed-forward layer (four times as wide), and attention itself.
fn flops(pieces: usize) -> f64 {
    let pieces = pieces as f64;
    LAYERS * (24.0 * WIDTH * WIDTH * pieces + 4.0 * WIDTH * pieces * pieces)
}

fn best_of(mut run: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let begun = Instant::now();
        run()?;
        best = best.min(begun.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// GFLOP/s of the engine's own matrix product on large matrices.
fn peak(workers: &Workers) -> f64 {
    const SIZE: usize = 1536;
    let a = NdTensor::<f32, 2>::full([SIZE, SIZE], 0.5);
    let b = NdTensor::<f32, 2>::full([SIZE, SIZE], 0.25);
    let gemm = GemmExecutor::<f32, f32, f32>::default();
    let mut out = vec![0.0; SIZE * SIZE];
    let seconds = best_of(|| {
        workers.run(|| {
            let (a, b) = (
                GemmInputA::Unpacked(a.view()),
                GemmInputB::Unpacked(b.view()),
            );
            gemm.gemm(&mut out, a, b, GemmOptions::default())
        })?;
        hint::black_box(&out);
        Ok(())
    });
    2.0 * (SIZE as f64).powi(3) / seconds.expect("matrices of fitting shapes") / 1e9
}

/// The process's peak resident memory since [`forget_peak_memory`], in MB.
fn peak_memory() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

fn forget_peak_memory() {
    // Where the system has no such file, the memory is not shown.
    let _ = fs::write("/proc/self/clear_refs", "5");
}
