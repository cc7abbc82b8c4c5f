use proptest::prelude::*;

use super::*;

const ROOMY: usize = 10_000;

fn vfs(cap: usize) -> Vfs {
    let mut tree = Tree::new();
    tree.add_file("/lib/a.py", SharedFile::Loaded(Arc::from(&b"shared"[..])));
    tree.add_file("/lib/deep/b.py", SharedFile::Loaded(Arc::from(&b"b"[..])));
    Vfs::new(Arc::new(tree), cap)
}

#[test]
fn paths_are_normalised_and_cannot_leave_the_root() {
    let fs = vfs(0);
    assert_eq!(fs.normalise(None, "x/./y//../z"), "/home/user/x/z");
    assert_eq!(fs.normalise(None, "../../../../etc/passwd"), "/etc/passwd");
    assert_eq!(fs.normalise(Some("/lib"), "a.py"), "/lib/a.py");
}

#[test]
fn writing_a_shared_file_changes_only_this_session() {
    let mut fs = vfs(ROOMY);
    let other = fs.clone();
    let Node::Shared(file) = fs.get("/lib/a.py").unwrap() else { panic!("shared") };
    let ino = fs.copy_up("/lib/a.py", &file, 0).unwrap();
    fs.write_at(ino, 0, b"SH", 0).unwrap();
    assert_eq!(fs.data(ino), b"SHared");
    assert!(matches!(other.get("/lib/a.py").unwrap(), Node::Shared(_)));
}

#[test]
fn removed_files_vanish_from_listings_and_free_their_space() {
    let paths = path_cost("/lib/a.py") + path_cost("/lib/new");
    let mut fs = vfs(paths + 10);
    fs.unlink("/lib/a.py").unwrap();
    assert_eq!(fs.list("/lib").unwrap(), ["deep"]);
    assert_eq!(fs.get("/lib/a.py").unwrap_err(), Errno::NOENT);
    let ino = fs.create("/lib/new", 0).unwrap();
    fs.write_at(ino, 4, b"123456", 0).unwrap();
    assert_eq!(fs.write_at(ino, 10, b"x", 0).unwrap_err(), Errno::NOSPC);
    fs.unlink("/lib/new").unwrap();
    let ino = fs.create("/lib/new", 0).unwrap();
    fs.write_at(ino, 0, b"0123456789", 0).unwrap();
}

#[test]
fn an_unlinked_open_file_lives_until_it_is_closed() {
    let mut fs = vfs(ROOMY);
    let ino = fs.create("/tmp/x", 0).unwrap();
    fs.retain(ino);
    fs.unlink("/tmp/x").unwrap();
    fs.write_at(ino, 0, b"12", 0).unwrap();
    assert_eq!(fs.data(ino), b"12");
    fs.release(ino);
    assert_eq!(fs.data(ino), b"");
}

#[test]
fn directories_move_with_their_contents() {
    let mut fs = vfs(ROOMY);
    fs.rename("/lib", "/home/user/lib").unwrap();
    assert_eq!(fs.get("/lib").unwrap_err(), Errno::NOENT);
    assert!(matches!(fs.get("/home/user/lib/deep/b.py").unwrap(), Node::Shared(_)));
    assert_eq!(fs.rename("/home/user/lib", "/home/user/lib/x").unwrap_err(), Errno::INVAL);
    assert_eq!(fs.remove_dir("/home/user/lib").unwrap_err(), Errno::NOTEMPTY);
}

#[test]
fn files_are_not_directories() {
    let mut fs = vfs(ROOMY);
    assert_eq!(fs.get("/lib/a.py/x").unwrap_err(), Errno::NOTDIR);
    assert_eq!(fs.create("/nowhere/x", 0).unwrap_err(), Errno::NOENT);
    assert_eq!(fs.create("/dev/x", 0).unwrap_err(), Errno::PERM);
    assert_eq!(fs.list("/lib/a.py").unwrap_err(), Errno::NOTDIR);
}

