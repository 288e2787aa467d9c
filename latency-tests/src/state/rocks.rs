#![expect(unsafe_code, reason = "RocksDB has a C interface, loaded at run time")]
//! RocksDB by its C interface. The one file of the harness with unsafe code for it.
//!
//! Tuned as a fair opponent: a cache of [`CACHE_SIZE`] bytes, Bloom filters, memtables of [`MEMTABLE_SIZE`] bytes so that no batch waits
//! for a flush, two background threads, no compression of values that do not compress, one write-ahead log, synced once per batch.

use super::work::Pair;
use std::ffi::{CStr, CString, c_char, c_int, c_uchar, c_void};
use std::path::Path;
use std::ptr;
use thiserror::Error;

/// Bytes of its block cache.
pub(super) const CACHE_SIZE: u64 = 512 << 20;
const MEMTABLE_SIZE: usize = 128 << 20;
const BLOOM_BITS_PER_KEY: f64 = 10.0;
const BACKGROUND_THREADS: c_int = 2;
const NAMES: [&CStr; 3] = [c"librocksdb.so.7.8", c"librocksdb.so", c"librocksdb.so.8"];

/// Why RocksDB did not do what it should.
#[derive(Debug, Error)]
pub(super) enum RocksError {
    /// The library is not installed.
    #[error("{0}")]
    Missing(String),
    /// A function is not in the library.
    #[error("librocksdb has no {0}")]
    Function(&'static str),
    /// It said no.
    #[error("rocksdb: {0}")]
    Refused(String),
    /// A path that C cannot take.
    #[error("the path holds a zero byte")]
    Path,
}

type Object = *mut c_void;

/// Declares the functions that are used, with their C types, and loads them by name.
macro_rules! functions {
    ($($name:ident: fn($($arg:ty),*) $(-> $result:ty)?;)*) => {
        struct Functions { $($name: unsafe extern "C" fn($($arg),*) $(-> $result)?,)* }

        impl Functions {
            fn load(library: Object) -> Result<Self, RocksError> {
                Ok(Self { $($name: {
                    let name = concat!("rocksdb_", stringify!($name), "\0");
                    // SAFETY: the name ends in zero and the library stays loaded for the life of the process.
                    let address = unsafe { libc::dlsym(library, name.as_ptr().cast()) };
                    if address.is_null() {
                        return Err(RocksError::Function(stringify!($name)));
                    }
                    // SAFETY: the C header declares this function with exactly these types, since its version 5.
                    unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($arg),*) $(-> $result)?>(address) }
                },)* })
            }
        }
    };
}

functions! {
    options_create: fn() -> Object;
    options_set_create_if_missing: fn(Object, c_uchar);
    options_set_compression: fn(Object, c_int);
    options_set_write_buffer_size: fn(Object, usize);
    options_increase_parallelism: fn(Object, c_int);
    options_set_block_based_table_factory: fn(Object, Object);
    block_based_options_create: fn() -> Object;
    block_based_options_set_block_cache: fn(Object, Object);
    block_based_options_set_filter_policy: fn(Object, Object);
    cache_create_lru: fn(usize) -> Object;
    filterpolicy_create_bloom: fn(f64) -> Object;
    open: fn(Object, *const c_char, *mut *mut c_char) -> Object;
    close: fn(Object);
    writeoptions_create: fn() -> Object;
    writeoptions_set_sync: fn(Object, c_uchar);
    readoptions_create: fn() -> Object;
    writebatch_create: fn() -> Object;
    writebatch_destroy: fn(Object);
    writebatch_put: fn(Object, *const c_char, usize, *const c_char, usize);
    writebatch_delete: fn(Object, *const c_char, usize);
    write: fn(Object, Object, Object, *mut *mut c_char);
    get: fn(Object, Object, *const c_char, usize, *mut usize, *mut *mut c_char) -> *mut c_char;
    free: fn(*mut c_void);
}

/// An open database.
pub(super) struct Rocks {
    functions: Functions,
    database: Object,
    write_options: Object,
    read_options: Object,
}

// SAFETY: RocksDB's database and its options may be used from any thread.
unsafe impl Send for Rocks {}
// SAFETY: as above; it locks within.
unsafe impl Sync for Rocks {}

