#!/usr/bin/python3
"""Packs files of this machine into a container image: no registry, no base image, no daemon.

image.py NAME:TAG OUT.tar --entrypoint /usr/bin/app [options] SRC=DST ...

A SRC may be a program, whose shared libraries (as ldd names them) come along, or a folder. With --system the
image also holds what programs expect of a system: time zones, CA certificates, /etc/passwd and an empty /tmp.
The archive is what `docker load`, `podman load` and `ctr images import` take. The same files give the same
bytes: entries are sorted, owned by root and dated 1970.
"""
import argparse
import hashlib
import io
import json
import os
import pathlib
import platform
import re
import stat
import subprocess
import tarfile

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ZONES = pathlib.Path("/usr/share/zoneinfo")
SYSTEM_TEXT = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n",
    "etc/group": "root:x:0:\nnonroot:x:65532:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


class Layer:
    """What goes into the image: name in the image -> tar entry and content."""

    def __init__(self):
        self._entries = {}

    def add(self, name, data=b"", mode=0o644, kind=tarfile.REGTYPE, link=""):
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode, entry.type, entry.linkname = len(data), mode, kind, link
        self._entries[name] = (entry, data)

    def add_path(self, source, name):
        """A file with its mode, or a folder with all below it; links stay links."""
        source = pathlib.Path(source)
        if source.is_dir():
            for child in sorted(source.iterdir()):
                self.add_entry(child, f"{name}/{child.name}")
        else:
            self.add(name, source.read_bytes(), stat.S_IMODE(source.stat().st_mode))

    def add_entry(self, source, name):
        if source.is_symlink():
            self.add(name, mode=0o777, kind=tarfile.SYMTYPE, link=os.readlink(source))
        else:
            self.add_path(source, name)

    def pack(self):
        for name in list(self._entries):
            for folder in list(pathlib.PurePosixPath(name).parents)[:-1]:
                if str(folder) not in self._entries:
                    self.add(str(folder), mode=0o755, kind=tarfile.DIRTYPE)
        return pack(self._entries[name] for name in sorted(self._entries))


def pack(entries):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for entry, data in entries:
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def libraries(program):
    """The shared libraries of a program, its loader too, by the names it looks for them."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True)
    missing = re.findall(r"(\S+) => not found", listed.stdout)
    if missing:
        raise SystemExit(f"image: {program} needs {', '.join(missing)}, which this machine lacks")
    return re.findall(r"(?:=> )?(/\S+) \(0x", listed.stdout)


def add_system(layer):
    for name, text in SYSTEM_TEXT.items():
        layer.add(name, text.encode())
    layer.add("tmp", mode=0o1777, kind=tarfile.DIRTYPE)
    layer.add_path("/etc/ssl/certs/ca-certificates.crt", "etc/ssl/certs/ca-certificates.crt")
    for path in sorted(ZONES.iterdir()):
        if path.name not in ("posix", "right", "localtime", "posixrules"):  # the same again, or this machine's
            layer.add_entry(path, f"usr/share/zoneinfo/{path.name}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="NAME:TAG of the image")
    parser.add_argument("out", help="the archive to write")
    parser.add_argument("files", nargs="+", metavar="SRC=DST")
    parser.add_argument("--entrypoint", required=True, help="program and arguments, in one word")
    parser.add_argument("--user", default="", help="UID or UID:GID (default: root)")
    parser.add_argument("--system", action="store_true", help="add time zones, CA certificates, /etc/passwd, /tmp")
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    args = parser.parse_args()

    layer = Layer()
    if args.system:
        add_system(layer)
    for source, name in (item.split("=", 1) for item in args.files):
        for library in libraries(source) if os.path.isfile(source) else []:
            layer.add_path(library, library.lstrip("/"))
        layer.add_path(source, name.lstrip("/"))
    layer = layer.pack()
    digest = hashlib.sha256(layer).hexdigest()
    config = json.dumps({
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {
            "Entrypoint": args.entrypoint.split(),
            "User": args.user,
            "Env": [f"PATH={PATH}"],
            "Labels": dict(label.split("=", 1) for label in args.label),
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }).encode()
    identity = hashlib.sha256(config).hexdigest()
    manifest = json.dumps([{"Config": f"{identity}.json", "RepoTags": [args.name], "Layers": [f"{digest}.tar"]}])
    image = Layer()
    image.add(f"{identity}.json", config)
    image.add(f"{digest}.tar", layer)
    image.add("manifest.json", manifest.encode())
    aside = args.out + ".part"
    pathlib.Path(aside).write_bytes(image.pack())
    os.replace(aside, args.out)
    print(f"{args.name}  sha256:{identity}  {len(layer) / 1e6:.1f} MB  {args.out}")


if __name__ == "__main__":
    main()
