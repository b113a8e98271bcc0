"""Types of file systems, and whether their locks reach other machines."""

from __future__ import annotations

from pathlib import Path

#: Where several machines see one file but not each other's locks and shared memory.
NETWORK = frozenset(
    {
        *(
            "9p",
            "afs",
            "beegfs",
            "ceph",
            "cifs",
            "davfs",
            "gfs2",
            "glusterfs",
            "gpfs",
            "lustre",
            "nfs",
            "nfs4",
            "ocfs2",
        ),
        *("orangefs", "panfs", "pvfs2", "smb3", "smbfs"),
        *("fuse.ceph", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"),
    }
)


def filesystem_type(path: Path, mounts: str | None = None) -> str:
    """Return the type of the file system that holds a path (``ext4``, ``nfs4``); empty if it is unknown."""
    place, best, found = path.resolve(), -1, ""
    for line in (_mounts() if mounts is None else mounts).splitlines():
        fields = line.split()
        mount = Path(_unescape(fields[1]))
        # Of two mounts on one folder the later one is seen.
        if place.is_relative_to(mount) and len(mount.parts) >= best:
            best, found = len(mount.parts), fields[2]
    return found


def _mounts() -> str:
    try:
        return Path("/proc/mounts").read_text(errors="surrogateescape")
    except OSError:
        return ""


def _unescape(mount: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        mount = mount.replace(code, character)
    return mount
