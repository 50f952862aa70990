"""`tokentide llm` against an API whose answers the test knows."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.store_fixtures import free_port

KEY = "als_of_the_test"
SUMMARY = {
    "totalCalls": 1234567,
    "totalCostUsd": 12345.6789,
    "totalInputTokens": 150000,
    "totalOutputTokens": 50000,
    "avgLatencyMs": 1250.4,
    "avgCostPerCall": 0.29,
}
MODEL = {
    "provider": "anthropic",
    "model": "claude-sonnet-4-20250514-with-a-name-that-is-much-longer-than-any-terminal-is-wide",
    "calls": 20000,
    "costUsd": 8.5,
    "inputTokens": 100000,
    "outputTokens": 30000,
    "avgLatencyMs": 1500.0,
}
EVENT = {
    "id": "550e8400-e29b-41d4-a716-446655440020",
    "timestamp": "2026-02-08T10:00:00.123Z",
    "payload": {
        "model": "gpt-4o",
        "usage": {"totalTokens": 12345},
        "costUsd": 0.0061,
        "latencyMs": 812.5,
        "finishReason": "stop",
    },
}
GOOD = {
    "/api/analytics/llm": {"summary": SUMMARY, "byModel": [MODEL], "byTime": []},
    "/api/events": {"events": [EVENT], "total": 1, "hasMore": False},
}


class Api(ThreadingHTTPServer):
    """Answers what the test says, and remembers what it was asked."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.answers, self.asked = 200, dict(GOOD), []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        asked = urlsplit(self.path)
        query = {name: value for name, (value,) in parse_qs(asked.query).items()}
        self.server.asked.append((asked.path, query, self.headers["Authorization"]))
        answer = self.server.answers.get(asked.path)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Nothing is logged."""


@pytest.fixture
def api():
    """A running API."""
    server = Api()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def llm(tokentide, api, monkeypatch, tmp_path):
    """Runs a command against the API; no configuration file but that of the test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))

    def run(*arguments, **settings):
        return tokentide("llm", *arguments, **({"URL": api.url, "API_KEY": KEY} | settings))

    return run


def test_stats(llm, api):
    """The totals with separators, four decimals of cost and whole milliseconds, over the window and the filters."""
    ended = llm("stats", "--from", "2026-02-01", "--to", "2026-02-08", "-a", "planner", "-m", "gpt-4o")
    assert (ended.code, ended.err) == (0, "")
    for text in ("1,234,567", "$12,345.6789", "200,000 (150,000 in / 50,000 out)", "1,250ms", "$0.2900"):
        assert text in ended.out
    query = {"from": "2026-02-01", "to": "2026-02-08", "agentId": "planner", "model": "gpt-4o"}
    assert api.asked == [("/api/analytics/llm", query, f"Bearer {KEY}")]


@pytest.mark.parametrize("columns", ["60", "80", "200"])
def test_tables_fit_the_terminal(llm, monkeypatch, columns):
    """A long name folds, no line is wider than the terminal, and no figure is cut."""
    monkeypatch.setenv("COLUMNS", columns)
    for command in ("models", "recent", "stats"):
        ended = llm(command)
        assert ended.code == 0
        assert max(map(len, ended.out.splitlines())) <= int(columns)
    models = llm("models").out
    for text in ("anthropic", "20,000", "130,000", "$8.5000", "1,500ms"):
        assert text in models


def test_recent_calls(llm, api):
    """The ten newest calls, as the events of AgentLens' own path."""
    ended = llm("recent", "--model", "gpt-4o")
    for text in ("2026-02-08 10:00:00", "gpt-4o", "12,345", "$0.0061", "813ms", "stop"):
        assert text in ended.out
    query = {"eventType": "llm_response", "order": "desc", "limit": "10", "model": "gpt-4o"}
    assert api.asked == [("/api/events", query, f"Bearer {KEY}")]


@pytest.mark.parametrize(("command", "expected"), [("stats", SUMMARY), ("models", [MODEL]), ("recent", [EVENT])])
def test_json_for_scripts(llm, command, expected):
    """The JSON is the summary, the models, or the list, and nothing else."""
    ended = llm(command, "-j")
    assert (ended.code, ended.err, json.loads(ended.out)) == (0, "", expected)


def test_nothing_found(llm, api):
    """No calls are told in words."""
    api.answers = {"/api/analytics/llm": {"summary": SUMMARY, "byModel": []}, "/api/events": {"events": []}}
    assert llm("models").out == "No LLM calls found.\n"
    assert llm("recent").out == "No recent LLM calls found.\n"


def test_where_the_key_comes_from(llm, api, tmp_path):
    """The environment is stronger than ./.env, and that than the file of the user; the option than any address."""
    file = tmp_path / "config" / "tokentide" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'url = "{api.url}"\napi_key = "of the file"\n')
    llm("stats", URL="", API_KEY="")
    (tmp_path / ".env").write_text("TOKENTIDE_API_KEY=of the folder\n")
    llm("stats", URL="", API_KEY="")
    llm("stats", "--url", api.url + "/", URL="http://127.0.0.1:1", API_KEY="of the environment")
    assert [key for _, _, key in api.asked] == [f"Bearer of the {place}" for place in ("file", "folder", "environment")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no read key: set TOKENTIDE_API_KEY"),
        ("url =", "cannot be read"),
        ("api_key = 5", "api_key must be a text"),
    ],
)
def test_wrong_settings(llm, tmp_path, text, message):
    """No key, or a file that cannot be read, is told in one line, with the file's name."""
    file = tmp_path / "config" / "tokentide" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    ended = llm("stats", API_KEY="")
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert message in ended.err
    assert str(file) in ended.err


@pytest.mark.parametrize(
    ("status", "body", "code", "message"),
    [
        (400, {"error": "Invalid granularity. Use: hour, day, week", "status": 400}, 2, "Invalid granularity"),
        (
            400,
            {"error": "Validation failed", "details": [{"path": "from", "message": "from must\nbe a time"}]},
            2,
            "from must be a time",
        ),
        (401, {"error": "Invalid or revoked API key"}, 2, "refuses the key: Invalid or revoked API key"),
        (403, {"error": "this key cannot read"}, 2, "refuses the key: this key cannot read"),
        (429, {"error": "Rate limit exceeded"}, 3, "answered 429: Rate limit exceeded"),
        (503, b"<html>away</html>", 3, "answered 503"),
        (200, b"<html>hello</html>", 3, "not as tokentide's API does"),
        (200, ["a", "list"], 3, "not as tokentide's API does"),
    ],
)
def test_answers_that_are_no_good(llm, api, *, status, body, code, message):
    """Each is told in one line with an exit code that says whose turn it is; the key is never shown."""
    api.status, api.answers = status, {"/api/analytics/llm": body}
    ended = llm("stats")
    assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1)
    assert message in ended.err
    assert KEY not in ended.err


@pytest.mark.parametrize(("url", "code"), [("http://127.0.0.1:{port}", 3), ("ftp://x", 2), ("http://[", 2)])
def test_nothing_there(llm, url, code):
    """An address where nothing answers is a dependency that is away; one that is no address, a wrong use."""
    ended = llm("stats", "--url", url.format(port=free_port()))
    assert (ended.code, ended.out, ended.err.count("\n")) == (code, "", 1)
