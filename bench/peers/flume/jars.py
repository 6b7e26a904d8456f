"""The jars that Flume's file channel needs: which ones (jars.txt), and that they are what they were.

Maven brings them from Maven Central, or from the mirror of its settings; they stay in a folder of
their own and are checked before every use. Nothing of them is part of this repository.
"""

import dataclasses
import hashlib
import pathlib
import re
import shutil
import subprocess
import tempfile
import xml.sax.saxutils

LIST = pathlib.Path(__file__).with_name("jars.txt")
# Named whole, so that every machine runs the same one.
COPY = "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies"
FETCH_SECONDS_MAX = 900
LINE = re.compile(r"([\w.-]+):([\w.-]+):([\w.-]+)\s+([0-9a-f]{64})$")


class Unavailable(Exception):
    """This machine lacks what it takes; nothing is wrong with what it has."""


class JarError(Exception):
    """A jar, or the list of them, is not what it should be."""


@dataclasses.dataclass(frozen=True)
class Jar:
    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self):
        return f"{self.artifact}-{self.version}.jar"


def read_list(text):
    """The jars of jars.txt: `group:artifact:version sha256` per line; # begins a comment."""
    jars = []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.partition("#")[0].strip()
        if not line:
            continue
        match = LINE.match(line)
        if match is None:
            raise JarError(f"jars.txt:{number}: not `group:artifact:version sha256`")
        jars.append(Jar(*match.groups()))
    if not jars:
        raise JarError("jars.txt: no jars")
    return jars


def check(jar, folder):
    """Raises JarError unless the jar is there, and is the one of the list."""
    path = folder / jar.file_name
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as problem:
        raise JarError(f"{path}: {problem.strerror}") from problem
    if found != jar.sha256:
        raise JarError(f"{path}: refused: its SHA-256 is {found}, jars.txt says {jar.sha256}; "
                       "delete it to fetch it again")


def pom(jars):
    """A project that depends on these jars and on nothing they depend on."""
    dependencies = "".join(
        "<dependency>"
        + "".join(f"<{tag}>{xml.sax.saxutils.escape(value)}</{tag}>" for tag, value in (
            ("groupId", jar.group), ("artifactId", jar.artifact), ("version", jar.version)))
        + "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion>"
        "</exclusions></dependency>\n" for jar in jars)
    return ('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>\n'
            "<groupId>spillway</groupId><artifactId>flume-peer</artifactId><version>1</version>\n"
            f"<dependencies>\n{dependencies}</dependencies></project>\n")


def run_maven(jars, folder):
    """Has Maven copy the jars to `folder`."""
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("Maven is missing (.ci/install bench)")
    project = folder / "pom.xml"
    project.write_text(pom(jars))
    try:
        done = subprocess.run([maven, "-B", "-q", "-f", project, COPY, f"-DoutputDirectory={folder}"],
                              capture_output=True, text=True, check=False, timeout=FETCH_SECONDS_MAX)
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"Maven did not bring the jars within {FETCH_SECONDS_MAX} s") from late
    if done.returncode != 0:
        lines = [line for line in done.stdout.splitlines() if "[ERROR] " in line]
        why = lines[0].partition("[ERROR] ")[2] if lines else f"exit status {done.returncode}"
        raise Unavailable(f"Maven did not bring the jars: {why}")


def provide(jars, folder, bring=run_maven):
    """Checks the jars in `folder` and fetches those that are missing; the class path."""
    missing = [jar for jar in jars if not (folder / jar.file_name).exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as name:
            fresh = pathlib.Path(name)
            bring(missing, fresh)
            for jar in missing:
                check(jar, fresh)
            for jar in missing:
                (fresh / jar.file_name).rename(folder / jar.file_name)
    for jar in jars:
        check(jar, folder)
    return ":".join(str(folder / jar.file_name) for jar in jars)