#[test]
fn empty_files_cannot_fill_the_host() {
    let mut fs = vfs(ROOMY);
    let made = (0..1000).take_while(|n| fs.create(&format!("/tmp/{n}"), 0).is_ok()).count();
    assert!(made < 50, "{made} files");
    for n in 0..made {
        fs.unlink(&format!("/tmp/{n}")).unwrap();
    }
    assert_eq!((0..1000).take_while(|n| fs.create(&format!("/tmp/{n}"), 0).is_ok()).count(), made);
}

#[derive(Clone, Debug)]
enum Step {
    Write(usize, u64, usize),
    Open(usize),
    Close,
    Unlink(usize),
    Rename(usize, usize),
    MakeDir(usize),
    RemoveDir(usize),
    Truncate(usize, u64),
}

const PATHS: [&str; 8] =
    ["/lib/a.py", "/lib/deep", "/lib/deep/b.py", "/tmp/x", "/tmp/d", "/tmp/d/y", "/lib", "/home/user/z"];

fn step() -> impl Strategy<Value = Step> {
    let path = 0..PATHS.len();
    prop_oneof![
        (path.clone(), 0..3000u64, 0..3000usize).prop_map(|(path, at, len)| Step::Write(path, at, len)),
        path.clone().prop_map(Step::Open),
        Just(Step::Close),
        path.clone().prop_map(Step::Unlink),
        (path.clone(), path.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
        path.clone().prop_map(Step::MakeDir),
        path.clone().prop_map(Step::RemoveDir),
        (path, 0..9000u64).prop_map(|(path, len)| Step::Truncate(path, len)),
    ]
}

/// The overlay file at a path, made writable as `open` does.
fn writable(fs: &mut Vfs, path: &str) -> Result<Ino> {
    match fs.get(path) {
        Ok(Node::File(ino)) => Ok(ino),
        Ok(Node::Shared(file)) => fs.copy_up(path, &file, 0),
        Ok(_) => Err(Errno::ISDIR),
        Err(_) => fs.create(path, 0),
    }
}

proptest! {
    #[test]
    fn what_is_charged_is_what_is_there(steps in proptest::collection::vec(step(), 0..60)) {
        let mut fs = vfs(ROOMY);
        let mut open = Vec::new();
        for step in steps {
            // Failures are answers too; what matters is the books afterwards.
            let _ = match step {
                Step::Write(path, at, len) => {
                    writable(&mut fs, PATHS[path]).and_then(|ino| fs.write_at(ino, at, &vec![1; len], 0))
                }
                Step::Open(path) => writable(&mut fs, PATHS[path]).map(|ino| {
                    fs.retain(ino);
                    open.push(ino);
                }),
                Step::Close => open.pop().map_or(Ok(()), |ino| {
                    fs.release(ino);
                    Ok(())
                }),
                Step::Unlink(path) => fs.unlink(PATHS[path]),
                Step::Rename(from, to) => fs.rename(PATHS[from], PATHS[to]),
                Step::MakeDir(path) => fs.make_dir(PATHS[path]),
                Step::RemoveDir(path) => fs.remove_dir(PATHS[path]),
                Step::Truncate(path, len) => {
                    writable(&mut fs, PATHS[path]).and_then(|ino| fs.truncate(ino, len, 0))
                }
            };
            let data: usize = fs.inodes.values().map(|inode| inode.data.len()).sum();
            let paths: usize = fs.overlay.keys().map(|path| path_cost(path)).sum();
            prop_assert_eq!(fs.used_bytes, data + paths);
            for dir in ["/", "/lib", "/tmp", "/tmp/d"] {
                for name in fs.list(dir).unwrap_or_default() {
                    prop_assert!(fs.get(&fs.normalise(Some(dir), &name)).is_ok());
                }
            }
        }
    }
}
