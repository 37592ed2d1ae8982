//! `wasi:filesystem` on top of [`Scratch`]: what the guest's file calls reach.
//!
//! The generated traits name wasmtime-wasi's own descriptor type for their handles. A handle is only a number here, an
//! index into [`Files`]; no descriptor of the host is ever made. The guest cannot invent numbers: wasmtime hands it
//! its own and translates them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use wasmtime::component::{HasData, Resource, ResourceTable};
use wasmtime_wasi::p2::bindings::clocks::wall_clock::Datetime;
use wasmtime_wasi::p2::bindings::filesystem::preopens;
use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;
use wasmtime_wasi::p2::bindings::sync::filesystem::types::{
    self, Advice, Descriptor, DescriptorFlags, DescriptorStat, DescriptorType, DirectoryEntry, DirectoryEntryStream,
    Filesize, MetadataHashValue, NewTimestamp, OpenFlags, PathFlags,
};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, FsError, FsResult};

use super::file_streams::{FileReader, FileWriter};
use super::scratch::{Kind, NodeId, Opening, ROOT, Refusal, Scratch, Status};

/// The most descriptors at one time.
const OPEN_MAX: usize = 1_024;
/// The most bytes that one read answers with.
const READ_MAX: usize = 1024 * 1024;

/// A scratch space that descriptors and streams share.
pub(super) type SharedScratch = Arc<Mutex<Scratch>>;

/// Takes the lock. Nobody panics while holding it, and if so the files of this one run are at stake, not more.
pub(super) fn lock(scratch: &SharedScratch) -> MutexGuard<'_, Scratch> {
    scratch.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The open files of one run.
#[derive(Debug)]
pub(super) struct Files {
    scratch: SharedScratch,
    open: Vec<Option<Open>>,
    listings: Vec<Option<Listing>>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    node: NodeId,
    flags: DescriptorFlags,
}

/// A folder that is being listed, and how far it has come. Only a name is kept, however large the folder is.
#[derive(Debug)]
struct Listing {
    folder: NodeId,
    last: Option<String>,
}

impl Files {
    /// No files open.
    pub(super) fn new(scratch: Scratch) -> Self {
        Self { scratch: Arc::new(Mutex::new(scratch)), open: Vec::new(), listings: Vec::new() }
    }

    /// The files themselves.
    pub(super) fn scratch(&self) -> MutexGuard<'_, Scratch> {
        lock(&self.scratch)
    }

    fn get(&self, fd: &Resource<Descriptor>) -> Result<Open, ErrorCode> {
        self.open.get(fd.rep() as usize).copied().flatten().ok_or(ErrorCode::BadDescriptor)
    }

    fn push(&mut self, open: Open) -> FsResult<Resource<Descriptor>> {
        match put(&mut self.open, open) {
            Some(rep) => Ok(Resource::new_own(rep)),
            None => {
                self.scratch().release(open.node);
                Err(ErrorCode::InsufficientMemory.into())
            }
        }
    }

    fn writable(&self, fd: &Resource<Descriptor>) -> Result<NodeId, ErrorCode> {
        let open = self.get(fd)?;
        if open.flags.contains(DescriptorFlags::WRITE) { Ok(open.node) } else { Err(ErrorCode::BadDescriptor) }
    }

    fn readable(&self, fd: &Resource<Descriptor>) -> Result<NodeId, ErrorCode> {
        let open = self.get(fd)?;
        if open.flags.contains(DescriptorFlags::READ) { Ok(open.node) } else { Err(ErrorCode::BadDescriptor) }
    }
}

/// Puts a value into the first free place; `None` when there are [`OPEN_MAX`] already.
fn put<T>(places: &mut Vec<Option<T>>, value: T) -> Option<u32> {
    let index = match places.iter().position(Option::is_none) {
        Some(index) => index,
        None if places.len() >= OPEN_MAX => return None,
        None => {
            places.push(None);
            places.len() - 1
        }
    };
    places[index] = Some(value);
    u32::try_from(index).ok()
}

/// The open files and the table of streams, as the generated traits want them.
#[derive(Debug)]
pub(super) struct FilesView<'a> {
    pub(super) files: &'a mut Files,
    pub(super) table: &'a mut ResourceTable,
}

