"""Network file systems are detected."""

from pathlib import Path

import pytest

from app.database.sqlite.filesystem import network_filesystem

ROOT = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"


def _mount(point: str, kind: str, *optional: str) -> str:
    fields = ["36", "22", "0:30", "/", point, "rw,noatime", *optional, "-", kind, "source", "rw"]
    return " ".join(fields)


@pytest.mark.parametrize(
    "kind",
    [
        *("nfs", "nfs4", "9p", "virtiofs", "cifs", "smb3", "smbfs", "afs", "ceph", "lustre"),
        *("fuse.sshfs", "fuse.glusterfs", "fuse.grpcfuse", "gfs2", "ocfs2"),
    ],
)
def test_names_a_network_file_system(kind: str) -> None:
    mounts = "\n".join([ROOT, _mount("/data", kind)])
    assert network_filesystem(Path("/data/contacts"), mounts) == kind
    assert network_filesystem(Path("/data"), mounts) == kind
    assert network_filesystem(Path("/elsewhere"), mounts) is None


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "apfs", "fuseblk", "fuse.mergerfs"]
)
def test_accepts_a_local_file_system(kind: str) -> None:
    mounts = "\n".join([ROOT, _mount("/data", kind)])
    assert network_filesystem(Path("/data/contacts"), mounts) is None


def test_the_innermost_mount_takes_precedence() -> None:
    mounts = "\n".join([ROOT, _mount("/srv", "nfs4"), _mount("/srv/local", "xfs")])
    assert network_filesystem(Path("/srv/remote"), mounts) == "nfs4"
    assert network_filesystem(Path("/srv/local/contacts"), mounts) is None


def test_the_order_of_the_lines_does_not_matter_to_nesting() -> None:
    mounts = "\n".join([_mount("/srv/local", "xfs"), _mount("/srv", "nfs4"), ROOT])
    assert network_filesystem(Path("/srv/local/contacts"), mounts) is None
    assert network_filesystem(Path("/srv"), mounts) == "nfs4"


def test_a_later_mount_hides_one_on_the_same_point() -> None:
    mounts = "\n".join([ROOT, _mount("/data", "ext4"), _mount("/data", "cifs")])
    assert network_filesystem(Path("/data"), mounts) == "cifs"
    mounts = "\n".join([ROOT, _mount("/data", "cifs"), _mount("/data", "ext4")])
    assert network_filesystem(Path("/data"), mounts) is None


def test_a_folder_with_the_same_prefix_is_another_folder() -> None:
    mounts = "\n".join([ROOT, _mount("/data", "nfs")])
    assert network_filesystem(Path("/database"), mounts) is None


def test_reads_escaped_points() -> None:
    mounts = "\n".join([ROOT, _mount(r"/my\040shared\011data\134x", "9p")])
    assert network_filesystem(Path("/my shared\tdata\\x/contacts"), mounts) == "9p"


@pytest.mark.parametrize("optional", [(), ("shared:5",), ("shared:5", "master:2")])
def test_reads_any_number_of_optional_fields(optional: tuple[str, ...]) -> None:
    assert network_filesystem(Path("/data"), _mount("/data", "virtiofs", *optional)) == "virtiofs"


def test_a_network_root_contains_every_folder() -> None:
    assert network_filesystem(Path("/var/data"), _mount("/", "nfs4")) == "nfs4"


def test_follows_a_link_to_where_the_folder_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "shared")
    mounts = "\n".join([ROOT, _mount(str(tmp_path.resolve() / "shared"), "nfs")])
    assert network_filesystem(tmp_path / "link", mounts) == "nfs"


def test_without_a_mount_table_everything_is_local() -> None:
    assert network_filesystem(Path("/data"), "") is None


def test_the_folder_of_these_tests_is_local(tmp_path: Path) -> None:
    assert network_filesystem(tmp_path) is None
