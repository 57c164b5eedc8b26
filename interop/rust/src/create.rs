//! Making a writer's file (V1-W4 to V1-W6, V2-W9, V2-W10).
//!
//! It has no name until it is complete and locked. Then it is linked to the first name that is free, by an operation
//! that fails where the name exists: no existing file is ever taken. The lock is held through a descriptor of its own.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::fork::{self, Private};
use crate::sys;

/// Others read, none writes; the process's umask takes bits away.
const MODE: u32 = 0o644;
const WRITABLE_BY_ALL: u32 = 0o002;
const STICKY: u32 = 0o1000;
/// How many names are tried before something must be wrong.
const NAMES: u32 = 1 << 20;

/// A file that has no name yet, or a temporary one.
pub struct Draft {
    /// The file, for mapping and for making it longer.
    pub file: File,
    lock: Option<Private>,
    path: PathBuf,
    temporary: Temporary,
}

/// The name of a file that is not complete, which goes with it.
struct Temporary(Option<PathBuf>);

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

/// A file with its name.
pub struct Created {
    /// The file, for mapping and for making it longer.
    pub file: File,
    /// What holds the lock, if there is one.
    pub _lock: Option<Private>,
    /// The name that was free.
    pub path: PathBuf,
}

impl Draft {
    /// A new, locked file of zeros, for which space is reserved. It is to have this path, or one made from it.
    pub fn new(path: &Path, size: u64) -> io::Result<Self> {
        fork::watch()?;
        if path.file_name().is_none() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "no file name"));
        }
        let directory = directory(path);
        let mode = fs::metadata(directory)?.mode();
        if mode & WRITABLE_BY_ALL != 0 && mode & STICKY == 0 {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "everybody may replace files in the directory",
            ));
        }
        let (file, temporary, second) = match unnamed(directory) {
            Ok((file, second)) => (file, Temporary(None), second),
            Err(_) => dotted(path)?,
        };
        let second = Private::new(second); // before anything that takes long: another thread may fork
        sys::reserve(&file, 0, size)?;
        Ok(Self {
            file,
            lock: locked(second),
            path: path.to_path_buf(),
            temporary,
        })
    }

    /// Whether the system would lock the file.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Gives the complete file its name.
    pub fn publish(self) -> io::Result<Created> {
        for number in 0..NAMES {
            let path = numbered(&self.path, number);
            let linked = match &self.temporary.0 {
                None => sys::link_open_file(&self.file, &path),
                Some(temporary) => fs::hard_link(temporary, &path),
            };
            match linked {
                Ok(()) => {
                    return Ok(Created {
                        file: self.file,
                        _lock: self.lock,
                        path,
                    })
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

/// The path from the root on: a forked child may have another working directory.
pub fn absolute(path: &Path) -> io::Result<PathBuf> {
    Ok(std::env::current_dir()?.join(path))
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// A file without a name, and a second opening of it for the lock. Not every file system has them.
fn unnamed(directory: &Path) -> io::Result<(File, File)> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .mode(MODE)
        .custom_flags(sys::O_TMPFILE)
        .open(directory)?;
    let second = reopened(sys::own_path(&file).as_ref(), 0)?;
    Ok((file, second))
}

/// A file under a name that begins with a dot, and a second opening of it for the lock.
fn dotted(path: &Path) -> io::Result<(File, Temporary, File)> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{:016x}.new", u64::from_ne_bytes(sys::random()?)));
    let name = directory(path).join(name);
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(MODE)
        .custom_flags(sys::O_NOFOLLOW)
        .open(&name)?;
    let temporary = Temporary(Some(name.clone()));
    let second = reopened(&name, sys::O_NOFOLLOW)?;
    let (first_is, second_is) = (file.metadata()?, second.metadata()?);
    if (first_is.dev(), first_is.ino()) != (second_is.dev(), second_is.ino()) {
        return Err(io::Error::other("another file took the temporary name"));
    }
    Ok((file, temporary, second))
}

fn reopened(path: &Path, flags: i32) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(flags)
        .open(path)
}

/// The lock; nothing where the system or the file system has none of its kind.
fn locked(held: Private) -> Option<Private> {
    sys::lock_description(held.number()).ok().map(|()| held)
}

/// The name for the `number`th writer of a path: `-1`, `-2`, … stand before the last dot of the name, not counting dots
/// at its beginning, or at the end (V1-W4).
fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_path_buf();
    }
    let name = path.file_name().map_or(&b""[..], OsStr::as_bytes);
    let dots = name.iter().take_while(|&&byte| byte == b'.').count();
    let last_dot = name[dots..].iter().rposition(|&byte| byte == b'.');
    let (stem, extension) = name.split_at(last_dot.map_or(name.len(), |place| dots + place));
    let mut new = stem.to_vec();
    new.extend(format!("-{number}").bytes());
    new.extend(extension);
    path.with_file_name(OsString::from_vec(new))
}

#[cfg(test)]
mod tests {
    use super::{dotted, locked, numbered, Draft};
    use crate::fork::Private;
    use std::path::Path;

    #[test]
    fn a_temporary_name_goes_when_the_file_has_its_own() {
        let directory = std::env::temp_dir().join(format!("mmstats-{}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let path = directory.join("shop.mmstats");
        for expected in ["shop.mmstats", "shop-1.mmstats"] {
            let (file, temporary, second) = dotted(&path).unwrap();
            let draft = Draft {
                file,
                lock: locked(Private::new(second)),
                path: path.clone(),
                temporary,
            };
            assert_eq!(draft.publish().unwrap().path, directory.join(expected));
        }
        let names = std::fs::read_dir(&directory).unwrap();
        assert_eq!(names.count(), 2);
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn names() {
        for (path, expected) in [
            ("/a.b/shop.mmstats", "/a.b/shop-2.mmstats"),
            ("/a.b/shop", "/a.b/shop-2"),
            (".shop", ".shop-2"),
            ("..shop.x.y", "..shop.x-2.y"),
            ("shop.", "shop-2."),
        ] {
            assert_eq!(numbered(Path::new(path), 2), Path::new(expected));
        }
    }
}
