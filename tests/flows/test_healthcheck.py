"""The health check of a container: yes while the part works, no before, after and when it hangs."""

import asyncio
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from flows import healthcheck
from flows.pulse import Heart
from flows.ready import announce_ready, sign_of_life


@pytest.fixture
def ready_file(tmp_path, monkeypatch):
    path = tmp_path / "run" / "part.ready"
    monkeypatch.setenv("SCOUT_READY_FILE", str(path))
    return path


def test_no_before_it_is_up_and_yes_from_then_on(ready_file, capsys):
    sign_of_life()
    assert healthcheck.main([]) == 1
    assert "not up yet" in capsys.readouterr().out
    announce_ready()
    assert healthcheck.main([]) == 0
    assert ready_file.read_text() == str(os.getpid())


def test_no_once_the_signs_of_life_stop(ready_file, capsys):
    announce_ready()
    os.utime(ready_file, (time.time() - 60,) * 2)
    assert healthcheck.main([]) == 1
    assert "no sign of life for 60 s" in capsys.readouterr().out
    assert healthcheck.main(["--max-age", "90"]) == 0
    sign_of_life()
    assert healthcheck.main([]) == 0


async def test_a_heart_s_loop_gives_them_also_when_the_database_is_slow(ready_file):
    class Slow:
        async def beat(self, *_):
            await asyncio.sleep(0.3)

    class Services:
        health = Slow()

        @staticmethod
        def clock():
            return None

    announce_ready()
    os.utime(ready_file, (1, 1))
    beating = asyncio.create_task(Heart("worker", Services(), dict).keep())
    await asyncio.sleep(0.05)
    assert time.time() - ready_file.stat().st_mtime < 5
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


def test_without_the_file_s_name_it_says_so(monkeypatch, capsys):
    monkeypatch.delenv("SCOUT_READY_FILE", raising=False)
    assert healthcheck.main([]) == 1
    assert "SCOUT_READY_FILE is not set" in capsys.readouterr().out


@pytest.fixture
def server():
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response({"/api/ready": 200, "/broken": 503}.get(self.path, 404))
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as serving:
        Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


@pytest.mark.parametrize(("path", "code"), [("/api/ready", 0), ("/broken", 1), ("/else", 1)])
def test_a_server_is_asked_over_http(server, path, code):
    assert healthcheck.main(["--url", server + path]) == code


def test_a_server_that_isn_t_there_or_says_nothing(capsys, monkeypatch):
    import socket

    monkeypatch.setattr(healthcheck, "ANSWER_LIMIT", 0.2)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}/"
        assert healthcheck.main(["--url", url]) == 1
        deaf.listen()
        assert healthcheck.main(["--url", url]) == 1
    assert capsys.readouterr().out.count("doesn't answer") == 2
