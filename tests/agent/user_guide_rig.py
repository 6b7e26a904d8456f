"""What user_guide_test.py does with an example: completes it, checks it, starts it, talks to it.

Only what a host lacks is changed before an agent starts: directories, ports, files of keys. What an
example leaves out ("configure other pieces") is added."""

import re
import signal
import socket
import subprocess
import sys

from agent_process_test import Agent, wait_until

SPILLWAY = sys.argv[1]


def properties(text):
    return [line.split("=", 1)[0].strip() for line in text.splitlines() if "=" in line]


def names_in(text, section):
    found = re.search(rf"^a1\.{section} *= *(.*)$", text, re.MULTILINE)
    listed = found.group(1).split() if found else []
    configured = re.findall(rf"^a1\.{section}\.([^.\s]+)\.", text, re.MULTILINE)
    return listed, list(dict.fromkeys(listed + configured))


def complete(text):
    """Adds the lists, types and connections that an example takes for granted."""
    group = re.search(r"^a1\.sinkgroups\.\S+\.sinks *= *(.*)$", text, re.MULTILINE)
    if group:
        text += f"a1.sinks = {group.group(1)}\n"
    more = []
    parts = {section: names_in(text, section) for section in ("sources", "channels", "sinks")}
    for section, fallback in (("channels", "c1"), ("sources", "r1"), ("sinks", "k1")):
        listed, names = parts[section]
        names = names or [fallback]
        parts[section] = (listed, names)
        if not listed:
            more.append(f"a1.{section} = {' '.join(names)}")
    channels = parts["channels"][1]
    given = properties(text)
    for section, kind in (("channels", "memory"), ("sources", "seq"), ("sinks", "null")):
        more += [f"a1.{section}.{name}.type = {kind}" for name in parts[section][1]
                 if f"a1.{section}.{name}.type" not in given]
    more += [f"a1.sources.{name}.channels = {' '.join(channels)}" for name in parts["sources"][1]
             if f"a1.sources.{name}.channels" not in given]
    more += [f"a1.sinks.{name}.channel = {channels[0]}" for name in parts["sinks"][1]
             if f"a1.sinks.{name}.channel" not in given]
    return text + "\n".join(more) + "\n"


def check(folder, text, *flags, env=None):
    path = folder / "guide.conf"
    path.write_text(text)
    return subprocess.run([SPILLWAY, "check", "-f", str(path), *flags], capture_output=True,
                          text=True, timeout=60, check=False, env=env)


def reasons(done):
    return [line for line in done.stdout.splitlines() if re.search(r"guide\.conf:\d", line)]


def on_this_host(folder, text):
    """The example with directories below `folder` and ports that the kernel chooses."""
    text = re.sub(r"(?<![\w:/])/(var/log|mnt|path)/", rf"{folder}/\1/", text)
    text = re.sub(r"^(\S+\.port = )\d+", r"\g<1>0", text, flags=re.MULTILINE)
    return re.sub(r"^(\S+\.ports = ).*", r"\g<1>0 0 0", text, flags=re.MULTILINE)


def observed(folder, text):
    """With a sink for each channel that has none: it writes `{headers} body` below out/<channel>."""
    channels = names_in(text, "channels")[1] or ["c1"]
    if names_in(text, "sinks")[1]:
        return complete(text)
    more = [f"a1.sinks = {' '.join(f'to-{name}' for name in channels)}"]
    for name in channels:
        (folder / "out" / name).mkdir(parents=True)
        more += [f"a1.sinks.to-{name}.type = file_roll", f"a1.sinks.to-{name}.channel = {name}",
                 f"a1.sinks.to-{name}.sink.directory = {folder}/out/{name}",
                 f"a1.sinks.to-{name}.sink.serializer = header_and_text",
                 f"a1.sinks.to-{name}.sink.rollInterval = 0"]
    return complete(text + "\n".join(more) + "\n")


def start(folder, text, *flags):
    path = folder / "agent.conf"
    path.write_text(text)
    return Agent(str(path), *flags)


def stop(agent):
    agent.signal(signal.SIGTERM)
    agent.wait_exit(0)


def lines_in(directory):
    return [line for path in sorted(directory.iterdir())
            for line in path.read_text().splitlines()]


def wait_lines(folder, expected, channel="c1"):
    out = folder / "out" / channel
    wait_until(lambda: len(lines_in(out)) >= len(expected))
    assert lines_in(out) == expected, lines_in(out)


def port_of(agent, log_id="tcp.listening"):
    return agent.wait_log(log_id)["port"]


def send(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=60) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := client.recv(65536):
            answer += piece
        return answer


def send_datagram(port, data):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(data, ("127.0.0.1", port))
