#!/usr/bin/env python3
"""Promise: a configuration on a web server (-u http:, https:) is read, looked at for changes, and
its password is never shown. Usage: web_config_test.py SPILLWAY (prints TAP)."""

import base64
import contextlib
import http.server
import signal
import ssl
import subprocess
import sys
import threading

from agent_process_test import Agent
from cli_test import BAD, BAD_CONFIG, BAD_USAGE, FINE, GOOD, expect, run
from tap_main import tap_main

PASSWORD = "s3cret/word"


class Site(http.server.ThreadingHTTPServer):
    """One page, `text`; with `user` only for who sends the password."""

    def __init__(self, text, user=None, certificate=None):
        super().__init__(("127.0.0.1", 0), Page)
        self.text, self.user, self.status, self.gets = text, user, 200, 0
        self.scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)

    @property
    def address(self):
        return f"{self.scheme}://localhost:{self.server_address[1]}/flume.conf"

    def handle_error(self, request, client_address):
        pass  # a client that does not like our certificate


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        site = self.server
        site.gets += 1
        wanted = "Basic " + base64.b64encode(f"{site.user}:{PASSWORD}".encode()).decode()
        status = 401 if site.user and self.headers["Authorization"] != wanted else site.status
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/flume.conf")
            self.end_headers()
            return
        body = site.text.encode() if status == 200 else b"no"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def serve(*arguments, **keywords):
    with Site(*arguments, **keywords) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        try:
            yield site
        finally:
            site.shutdown()
            thread.join()


def expect_untold(text):
    for secret in (PASSWORD, "s3cret%2Fword", "s3cret%2fword"):
        assert secret not in text, text


def test_problems_name_the_address_and_the_line(_):
    with serve(BAD) as site:
        expect(run("agent", "-n", "a1", "-u", site.address), BAD_CONFIG,
               err=f"{site.address}:7: a1.channels.c1.capacity")
        expect(run("check", "-f", site.address), BAD_CONFIG,
               f"{site.address}:7: a1.channels.c1.capacity")
        moved = site.address.replace("flume.conf", "moved")
        expect(run("check", "-f", moved), BAD_CONFIG, f"{moved}:7: a1.channels.c1.capacity")
        site.text = GOOD
        expect(run("check", "-f", site.address), FINE)


def test_what_cannot_be_had_is_said(_):
    with serve(GOOD) as site:
        site.status = 404
        expect(run("agent", "-n", "a1", "-u", site.address), BAD_CONFIG,
               err=f"{site.address}: cannot get the configuration: the server answered with "
                   "status 404")
        site.status = 200
        site.text = "#" * (16 << 20) + "\n" + GOOD
        expect(run("agent", "-n", "a1", "-u", site.address), BAD_CONFIG,
               err="is larger than 16777216 bytes")
        gone = site.address
    expect(run("agent", "-n", "a1", "-u", gone), BAD_CONFIG, err="cannot get the configuration: ")
    expect(run("agent", "-n", "a1", "-u", "ftp://x/a"), BAD_USAGE,
           err="only http:, https:, file: and classpath:")


def test_user_and_password_are_sent_and_never_shown(_):
    with serve(BAD, user="ann") as site:
        for credentials in (["-user", "ann", "-pwd", PASSWORD],
                            [f"--conf-user=ann", f"--conf-password={PASSWORD}"]):
            done = run("agent", "-n", "a1", "-u", site.address, *credentials)
            expect(done, BAD_CONFIG, err=f"{site.address}:7: a1.channels.c1.capacity")
            expect_untold(done.stderr)
        full = site.address.replace("//", "//ann:s3cret%2Fword@")
        done = run("check", "-f", full)
        expect(done, BAD_CONFIG, f"{site.address}:7: a1.channels.c1.capacity")
        expect_untold(done.stdout + done.stderr)
        done = run("agent", "-n", "a1", "-u", site.address, "-user", "ann", "-pwd", "wrong/word")
        expect(done, BAD_CONFIG, err="status 401")
        assert "wrong" not in done.stderr, done.stderr
    expect(run("agent", "-n", "a1", "-f", "/nowhere", "-user", "ann"), BAD_CONFIG,
           err="--conf-user and --conf-password have no effect")


