//! The file system of one run, in memory: a writable `/scratch` with limits, and nothing of the host.
//!
//! It holds what a script makes of files, and no more: no links, no permissions, no devices but `/dev/null`. A file that
//! is removed while it is open lives until it is closed. Nothing here touches a file of the host.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use super::content::Content;

/// Where something is kept. Only valid for the [`Scratch`] that gave it.
pub(super) type NodeId = usize;

/// The root folder.
pub(super) const ROOT: NodeId = 0;

/// The longest name of a file or folder, in bytes.
const NAME_MAX: usize = 255;
/// The longest path, in bytes.
const PATH_MAX: usize = 4_096;

/// Why an operation was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    Exists,
    Invalid,
    IsDirectory,
    NameTooLong,
    NoEntry,
    NoSpace,
    NotDirectory,
    NotEmpty,
    NotPermitted,
    ReadOnly,
    TooLarge,
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File,
    /// `/dev/null`: empty, and swallows what is written.
    Null,
}

/// What is known about a file or folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Status {
    pub(super) kind: Kind,
    pub(super) size: u64,
    pub(super) linked: bool,
    pub(super) accessed: SystemTime,
    pub(super) modified: SystemTime,
    pub(super) changed: SystemTime,
}

/// How to open something.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "these are the flags of `open`, each its own")]
pub(super) struct Opening {
    pub(super) create: bool,
    pub(super) exclusive: bool,
    pub(super) truncate: bool,
    pub(super) folder: bool,
    pub(super) write: bool,
}

#[derive(Debug)]
struct Node {
    body: Body,
    /// Whether what is directly inside can be created, renamed and removed; for a file, written.
    writable: bool,
    /// Whether a folder still names it.
    linked: bool,
    /// How many descriptors and streams hold it.
    holders: usize,
    accessed: SystemTime,
    modified: SystemTime,
    changed: SystemTime,
}

#[derive(Debug)]
enum Body {
    Folder { parent: NodeId, names: BTreeMap<String, NodeId> },
    File(Content),
    Null,
}

/// Everything that one run can open.
#[derive(Debug)]
pub(super) struct Scratch {
    nodes: Vec<Option<Node>>,
    free: Vec<NodeId>,
    bytes: u64,
    bytes_max: u64,
    entries: u64,
    entries_max: u64,
}

/// The place that a path names: the folder, and the last name in it. No name: the folder itself.
struct Place<'a> {
    folder: NodeId,
    name: Option<&'a str>,
    /// The path ends in a slash, so that only a folder will do.
    must_be_folder: bool,
}

impl Scratch {
    /// An empty `/scratch` that holds so many bytes in so many files and folders.
    pub(super) fn new(bytes_max: u64, entries_max: u64) -> Self {
        let mut scratch = Self { nodes: Vec::new(), free: Vec::new(), bytes: 0, bytes_max, entries: 0, entries_max };
        let root = scratch.insert(Body::Folder { parent: ROOT, names: BTreeMap::new() }, false);
        for (name, writable) in [("scratch", true), ("dev", false)] {
            let folder = scratch.insert(Body::Folder { parent: root, names: BTreeMap::new() }, writable);
            scratch.names_mut(root).insert(name.to_owned(), folder);
            if name == "dev" {
                let null = scratch.insert(Body::Null, true);
                scratch.names_mut(folder).insert("null".to_owned(), null);
            }
        }
        scratch
    }

    /// Replaces the limits; what is there stays.
    pub(super) fn limit(&mut self, bytes_max: u64, entries_max: u64) {
        (self.bytes_max, self.entries_max) = (bytes_max, entries_max);
    }

