"""The demonstration's own count of what it sends."""

from __future__ import annotations

from tokentide.demo.tally import Cell, Measures, Tally


def event(**other):
    given = {"project_id": "p", "timestamp": "2026-04-20T10:01:33.000Z", "model": "m", "status": "success"}
    return given | other


def test_events_are_counted_by_project_hour_kind_and_model():
    """Requests, tokens, money and errors add up in each cell; money is exact, as number and as text."""
    tally = Tally()
    tally.add(event(input_tokens=5, output_tokens=7, cost_usd=0.1))
    tally.add(event(timestamp="2026-04-20T10:59:59.999123+00:00", cost_usd="0.200000001", status="timeout"))
    tally.add(event(timestamp="2026-04-20T11:00:00.000Z", status="cancelled"))
    tally.add(event(project_id="q", virtual_model="v"))
    tally.add({key: value for key, value in event(kind="mcp").items() if key != "model"})
    assert tally.cells == {
        Cell("p", "2026-04-20T10", "llm", "m", virtual=False): Measures(2, 5, 7, 300_000_001, 1),
        Cell("p", "2026-04-20T11", "llm", "m", virtual=False): Measures(1),
        Cell("q", "2026-04-20T10", "llm", "m", virtual=True): Measures(1),
        Cell("p", "2026-04-20T10", "mcp", "", virtual=False): Measures(1),
    }
    assert tally.events == 5
    assert tally.of_project("p") == Measures(3, 5, 7, 300_000_001, 1)
    assert tally.of_project("q") == Measures()