def test_certificate_nobody_vouches_for_is_refused(folder):
    pem = folder / "server.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", pem, "-out", folder / "cert.pem"],
                   check=True, capture_output=True)
    pem.write_text(pem.read_text() + (folder / "cert.pem").read_text())
    with serve(GOOD, certificate=pem) as site:
        done = run("agent", "-n", "a1", "-u", site.address)
        expect(done, BAD_CONFIG, err="certificate")
        assert site.gets == 0


def test_change_is_loaded_and_a_server_that_is_down_changes_nothing(_):
    running = GOOD.replace("type = seq", "type = seq\na1.sources.r1.totalEvents = 1")
    with serve(running, user="ann") as site:
        full = site.address.replace("//", "//ann:s3cret%2Fword@")
        with Agent(full, "--poll-interval", "1") as agent:
            agent.wait_log("agent.component_started")
            site.status = 503
            line = agent.wait_log("agent.config_unreachable")
            assert line["address"] == site.address, line
            assert "503" in line["error"], line
            site.text = running.replace("= memory", "= memory\na1.channels.c1.capacity = 777")
            site.status = 200
            agent.wait_log("agent.reloaded")
            site.text = "nothing"
            agent.wait_log("agent.reload_refused")
            agent.signal(signal.SIGTERM)
            agent.wait_exit(0)
            expect_untold(str(agent.lines))
            assert not any("401" in str(line) for line in agent.lines), agent.lines


def test_backup_is_used_for_a_start_without_the_server(folder):
    running = GOOD.replace("type = seq", "type = seq\na1.sources.r1.totalEvents = 1")
    backup = folder / "some" / "where"
    copy = backup / ".a1.properties"
    with serve(running, user="ann") as site:
        full = site.address.replace("//", "//ann:s3cret%2Fword@")
        flags = ["-b", str(backup), "--poll-interval", "1"]
        site.status = 503
        done = run("agent", "-n", "a1", "-f", full, *flags)
        expect(done, BAD_CONFIG, err="503")
        assert not copy.exists()
        site.status, site.text = 200, BAD
        expect(run("agent", "-n", "a1", "-f", full, *flags), BAD_CONFIG)
        assert not copy.exists(), "a configuration with errors"
        site.text = running
        with Agent(full, *flags) as agent:
            agent.wait_log("agent.component_started")
            assert copy.read_text() == running
            assert copy.stat().st_mode & 0o777 == 0o600
            site.text = running.replace("= memory", "= memory\na1.channels.c1.capacity = 777")
            agent.wait_log("agent.reloaded")
            assert copy.read_text() == site.text
            agent.signal(signal.SIGTERM)
            agent.wait_exit(0)
        site.status = 503
        with Agent(full, *flags) as agent:
            line = agent.wait_log("agent.config_backup_used")
            assert line["file"] == site.address and line["copy"] == str(copy), line
            assert "503" in line["error"], line
            agent.wait_log("agent.component_started")
            site.text, site.status = running, 200
            agent.wait_log("agent.reloaded")
            assert copy.read_text() == running
            agent.signal(signal.SIGTERM)
            agent.wait_exit(0)
            expect_untold(str(agent.lines))


def test_backup_that_cannot_be_written_stops_nothing(folder):
    (folder / "file").write_text("")
    with serve(GOOD) as site, Agent(site.address, "-b", str(folder / "file/x")) as agent:
        line = agent.wait_log("agent.config_backup_failed")
        assert line["copy"] == str(folder / "file/x/.a1.properties"), line
        agent.wait_log("agent.component_started")
        agent.signal(signal.SIGTERM)
        agent.wait_exit(0)


if __name__ == "__main__":
    sys.exit(tap_main(globals()))