    /// Opens what `path`, beginning at `folder`, names. The caller holds it until [`Scratch::release`].
    pub(super) fn open(&mut self, folder: NodeId, path: &str, how: Opening) -> Result<NodeId, Refusal> {
        let place = self.place(folder, path)?;
        let found = self.find(&place)?;
        let id = match found {
            Some(_) if how.create && how.exclusive => return Err(Refusal::Exists),
            Some(id) => id,
            None if !how.create || how.folder => return Err(Refusal::NoEntry),
            None if place.must_be_folder => return Err(Refusal::IsDirectory),
            None => self.create(&place, Body::File(Content::default()))?,
        };
        let node = self.node(id);
        match node.body {
            Body::Folder { .. } if how.write || how.truncate || how.create => return Err(Refusal::IsDirectory),
            Body::File(_) | Body::Null if how.folder || place.must_be_folder => return Err(Refusal::NotDirectory),
            _ if how.truncate && !how.write => return Err(Refusal::NotPermitted),
            _ if how.write && !node.writable => return Err(Refusal::ReadOnly),
            _ => {}
        }
        if how.truncate && found.is_some() {
            self.resize(id, 0)?;
        }
        self.hold(id);
        Ok(id)
    }

    /// Counts one more holder.
    pub(super) fn hold(&mut self, id: NodeId) {
        self.node_mut(id).holders += 1;
    }

    /// Counts one holder less; the last one of a removed file frees it.
    pub(super) fn release(&mut self, id: NodeId) {
        let node = self.node_mut(id);
        node.holders = node.holders.saturating_sub(1);
        self.collect(id);
    }

    /// What is known about a file or folder.
    pub(super) fn status(&self, id: NodeId) -> Status {
        let node = self.node(id);
        let (kind, size) = match &node.body {
            Body::Folder { .. } => (Kind::Folder, 0),
            Body::File(content) => (Kind::File, content.len()),
            Body::Null => (Kind::Null, 0),
        };
        let Node { linked, accessed, modified, changed, .. } = *node;
        Status { kind, size, linked, accessed, modified, changed }
    }

    /// What `path` names, for a look that does not open it.
    pub(super) fn look(&self, folder: NodeId, path: &str) -> Result<NodeId, Refusal> {
        let place = self.place(folder, path)?;
        let id = self.find(&place)?.ok_or(Refusal::NoEntry)?;
        let is_folder = matches!(self.node(id).body, Body::Folder { .. });
        if place.must_be_folder && !is_folder { Err(Refusal::NotDirectory) } else { Ok(id) }
    }

    /// Up to `length` bytes from `offset`; fewer only at the end.
    pub(super) fn read(&mut self, id: NodeId, offset: u64, length: usize) -> Result<Vec<u8>, Refusal> {
        let node = self.node_mut(id);
        node.accessed = SystemTime::now();
        match &node.body {
            Body::File(content) => Ok(content.read(offset, length)),
            Body::Null => Ok(Vec::new()),
            Body::Folder { .. } => Err(Refusal::IsDirectory),
        }
    }

    /// Writes all of `bytes` at `offset`, or nothing.
    pub(super) fn write(&mut self, id: NodeId, offset: u64, bytes: &[u8]) -> Result<(), Refusal> {
        let end = offset.checked_add(bytes.len() as u64).ok_or(Refusal::TooLarge)?;
        let size = self.status(id).size;
        if end > size {
            self.charge(end - size, id)?;
        }
        let node = self.node_mut(id);
        match &mut node.body {
            Body::File(content) => content.write(offset, bytes),
            Body::Null => return Ok(()),
            Body::Folder { .. } => return Err(Refusal::IsDirectory),
        }
        node.touch();
        Ok(())
    }

    /// Makes a file exactly so long; what is new reads as zeros.
    pub(super) fn resize(&mut self, id: NodeId, size: u64) -> Result<(), Refusal> {
        let old = self.status(id).size;
        if size > old {
            self.charge(size - old, id)?;
        }
        let node = self.node_mut(id);
        match &mut node.body {
            Body::File(content) => content.resize(size),
            Body::Null => return Ok(()),
            Body::Folder { .. } => return Err(Refusal::IsDirectory),
        }
        node.touch();
        self.bytes = self.bytes.saturating_sub(old.saturating_sub(size));
        Ok(())
    }

