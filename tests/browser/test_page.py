"""The page as people use it: with a mouse, with keys alone, on a phone, and when something is wrong."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from fractions import Fraction

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.served import HOSTILE, an_event_now
from tests.integration.folded import DAY_MS
from tests.oracle import lumiqtrace, perf
from tests.oracle.compare import Percentile, Rounded, differences, parse
from tests.oracle.log import millis
from tests.store_fixtures import until

HOUR_MS = 3_600_000
LEVELS = (50, 95, 99)
PANELS = (
    *("requests", "cost", "latency", "error-rate", "tokens", "cost-by-model", "latency-by-model", "error-groups"),
    *("rate-limits", "providers", "pipeline"),
)


def ready(page: Page) -> Page:
    """The page once the numbers are there."""
    expect(page.locator("html")).to_have_attribute("data-state", "ready")
    return page


def table_of(page: Page, panel: str) -> tuple[list[str], list[list]]:
    """The file that a panel offers: its header, and its rows with numbers as they are printed."""
    with page.expect_download() as download:
        page.locator(f"#{panel}").get_by_role("button", name="CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    head, *rows = csv.reader(io.StringIO(text))
    return head, [[_parsed(cell) for cell in row] for row in rows]


def _parsed(cell: str):
    try:
        number = Decimal(cell)
    except ArithmeticError:
        return cell or None
    return int(number) if number == number.to_integral_value() and "." not in cell else number


def percentiles(some):
    """What the three columns of latency must hold; nothing where there are no calls."""
    latencies = [call.latency for call in some]
    return [Percentile(latencies, level) if latencies else None for level in LEVELS]


@pytest.fixture(scope="module")
def yesterday(site):
    """The address of the day with events, and what is known of the project's calls on it."""
    start = millis(f"{site.day}T00:00:00Z")
    return f"?project=p&from={site.day}&to={site.day}", start, start + DAY_MS - 1


def test_charts_show_what_the_oracle_counts(site, visit, yesterday):
    """Every chart over time, by model, of errors and of rate limits holds the figures of a walk over the raw events."""
    address, start, end = yesterday
    page = ready(visit(f"/{address}"))
    now = 0
    overview = lumiqtrace.overview(site.calls, "p", start, end, now)
    costs = lumiqtrace.costs(site.calls, "p", start, end, now)
    errors = lumiqtrace.errors(site.calls, "p", start, end, now)
    own = [call for call in site.calls if call.project == "p" and start <= call.ms <= end]
    hours = [
        (bucket, [call for call in own if bucket <= call.ms < bucket + HOUR_MS])
        for bucket in range(start, end, HOUR_MS)
    ]
    failed = lumiqtrace.FAILED
    expected = {
        "requests": [[text(at), len(part)] for at, part in hours],
        "cost": [[text(at), Rounded(sum((call.cost for call in part), Fraction(0)), 6)] for at, part in hours],
        "tokens": [[text(at), sum(c.read for c in part), sum(c.written for c in part)] for at, part in hours],
        "latency": [[text(at), *percentiles(part)] for at, part in hours],
        "error-rate": [
            [
                text(at),
                Rounded(Fraction(100 * bad, len(part)), 4) if part else None,
                bad,
            ]
            for at, part in hours
            for bad in [sum(call.status in failed for call in part)]
        ],
        "cost-by-model": [[m["model"], m["total_cost"], m["calls"], m["avg_cost"]] for m in costs["byModel"]],
        "rate-limits": [[m["hour"][:16], m["rate_limited_count"]] for m in errors["rateLimitHeatmap"]],
    }
    for panel, rows in expected.items():
        assert differences(rows, table_of(page, panel)[1]) == [], panel
    groups = [[row[0] or "", row[1], row[3], row[4]] for row in table_of(page, "error-groups")[1]]
    wanted = errors["errorGroups"]
    assert groups == [[g["error_code"], g["count"], g["trend"], quoted(g["top_model"])] for g in wanted]
    for model, calls, *latencies, _ in table_of(page, "latency-by-model")[1]:
        part = [call for call in own if quoted(call.model) == model]
        assert differences([len(part), *percentiles(part)], [calls, *latencies]) == [], model
    for tile, judged in {
        "total-requests": overview["kpis"]["totalRequests"],
        "total-cost": overview["kpis"]["totalCost"],
        "total-error-rate": overview["kpis"]["errorRate"],
        "total-tokens": sum(call.read + call.written for call in own),
        "p95": Percentile([call.latency for call in own], 95),
    }.items():
        assert differences(judged, _parsed(page.locator(f"#{tile}").get_attribute("value"))) == [], tile


