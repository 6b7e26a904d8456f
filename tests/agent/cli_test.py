#!/usr/bin/env python3
"""Promise: the command line answers with the documented exit codes, says what is wrong on standard
error, and keeps standard output for what was asked for. Usage: cli_test.py SPILLWAY (prints TAP)."""

import json
import resource
import subprocess
import sys

from tap_main import tap_main

SPILLWAY = sys.argv[1]

GOOD = """\
a1.sources = r1
a1.channels = c1
a1.sinks = k1
a1.sources.r1.type = seq
a1.sources.r1.channels = c1
a1.channels.c1.type = memory
a1.sinks.k1.type = null
a1.sinks.k1.channel = c1
"""
BAD = GOOD.replace("= memory", "= memory\na1.channels.c1.capacity = lots")
NOTICED = GOOD + "a1.sources.r1.config = stub\n"

FINE, BAD_USAGE, BAD_CONFIG = 0, 2, 78


def run(*arguments):
    return subprocess.run([SPILLWAY, *arguments], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)


def expect(done, code, out="", err=""):
    """The exit code, and a text that each stream contains ("" for anything)."""
    assert done.returncode == code, f"exit {done.returncode}, expected {code}: {done}"
    assert out in done.stdout, f"{out!r} is not in {done.stdout!r}"
    assert err in done.stderr, f"{err!r} is not in {done.stderr!r}"


def test_version_and_help_are_fine(_):
    expect(run("version"), FINE, "spillway ")
    expect(run("--version"), FINE, "spillway ")
    expect(run("help"), FINE, "Subcommands:")
    expect(run("--help"), FINE, "Subcommands:")
    expect(run("help", "check"), FINE, "Usage: spillway check")
    expect(run("agent", "--help"), FINE, "--no-reload-conf")


def test_bad_usage_is_two_and_on_standard_error(_):
    for arguments in ([], ["fly"], ["agent"], ["agent", "-n", "a1"], ["check"], ["help", "fly"],
                      ["check", "-f"], ["components", "--json", "--markdown"],
                      ["components", "nothing_of_that_name"],
                      ["agent", "-n", "a1", "-f", "x", "--log-format", "xml"],
                      ["agent", "-n", "a1", "-f", "x", "-i", "-1"]):
        done = run(*arguments)
        expect(done, BAD_USAGE)
        assert done.stderr and not done.stdout, f"{arguments}: {done}"


def test_check_accepts_a_good_file(dir):
    path = write(dir, GOOD)
    expect(run("check", "-f", path), FINE, "accepted: 0 errors, 0 notices; agents: a1")
    expect(run("check", "--conf-file", path, "--name", "a1"), FINE, "accepted")


def test_check_names_the_line_of_a_mistake(dir):
    path = write(dir, BAD)
    expect(run("check", "-f", path), BAD_CONFIG,
           f'{path}:7: a1.channels.c1.capacity: "lots" is not a whole number\nrefused: 1 error')
    expect(run("check", "-f", path, "-n", "b1"), BAD_CONFIG, 'no agent "b1" is configured')
    expect(run("check", "-f", str(dir / "none")), BAD_CONFIG, "No such file or directory")
    expect(run("check", "-f", write(dir, "")), BAD_CONFIG, "no agent is configured")


def test_check_asks_the_components_too(dir):
    """What only create() knows: a rule across options."""
    path = write(dir, GOOD + "a1.channels.c1.byteCapacity = 1\n")
    expect(run("check", "-f", path), BAD_CONFIG, f"{path}:6: a1.channels.c1: byteCapacity")


def test_strict_check_fails_on_a_notice(dir):
    path = write(dir, NOTICED)
    expect(run("check", "-f", path), FINE, "a1.sources.r1.config: notice: has no effect")
    expect(run("check", "-f", path, "--strict"), BAD_CONFIG, "refused: 0 errors, 1 notice")


def test_check_speaks_json(dir):
    path = write(dir, BAD)
    done = run("check", "--json", "-f", path)
    expect(done, BAD_CONFIG)
    report = json.loads(done.stdout)
    assert report["accepted"] is False and report["agents"] == ["a1"], report
    assert report["problems"] == [{
        "file": path, "line": 7, "key": "a1.channels.c1.capacity",
        "reason": '"lots" is not a whole number', "severity": "error"}], report