    /// Sets the times that are given.
    pub(super) fn set_times(
        &mut self,
        id: NodeId,
        accessed: Option<SystemTime>,
        modified: Option<SystemTime>,
    ) -> Result<(), Refusal> {
        let node = self.node_mut(id);
        if !node.writable {
            return Err(Refusal::ReadOnly);
        }
        node.accessed = accessed.unwrap_or(node.accessed);
        node.modified = modified.unwrap_or(node.modified);
        node.changed = SystemTime::now();
        Ok(())
    }

    /// Makes a folder.
    pub(super) fn make_folder(&mut self, folder: NodeId, path: &str) -> Result<(), Refusal> {
        let place = self.place(folder, path)?;
        if self.find(&place)?.is_some() {
            return Err(Refusal::Exists);
        }
        let parent = place.folder;
        self.create(&place, Body::Folder { parent, names: BTreeMap::new() })?;
        Ok(())
    }

    /// Removes a file.
    pub(super) fn remove_file(&mut self, folder: NodeId, path: &str) -> Result<(), Refusal> {
        let place = self.place(folder, path)?;
        let id = self.find(&place)?.ok_or(Refusal::NoEntry)?;
        match self.node(id).body {
            Body::Folder { .. } => Err(Refusal::IsDirectory),
            _ if place.must_be_folder => Err(Refusal::NotDirectory),
            _ => self.unlink(&place),
        }
    }

    /// Removes an empty folder.
    pub(super) fn remove_folder(&mut self, folder: NodeId, path: &str) -> Result<(), Refusal> {
        let place = self.place(folder, path)?;
        let id = self.find(&place)?.ok_or(Refusal::NoEntry)?;
        match &self.node(id).body {
            Body::Folder { names, .. } if names.is_empty() => self.unlink(&place),
            Body::Folder { .. } => Err(Refusal::NotEmpty),
            _ => Err(Refusal::NotDirectory),
        }
    }

    /// Moves a file or folder, over a file or an empty folder of the same kind.
    pub(super) fn rename(&mut self, from: (NodeId, &str), to: (NodeId, &str)) -> Result<(), Refusal> {
        let (source, target) = (self.place(from.0, from.1)?, self.place(to.0, to.1)?);
        let id = self.find(&source)?.ok_or(Refusal::NoEntry)?;
        let (Some(old_name), Some(new_name)) = (source.name, target.name) else { return Err(Refusal::Invalid) };
        self.check_writable(source.folder)?;
        self.check_writable(target.folder)?;
        let is_folder = matches!(self.node(id).body, Body::Folder { .. });
        if !is_folder && (source.must_be_folder || target.must_be_folder) {
            return Err(Refusal::NotDirectory);
        }
        if is_folder && self.is_inside(target.folder, id) {
            return Err(Refusal::Invalid);
        }
        match self.find(&target)? {
            Some(there) if there == id => return Ok(()),
            Some(there) => match (&self.node(there).body, is_folder) {
                (Body::Folder { .. }, false) => return Err(Refusal::IsDirectory),
                (Body::Folder { names, .. }, true) if !names.is_empty() => return Err(Refusal::NotEmpty),
                (Body::Folder { .. }, true) => self.unlink(&target)?,
                (_, true) => return Err(Refusal::NotDirectory),
                (_, false) => self.unlink(&target)?,
            },
            None => {}
        }
        self.names_mut(source.folder).remove(old_name);
        self.names_mut(target.folder).insert(new_name.to_owned(), id);
        if let Body::Folder { parent, .. } = &mut self.node_mut(id).body {
            *parent = target.folder;
        }
        for touched in [source.folder, target.folder] {
            self.node_mut(touched).touch();
        }
        Ok(())
    }

    /// The name in a folder that follows `after` in order, and what it is.
    pub(super) fn next_name(&self, folder: NodeId, after: Option<&str>) -> Result<Option<(String, Kind)>, Refusal> {
        let Body::Folder { names, .. } = &self.node(folder).body else { return Err(Refusal::NotDirectory) };
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let found = names.range::<str, _>((begin, Bound::Unbounded)).next();
        Ok(found.map(|(name, id)| (name.clone(), self.status(*id).kind)))
    }