def text(ms):
    """The start of a bucket as a file has it."""
    return lumiqtrace._text(ms)[:16]


def quoted(name):
    """A text as a file has it: with nothing that a spreadsheet would run."""
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def test_its_answer_holds_the_answers_of_the_dialects(site, visit, yesterday):
    """Costs, errors and providers are those of the oracle, for one project and for all, and the API's to the digit."""
    address, start, end = yesterday
    _, key = site.key()
    page = visit(None, key=key)
    for project, projects in (("p", ["p"]), (None, ["p", "q"])):
        asked = address.replace("project=p&", f"project={project}&" if project else "")
        answer = parse(page.request.get(f"/page/data{asked}").body())
        now = millis(answer["freshness"]["now"])
        assert differences(perf.providers(site.calls, projects, now), answer["providers"]) == []
        if project:
            assert differences(lumiqtrace.errors(site.calls, "p", start, end, now), answer["errors"]) == []
            bounds = {"projectId": "p", "start": answer["shown"]["start"], "end": f"{site.day}T23:59:59.999Z"}
            of_api = page.request.get("/v1/costs", params=bounds, headers={"Authorization": f"Bearer {key}"})
            assert parse(of_api.body()) == answer["costs"]


def test_keys_alone_reach_everything(visit, yesterday):
    """The first stop skips to the numbers, every stop shows itself, and charts, tables and ranges answer to keys."""
    page = ready(visit(f"/{yesterday[0]}"))
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the numbers")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#requests").get_by_role("button", name="Table")).to_be_focused()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    expect(page.locator("#requests").get_by_role("region", name="Requests: table").locator("tbody tr")).to_have_count(
        24
    )
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    chart = page.locator("#requests").get_by_role("slider")
    expect(chart).to_be_focused()
    page.keyboard.press("Home")
    expect(chart).to_have_attribute("aria-valuenow", "0")
    page.keyboard.press("ArrowRight")
    expect(chart).to_have_attribute("aria-valuenow", "1")
    expect(chart).to_have_attribute("aria-valuetext", page.locator("#requests .tip").inner_text())
    page.keyboard.press("Escape")
    expect(page.locator("#requests .tip")).to_be_hidden()
    stops = {page.evaluate("document.activeElement.closest('section')?.id") for _ in range(60) if tab(page)}
    assert set(PANELS) <= stops
    page.locator("#ranges a", has_text="7 days").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#ranges a", has_text="7 days")).to_be_focused()
    expect(page.locator("#ranges a[aria-current]")).to_have_text("7 days")


def tab(page):
    """One stop further."""
    page.keyboard.press("Tab")
    return True


def test_the_address_says_what_is_shown(visit, site, yesterday):
    """A choice becomes an address that shows the same to another reader, and the back button takes it back."""
    page = ready(visit("/"))
    expect(page.locator("#ranges a[aria-current]")).to_have_text("24 hours")
    page.locator("#project").select_option("p")
    expect(page).to_have_url(f"{site.url}/?project=p")
    page.locator("#ranges a", has_text="30 days").click()
    expect(page).to_have_url(f"{site.url}/?project=p&range=30d")
    expect(page.locator("#shown")).to_contain_text("by day")
    page.locator("#days summary").click()
    for name in ("from", "to"):
        page.locator(f"#{name}").fill(site.day)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(f"{site.url}/{yesterday[0]}")
    expect(page.locator("#shown")).to_contain_text("00:00 to")
    total = page.locator("#total-requests").get_attribute("value")
    other = ready(visit(f"/{yesterday[0]}"))
    expect(other.locator("#total-requests")).to_have_attribute("value", total)
    expect(other.locator("#project")).to_have_value("p")
    page.go_back()
    expect(page.locator("#ranges a[aria-current]")).to_have_text("30 days")
    page.go_back()
    expect(page.locator("#ranges a[aria-current]")).to_have_text("24 hours")
    expect(page.locator("#project")).to_have_value("p")


def test_new_calls_appear_while_someone_looks(visit, site):
    """An empty project says what to do; a call appears without reloading, but not in a hidden or a paused page."""
    page = visit(None)
    page.clock.install()
    page.goto("/?project=live")
    ready(page)
    expect(page.locator("#empty")).to_contain_text("No calls in this time")
    events = [an_event_now(), an_event_now(project="q"), an_event_now()]
    site.store_events(events[0])
    page.clock.fast_forward("10:00")
    expect(page.locator("#total-requests")).to_have_attribute("value", "1")
    expect(page.locator("#fresh")).to_contain_text("Data through")
    expect(page.locator("#empty")).to_be_hidden()
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => globalThis.away, configurable: true})")
    page.evaluate("globalThis.away = true; document.dispatchEvent(new Event('visibilitychange'))")
    site.store_events(*events)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.fast_forward("10:00")
    assert asked == []
    page.evaluate("globalThis.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#total-requests")).to_have_attribute("value", "2")
    page.get_by_role("button", name="Live").click()
    asked.clear()
    page.clock.fast_forward("10:00")
    assert asked == []
    page.get_by_role("button", name="Paused").click()
    expect(page.get_by_role("button", name="Live")).to_be_visible()