impl Rocks {
    /// Opens or makes a database.
    pub(super) fn open(path: &Path) -> Result<Self, RocksError> {
        let functions = Functions::load(library()?)?;
        std::fs::create_dir_all(path).map_err(|error| RocksError::Refused(error.to_string()))?;
        let path = CString::new(path.as_os_str().as_encoded_bytes()).map_err(|_| RocksError::Path)?;
        let Functions { open, .. } = functions;
        // SAFETY: every object goes to the functions that its own type is for; the table factory and the options take over what they are
        // given; they live as long as the process, which measures and ends.
        let (options, write_options, read_options) = unsafe {
            let table = (functions.block_based_options_create)();
            (functions.block_based_options_set_block_cache)(table, (functions.cache_create_lru)(CACHE_SIZE as usize));
            (functions.block_based_options_set_filter_policy)(table, (functions.filterpolicy_create_bloom)(BLOOM_BITS_PER_KEY));
            let options = (functions.options_create)();
            (functions.options_set_create_if_missing)(options, 1);
            (functions.options_set_compression)(options, 0);
            (functions.options_set_write_buffer_size)(options, MEMTABLE_SIZE);
            (functions.options_increase_parallelism)(options, BACKGROUND_THREADS);
            (functions.options_set_block_based_table_factory)(options, table);
            let write_options = (functions.writeoptions_create)();
            (functions.writeoptions_set_sync)(write_options, 1);
            (options, write_options, (functions.readoptions_create)())
        };
        let mut error = ptr::null_mut();
        // SAFETY: the path ends in zero, and the error is a place for a pointer.
        let database = unsafe { open(options, path.as_ptr(), &raw mut error) };
        let rocks = Self { functions, database, write_options, read_options };
        rocks.check(error)?;
        Ok(rocks)
    }

    /// Writes a batch and syncs its log.
    pub(super) fn write(&self, batch: &[Pair]) -> Result<(), RocksError> {
        self.write_all(batch.iter().map(|(key, value)| (key.as_ref(), Some(value.as_ref()))))
    }

    /// Writes and removes as one batch, and syncs its log.
    pub(super) fn write_all<'a>(&self, changes: impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)>) -> Result<(), RocksError> {
        let mut error = ptr::null_mut();
        // SAFETY: the batch is made and destroyed here; keys and values are copied into it, each with its own size.
        unsafe {
            let batch = (self.functions.writebatch_create)();
            for (key, value) in changes {
                match value {
                    Some(value) => {
                        (self.functions.writebatch_put)(batch, key.as_ptr().cast(), key.len(), value.as_ptr().cast(), value.len())
                    }
                    None => (self.functions.writebatch_delete)(batch, key.as_ptr().cast(), key.len()),
                }
            }
            (self.functions.write)(self.database, self.write_options, batch, &raw mut error);
            (self.functions.writebatch_destroy)(batch);
        }
        self.check(error)
    }

    /// A value.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RocksError> {
        let (mut error, mut size) = (ptr::null_mut(), 0);
        // SAFETY: the key is valid for its size; size and error are places for what they are named after.
        let value = unsafe {
            (self.functions.get)(self.database, self.read_options, key.as_ptr().cast(), key.len(), &raw mut size, &raw mut error)
        };
        self.check(error)?;
        if value.is_null() {
            return Ok(None);
        }
        // SAFETY: RocksDB hands out `size` bytes that are the caller's to free.
        let copied = unsafe {
            let copied = std::slice::from_raw_parts(value.cast::<u8>(), size).to_vec();
            (self.functions.free)(value.cast());
            copied
        };
        Ok(Some(copied))
    }

    fn check(&self, error: *mut c_char) -> Result<(), RocksError> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: an error is a string that ends in zero and is the caller's to free.
        let text = unsafe {
            let text = CStr::from_ptr(error).to_string_lossy().into_owned();
            (self.functions.free)(error.cast());
            text
        };
        Err(RocksError::Refused(text))
    }
}

impl Drop for Rocks {
    fn drop(&mut self) {
        if !self.database.is_null() {
            // SAFETY: the database is open and nobody else holds it.
            unsafe { (self.functions.close)(self.database) };
        }
    }
}

fn library() -> Result<Object, RocksError> {
    for name in NAMES {
        // SAFETY: the name ends in zero; what the library does when it is loaded is Debian's.
        let library = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        if !library.is_null() {
            return Ok(library);
        }
    }
    // SAFETY: after a failure the text ends in zero and lives until the next call of this thread.
    let text = unsafe {
        let text = libc::dlerror();
        if text.is_null() { "no such library".to_owned() } else { CStr::from_ptr(text).to_string_lossy().into_owned() }
    };
    Err(RocksError::Missing(text))
}
