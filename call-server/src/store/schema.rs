//! The database file: opening, refusing what is not ours, migrating. Not what stands in its tables.

use super::{Blame, StoreError};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use rusqlite_migration::{M, Migrations};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

/// Numbered and never edited after a release; the database remembers how many it has seen in `user_version`.
const MIGRATIONS: [M<'static>; 12] = [
    M::up(include_str!("migrations/0001_first_calls.sql")),
    M::up(include_str!("migrations/0002_sealed_recordings.sql")),
    M::up(include_str!("migrations/0003_talk_quality.sql")),
    M::up(include_str!("migrations/0004_distribution.sql")),
    M::up(include_str!("migrations/0005_phones.sql")),
    M::up(include_str!("migrations/0006_diversions.sql")),
    M::up(include_str!("migrations/0007_call_functions.sql")),
    M::up(include_str!("migrations/0008_callbacks.sql")),
    M::up(include_str!("migrations/0009_agent_phones.sql")),
    M::up(include_str!("migrations/0010_floor.sql")),
    M::up(include_str!("migrations/0011_summaries.sql")),
    M::up(include_str!("migrations/0012_nodes_and_pins.sql")),
];

/// Marks the file as ours ("HOTL"), so that another program's database is not migrated by mistake.
const APPLICATION_ID: i64 = 0x484F_544C;

/// How long a statement waits for another connection's write.
const BUSY_LIMIT: Duration = Duration::from_secs(5);
/// Pages (of 4 KiB) of the log of writes before it is copied into the database: the ends of tables and indices are written again and again
/// and copied once.
const LOG_PAGES: u32 = 4_000;
/// Statements that a connection keeps ready: more than the writer has.
const KEPT_STATEMENTS: usize = 64;

/// Opens the file, makes it when it is missing, and brings it to the newest schema.
pub(super) fn open_and_migrate(path: &Path) -> Result<Connection, StoreError> {
    make_folder(path)?;
    make_file(path)?;
    let mut connection = open_file(path, OpenFlags::default())?;
    refuse_foreign(&connection, path)?;
    prepare(&connection).map_err(|error| by_blame(error, path))?;
    Migrations::from_slice(&MIGRATIONS).to_latest(&mut connection).map_err(|error| migration_error(error, path))?;
    Ok(connection)
}

/// A further connection to a file that [`open_and_migrate`] has seen.
pub(super) fn open_again(path: &Path) -> Result<Connection, StoreError> {
    let connection = open_file(path, OpenFlags::default() & !OpenFlags::SQLITE_OPEN_CREATE)?;
    prepare(&connection).map_err(|error| by_blame(error, path))?;
    Ok(connection)
}

fn make_folder(path: &Path) -> Result<(), StoreError> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder)
            .map_err(|source| StoreError::FolderUnusable { folder: folder.to_path_buf(), reason: source.to_string() }),
        Some(_) | None => Ok(()),
    }
}

/// Only its owner may read it: it holds citizens' numbers. SQLite gives its side files the same rights.
fn make_file(path: &Path) -> Result<(), StoreError> {
    let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|error| StoreError::NotWritable { path: path.to_path_buf(), reason: error.to_string() })
}

fn open_file(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    Connection::open_with_flags(path, flags).map_err(|error| by_blame(error, path))
}

/// FULL is affordable because the writer commits in groups: a committed record survives a power cut. Plans may not depend on the values
/// that are asked for: otherwise SQLite makes them anew for each, which costs more than all else.
fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_LIMIT)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.pragma_update(None, "foreign_keys", true)
}

fn refuse_foreign(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let seen = (|| -> rusqlite::Result<(i64, i64, i64)> {
        let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let application = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
        let tables = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        Ok((version, application, tables))
    })();
    let (version, application, tables) = seen.map_err(|error| by_blame(error, path))?;
    if tables > 0 && application != APPLICATION_ID {
        return Err(StoreError::NotOurDatabase { path: path.to_path_buf() });
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if version > known {
        return Err(StoreError::NewerSchema { path: path.to_path_buf(), found: version, known });
    }
    Ok(())
}

fn migration_error(error: rusqlite_migration::Error, path: &Path) -> StoreError {
    match error {
        rusqlite_migration::Error::RusqliteError { err, .. } => by_blame(err, path),
        other => StoreError::Database { path: path.to_path_buf(), reason: other.to_string() },
    }
}

/// Turns SQLite's code into whose fault it is.
pub(super) fn by_blame(error: rusqlite::Error, path: &Path) -> StoreError {
    let path = path.to_path_buf();
    match blame(&error) {
        Blame::NotADatabase => StoreError::NotADatabase { path },
        Blame::NotWritable => StoreError::NotWritable { path, reason: error.to_string() },
        Blame::Full => StoreError::DiskFull { path },
        Blame::Refused | Blame::Other => StoreError::Database { path, reason: error.to_string() },
    }
}

/// Whose fault a database error is.
pub(super) fn blame(error: &rusqlite::Error) -> Blame {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => Blame::NotADatabase,
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => Blame::NotWritable,
        Some(ErrorCode::DiskFull) => Blame::Full,
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => Blame::Refused,
        // No code at all: a value that does not fit its column, found before SQLite saw it.
        None => Blame::Refused,
        Some(_) => Blame::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;
    use crate::scratch::Scratch;
    use crate::store::{Store, StoreError};
    use rusqlite_migration::Migrations;

    #[test]
    fn migrations_apply_to_an_empty_database() {
        Migrations::from_slice(&MIGRATIONS).validate().expect("the migrations are valid SQL");
    }

    #[test]
    fn a_file_that_is_no_database_is_refused_with_clear_text() {
        let scratch = Scratch::new();
        let path = scratch.path("hotline.db");
        std::fs::write(&path, [b'x'; 4096]).expect("scratch is writable");
        let error = Store::open(&path).expect_err("it is no database");
        assert!(matches!(error, StoreError::NotADatabase { .. }), "{error:?}");
        assert!(error.to_string().contains("hotline.db") && error.to_string().contains("is not a database"), "{error}");
    }

    #[test]
    fn another_programs_database_is_left_alone() {
        let scratch = Scratch::new();
        let path = scratch.path("other.db");
        rusqlite::Connection::open(&path).and_then(|c| c.execute_batch("CREATE TABLE theirs (a)")).expect("a plain database");
        assert!(matches!(Store::open(&path), Err(StoreError::NotOurDatabase { .. })));
    }

    #[test]
    fn a_newer_schema_is_refused_and_a_known_one_opens_again() {
        let scratch = Scratch::new();
        let path = scratch.path("hotline.db");
        drop(Store::open(&path).expect("a new database"));
        drop(Store::open(&path).expect("the same schema"));
        let connection = rusqlite::Connection::open(&path).expect("it is a database");
        connection.pragma_update(None, "user_version", 99).expect("a plain number");
        drop(connection);
        let error = Store::open(&path).expect_err("99 is newer than we know");
        assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error:?}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let scratch = Scratch::new();
        std::fs::write(scratch.path("file"), b"").expect("scratch is writable");
        let error = Store::open(&scratch.path("file/hotline.db")).expect_err("a file is no folder");
        assert!(matches!(error, StoreError::FolderUnusable { .. }), "{error:?}");
    }

    #[test]
    fn a_path_that_cannot_be_opened_is_named() {
        let scratch = Scratch::new();
        std::fs::create_dir(scratch.path("hotline.db")).expect("scratch is writable");
        let error = Store::open(&scratch.path("hotline.db")).expect_err("a folder is no database");
        assert!(matches!(error, StoreError::NotWritable { .. }), "{error:?}");
    }
}