    fn node(&self, id: NodeId) -> &Node {
        self.nodes[id].as_ref().expect("a node that somebody holds or names is there")
    }

    fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes[id].as_mut().expect("a node that somebody holds or names is there")
    }

    fn names_mut(&mut self, folder: NodeId) -> &mut BTreeMap<String, NodeId> {
        match &mut self.node_mut(folder).body {
            Body::Folder { names, .. } => names,
            _ => unreachable!("only folders are asked for their names"),
        }
    }

    fn insert(&mut self, body: Body, writable: bool) -> NodeId {
        let now = SystemTime::now();
        let node = Node { body, writable, linked: true, holders: 0, accessed: now, modified: now, changed: now };
        if let Some(id) = self.free.pop() {
            self.nodes[id] = Some(node);
            return id;
        }
        self.nodes.push(Some(node));
        self.nodes.len() - 1
    }

    fn create(&mut self, place: &Place<'_>, body: Body) -> Result<NodeId, Refusal> {
        let name = place.name.ok_or(Refusal::Exists)?;
        self.check_writable(place.folder)?;
        if self.entries >= self.entries_max {
            return Err(Refusal::NoSpace);
        }
        self.entries += 1;
        let id = self.insert(body, true);
        self.names_mut(place.folder).insert(name.to_owned(), id);
        self.node_mut(place.folder).touch();
        Ok(id)
    }

    /// Takes a name away; what it named goes too unless somebody holds it.
    fn unlink(&mut self, place: &Place<'_>) -> Result<(), Refusal> {
        let name = place.name.ok_or(Refusal::Invalid)?;
        self.check_writable(place.folder)?;
        let id = self.names_mut(place.folder).remove(name).ok_or(Refusal::NoEntry)?;
        self.node_mut(place.folder).touch();
        let node = self.node_mut(id);
        node.linked = false;
        // The parent may go too and its place be taken by something else; nothing may lead there.
        if let Body::Folder { parent, .. } = &mut node.body {
            *parent = id;
        }
        self.collect(id);
        Ok(())
    }

    /// Frees a node that has neither a name nor a holder.
    fn collect(&mut self, id: NodeId) {
        let node = self.node(id);
        if node.linked || node.holders > 0 {
            return;
        }
        self.bytes = self.bytes.saturating_sub(self.status(id).size);
        self.entries -= 1;
        self.nodes[id] = None;
        self.free.push(id);
    }

    fn check_writable(&self, folder: NodeId) -> Result<(), Refusal> {
        let node = self.node(folder);
        match (node.writable, node.linked) {
            (true, true) => Ok(()),
            (true, false) => Err(Refusal::NoEntry),
            (false, _) => Err(Refusal::ReadOnly),
        }
    }

    /// Books bytes that a file is about to grow by. `/dev/null` grows by nothing.
    fn charge(&mut self, growth: u64, id: NodeId) -> Result<(), Refusal> {
        if !matches!(self.node(id).body, Body::File(_)) {
            return Ok(());
        }
        let total = self.bytes.checked_add(growth).filter(|total| *total <= self.bytes_max).ok_or(Refusal::NoSpace)?;
        self.bytes = total;
        Ok(())
    }

    /// Whether `inner` is `outer` or below it.
    fn is_inside(&self, inner: NodeId, outer: NodeId) -> bool {
        let mut at = inner;
        loop {
            if at == outer {
                return true;
            }
            match &self.node(at).body {
                Body::Folder { parent, .. } if *parent != at => at = *parent,
                _ => return false,
            }
        }
    }

    fn find(&self, place: &Place<'_>) -> Result<Option<NodeId>, Refusal> {
        let Some(name) = place.name else { return Ok(Some(place.folder)) };
        match &self.node(place.folder).body {
            Body::Folder { names, .. } => Ok(names.get(name).copied()),
            _ => Err(Refusal::NotDirectory),
        }
    }

    /// Walks to the folder that holds the last name of `path`. `..` at the root stays at the root.
    fn place<'a>(&self, folder: NodeId, path: &'a str) -> Result<Place<'a>, Refusal> {
        if path.is_empty() {
            return Err(Refusal::NoEntry);
        }
        if path.len() > PATH_MAX {
            return Err(Refusal::NameTooLong);
        }
        if path.contains('\0') {
            return Err(Refusal::Invalid);
        }
        let mut at = if path.starts_with('/') { ROOT } else { folder };
        let mut pending: Option<&str> = None;
        for part in path.split('/').filter(|part| !part.is_empty()) {
            if let Some(name) = pending.take() {
                at = self.step(at, name)?;
            }
            match part {
                "." | ".." => at = self.step(at, part)?,
                name if name.len() > NAME_MAX => return Err(Refusal::NameTooLong),
                name => pending = Some(name),
            }
        }
        if !matches!(self.node(at).body, Body::Folder { .. }) {
            return Err(Refusal::NotDirectory);
        }
        Ok(Place { folder: at, name: pending, must_be_folder: path.ends_with('/') })
    }

    fn step(&self, at: NodeId, name: &str) -> Result<NodeId, Refusal> {
        let Body::Folder { parent, names } = &self.node(at).body else { return Err(Refusal::NotDirectory) };
        match name {
            "." => Ok(at),
            ".." => Ok(*parent),
            name => names.get(name).copied().ok_or(Refusal::NoEntry),
        }
    }
}

