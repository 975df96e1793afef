"""Shards by name and from elsewhere: a real web server on loopback, fetched whole or not at all, once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from webimagetext_train import remote
from webimagetext_train.errors import UserError
from webimagetext_train.remote import cached_path, expand_braces, fetch, find_shards

BODY = bytes(range(256)) * 4000


class Server(ThreadingHTTPServer):
    """Serves BODY under any name; names tell what goes wrong."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: Counter[str] = Counter()

    def url(self, name: str) -> str:
        """Of a file here."""
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    """missing-*: 404; busy-*: 503 twice; cut-*: half of the body once; never-*: always half."""

    server: Server

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.server.asked[name] += 1
        asked = self.server.asked[name]
        if name.startswith("missing") or (name.startswith("busy") and asked <= 2):
            self.send_error(404 if name.startswith("missing") else 503)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        cut = name.startswith("never") or (name.startswith("cut") and asked == 1)
        self.wfile.write(BODY[: len(BODY) // 2] if cut else BODY)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One that answers, and no pauses between attempts."""
    monkeypatch.setattr(remote, "PAUSE", 0)
    with Server() as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.tar", ["a.tar"]),
        ("{000..002}.tar", ["000.tar", "001.tar", "002.tar"]),
        ("{8..11}", ["8", "9", "10", "11"]),
        ("{08..11}", ["08", "09", "10", "11"]),
        ("{2..0}", ["2", "1", "0"]),
        ("{a,b}-{0..1}", ["a-0", "a-1", "b-0", "b-1"]),
        ("{x{1..2},y}", ["x1", "y", "x2", "y"]),
    ],
)
def test_braces(pattern: str, names: list[str]) -> None:
    assert sorted(expand_braces(pattern)) == sorted(names)


def test_braces_that_mean_nothing() -> None:
    with pytest.raises(UserError, match=r"\{0-9\} is neither a range"):
        expand_braces("{0-9}.tar")


def test_local_names(tmp_path: Path) -> None:
    for name in ("00.tar", "01.tar", "10.tar", "{0..1}.tar"):
        (tmp_path / name).write_bytes(b"")
    found = lambda *patterns: [Path(path).name for path in find_shards([str(tmp_path / pattern) for pattern in patterns])]  # noqa: E731
    assert found("{00..01}.tar") == ["00.tar", "01.tar"]
    assert found("?{0,1}.tar", "00.tar") == ["00.tar", "01.tar", "10.tar"]
    assert found("{0..1}.tar") == ["{0..1}.tar"]  # the file of that name
    assert [Path(path).name for path in find_shards(f"{tmp_path}/10.tar::{tmp_path}/0*.tar")] == ["00.tar", "01.tar", "10.tar"]
    with pytest.raises(UserError, match=r"02\.tar, one of .*\{00\.\.02\}\.tar, does not exist"):
        found("{00..02}.tar")
    with pytest.raises(UserError, match="no shards match"):
        found("nothing*")


def test_fetched_once_and_sorted_by_address(server: Server, tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        paths = find_shards([server.url("{1..3}.tar"), server.url("0.tar")], cache=tmp_path, say=said.append)
        assert [Path(path).name for path in paths] == ["0.tar", "1.tar", "2.tar", "3.tar"]
        assert all(Path(path).read_bytes() == BODY for path in paths)
    assert set(server.asked.values()) == {1}
    assert not list(tmp_path.rglob("*.tmp"))


def test_what_fails_for_a_while_is_asked_again(server: Server, tmp_path: Path) -> None:
    for name, asked in (("busy.tar", 3), ("cut.tar", 2)):
        assert fetch(server.url(name), tmp_path).read_bytes() == BODY
        assert server.asked[name] == asked


@pytest.mark.parametrize(("name", "asked", "reason"), [("missing.tar", 1, "404"), ("never.tar", remote.ATTEMPTS, "cut after 512,000 of 1,024,000 bytes")])
def test_what_fails_for_good_is_said_and_leaves_nothing(server: Server, tmp_path: Path, name: str, asked: int, reason: str) -> None:
    with pytest.raises(UserError, match=f"{name} cannot be fetched .*{reason}"):
        find_shards(server.url(name), cache=tmp_path)
    assert server.asked[name] == asked
    assert not cached_path(server.url(name), tmp_path).exists()


def test_two_that_want_the_same_shard_ask_for_it_once(server: Server, tmp_path: Path) -> None:
    threads = [threading.Thread(target=fetch, args=(server.url("a.tar"), tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.asked["a.tar"] == 1


def test_web_servers_list_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="a web server lists no files"):
        find_shards("http://127.0.0.1:9/*.tar", cache=tmp_path)


def test_other_schemes_are_fsspecs(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for name in ("a.tar", "b.tar", "c.txt"):
        memory.pipe(f"/bucket/{name}", name.encode())
    paths = find_shards("memory://bucket/*.tar", cache=tmp_path)
    assert [Path(path).read_bytes() for path in paths] == [b"a.tar", b"b.tar"]
    with pytest.raises(UserError, match="no shards match memory"):
        find_shards("memory://bucket/*.zip", cache=tmp_path)
    with pytest.raises(UserError, match=r"abacus:// needs more packages .*: .*python.* -m pip install fsspec"):
        find_shards("abacus://bucket/a.tar", cache=tmp_path)