def test_signing_in_and_out(visit, site):
    """A wrong key is told apart; a good one opens the page, stands in no address and no storage, and is forgotten."""
    page = visit("/", signed_in=False)
    error = page.locator("#sign-in-error")
    expect(page.get_by_label("Read key or session token")).to_be_focused()
    for key, words in {
        "als_wrong": "not known here",
        site.key("ingest", projects=("p",))[1]: "cannot read data",
        " ": "Enter a read key",
    }.items():
        page.get_by_label("Read key or session token").fill(key)
        page.keyboard.press("Enter")
        expect(error).to_contain_text(words)
    _, key = site.key(projects=("p",))
    page.get_by_label("Read key or session token").fill(key)
    page.get_by_role("button", name="Sign in").click()
    ready(page)
    assert page.locator("#project option").all_inner_texts() == ["All projects", "p"]
    (cookie,) = page.context.cookies(f"{site.url}/page/data")
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/page")
    kept = page.evaluate(
        "[location.href, document.cookie, JSON.stringify(localStorage), document.body.innerHTML].join()"
    )
    assert key not in kept
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.context.cookies(f"{site.url}/page/data") == []
    assert page.request.get("/page/data").status == 401


def test_a_revoked_key_signs_out(visit, site):
    """The next look after a key was revoked takes the numbers away, says why, and forgets the key."""
    key_id, key = site.key()
    page = visit(None, key=key)
    page.clock.install()
    page.goto("/")
    ready(page)
    site.revoke(key_id)
    until(lambda: page.request.get("/page/data").status == 401, seconds=30)
    page.clock.fast_forward("10:00")
    expect(page.locator("#sign-in-error")).to_contain_text("was revoked")
    expect(page.locator("#dashboard")).to_be_hidden()
    expect(page.get_by_role("button", name="Sign out")).to_be_hidden()
    expect(page.get_by_label("Read key or session token")).to_be_focused()
    assert page.context.cookies(f"{site.url}/page/data") == []


def test_without_a_store_the_page_says_so_and_recovers(visit, site):
    """The page is served, keeps the numbers that it has, says what is wrong, and goes on by itself."""
    page = visit(None)
    page.clock.install()
    page.goto("/?project=p&range=7d")
    ready(page)
    total = page.locator("#total-requests").get_attribute("value")
    site.reading.away = True
    try:
        page.clock.fast_forward("10:00")
        expect(page.locator("#message")).to_contain_text("cannot be read right now")
        expect(page.locator("#total-requests")).to_have_attribute("value", total)
        page.reload()
        expect(page.locator("html")).to_have_attribute("data-state", "error")
        expect(page.get_by_role("button", name="Try again now")).to_be_visible()
    finally:
        site.reading.away = False
    page.clock.fast_forward("10:00")
    ready(page)
    expect(page.locator("#message")).to_be_hidden()
    expect(page.locator("#total-requests")).to_have_attribute("value", total)


def test_a_project_of_others_is_refused_with_a_way_out(visit):
    """An address with a project that the key may not see says so, and leads back to what it may."""
    page = visit("/?project=theirs")
    expect(page.locator("#message")).to_contain_text("may not see that project")
    page.get_by_role("button", name="Show the last 24 hours of all projects").click()
    ready(page)


def test_names_are_text(visit, site):
    """What producers call their models is shown as it is: not run as markup, nor by a spreadsheet."""
    site.store_events(an_event_now("hostile", model=HOSTILE), an_event_now("hostile", model="=1+1", cost_usd="9"))
    page = ready(visit("/?project=hostile"))
    expect(page.locator("#cost-by-model text", has_text="=1+1")).to_be_visible()
    assert page.locator("main img").count() == 0
    page.locator("#cost-by-model").get_by_role("button", name="Table").click()
    expect(page.locator("#cost-by-model").get_by_role("rowheader", name=HOSTILE)).to_be_visible()
    assert [row[0] for row in table_of(page, "cost-by-model")[1]] == ["'=1+1", HOSTILE]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit, yesterday, scheme):
    """Neither on the numbers with their tables open, nor on an empty page, nor where one signs in."""
    axe = Axe()
    page = ready(visit(f"/{yesterday[0]}", color_scheme=scheme))
    for panel in PANELS:
        page.locator(f"#{panel}").get_by_role("button", name="Table").click()
    assert violations(axe, page) == []
    page = ready(visit("/?project=live&from=2026-01-01&to=2026-01-02", color_scheme=scheme))
    assert violations(axe, page) == []
    page = visit("/", signed_in=False, color_scheme=scheme)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.keyboard.press("Enter")
    assert violations(axe, page) == []


