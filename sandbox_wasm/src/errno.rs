//! Error numbers of the guest's C library (Emscripten uses the WASI numbering).

/// An error number as the guest sees it, positive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(pub i32);

impl Errno {
    /// Address family not supported: there is no network.
    pub const AFNOSUPPORT: Self = Self(5);
    /// Bad file descriptor.
    pub const BADF: Self = Self(8);
    /// File exists.
    pub const EXIST: Self = Self(20);
    /// A pointer or length outside the guest's memory.
    pub const FAULT: Self = Self(21);
    /// Invalid argument.
    pub const INVAL: Self = Self(28);
    /// The host could not read a file of the image.
    pub const IO: Self = Self(29);
    /// Is a directory.
    pub const ISDIR: Self = Self(31);
    /// Too many open files.
    pub const MFILE: Self = Self(33);
    /// Name too long.
    pub const NAMETOOLONG: Self = Self(37);
    /// No such file or directory.
    pub const NOENT: Self = Self(44);
    /// Out of memory.
    pub const NOMEM: Self = Self(48);
    /// The session's overlay is full.
    pub const NOSPC: Self = Self(51);
    /// The host does not offer this call.
    pub const NOSYS: Self = Self(52);
    /// Not a directory.
    pub const NOTDIR: Self = Self(54);
    /// Directory not empty.
    pub const NOTEMPTY: Self = Self(55);
    /// Not a terminal.
    pub const NOTTY: Self = Self(59);
    /// Operation not permitted.
    pub const PERM: Self = Self(63);
    /// The caller's buffer is too small.
    pub const RANGE: Self = Self(68);
    /// Cannot seek.
    pub const SPIPE: Self = Self(70);
}