/// Names [`FilesView`] to the linker.
#[derive(Debug)]
pub(super) struct HasFiles;

impl HasData for HasFiles {
    type Data<'a> = FilesView<'a>;
}

impl preopens::Host for FilesView<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Vec<(Resource<Descriptor>, String)>> {
        self.files.scratch().hold(ROOT);
        let flags = DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
        let root = self.files.push(Open { node: ROOT, flags }).map_err(wasmtime::Error::from)?;
        Ok(vec![(root, "/".to_owned())])
    }
}

impl types::Host for FilesView<'_> {
    fn convert_error_code(&mut self, error: FsError) -> wasmtime::Result<types::ErrorCode> {
        error.downcast().map(Into::into)
    }

    fn filesystem_error_code(
        &mut self,
        error: Resource<wasmtime::Error>,
    ) -> wasmtime::Result<Option<types::ErrorCode>> {
        Ok(self.table.get(&error)?.downcast_ref::<ErrorCode>().copied().map(Into::into))
    }
}

impl types::HostDescriptor for FilesView<'_> {
    fn advise(&mut self, fd: Resource<Descriptor>, _: Filesize, _: Filesize, _: Advice) -> FsResult<()> {
        self.files.get(&fd)?;
        Ok(())
    }

    fn sync_data(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.files.get(&fd)?;
        Ok(())
    }

    fn sync(&mut self, fd: Resource<Descriptor>) -> FsResult<()> {
        self.files.get(&fd)?;
        Ok(())
    }

    fn get_flags(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorFlags> {
        Ok(self.files.get(&fd)?.flags)
    }

    fn get_type(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorType> {
        let node = self.files.get(&fd)?.node;
        Ok(kind(self.files.scratch().status(node).kind))
    }

    fn set_size(&mut self, fd: Resource<Descriptor>, size: Filesize) -> FsResult<()> {
        let node = self.files.writable(&fd)?;
        Ok(self.files.scratch().resize(node, size).map_err(code)?)
    }

    fn set_times(&mut self, fd: Resource<Descriptor>, accessed: NewTimestamp, modified: NewTimestamp) -> FsResult<()> {
        let node = self.files.get(&fd)?.node;
        Ok(self.files.scratch().set_times(node, time(accessed)?, time(modified)?).map_err(code)?)
    }

    fn read(&mut self, fd: Resource<Descriptor>, length: Filesize, offset: Filesize) -> FsResult<(Vec<u8>, bool)> {
        let node = self.files.readable(&fd)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(READ_MAX);
        let bytes = self.files.scratch().read(node, offset, length).map_err(code)?;
        let end = bytes.len() < length;
        Ok((bytes, end))
    }

    fn write(&mut self, fd: Resource<Descriptor>, bytes: Vec<u8>, offset: Filesize) -> FsResult<Filesize> {
        let node = self.files.writable(&fd)?;
        self.files.scratch().write(node, offset, &bytes).map_err(code)?;
        Ok(bytes.len() as Filesize)
    }

    fn read_directory(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DirectoryEntryStream>> {
        let folder = self.files.get(&fd)?.node;
        if self.files.scratch().status(folder).kind != Kind::Folder {
            return Err(ErrorCode::NotDirectory.into());
        }
        let listing = Listing { folder, last: None };
        let rep = put(&mut self.files.listings, listing).ok_or(ErrorCode::InsufficientMemory)?;
        self.files.scratch().hold(folder);
        Ok(Resource::new_own(rep))
    }

    fn create_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let folder = self.files.get(&fd)?.node;
        Ok(self.files.scratch().make_folder(folder, &path).map_err(code)?)
    }

    fn stat(&mut self, fd: Resource<Descriptor>) -> FsResult<DescriptorStat> {
        let node = self.files.get(&fd)?.node;
        Ok(stat(&self.files.scratch().status(node)))
    }

    fn stat_at(&mut self, fd: Resource<Descriptor>, _: PathFlags, path: String) -> FsResult<DescriptorStat> {
        let folder = self.files.get(&fd)?.node;
        let scratch = self.files.scratch();
        let node = scratch.look(folder, &path).map_err(code)?;
        Ok(stat(&scratch.status(node)))
    }

    fn set_times_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        accessed: NewTimestamp,
        modified: NewTimestamp,
    ) -> FsResult<()> {
        let folder = self.files.get(&fd)?.node;
        let mut scratch = self.files.scratch();
        let node = scratch.look(folder, &path).map_err(code)?;
        Ok(scratch.set_times(node, time(accessed)?, time(modified)?).map_err(code)?)
    }

    fn link_at(
        &mut self,
        _: Resource<Descriptor>,
        _: PathFlags,
        _: String,
        _: Resource<Descriptor>,
        _: String,
    ) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    fn symlink_at(&mut self, _: Resource<Descriptor>, _: String, _: String) -> FsResult<()> {
        Err(ErrorCode::NotPermitted.into())
    }

    fn readlink_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<String> {
        let folder = self.files.get(&fd)?.node;
        self.files.scratch().look(folder, &path).map_err(code)?;
        Err(ErrorCode::Invalid.into())
    }

    fn open_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
        opening: OpenFlags,
        mut flags: DescriptorFlags,
    ) -> FsResult<Resource<Descriptor>> {
        let folder = self.files.get(&fd)?.node;
        let how = Opening {
            create: opening.contains(OpenFlags::CREATE),
            exclusive: opening.contains(OpenFlags::EXCLUSIVE),
            truncate: opening.contains(OpenFlags::TRUNCATE),
            folder: opening.contains(OpenFlags::DIRECTORY),
            write: flags.contains(DescriptorFlags::WRITE),
        };
        let node = self.files.scratch().open(folder, &path, how).map_err(code)?;
        if self.files.scratch().status(node).kind == Kind::Folder {
            flags |= DescriptorFlags::READ | DescriptorFlags::MUTATE_DIRECTORY;
        }
        self.files.push(Open { node, flags })
    }

    fn remove_directory_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let folder = self.files.get(&fd)?.node;
        Ok(self.files.scratch().remove_folder(folder, &path).map_err(code)?)
    }

    fn unlink_file_at(&mut self, fd: Resource<Descriptor>, path: String) -> FsResult<()> {
        let folder = self.files.get(&fd)?.node;
        Ok(self.files.scratch().remove_file(folder, &path).map_err(code)?)
    }

    fn rename_at(
        &mut self,
        from: Resource<Descriptor>,
        old_path: String,
        to: Resource<Descriptor>,
        new_path: String,
    ) -> FsResult<()> {
        let (from, to) = (self.files.get(&from)?.node, self.files.get(&to)?.node);
        Ok(self.files.scratch().rename((from, &old_path), (to, &new_path)).map_err(code)?)
    }

    fn read_via_stream(&mut self, fd: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynInputStream>> {
        let node = self.files.readable(&fd)?;
        if self.files.scratch().status(node).kind == Kind::Folder {
            return Err(ErrorCode::IsDirectory.into());
        }
        let reader: DynInputStream = Box::new(FileReader::new(&self.files.scratch, node, offset));
        Ok(self.table.push(reader)?)
    }

    fn write_via_stream(&mut self, fd: Resource<Descriptor>, offset: Filesize) -> FsResult<Resource<DynOutputStream>> {
        let node = self.files.writable(&fd)?;
        let writer: DynOutputStream = Box::new(FileWriter::new(&self.files.scratch, node, Some(offset)));
        Ok(self.table.push(writer)?)
    }

    fn append_via_stream(&mut self, fd: Resource<Descriptor>) -> FsResult<Resource<DynOutputStream>> {
        let node = self.files.writable(&fd)?;
        let writer: DynOutputStream = Box::new(FileWriter::new(&self.files.scratch, node, None));
        Ok(self.table.push(writer)?)
    }

    fn is_same_object(&mut self, a: Resource<Descriptor>, b: Resource<Descriptor>) -> wasmtime::Result<bool> {
        Ok(self.files.get(&a)?.node == self.files.get(&b)?.node)
    }

    fn metadata_hash(&mut self, fd: Resource<Descriptor>) -> FsResult<MetadataHashValue> {
        Ok(hash(self.files.get(&fd)?.node))
    }

    fn metadata_hash_at(
        &mut self,
        fd: Resource<Descriptor>,
        _: PathFlags,
        path: String,
    ) -> FsResult<MetadataHashValue> {
        let folder = self.files.get(&fd)?.node;
        Ok(hash(self.files.scratch().look(folder, &path).map_err(code)?))
    }

    fn drop(&mut self, fd: Resource<Descriptor>) -> wasmtime::Result<()> {
        if let Some(open) = self.files.open.get_mut(fd.rep() as usize).and_then(Option::take) {
            self.files.scratch().release(open.node);
        }
        Ok(())
    }
}

