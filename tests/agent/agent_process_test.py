#!/usr/bin/env python3
"""Promise: a running agent answers signals as documented, drains what would be lost, and its status
port tells the truth meanwhile. Usage: agent_process_test.py SPILLWAY (prints TAP)."""

import json
import pathlib
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

from tap_main import tap_main

SPILLWAY = sys.argv[1]
DEADLINE_S = 60  # generous: reached only when something hangs


def config(folder, source, channel="type = memory\ncapacity = 100000", sink=None):
    sink = sink or f"type = file_roll\nsink.directory = {folder}/out\nsink.rollInterval = 0"
    lines = ["a1.sources = r1", "a1.channels = c1", "a1.sinks = k1", "a1.sources.r1.channels = c1",
             "a1.sinks.k1.channel = c1"]
    for prefix, text in (("sources.r1", source), ("channels.c1", channel), ("sinks.k1", sink)):
        lines += [f"a1.{prefix}.{line}" for line in text.splitlines()]
    (folder / "out").mkdir()
    path = folder / "agent.conf"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


class Agent:
    """A spillway process whose log lines (JSON, standard error) can be waited for."""

    def __init__(self, conf, *flags, preexec_fn=None):
        self.lines = []
        self.grown = threading.Condition()
        self.process = subprocess.Popen(
            [SPILLWAY, "agent", "-n", "a1", "-f", conf, "--log-format", "json", *flags],
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, preexec_fn=preexec_fn)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()

    def read(self):
        for line in self.process.stderr:
            with self.grown:
                self.lines.append(json.loads(line) if line.startswith("{") else {"id": line})
                self.grown.notify_all()

    def find(self, log_id):
        return next((line for line in self.lines if line["id"] == log_id), None)

    def wait_log(self, log_id):
        with self.grown:
            found = self.grown.wait_for(lambda: self.find(log_id), DEADLINE_S)
        assert found, f"no {log_id} in {self.lines}"
        return found

    def signal(self, number):
        self.process.send_signal(number)

    def wait_exit(self, code):
        got = self.process.wait(DEADLINE_S)
        self.reader.join()
        assert got == code, f"exit {got}, expected {code}: {self.lines[-5:]}"

    def get(self, path):
        url = self.wait_log("agent.status_port")["url"].replace("0.0.0.0", "127.0.0.1")
        try:
            with urllib.request.urlopen(url.rstrip("/") + path, timeout=DEADLINE_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def wait_ready(self):
        wait_until(lambda: self.get("/readyz")[0] == 200)


STATUS = ("-Dflume.monitoring.type=http", "-Dflume.monitoring.port=0",
          "-Dflume.monitoring.bind=127.0.0.1")


def wait_until(condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.01)


def read_exactly(client, count):
    data = b""
    while len(data) < count:
        piece = client.recv(65536)
        if not piece:
            return data
        data += piece
    return data


def delivered(folder):
    return [line for path in sorted((folder / "out").iterdir())
            for line in path.read_text().splitlines()]


def limit_file_size():
    # Every write of the sink beyond 10 bytes fails: a disk that is full for good.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def test_sigterm_drains_the_memory_channel_and_exits_0(folder):
    conf = config(folder, "type = seq\ntotalEvents = 20000\nbatchSize = 100")
    with Agent(conf) as agent:
        agent.wait_log("source.finished")
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)
        assert agent.lines[-1]["id"] == "agent.stopped", agent.lines[-1]
    assert delivered(folder) == [str(n) for n in range(20000)]


def test_limit_of_open_files_is_raised_and_compared_with_connections(folder):
    conf = config(folder, "type = netcat\nbind = 127.0.0.1\nport = 0")
    for hard, is_enough in ((4300, True), (4000, False)):
        def few_files(hard=hard):
            resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

        with Agent(conf, preexec_fn=few_files) as agent:
            line = agent.wait_log("agent.open_files")
            assert (line["before"], line["limit"]) == (256, hard), line
            agent.wait_log("tcp.listening")
            if is_enough:
                limits = pathlib.Path(f"/proc/{agent.process.pid}/limits").read_text()
                assert f"Max open files            {hard} " in limits, limits
            assert bool(agent.find("agent.open_files_few")) != is_enough
            agent.signal(signal.SIGTERM)
            agent.wait_exit(0)


