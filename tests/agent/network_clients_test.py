#!/usr/bin/env python3
"""Promise: the network sources work with the clients people use (logger, loggen, nc, curl, wrk, openssl), and
thousands of connections, slow and broken clients do not disturb each other.
Usage: network_clients_test.py SPILLWAY (prints TAP)."""

import gzip
import json
import pathlib
import re
import resource
import shutil
import signal
import socket
import ssl
import subprocess
import sys

from agent_process_test import Agent, config, delivered, wait_until
from tap_main import Skip, tap_main

SPOOLED = "type = memory\ncapacity = 100000\ntransactionCapacity = 1000"


def tool(name, package):
    path = shutil.which(name)
    if path is None:
        raise Skip(f"{name} is missing: apt-get install {package}")
    return path


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 8192:
        raise Skip(f"at most {hard} open files are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, hard))


def port_of(agent, log_id="tcp.listening"):
    return agent.wait_log(log_id)["port"]


def stop(agent):
    agent.signal(signal.SIGTERM)
    agent.wait_exit(0)


def run(*argv, text=None):
    done = subprocess.run([str(arg) for arg in argv], input=text, capture_output=True, timeout=60,
                          check=False)
    assert done.returncode == 0, (argv, done.stdout, done.stderr)
    return done.stdout.decode()


def make_certificates(folder):
    """A certificate of its own for the server (PEM and PKCS12) and one for a client."""
    openssl = tool("openssl", "openssl")
    for who in ("server", "client"):
        run(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", folder / f"{who}.key", "-out", folder / f"{who}.crt", "-days", "2", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        both = (folder / f"{who}.key").read_text() + (folder / f"{who}.crt").read_text()
        (folder / f"{who}.pem").write_text(both)
    run(openssl, "pkcs12", "-export", "-in", folder / "server.pem", "-out", folder / "server.p12",
        "-passout", "pass:secret")


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def test_2000_idle_and_200_busy_connections_are_served_beside_broken_clients(folder):
    raise_descriptor_limit()
    conf = config(folder, "type = syslogtcp\nhost = 127.0.0.1\nport = 0\nbatchSize = 1000", SPOOLED)
    with Agent(conf) as agent:
        port = port_of(agent)
        idle = [connect(port) for _ in range(2000)]
        endless, garbage, slow = connect(port), connect(port), connect(port)
        busy = [connect(port) for _ in range(200)]
        slow_line = b"<13>1 - h slow\n"
        for turn in range(20):
            for at, client in enumerate(busy):
                client.sendall(b"".join(b"<13>1 - h busy %d %d %d\n" % (at, turn, n)
                                        for n in range(10)))
            endless.sendall(b"<" * 100)
            garbage.sendall(b"\x00\xff\x80<9999>" * 10 + b"\n")
            if turn < len(slow_line):
                slow.sendall(slow_line[turn:turn + 1])
        expected = {f"busy {at} {turn} {n}" for at in range(200) for turn in range(20)
                    for n in range(10)}

        def lines():
            return [line for path in sorted((folder / "out").iterdir())
                    for line in path.read_bytes().split(b"\n")]

        wait_until(lambda: sum(line.startswith(b"busy") for line in lines()) >= len(expected))
        got = lines()
        assert {line.decode() for line in got if line.startswith(b"busy")} == expected
        assert sum(line.startswith(b"busy") for line in got) == len(expected), "repeated"
        wait_until(lambda: lines().count(b"slow") == 1)
        late = connect(port)
        late.sendall(b"<13>1 - h late\n")
        wait_until(lambda: lines().count(b"late") == 1)
        assert agent.find("tcp.too_many_connections") is None
        for client in idle + busy + [endless, garbage, slow, late]:
            client.close()
        stop(agent)


def test_logger_over_tcp_udp_lines_and_counted(folder):
    logger = tool("logger", "bsdutils")
    conf = config(folder, "type = syslogtcp\nhost = 127.0.0.1\nport = 0\nparser = rfc", SPOOLED)
    with Agent(conf) as agent:
        to = ["-n", "127.0.0.1", "-P", port_of(agent), "-T", "-t", "app", "--id=42"]
        run(logger, *to, "--rfc3164", "a line")
        run(logger, *to, "--rfc5424", "all fields")
        run(logger, *to, "--rfc5424", "--octet-count", "counted\nmessage")
        wait_until(lambda: len(delivered(folder)) >= 3)
        stop(agent)
    assert sorted(delivered(folder))[:2] == ["a line", "all fields"], delivered(folder)


def test_logger_over_udp(folder):
    logger = tool("logger", "bsdutils")
    conf = config(folder, "type = syslogudp\nhost = 127.0.0.1\nport = 0", SPOOLED)
    with Agent(conf) as agent:
        run(logger, "-n", "127.0.0.1", "-P", port_of(agent, "udp.listening"), "-d", "--rfc3164",
            "-t", "app", "a datagram")
        wait_until(lambda: delivered(folder) == ["app: a datagram"])
        stop(agent)


def test_loggen_sends_100_000_lines_over_4_connections(folder):
    loggen = tool("loggen", "syslog-ng-core")
    conf = config(folder, "type = syslogtcp\nhost = 127.0.0.1\nport = 0\nbatchSize = 1000", SPOOLED)
    with Agent(conf) as agent:
        run(loggen, "--stream", "--inet", "--active-connections", 4, "--number", 25000, "--rate",
            1000000, "--size", 200, "--quiet", "127.0.0.1", port_of(agent))
        wait_until(lambda: len(delivered(folder)) >= 100000)
        stop(agent)
    lines = delivered(folder)
    assert len(lines) == 100000
    # prg00003[1234]: seq: 0000000042, thread: 0003, runid: …
    seen = {tuple(re.search(r"seq: (\d+), thread: (\d+)", line).groups()) for line in lines}
    assert len(seen) == 100000, f"{100000 - len(seen)} lost or repeated"


def test_loggen_counts_octets_over_tls(folder):
    loggen = tool("loggen", "syslog-ng-core")
    make_certificates(folder)
    with Agent(tls_source(folder, "syslogtcp", "parser = rfc")) as agent:
        run(loggen, "--use-ssl", "--syslog-proto", "--number", 1000, "--rate", 100000,
            "--size", 300, "--quiet", "127.0.0.1", port_of(agent))
        wait_until(lambda: len(delivered(folder)) >= 1000)
        stop(agent)
    assert len(delivered(folder)) == 1000
    assert all("seq: " in line for line in delivered(folder))


def test_loggen_over_udp(folder):
    loggen = tool("loggen", "syslog-ng-core")
    conf = config(folder, "type = syslogudp\nhost = 127.0.0.1\nport = 0", SPOOLED)
    with Agent(conf) as agent:
        run(loggen, "--dgram", "--inet", "--number", 500, "--rate", 1000, "--size", 200, "--quiet",
            "127.0.0.1", port_of(agent, "udp.listening"))
        wait_until(lambda: len(delivered(folder)) >= 500)
        stop(agent)
    assert len(delivered(folder)) == 500


def test_wrk_is_answered_200_for_what_is_stored(folder):
    wrk = tool("wrk", "wrk")
    (folder / "post.lua").write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        'wrk.body = \'[{"headers":{"a":"b"},"body":"one"},{"body":"two"}]\'\n'
        'done = function(summary) local e = summary.errors; io.write("answered ", summary.requests,'
        ' " refused ", e.status, " broken ", e.connect + e.read + e.write + e.timeout, "\\n") end\n')
    conf = config(folder, "type = http\nbind = 127.0.0.1\nport = 0", SPOOLED)
    with Agent(conf) as agent:
        said = run(wrk, "-t", 1, "-c", 20, "-d", "1s", "-s", folder / "post.lua", "--timeout", "60s",
                   f"http://127.0.0.1:{port_of(agent)}/")
        answered, refused, broken = map(int, re.search(r"answered (\d+) refused (\d+) broken (\d+)",
                                                       said).groups())
        stop(agent)
    lines = delivered(folder)
    # wrk ends with requests under way: at most one of each connection was stored and not counted.
    assert answered > 0 and broken == 0, said
    stored = 2 * (answered - refused)
    assert stored <= len(lines) <= stored + 2 * 20, (said, len(lines))
    assert set(lines) == {"one", "two"}


def test_nc_gets_flumes_answers(folder):
    nc = tool("nc", "netcat-openbsd")
    conf = config(folder, "type = netcat\nbind = 127.0.0.1\nport = 0", SPOOLED)
    with Agent(conf) as agent:
        assert run(nc, "-N", "127.0.0.1", port_of(agent), text=b"one\ntwo\n") == "OK\nOK\n"
        stop(agent)
    assert delivered(folder) == ["one", "two"]


def test_curl_posts_json_plain_and_compressed(folder):
    curl = tool("curl", "curl")
    conf = config(folder, "type = http\nbind = 127.0.0.1\nport = 0", SPOOLED)
    events = json.dumps([{"headers": {"a": "b"}, "body": "from curl"}, {"body": "second"}])
    (folder / "events.gz").write_bytes(gzip.compress(events.replace("from", "zipped").encode()))
    (folder / "large").write_text(json.dumps([{"body": "x" * 5000} for _ in range(50)]))
    with Agent(conf) as agent:
        url = f"http://127.0.0.1:{port_of(agent)}/"
        status = [curl, "-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "POST", url]
        assert run(*status, "-d", events) == "200"
        assert run(*status, "-H", "Content-Encoding: gzip", "--data-binary",
                   f"@{folder}/events.gz") == "200"
        assert run(*status, "-d", "no json") == "400"
        assert run(*status, "-H", "Expect: 100-continue", "-d", f"@{folder}/large") == "200"
        assert run(*status, "-H", "Transfer-Encoding: chunked", "-d", f"@{folder}/large") == "200"
        stop(agent)
    assert delivered(folder)[:4] == ["from curl", "second", "zipped curl", "second"]
    assert len(delivered(folder)) == 104


def test_curl_over_tls(folder):
    curl = tool("curl", "curl")
    make_certificates(folder)
    conf = config(folder, "type = http\nbind = 127.0.0.1\nport = 0\nenableSSL = true\n"
                  f"keystore = {folder}/server.p12\nkeystorePassword = secret", SPOOLED)
    with Agent(conf) as agent:
        url = f"https://127.0.0.1:{port_of(agent)}/"
        answer = run(curl, "-s", "--cacert", folder / "server.crt", "-w", "%{http_code}", "-d",
                     '[{"body":"secret event"}]', url, url)
        assert answer == "200200", answer
        stop(agent)
    assert delivered(folder) == ["secret event"] * 2


def test_openssl_s_client_with_and_without_a_certificate(folder):
    openssl = tool("openssl", "openssl")
    make_certificates(folder)
    conf = config(folder, "type = syslogtcp\nhost = 127.0.0.1\nport = 0\nssl = true\n"
                  f"keystore = {folder}/server.pem\nneedClientAuth = true\n"
                  f"truststore = {folder}/client.crt\nexclude-protocols = TLSv1.2", SPOOLED)
    with Agent(conf) as agent:
        port = port_of(agent)
        s_client = [openssl, "s_client", "-connect", f"127.0.0.1:{port}", "-quiet", "-CAfile",
                    folder / "server.crt", "-verify_return_error"]
        lines = "".join(f"<13>1 - h line {n}\n" for n in range(20000)).encode()
        run(*s_client, "-cert", folder / "client.pem", "-no_ign_eof", text=lines)
        wait_until(lambda: len(delivered(folder)) >= 20000)
        for bad in ([], ["-cert", folder / "client.pem", "-tls1_2"]):
            refused = subprocess.run([str(arg) for arg in s_client + bad], input=b"<13>1 - h no\n",
                                     capture_output=True, timeout=60, check=False)
            assert b"alert" in refused.stderr, refused.stderr
        plain = connect(port)
        plain.sendall(b"<13>1 - h plain text\n")
        plain.settimeout(60)
        assert b"plain" not in plain.recv(1000)
        stop(agent)
    assert delivered(folder) == [f"line {n}" for n in range(20000)]


def test_tls_session_that_ends_within_a_line_or_speaks_slowly(folder):
    make_certificates(folder)
    conf = config(folder, "type = netcat\nbind = 127.0.0.1\nport = 0\nssl = true\n"
                  f"keystore = {folder}/server.p12\nkeystore-password = secret", SPOOLED)
    with Agent(conf) as agent:
        context = ssl.create_default_context(cafile=str(folder / "server.crt"))
        with context.wrap_socket(connect(port_of(agent)), server_hostname="localhost") as client:
            for byte in b"slow\n":
                client.sendall(bytes([byte]))
            assert client.recv(3) == b"OK\n"
            client.sendall(b"half")
        with context.wrap_socket(connect(port_of(agent)), server_hostname="localhost") as client:
            client.sendall(b"line\n" * 30000)
            got = b""
            while len(got) < 90000:
                got += client.recv(65536)
        stop(agent)
    assert delivered(folder) == ["slow"] + ["line"] * 30000


def test_tls_client_that_only_writes_and_closes_loses_nothing(folder):
    make_certificates(folder)
    with Agent(tls_source(folder, "syslogtcp")) as agent:
        context = ssl.create_default_context(cafile=str(folder / "server.crt"))
        port = port_of(agent)
        for turn in range(20):
            with context.wrap_socket(connect(port), server_hostname="localhost") as client:
                assert client.version() == "TLSv1.3"
                client.sendall(b"".join(b"<13>1 - h %d %d\n" % (turn, n) for n in range(5000)))
        expected = {f"{turn} {n}" for turn in range(20) for n in range(5000)}
        wait_until(lambda: len(delivered(folder)) >= len(expected))
        stop(agent)
    assert set(delivered(folder)) == expected


def test_jks_store_is_refused_with_the_line_that_converts_it(folder):
    (folder / "old.jks").write_bytes(b"\xfe\xed\xfe\xed\0\0\0\2")
    conf = config(folder, "type = syslogtcp\nhost = 127.0.0.1\nport = 0\nssl = true\n"
                  f"keystore = {folder}/old.jks\nkeystore-password = x", SPOOLED)
    with Agent(conf) as agent:
        wait_until(lambda: any("keytool -importkeystore" in str(line) for line in agent.lines))
        stop(agent)


def tls_source(folder, kind, more=""):
    """A listening source of that type with the server's key store, by the keys of Flume."""
    place = "bind" if kind in ("netcat", "http") else "host"
    ports = "ports" if kind == "multiport_syslogtcp" else "port"
    return config(folder, f"type = {kind}\n{place} = 127.0.0.1\n{ports} = 0\nssl = true\n"
                  f"keystore = {folder}/server.p12\nkeystore-password = secret\n"
                  f"keystore-type = PKCS12\n{more}", SPOOLED)


def test_every_tcp_source_has_flumes_tls_keys(folder):
    rules = ("include-protocols = TLSv1.2 TLSv1.3\nexclude-protocols = TLSv1.3\n"
             "include-cipher-suites = TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 "
             "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384\n"
             "exclude-cipher-suites = TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384")
    for kind in ("netcat", "syslogtcp", "multiport_syslogtcp", "http"):
        own = folder / kind
        own.mkdir()
        make_certificates(own)
        with Agent(tls_source(own, kind, rules)) as agent:
            context = ssl.create_default_context(cafile=str(own / "server.crt"))
            with context.wrap_socket(connect(port_of(agent)), server_hostname="localhost") as client:
                assert client.version() == "TLSv1.2", (kind, client.version())
                assert client.cipher()[0] == "ECDHE-ECDSA-AES128-GCM-SHA256", client.cipher()
                event = {"netcat": b"event\n",
                         "http": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\n"
                                 b'[{"body":"event"}]'}.get(kind, b"<13>1 - h event\n")
                client.sendall(event)
                wait_until(lambda own=own: delivered(own) == ["event"])
            stop(agent)


def test_global_tls_setup_is_that_of_sources_without_their_own(folder):
    make_certificates(folder)
    conf = config(folder, "type = netcat\nbind = 127.0.0.1\nport = 0\nssl = true", SPOOLED)
    with Agent(conf, f"-Djavax.net.ssl.keyStore={folder}/server.p12",
               "-Djavax.net.ssl.keyStorePassword=secret",
               "-Dflume.ssl.exclude.protocols=TLSv1.3,TLSv1.1") as agent:
        context = ssl.create_default_context(cafile=str(folder / "server.crt"))
        with context.wrap_socket(connect(port_of(agent)), server_hostname="localhost") as client:
            assert client.version() == "TLSv1.2"
        stop(agent)


def test_check_opens_the_key_store_of_every_source(folder):
    make_certificates(folder)
    (folder / "old.jks").write_bytes(b"\xfe\xed\xfe\xed\0\0\0\2")
    cases = (("server.p12", "server.p12", ""),
             ("keystore-password = secret", "keystore-password = nonsense", "wrong password"),
             ("server.p12", "old.jks", "keytool -importkeystore"),
             ("server.p12", "client.crt", "needs a private key and its certificate"),
             ("server.p12", "missing.p12", "No such file or directory"),
             ("keystore-type = PKCS12", "include-protocols = SSLv3", "leave no protocol"),
             ("keystore-type = PKCS12", "include-cipher-suites = X", "leave no cipher suite"))
    for kind in ("netcat", "syslogtcp", "multiport_syslogtcp", "http"):
        own = folder / kind
        own.mkdir()
        text = pathlib.Path(tls_source(own, kind)).read_text().replace(f"{own}/server", f"{folder}/server")
        for old, new, reason in cases:
            assert old in text
            (own / "case.conf").write_text(text.replace(old, new))
            done = subprocess.run([sys.argv[1], "check", "-f", str(own / "case.conf")],
                                  capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == (78 if reason else 0), (kind, new, done.stdout)
            assert reason in done.stdout and "secret" not in done.stdout, (kind, new, done.stdout)


if __name__ == "__main__":
    tap_main(globals())