def test_several_files_are_merged(dir):
    base = write(dir, BAD, "base.conf")
    site = write(dir, "a1.channels.c1.capacity = 200\n", "site.conf")
    expect(run("check", "-f", base, "-f", site), FINE)


def test_agent_refuses_a_bad_configuration_before_it_starts(dir):
    path = write(dir, BAD)
    done = run("agent", "-n", "a1", "-f", path)
    expect(done, BAD_CONFIG, err=f"{path}:7: a1.channels.c1.capacity:")
    assert not done.stdout, done


def test_agent_takes_the_flags_of_flume(dir):
    flags = ["-c", "conf", "-C", "x.jar", "--plugins-path", "p", "-Xmx20m", "-z", "zk:2181",
             "-p", "/flume", "--no-reload-conf", "-i", "5", "-Dflume.root.logger=DEBUG,console",
             "-Dflume.monitoring.type=http", "-Dflume.monitoring.port=0", "-Dflume.some.key=1", "-Dorg.apache.flume.log.rawdata=true",
             "--log-format", "json"]
    done = run("agent", "--name", "a1", "--conf-file", write(dir, BAD), *flags)
    expect(done, BAD_CONFIG, err="notice: -Dflume.some.key has no effect")
    expect(done, BAD_CONFIG, err="notice: -Dorg.apache.flume.log.rawdata has no effect")
    expect(done, BAD_CONFIG, err="notice: -Xmx20m has no effect")
    expect(done, BAD_CONFIG, err="notice: -z and -p have no effect")


def test_agent_takes_every_flag_of_flume_1_11(dir):
    path = write(dir, BAD)
    for flags, notice in ((["-a", "Class"], "--auth-provider has no effect"),
                          (["-prov", "Class"], "--conf-provider has no effect"),
                          (["-user", "u"], "--conf-user and --conf-password have no effect"),
                          (["-javaagent:x.jar=1"], "-javaagent:x.jar=1 has no effect"),
                          (["-agentlib:jdwp"], "-agentlib:jdwp has no effect"),
                          (["-p/flume"], "-z and -p have no effect")):
        for command in ("agent", "node"):
            done = run(command, "-na1", f"--conf-file={path}", *flags)
            expect(done, BAD_CONFIG, err=f"notice: {notice}")
            expect(done, BAD_CONFIG, err=f"{path}:7: a1.channels.c1.capacity")
    expect(run("agent", "-n", "a1", "-f"), BAD_USAGE)


def test_agent_reads_uris_of_files(dir):
    path = write(dir, BAD, "base.conf")
    for uri in (f"file://{path}", f"file:{path}", path, "classpath://base.conf"):
        expect(run("agent", "-n", "a1", "-c", str(dir), "-u", uri), BAD_CONFIG,
               err="base.conf:7: a1.channels.c1.capacity")
    # URIs come first, whatever the order on the command line.
    site = write(dir, "a1.channels.c1.capacity = many\n", "site.conf")
    expect(run("agent", "-n", "a1", "-f", site, "--conf-uri", f"file://{path}"), BAD_CONFIG,
           err=f"{site}:1: a1.channels.c1.capacity")


def test_agent_takes_flags_from_flume_opts(dir):
    base = write(dir, BAD, "base.conf")
    site = write(dir, "a1.sources.r1.batchSize = none\n", "site.conf")
    write(dir, f"conf-file = {base}\nconf-file = {site}\nname = a1\nno-reload-conf = true\n",
          "flume.opts")
    done = run("agent", "-c", str(dir))
    expect(done, BAD_CONFIG, err=f"notice: flags are taken from {dir}/flume.opts, too")
    expect(done, BAD_CONFIG, err=f"{base}:7: a1.channels.c1.capacity")
    expect(done, BAD_CONFIG, err=f"{site}:1: a1.sources.r1.batchSize")
    # What the command line says counts.
    expect(run("agent", "-c", str(dir), "-n", "b1"), BAD_CONFIG, err='no agent "b1"')
    write(dir, "verbose = true\n", "flume.opts")
    expect(run("agent", "-c", str(dir)), BAD_USAGE, err="flume.opts:1: verbose: no such flag")


def test_dry_run_of_the_agent_is_a_check(dir):
    expect(run("agent", "-d", "-n", "a1", "-f", write(dir, GOOD)), FINE, "accepted: 0 errors")
    expect(run("agent", "--dryrun", "-n", "a1", "-f", write(dir, BAD)), BAD_CONFIG, "refused: 1")


