"""`tokentide doctor` as it is called."""

from __future__ import annotations

import json

import pytest

from tests.store_fixtures import free_port


def test_wrong_settings(tokentide, tmp_path):
    """Exit code 2, with every problem and where it was set."""
    tmp_path.joinpath(".env").write_text("TOKENTIDE_TOPIC='a b'\n")
    ended = tokentide("doctor", "--json", METRICS_PORT="70000")
    assert ended.code == 2
    told = json.loads(ended.out)
    assert told["exit_code"] == 2
    assert [(finding["kind"], finding["where"]) for finding in told["findings"]] == [
        ("setting_wrong", "TOKENTIDE_TOPIC (.env)"),
        ("setting_wrong", "TOKENTIDE_METRICS_PORT (environment)"),
    ]


def test_nothing_is_reachable(tokentide):
    """Exit code 3, for people in words, with the address and without the password."""
    kafka, store = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    ended = tokentide("doctor", KAFKA=kafka, CLICKHOUSE=f"http://me:hush@{store}", TOPC="x")
    assert ended.code == 3
    for word in ("kafka_unreachable", kafka, "store_unreachable", store, "setting_unknown", "TOKENTIDE_TOPC"):
        assert word in ended.out
    assert "hush" not in ended.out + ended.err


def test_a_folder_on_which_nothing_runs(tokentide, tmp_path):
    """`--data` is for a running `up`."""
    ended = tokentide("doctor", "--data", str(tmp_path))
    assert (ended.code, ended.out) == (1, "")
    assert "nothing runs on" in ended.err


@pytest.mark.parametrize("url", ["127.0.0.1:8421", "ftp://w:1", "http://"])
def test_an_address_that_is_none(tokentide, url):
    """Exit code 2, with what it should look like."""
    ended = tokentide("doctor", "--worker", url)
    assert (ended.code, ended.out) == (2, "")
    assert "http(s)://HOST:PORT" in ended.err