impl types::HostDirectoryEntryStream for FilesView<'_> {
    fn read_directory_entry(&mut self, stream: Resource<DirectoryEntryStream>) -> FsResult<Option<DirectoryEntry>> {
        let Files { scratch, listings, .. } = &mut *self.files;
        let listing =
            listings.get_mut(stream.rep() as usize).and_then(Option::as_mut).ok_or(ErrorCode::BadDescriptor)?;
        let found = lock(scratch).next_name(listing.folder, listing.last.as_deref()).map_err(code)?;
        Ok(found.map(|(name, what)| {
            listing.last = Some(name.clone());
            DirectoryEntry { type_: kind(what), name }
        }))
    }

    fn drop(&mut self, stream: Resource<DirectoryEntryStream>) -> wasmtime::Result<()> {
        if let Some(listing) = self.files.listings.get_mut(stream.rep() as usize).and_then(Option::take) {
            self.files.scratch().release(listing.folder);
        }
        Ok(())
    }
}

/// A refusal in the guest's words; its C library makes an `errno` of it.
pub(super) const fn code(refusal: Refusal) -> ErrorCode {
    match refusal {
        Refusal::Exists => ErrorCode::Exist,
        Refusal::Invalid => ErrorCode::Invalid,
        Refusal::IsDirectory => ErrorCode::IsDirectory,
        Refusal::NameTooLong => ErrorCode::NameTooLong,
        Refusal::NoEntry => ErrorCode::NoEntry,
        Refusal::NoSpace => ErrorCode::InsufficientSpace,
        Refusal::NotDirectory => ErrorCode::NotDirectory,
        Refusal::NotEmpty => ErrorCode::NotEmpty,
        Refusal::NotPermitted => ErrorCode::NotPermitted,
        Refusal::ReadOnly => ErrorCode::ReadOnly,
        Refusal::TooLarge => ErrorCode::FileTooLarge,
    }
}

