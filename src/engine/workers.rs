//! The threads of a run, and the engine it uses.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use rten::ThreadPool;

use super::{Backend, Engine, RtenEngine};

/// The threads that networks and passes share, and the engine that the networks run on.
///
/// Work of ours that runs networks goes through [`Workers::run`]: matrix
/// products then share one pool with the loop over the essays, instead of two
/// pools waiting for each other.
#[derive(Clone)]
pub struct Workers {
    pub(super) pool: Arc<ThreadPool>,
    backend: Backend,
}

impl Workers {
    /// So many threads and the embedded engine.
    pub fn new(threads: usize) -> Self {
        Self {
            pool: Arc::new(ThreadPool::with_num_threads(threads)),
            backend: Backend::default(),
        }
    }

    /// The same threads with another engine.
    ///
    /// # Errors
    /// When the program was built without this engine, or there is no such device.
    pub fn on(self, backend: Backend) -> Result<Self> {
        backend.check()?;
        Ok(Self { backend, ..self })
    }

    pub fn backend(&self) -> Backend {
        self.backend
    }

    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.pool.run(work)
    }

    /// Loads an ONNX file, with the name and the bytes of its external data, if it
    /// has any.
    pub fn load_onnx(
        &self,
        path: &Path,
        bytes: Vec<u8>,
        external: Option<(&str, Vec<u8>)>,
    ) -> Result<Box<dyn Engine>> {
        match self.backend {
            #[cfg(feature = "torch")]
            Backend::Torch(device) => Ok(Box::new(super::torch::Onnx::load(
                path, &bytes, external, device,
            )?)),
            _ => Ok(Box::new(RtenEngine::load(
                path,
                bytes,
                external,
                self.clone(),
            )?)),
        }
    }
}
