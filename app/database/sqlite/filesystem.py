"""Detects network file systems, on which a write-ahead log is not safe."""

import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\w*|9p|virtiofs|afs|ceph|lustre|gfs2?|ocfs2"
    r"|fuse\.(sshfs|glusterfs|s3fs|rclone|gcsfuse|ceph.*|davfs\d?|grpcfuse|vmhgfs.*)"
)


def network_filesystem(folder: Path, mounts: str | None = None) -> str | None:
    """Return the type of the network file system that holds `folder`, None for a local one.

    `mounts` is a text in the form of /proc/self/mountinfo (proc(5)); where the platform has
    none, everything counts as local.
    """
    if mounts is None:
        mounts = _MOUNTS.read_text(errors="replace") if _MOUNTS.exists() else ""
    folder = folder.resolve()
    best, found = -1, None
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(_unescaped(before.split(" ")[4]))
        # Later mounts on the same point hide earlier ones.
        if folder.is_relative_to(point) and len(point.parts) >= best:
            best, found = len(point.parts), after.split(" ")[0]
    return found if found and _NETWORK.fullmatch(found) else None


def _unescaped(point: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), point)