const fn kind(kind: Kind) -> DescriptorType {
    match kind {
        Kind::Folder => DescriptorType::Directory,
        Kind::File => DescriptorType::RegularFile,
        Kind::Null => DescriptorType::CharacterDevice,
    }
}

fn stat(status: &Status) -> DescriptorStat {
    let stamp = |at: SystemTime| {
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Some(Datetime { seconds: since.as_secs(), nanoseconds: since.subsec_nanos() })
    };
    DescriptorStat {
        type_: kind(status.kind),
        link_count: u64::from(status.linked),
        size: status.size,
        data_access_timestamp: stamp(status.accessed),
        data_modification_timestamp: stamp(status.modified),
        status_change_timestamp: stamp(status.changed),
    }
}

/// The time to set; `None` leaves it as it is.
fn time(stamp: NewTimestamp) -> Result<Option<SystemTime>, ErrorCode> {
    match stamp {
        NewTimestamp::NoChange => Ok(None),
        NewTimestamp::Now => Ok(Some(SystemTime::now())),
        NewTimestamp::Timestamp(at) => {
            let since = Duration::from_secs(at.seconds).checked_add(Duration::from_nanos(at.nanoseconds.into()));
            since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)).map(Some).ok_or(ErrorCode::Overflow)
        }
    }
}

/// What tells files apart: `st_ino` comes from it.
const fn hash(node: NodeId) -> MetadataHashValue {
    MetadataHashValue { lower: node as u64 + 1, upper: 0 }
}
