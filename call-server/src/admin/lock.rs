//! One program at a time writes a site's data: an exclusive lock on `hotline.lock`, given back by the system even after a crash.

use super::Failure;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// The lock's file within the site's folder. It stays when the lock is gone: only the lock on it counts.
const FILE_NAME: &str = "hotline.lock";

/// The lock, held as long as this value lives.
#[derive(Debug)]
pub(crate) struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the lock of the site in `folder`, or says who has it. Does not wait.
    ///
    /// # Errors
    /// `locked`: another server or command has it. `lock_failed`: the file cannot be used.
    pub(crate) fn take(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(FILE_NAME);
        let failed = |error: std::io::Error| {
            let message = format!("{} cannot be locked: {error}", path.display());
            Failure::new("lock_failed", message, "Check owner and permissions of the site's folder.")
        };
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(taken(&mut file)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn taken(file: &mut File) -> Failure {
    let mut pid = String::new();
    // Only for the message; the lock does not depend on what the file says.
    let _ = file.take(32).read_to_string(&mut pid);
    let message = match pid.trim().parse::<u32>() {
        Ok(pid) => format!("another server is running on this data (pid {pid})"),
        Err(_) => "another server is running on this data".to_owned(),
    };
    Failure::new("locked", message, "Stop it first, or name another site with --site DIR.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn the_second_is_refused_with_the_first_ones_pid_and_served_when_the_first_is_gone() {
        let scratch = Scratch::new();
        let first = DataLock::take(scratch.folder()).expect("nobody has it");
        let refusal = DataLock::take(scratch.folder()).expect_err("it is taken");
        assert_eq!(refusal.message, format!("another server is running on this data (pid {})", std::process::id()));
        drop(first);
        DataLock::take(scratch.folder()).expect("free again");
    }

    #[test]
    fn a_folder_that_does_not_exist_is_told() {
        assert_eq!(DataLock::take(Path::new("/nonexistent")).expect_err("no folder").code, "lock_failed");
    }
}