def test_sigint_stops_a_source_that_never_ends(folder):
    with Agent(config(folder, "type = seq"), *STATUS) as agent:
        agent.wait_ready()
        agent.signal(signal.SIGINT)
        agent.wait_exit(0)
    lines = delivered(folder)
    assert lines == [str(n) for n in range(len(lines))]


def test_second_signal_cuts_a_drain_that_cannot_succeed_short(folder):
    conf = config(folder, "type = seq\ntotalEvents = 1000")
    # A drain that went on would outlast wait_exit().
    with Agent(conf, "--drain-timeout", "3600", preexec_fn=limit_file_size) as agent:
        agent.wait_log("sink.deliver_failed")
        agent.wait_log("source.finished")
        agent.signal(signal.SIGTERM)
        agent.wait_log("agent.draining")
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)
        assert agent.find("memory_channel.dropped"), agent.lines


def test_drain_timeout_bounds_the_stop(folder):
    conf = config(folder, "type = seq\ntotalEvents = 1000")
    with Agent(conf, "--drain-timeout", "1", preexec_fn=limit_file_size) as agent:
        agent.wait_log("sink.deliver_failed")
        begin = time.monotonic()
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)
        assert 1 <= time.monotonic() - begin < 9, "the drain did not end at its deadline"


def test_sighup_without_a_change_changes_nothing(folder):
    with Agent(config(folder, "type = seq\ntotalEvents = 1"), *STATUS) as agent:
        agent.wait_ready()
        agent.signal(signal.SIGHUP)
        agent.wait_log("agent.reload_unchanged")
        assert agent.get("/healthz")[0] == 200
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)


def test_sighup_under_load_drops_no_connection_and_no_event(folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    conf = pathlib.Path(config(folder, f"type = netcat\nbind = 127.0.0.1\nport = {port}"))
    chain = ("a1.sources.r1.interceptors = i\na1.sources.r1.interceptors.i.type = static\n"
             "a1.sources.r1.interceptors.i.value = ")
    text = conf.read_text()
    with Agent(str(conf), "-i", "0", *STATUS) as agent:
        agent.wait_ready()
        sent = 20000
        with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
            answers = []
            reader = threading.Thread(
                target=lambda: answers.append(read_exactly(client, 3 * sent)), daemon=True)
            reader.start()
            for part in range(20):
                client.sendall("".join(f"{part * 1000 + n}\n" for n in range(1000)).encode())
                conf.write_text(f"{text}{chain}{part}\n")
                agent.signal(signal.SIGHUP)
            reader.join(DEADLINE_S)
            assert answers == [b"OK\n" * sent], "the connection was cut or an event refused"
        agent.wait_log("agent.reloaded")
        page = agent.get("/")[1]
        assert "sources.r1: interceptors" in page, page
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)
    assert delivered(folder) == [str(n) for n in range(sent)]


def test_bad_file_is_refused_with_its_line_and_shown(folder):
    conf = pathlib.Path(config(folder, "type = seq\ntotalEvents = 1"))
    with Agent(str(conf), *STATUS) as agent:
        agent.wait_ready()
        lines = len(conf.read_text().splitlines())
        conf.write_text(conf.read_text() + "a1.sources.r1.batchSize = lots\n")
        agent.signal(signal.SIGHUP)
        agent.wait_log("agent.reload_refused")
        problem = agent.wait_log("agent.reload_problem")["problem"]
        assert f"{conf}:{lines + 1}: a1.sources.r1.batchSize" in problem, problem
        assert f":{lines + 1}: a1.sources.r1.batchSize" in agent.get("/")[1]
        assert agent.get("/readyz")[0] == 200
        assert "spillway_config_refused 1\n" in agent.get("/metrics/prometheus")[1]
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)


def test_spill_force_is_switched_by_a_reload(folder):
    channel = (f"type = dual\ncheckpointDir = {folder}/checkpoint\ndataDirs = {folder}/data\n"
               "segmentSize = 4MiB\nminimumRequiredSpace = 0")
    conf = pathlib.Path(config(folder, "type = seq\ntotalEvents = 1", channel))
    with Agent(str(conf), "-i", "1", *STATUS) as agent:
        agent.wait_ready()
        conf.write_text(conf.read_text() + "a1.channels.c1.spill.force = true\n")
        assert agent.wait_log("agent.spilling_forced")["forced"] == "true"
        agent.wait_log("agent.reloaded")
        assert agent.get("/readyz")[0] == 200
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)