def test_check_compares_connections_with_the_limit_of_open_files(dir):
    path = write(dir, GOOD.replace("= seq", "= netcat\na1.sources.r1.bind = localhost\n"
                                   "a1.sources.r1.port = 0\n"
                                   "a1.sources.r1.maxConnections = 1000000"))
    expect(run("check", "-f", write(dir, GOOD, "good.conf")), FINE, "0 notices")

    def few_files():
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 1000))

    done = subprocess.run([SPILLWAY, "check", "-f", path], capture_output=True, text=True,
                          timeout=60, check=False, preexec_fn=few_files)
    expect(done, FINE, "a1.sources: notice: the sources accept 1000000 connections together and "
           "this process may open 1000 files")


def test_agent_refuses_properties_it_cannot_honour(dir):
    path = write(dir, GOOD)
    for flag in ("-Dflume.root.logger=LOUD", "-Dflume.monitoring.type=ganglia",
                 "-DpropertiesImplementation=com.example.Resolver"):
        expect(run("agent", "-n", "a1", "-f", path, flag), BAD_USAGE, err=flag)
    expect(run("agent", "-n", "a1", "-f", path, "-Dflume.monitoring.type=http",
               "-Dflume.monitoring.port=70000"), BAD_USAGE, err="not a port number")


def test_check_replaces_variables_and_hides_what_filters_say(dir):
    text = GOOD.replace("= memory", "= memory\na1.channels.c1.capacity = ${env:CAPACITY:-100}")
    expect(run("check", "-f", write(dir, text)), FINE, "accepted")
    text = text.replace("${env:CAPACITY:-100}", "${f['PATH']}")
    done = run("check", "-f", write(dir, text + "a1.configfilters = f\na1.configfilters.f.type = env\n"))
    expect(done, BAD_CONFIG, "a1.channels.c1.capacity: *** is not a whole number")
    text = GOOD.replace("= memory", "= memory\na1.channels.c1.capacity = ${sys:cap}")
    expect(run("check", "-f", write(dir, text), "-Dcap=500"), FINE, "accepted")
    expect(run("check", "-f", write(dir, text)), BAD_CONFIG, "-Dcap=")


def test_check_without_the_environment_leaves_out_what_depends_on_it(dir):
    text = GOOD.replace("= memory", "= memory\na1.channels.c1.capacity = ${env:NO_SUCH_VARIABLE}")
    expect(run("check", "-f", write(dir, text)), BAD_CONFIG, "NO_SUCH_VARIABLE")
    expect(run("check", "--no-env", "-f", write(dir, text)), FINE, "accepted")
    text = GOOD.replace("= null", "= file_roll\na1.sinks.k1.sink.directory = /proc/1/none")
    expect(run("check", "-f", write(dir, text)), BAD_CONFIG, "a1.sinks.k1.sink.directory: ")
    expect(run("check", "--no-env", "-f", write(dir, text)), FINE, "accepted")


def test_graph_draws_in_three_languages(dir):
    path = write(dir, GOOD)
    expect(run("graph", "-f", path), FINE, "<svg ")
    expect(run("graph", "-f", path, "--format", "dot"), FINE, '"source r1" -> "channel c1"')
    expect(run("graph", "-f", path, "-n", "a1", "--format", "mermaid"), FINE, "flowchart LR")
    expect(run("graph", "-f", path, "-n", "b1"), BAD_CONFIG, err="no agent")
    expect(run("graph", "-f", write(dir, BAD)), BAD_CONFIG, err=":7: ")
    expect(run("graph", "-f", path, "--format", "gif"), BAD_USAGE)


def test_components_lists_every_type(_):
    expect(run("components"), FINE, "memory")
    expect(run("components", "MEMORY"), FINE, "transactionCapacity")
    expect(run("components", "org.apache.flume.sink.NullSink"), FINE, "sink null")
    expect(run("components", "memry"), BAD_USAGE, err='did you mean "memory"?')
    expect(run("components", "--markdown"), FINE, "## Channel `memory`")
    listed = json.loads(run("components", "--json").stdout)
    assert {"kind", "name", "java_class", "help", "options", "runner_options"} <= set(listed[0])
    assert [item["name"] for item in listed if item["kind"] == "channel"] == sorted(
        item["name"] for item in listed if item["kind"] == "channel")


def write(dir, text, name="agent.conf"):
    path = dir / name
    path.write_text(text)
    return str(path)


if __name__ == "__main__":
    tap_main(globals())