impl Node {
    fn touch(&mut self) {
        let now = SystemTime::now();
        (self.modified, self.changed) = (now, now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITE: Opening = Opening { create: true, exclusive: false, truncate: true, folder: false, write: true };
    const READ: Opening = Opening { create: false, exclusive: false, truncate: false, folder: false, write: false };

    fn put(scratch: &mut Scratch, path: &str, bytes: &[u8]) -> Result<(), Refusal> {
        let id = scratch.open(ROOT, path, WRITE)?;
        let written = scratch.write(id, 0, bytes);
        scratch.release(id);
        written
    }

    fn get(scratch: &mut Scratch, path: &str) -> Result<Vec<u8>, Refusal> {
        let id = scratch.open(ROOT, path, READ)?;
        let read = scratch.read(id, 0, 1 << 20);
        scratch.release(id);
        read
    }

    #[test]
    fn only_scratch_is_writable() {
        let mut scratch = Scratch::new(100, 10);
        for path in ["x", "/dev/x", "/scratch/../x"] {
            assert_eq!(put(&mut scratch, path, b"x"), Err(Refusal::ReadOnly), "{path}");
            assert_eq!(scratch.make_folder(ROOT, path), Err(Refusal::ReadOnly), "{path}");
        }
        assert_eq!(scratch.rename((ROOT, "scratch"), (ROOT, "dev/x")), Err(Refusal::ReadOnly));
        assert_eq!(scratch.remove_folder(ROOT, "scratch"), Err(Refusal::ReadOnly));
        assert_eq!(scratch.remove_file(ROOT, "dev/null"), Err(Refusal::ReadOnly));
        put(&mut scratch, "/scratch/../../../scratch/x", b"x").unwrap();
        assert_eq!(get(&mut scratch, "scratch/x").unwrap(), b"x");
    }

    #[test]
    fn bytes_are_counted_through_truncation_replacement_and_removal() {
        let mut scratch = Scratch::new(10, 10);
        put(&mut scratch, "scratch/a", &[1; 10]).unwrap();
        assert_eq!(put(&mut scratch, "scratch/b", b"x"), Err(Refusal::NoSpace));
        put(&mut scratch, "scratch/a", &[1; 4]).unwrap();
        put(&mut scratch, "scratch/b", &[2; 6]).unwrap();
        scratch.rename((ROOT, "scratch/a"), (ROOT, "scratch/b")).unwrap();
        put(&mut scratch, "scratch/c", &[3; 6]).unwrap();
        scratch.remove_file(ROOT, "scratch/b").unwrap();
        put(&mut scratch, "scratch/d", &[4; 4]).unwrap();
        assert_eq!(scratch.bytes, 10);
    }

    #[test]
    fn a_file_of_a_pebibyte_is_refused_not_made() {
        let mut scratch = Scratch::new(1 << 20, 10);
        put(&mut scratch, "scratch/a", b"").unwrap();
        let id = scratch.look(ROOT, "scratch/a").unwrap();
        assert_eq!(scratch.resize(id, 1 << 50), Err(Refusal::NoSpace));
        assert_eq!(scratch.write(id, 1 << 50, b"x"), Err(Refusal::NoSpace));
        assert_eq!(scratch.write(id, u64::MAX, b"x"), Err(Refusal::TooLarge));
        assert_eq!(scratch.status(id).size, 0);
    }

    #[test]
    fn files_and_folders_are_counted() {
        let mut scratch = Scratch::new(10, 2);
        scratch.make_folder(ROOT, "scratch/a").unwrap();
        put(&mut scratch, "scratch/b", b"").unwrap();
        assert_eq!(put(&mut scratch, "scratch/c", b""), Err(Refusal::NoSpace));
        scratch.remove_folder(ROOT, "scratch/a").unwrap();
        put(&mut scratch, "scratch/c", b"").unwrap();
    }

    #[test]
    fn a_removed_file_lives_until_it_is_closed() {
        let mut scratch = Scratch::new(10, 1);
        let id = scratch.open(ROOT, "scratch/a", WRITE).unwrap();
        scratch.write(id, 0, &[1; 10]).unwrap();
        scratch.remove_file(ROOT, "scratch/a").unwrap();
        assert_eq!(get(&mut scratch, "scratch/a"), Err(Refusal::NoEntry));
        assert_eq!(scratch.read(id, 0, 99).unwrap().len(), 10);
        assert_eq!(put(&mut scratch, "scratch/b", b""), Err(Refusal::NoSpace), "it still counts");
        scratch.release(id);
        put(&mut scratch, "scratch/b", &[1; 10]).unwrap();
    }

    #[test]
    fn a_removed_folder_that_is_held_leads_nowhere() {
        let mut scratch = Scratch::new(10, 10);
        scratch.make_folder(ROOT, "scratch/a").unwrap();
        scratch.make_folder(ROOT, "scratch/a/b").unwrap();
        let held = scratch.open(ROOT, "scratch/a/b", READ).unwrap();
        scratch.remove_folder(ROOT, "scratch/a/b").unwrap();
        scratch.remove_folder(ROOT, "scratch/a").unwrap();
        assert_eq!(scratch.look(held, ".."), Ok(held));
        assert_eq!(scratch.open(held, "x", WRITE), Err(Refusal::NoEntry));
        scratch.release(held);
    }

    #[test]
    fn a_folder_cannot_be_moved_into_itself() {
        let mut scratch = Scratch::new(10, 10);
        scratch.make_folder(ROOT, "scratch/a").unwrap();
        scratch.make_folder(ROOT, "scratch/a/b").unwrap();
        assert_eq!(scratch.rename((ROOT, "scratch/a"), (ROOT, "scratch/a/b/c")), Err(Refusal::Invalid));
        assert_eq!(scratch.rename((ROOT, "scratch/a"), (ROOT, "scratch/a")), Ok(()));
    }

    #[test]
    fn a_trailing_slash_wants_a_folder() {
        let mut scratch = Scratch::new(10, 10);
        put(&mut scratch, "scratch/a", b"x").unwrap();
        assert_eq!(get(&mut scratch, "scratch/a/"), Err(Refusal::NotDirectory));
        assert_eq!(scratch.remove_file(ROOT, "scratch/a/"), Err(Refusal::NotDirectory));
        assert_eq!(scratch.look(ROOT, "scratch/a/"), Err(Refusal::NotDirectory));
    }

    #[test]
    fn the_null_device_swallows_everything() {
        let mut scratch = Scratch::new(10, 10);
        put(&mut scratch, "/dev/null", &[1; 1000]).unwrap();
        assert_eq!(get(&mut scratch, "/dev/null").unwrap(), b"");
        assert_eq!(scratch.bytes, 0);
    }
}
