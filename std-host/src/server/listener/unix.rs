//! A Unix socket, from its file's beginning to its end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

use super::BACKLOG;

/// Makes a socket at `path`, where nobody may listen.
pub(super) fn bind(path: &Path, mode: Option<u32>) -> io::Result<(UnixListener, Made)> {
    let is_socket =
        fs::symlink_metadata(path).is_ok_and(|metadata| metadata.file_type().is_socket());
    if is_socket
        && UnixStream::connect(path)
            .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    {
        fs::remove_file(path)?;
    }
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    // From here on it goes again if anything fails.
    let file = Made::at(path)?;
    if let Some(mode) = mode {
        // Nobody can connect yet, because it does not listen.
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    socket.listen(BACKLOG)?;
    Ok((socket.into(), file))
}

/// Removes the socket that was made, if it is still there.
#[derive(Debug)]
pub(super) struct Made {
    path: PathBuf,
    /// Of the file: no other has the same while the socket is open.
    device_and_inode: (u64, u64),
}

impl Made {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.into(), device_and_inode: device_and_inode(path)? })
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let removed = match device_and_inode(&self.path) {
            Ok(found) if found == self.device_and_inode => fs::remove_file(&self.path),
            Ok(_) => return, // somebody else's
            Err(error) => Err(error),
        };
        if let Err(error) = removed {
            tracing::warn!("{} cannot be removed: {error}", self.path.display());
        }
    }
}

fn device_and_inode(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
