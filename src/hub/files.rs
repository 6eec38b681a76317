//! What may be fetched, by its name: weights as safetensors or ONNX, what is needed to
//! read them, and the card. Never pickle, which can run any code when it is loaded.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Result, bail, ensure};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// safetensors or ONNX.
    Weights,
    /// The configuration, the vocabulary, the card, the licence.
    Beside,
    /// A format that holds or may hold pickle, or code by another way.
    Unsafe,
    /// Nothing that the program could use.
    Other,
}

const WEIGHTS: [&str; 4] = [".safetensors", ".onnx", ".onnx_data", ".onnx.data"];

const BESIDE: [&str; 13] = [
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
    "readme.md",
    "model_card.md",
];

const UNSAFE: [&str; 13] = [
    ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".msgpack", ".h5", ".hdf5",
    ".keras", ".npy", ".npz",
];

/// What a file is, by its name.
pub fn kind(file: &str) -> Kind {
    let name = file.rsplit('/').next().unwrap_or(file).to_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let index = name.ends_with(".safetensors.index.json");
    let stem = name.split('.').next().unwrap_or(&name);
    if ends(&WEIGHTS) {
        Kind::Weights
    } else if ends(&UNSAFE) {
        Kind::Unsafe
    } else if index
        || BESIDE.contains(&name.as_str())
        || ["license", "licence", "notice"].contains(&stem)
    {
        Kind::Beside
    } else {
        Kind::Other
    }
}

/// Says why a file cannot be fetched, if it cannot.
pub fn check(file: &str) -> Result<()> {
    ensure!(
        is_safe(file),
        "{file:?}: a file name that could lead out of its folder, so it is not fetched"
    );
    match kind(file) {
        Kind::Weights | Kind::Beside => Ok(()),
        Kind::Unsafe => bail!(
            "{file}: a format that can run code when it is loaded; only safetensors and ONNX are \
             fetched"
        ),
        Kind::Other => bail!("{file}: neither safetensors nor ONNX, nor needed with them"),
    }
}

/// Whether a relative path of the hub stays in its folder and needs no quoting.
pub fn is_safe(path: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-+".contains(&b);
    path.len() <= 255
        && path.split('/').all(|part| {
            !part.is_empty() && !part.starts_with("..") && part != "." && part.bytes().all(plain)
        })
}

/// Whether the file looks like what its name says. A safetensors file begins with the
/// length of its header and the header, which is JSON; ONNX has no such mark.
pub fn check_content(path: &Path, file: &str) -> Result<()> {
    if !file.to_lowercase().ends_with(".safetensors") {
        return Ok(());
    }
    let mut begin = [0; 9];
    let mut opened = File::open(path)?;
    let size = opened.metadata()?.len();
    let read = opened.read_exact(&mut begin).is_ok();
    let header = u64::from_le_bytes(begin[..8].try_into().expect("eight bytes"));
    ensure!(
        read && begin[8] == b'{' && header <= size - 8,
        "{file}: its name says safetensors, but its bytes are something else"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickle_is_refused_by_name_whatever_its_case() {
        for file in [
            "pytorch_model.bin",
            "a/b.PT",
            "x.ckpt",
            "flax_model.msgpack",
            "tf_model.h5",
        ] {
            assert_eq!(kind(file), Kind::Unsafe, "{file}");
            assert!(check(file).unwrap_err().to_string().contains("run code"));
        }
        for file in [
            "model.safetensors",
            "onnx/model.onnx",
            "onnx/model.onnx_data",
        ] {
            assert_eq!(kind(file), Kind::Weights, "{file}");
        }
        for file in [
            "config.json",
            "1_Pooling/config.json",
            "model.safetensors.index.json",
            "LICENSE",
            "LICENSE.txt",
            "README.md",
        ] {
            assert_eq!(kind(file), Kind::Beside, "{file}");
        }
        for file in [
            "model.gguf",
            ".gitattributes",
            "modeling_custom.py",
            "licenses.py",
        ] {
            assert_eq!(kind(file), Kind::Other, "{file}");
        }
    }

    #[test]
    fn paths_that_leave_their_folder_are_refused() {
        for file in [
            "../config.json",
            "a/../../config.json",
            "/etc/config.json",
            "a//config.json",
            "a\\..\\config.json",
            "C:config.json",
            "./config.json",
            "con fig.json",
            "a?/config.json",
            "%2e%2e/config.json",
        ] {
            assert!(check(file).is_err(), "{file}");
        }
    }

    #[test]
    fn safetensors_is_known_by_its_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m");
        let looks = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            check_content(&path, "m.safetensors").is_ok()
        };
        assert!(looks(b"\x02\0\0\0\0\0\0\0{}"));
        assert!(!looks(b"\x03\0\0\0\0\0\0\0{}"));
        assert!(!looks(b"PK\x03\x04 a zip, as torch.save writes it"));
        assert!(!looks(b"<html>"));
        assert!(!looks(b""));
    }
}
