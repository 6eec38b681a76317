//! Files: found, hashed, and written whole or not at all.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// SHA-256 of `bytes` in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of a file that may be larger than memory.
pub fn sha256_of_file(path: &Path) -> std::io::Result<String> {
    let mut file = fs::File::open(path)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hexadecimal(&hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// Writes one file, whole or not at all.
pub fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    beside(path, bytes)?.persist(path)?;
    Ok(())
}

/// A temporary file in the folder of `path`, to be renamed to it.
fn beside(path: &Path, bytes: &[u8]) -> std::io::Result<tempfile::TempPath> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::create_dir_all(folder)?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".konspekt-");
    #[cfg(unix)]
    {
        // Temporary files are private; outputs are as other files are.
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    // Closed here: a run may write more files than a process may have open.
    Ok(file.into_temp_path())
}

/// Removes a file, if it is there.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// Finds `relative` in the working folder, or in the folder of the
/// program or one above it; so that a built program finds the studies and
/// networks that it was built with from wherever it is called.
pub fn locate(relative: &Path) -> Option<PathBuf> {
    let program = std::env::current_exe().ok();
    let above = program.iter().flat_map(|p| p.ancestors().skip(1));
    std::iter::once(Path::new(""))
        .chain(above)
        .map(|folder| folder.join(relative))
        .find(|path| path.exists())
}

/// A folder of outputs, filled all at once.
///
/// Files are written beside their place and renamed into it only when all of
/// them are there, so that a run that fails leaves the folder as it was.
pub struct Staged {
    folder: PathBuf,
    files: Vec<(tempfile::TempPath, PathBuf)>,
}

impl Staged {
    pub fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| {
            format!(
                "{}: cannot make the output folder; choose another with --out",
                folder.display()
            )
        })?;
        Ok(Self {
            folder: folder.to_owned(),
            files: Vec::new(),
        })
    }

    /// Checks that files can be written to a folder, and leaves the disk as it was.
    pub fn check(folder: &Path) -> Result<()> {
        let missing = folder
            .ancestors()
            .take_while(|f| !f.as_os_str().is_empty() && !f.exists());
        let made: Vec<PathBuf> = missing.map(Path::to_owned).collect();
        let checked = Self::new(folder).and_then(|mut staged| staged.add(".konspekt", b""));
        for folder in made {
            // One that somebody else has filled meanwhile stays.
            let _ = fs::remove_dir(folder);
        }
        checked
    }

    /// Adds a file; `name` may hold folders.
    pub fn add(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.folder.join(name);
        let file = beside(&path, bytes).with_context(|| {
            format!(
                "{}: cannot be written; choose another folder with --out",
                path.display()
            )
        })?;
        self.files.push((file, path));
        Ok(())
    }

    /// Puts all files into their places, in the order in which they were added. Of several the
    /// last is the one by which others know that the folder is whole: an earlier one of its
    /// name goes first, so that a commit cut short is not taken for a whole one.
    pub fn commit(self) -> Result<()> {
        if let [_, .., (_, last)] = self.files.as_slice() {
            remove(last)?;
        }
        for (file, path) in self.files {
            file.persist(&path)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_of_the_empty_string_is_the_published_one() {
        assert_eq!(
            sha256(b""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn a_file_is_hashed_as_its_bytes_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let bytes = vec![7; (2 << 20) + 1];
        write(&path, &bytes).unwrap();
        assert_eq!(sha256_of_file(&path).unwrap(), sha256(&bytes));
    }

    #[cfg(unix)]
    #[test]
    fn a_commit_cut_short_is_not_taken_for_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::write(place("last"), "old").unwrap();
        // A folder stands where the first file belongs, so that it cannot be renamed there.
        fs::create_dir_all(place("first/full")).unwrap();
        let mut staged = Staged::new(folder.path()).unwrap();
        staged.add("first", b"new").unwrap();
        staged.add("last", b"new").unwrap();
        assert!(staged.commit().is_err());
        assert!(!place("last").exists());
    }

    #[test]
    fn nothing_is_written_before_commit() {
        let folder = tempfile::tempdir().unwrap();
        let mut staged = Staged::new(folder.path()).unwrap();
        staged.add("texts/a.txt", b"A").unwrap();
        let place = folder.path().join("texts/a.txt");
        assert!(!place.exists());
        drop(staged);
        let left = fs::read_dir(folder.path().join("texts")).unwrap().count();
        assert_eq!(left, 0, "a file that was not committed is gone");
        let mut staged = Staged::new(folder.path()).unwrap();
        staged.add("texts/a.txt", b"A").unwrap();
        staged.commit().unwrap();
        assert_eq!(fs::read(place).unwrap(), b"A");
    }
}
