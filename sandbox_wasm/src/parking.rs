//! Idle sessions, moved to files: a session that is not used costs no memory, and its next cell brings it back.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::time::Duration;

use crate::checkpoint::Checkpoint;
use crate::error::{Error, Result};
use crate::live::Live;
use crate::random::Random;
use crate::saved;
use crate::session::Shared;

/// A checkpoint in a file, which goes when the last session that needs it does.
pub struct Parked(PathBuf);

impl Parked {
    /// Writes it.
    pub fn save(checkpoint: &Checkpoint, shared: &Shared, dir: &Path) -> Result<Self> {
        let path = dir.join(format!("{:016x}", Random::draw_seed()));
        saved::save(checkpoint, shared.identity()?, &path)?;
        Ok(Self(path))
    }

    /// Reads it again.
    pub fn load(&self, shared: &Shared) -> Result<Checkpoint> {
        saved::load(&self.0, &shared.image, shared.identity()?)
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        // Left behind, it is a file in a folder that goes with the sandbox.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The sessions of a sandbox that may become idle, and the thread that looks after them.
pub struct Parking {
    sessions: Arc<Mutex<Vec<Weak<Mutex<Live>>>>>,
    dir: PathBuf,
    /// Its end ends the thread.
    _alive: mpsc::Sender<()>,
}

impl Parking {
    /// Parks sessions that are not used for `idle`, in a new folder of the system's temporary one.
    pub fn start(idle: Duration) -> Result<Self> {
        let name = format!("mathforge-idle-{}-{:016x}", std::process::id(), Random::draw_seed());
        let dir = std::env::temp_dir().join(name);
        create_private(&dir).map_err(Error::file(&dir))?;
        let sessions = Arc::new(Mutex::new(Vec::<Weak<Mutex<Live>>>::new()));
        let (alive, ended) = mpsc::channel();
        let (all, folder) = (Arc::clone(&sessions), dir.clone());
        std::thread::Builder::new()
            .name("mathforge-parking".into())
            .spawn(move || {
                let pause = (idle / 4).clamp(Duration::from_millis(20), Duration::from_secs(5));
                while ended.recv_timeout(pause) == Err(mpsc::RecvTimeoutError::Timeout) {
                    let sessions: Vec<_> = match all.lock() {
                        Ok(sessions) => sessions.iter().filter_map(Weak::upgrade).collect(),
                        Err(_) => return,
                    };
                    for session in sessions {
                        // One that is locked is at work. One that cannot be saved stays in memory.
                        if let Ok(mut live) = session.try_lock() {
                            let _ = live.park(idle, &folder);
                        }
                    }
                }
            })
            .map_err(|source| Error::File { path: "thread".into(), source })?;
        Ok(Self { sessions, dir, _alive: alive })
    }

    /// Looks after a session as well.
    pub fn add(&self, live: &Arc<Mutex<Live>>) {
        if let Ok(mut sessions) = self.sessions.lock() {
            sessions.retain(|session| session.strong_count() > 0);
            sessions.push(Arc::downgrade(live));
        }
    }
}

impl Drop for Parking {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

#[cfg(unix)]
fn create_private(dir: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().mode(0o700).create(dir)
}

#[cfg(not(unix))]
fn create_private(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir(dir)
}