def test_no_reload_conf_means_it(folder):
    with Agent(config(folder, "type = seq\ntotalEvents = 1"), "--no-reload-conf", *STATUS) as agent:
        agent.wait_ready()
        agent.signal(signal.SIGHUP)
        agent.wait_log("agent.reload_disabled")
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)


def test_sigusr1_forces_a_dual_channel_to_disk_and_sigusr2_ends_that(folder):
    channel = (f"type = dual\ncheckpointDir = {folder}/checkpoint\ndataDirs = {folder}/data\n"
               "segmentSize = 4MiB\nminimumRequiredSpace = 0")
    conf = config(folder, "type = seq\ntotalEvents = 1", channel)
    with Agent(conf, *STATUS) as agent:
        agent.wait_ready()
        for number, word in ((signal.SIGUSR1, "true"), (signal.SIGUSR2, "false")):
            agent.signal(number)
            wait_until(lambda word=word: any(
                line["id"] == "agent.spilling_forced" and line.get("forced") == word
                for line in agent.lines))
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)


def test_metrics_count_what_went_through(folder):
    conf = config(folder, "type = seq\ntotalEvents = 500\nbatchSize = 50")
    with Agent(conf, *STATUS) as agent:
        agent.wait_ready()
        wait_until(lambda: json.loads(agent.get("/metrics")[1])["SINK.k1"]
                   ["EventDrainSuccessCount"] == "500")
        metrics = json.loads(agent.get("/metrics")[1])
        assert metrics["SOURCE.r1"]["EventAcceptedCount"] == "500", metrics
        assert metrics["CHANNEL.c1"]["EventPutSuccessCount"] == "500", metrics
        assert metrics["CHANNEL.c1"]["ChannelSize"] == "0", metrics
        text = agent.get("/metrics/prometheus")[1]
        assert 'spillway_sink_event_drains_total{component="k1"} 500\n' in text


def test_component_that_cannot_start_is_shown_and_retried(folder):
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        port = occupant.getsockname()[1]
        agent = Agent(config(folder, f"type = netcat\nbind = 127.0.0.1\nport = {port}"), *STATUS)
        with agent:
            agent.wait_log("agent.start_failed")
            status, text = agent.get("/readyz")
            assert status == 503 and text.startswith("source r1: retrying"), (status, text)
            occupant.close()
            agent.wait_ready()
            with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as client:
                client.sendall(b"hello\n")
                assert client.recv(16) == b"OK\n"
            agent.signal(signal.SIGTERM)
            agent.wait_exit(0)
    assert delivered(folder) == ["hello"]


def test_occupied_status_port_does_not_stop_the_agent(folder):
    with socket.socket() as occupant:
        occupant.bind(("127.0.0.1", 0))
        occupant.listen()
        port = occupant.getsockname()[1]
        conf = config(folder, "type = seq\ntotalEvents = 10")
        with Agent(conf, *STATUS, f"-Dflume.monitoring.port={port}") as agent:
            agent.wait_log("agent.start_failed")
            agent.wait_log("source.finished")
            occupant.close()
            agent.wait_ready()
            agent.signal(signal.SIGTERM)
            agent.wait_exit(0)


def test_programs_of_the_exec_source_start_with_ordinary_signals(folder):
    command = "type = exec\ncommand = grep -E Sig(Blk|Ign) /proc/self/status"
    with Agent(config(folder, command)) as agent:
        wait_until(lambda: len(delivered(folder)) == 2)
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)
    masks = dict(line.split(":\t") for line in delivered(folder))
    watched = sum(1 << (n - 1) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP,
                                         signal.SIGUSR1, signal.SIGUSR2))
    assert int(masks["SigBlk"], 16) & watched == 0, masks
    assert int(masks["SigIgn"], 16) & (1 << (signal.SIGPIPE - 1)) == 0, masks


if __name__ == "__main__":
    tap_main(globals())
