"""rsyslog and syslog-ng of Debian, unpacked beside each other: their packages refuse to be installed
together, and neither daemon shall become that of the machine."""

import dataclasses
import pathlib
import shutil
import subprocess


class Unavailable(Exception):
    """This machine lacks something; the text says what."""


@dataclasses.dataclass(frozen=True)
class Package:
    name: str
    program: str  # below the folder it is unpacked in
    installed: str  # where Debian has it


RSYSLOG = Package("rsyslog", "usr/sbin/rsyslogd", "/usr/sbin/rsyslogd")
SYSLOG_NG = Package("syslog-ng-core", "usr/sbin/syslog-ng", "/usr/sbin/syslog-ng")


def run(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as problem:
        raise Unavailable(f"{command[0]}: {problem.strerror}") from problem
    if done.returncode != 0:
        words = " ".join((done.stderr or done.stdout).split())
        raise Unavailable(f"{' '.join(str(word) for word in command)}: {words[-500:]}")


def provide(package, place, bring=run):
    """The root folder that holds the package's files: "/" when it is installed, or below `place`."""
    if pathlib.Path(package.installed).exists():
        return pathlib.Path("/")
    root = place / package.name
    if (root / package.program).exists():
        return root
    folder = place / f"{package.name}.new"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    bring(["apt-get", "download", "-qq", package.name], folder)
    archives = list(folder.glob("*.deb"))
    if len(archives) != 1:
        raise Unavailable(f"apt-get download {package.name}: {len(archives)} files")
    bring(["dpkg", "-x", archives[0], folder], folder)
    if not (folder / package.program).exists():
        raise Unavailable(f"{package.name}: {package.program} is not in it")
    shutil.rmtree(root, ignore_errors=True)
    folder.rename(root)
    return root