def violations(axe, page):
    """What axe found, as its rule and where."""
    found = axe.run(page).response["violations"]
    return [(one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found]


@pytest.mark.parametrize("width", [360, 768])
def test_nothing_runs_over_the_edge(visit, yesterday, width):
    """On a phone and on a tablet there is nothing to scroll to the side but tables."""
    signed_out = visit("/", signed_in=False, viewport={"width": width, "height": 800})
    expect(signed_out.get_by_role("heading", name="Sign in")).to_be_visible()
    page = ready(visit(f"/{yesterday[0]}", viewport={"width": width, "height": 800}))
    for panel in PANELS:
        page.locator(f"#{panel}").get_by_role("button", name="Table").click()
    page.locator("#days summary").click()
    for one in (signed_out, page):
        assert one.evaluate("document.documentElement.scrollWidth") == width


def test_the_theme_is_the_readers(visit):
    """The system's colours are the default, and a choice lasts."""
    page = ready(visit("/", color_scheme="dark"))
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.locator("#theme").click()
    expect(page.locator("#theme")).to_have_text("Theme: light")
    light = page.evaluate(ground)
    assert light != dark
    page.reload()
    assert page.evaluate(ground) == light


CASES = {
    "count(1234567)": "1,234,567",
    "count(12345678)": "12.3M",
    "money(0)": "$0.00",
    "money(1234.5)": "$1,234.50",
    "money(12345678)": "$12.3M",
    "money(0.0061)": "$0.0061",
    "money(0.00000123)": "$0.000001",
    "percent(0)": "0 %",
    "percent(0.0294)": "2.94 %",
    "percent(1)": "100.0 %",
    "compactPercent(0.125)": "12.5 %",
    "duration(0)": "0 ms",
    "duration(0.512)": "0.51 ms",
    "duration(812.4)": "812 ms",
    "duration(999.6)": "1 s",
    "duration(1250)": "1.25 s",
    "duration(125000)": "2 min 5 s",
    "age(89)": "89 s",
    "age(7200)": "2 h",
    "change(112, 100)": "+12 %",
    "change(0, 0)": "as before",
    "change(5, 0)": "none before",
    "bucketName(new Date('2026-11-28T23:00Z'), 3600)": "28 Nov 23:00\u201300:00",
    "bucketName(new Date('2026-11-28'), 86400)": "28 Nov",
    "plural(1, 'request')": "1 request",
    "ticks(0, 4)": [0, 1],
    "ticks(78, 4)": [0, 20, 40, 60, 80],
    "ticks(3, 4, true)": [0, 1, 2, 3],
    "ticks(0.3, 4)": [0, 0.1, 0.2, 0.3],
    "level(0, 9)": 0,
    "level(1, 9)": 1,
    "level(9, 9)": 5,
    "csv([{title: 'A', unit: 'ms', value: (x) => x}], ['a,\"b\"', '-1', -1, null])": (
        'A (ms)\r\n"a,""b"""\r\n\'-1\r\n-1\r\n\r\n'
    ),
    "addressOf(readState('?project=a%26b&range=7d&from=2026-01-01'))": "/?project=a%26b&from=2026-01-01",
    "addressOf(readState('?utm_source=x'))": "/",
    "rangeOf(readState('?from=2026-01-01'))": None,
}


def test_values_are_written_for_people(visit):
    """Each value has its unit, and no more digits than it has to tell; scales and files are as they are said to be."""
    page = visit("/", signed_in=False)
    files = page.locator("script[type=module]").get_attribute("src").rpartition("/")[0]
    loaded = ", ".join(
        f"await import(`${{files}}/{name}.js`)" for name in ("csv", "format", "heatmap", "scales", "state")
    )
    names = (
        "{"
        + ", ".join(sorted({name for case in CASES for name in re.findall(r"\b([a-z]\w*)\(", case)} - {"toString"}))
        + "}"
    )
    run = f"async (files) => {{ const {names} = Object.assign({{}}, {loaded}); return [{', '.join(CASES)}]; }}"
    assert dict(zip(CASES, page.evaluate(run, files), strict=True)) == CASES
