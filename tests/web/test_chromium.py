"""The pages of mmash in a real browser, on a real server and a program that runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from mmstats_testing.browsing import DESKTOP, PHONE, Browser, chromium
from mmstats_testing.mmashing import mmash
from mmstats_testing.running import environment

# Publishes until it is killed. Half of it is what somebody would write who wants to do harm.
_PROGRAM = """
import random, sys, time
from mmstats_writer import Writer, exponential

app = Writer(sys.argv[1], app="shop")
requests = app.counter("http.requests", help="Requests served", unit="requests", labelnames=("method", "status"))
latency = app.histogram("http.latency", help="Time to the answer", unit="seconds", bounds=exponential(0.001, 2, 12))
wait = app.summary("queue.wait", help="Time in the queue", unit="seconds")
inflight = app.gauge("http.inflight", help="Requests in work", combine="sum", type=int)
memory = app.gauge("memory.resident", help="Resident memory", unit="bytes", combine="sum")
stock = app.gauge("shelf.stock", help="Pieces on a shelf", combine="sum", type=int, labelnames=("shelf",))
doing = app.text("worker.doing", help="What the worker does")
state = app.state("worker.state", ["starting", "serving"], help="Where the worker is in its life")
markup = '"><img src=x onerror="document.title=1"><script>document.title=1</script>'
evil = app.counter("evil " + markup, help="help " + markup, unit="unit " + markup, labelnames=("label",))
said = app.text("evil text", help="\\x1b[31m \\u202edlrow")
odd = app.gauge("__proto__", unit="constructor", combine="sum", labelnames=("__proto__",))
odd.labels(**{"__proto__": "toString"}).set(0.25)
for number in range(40):
    stock.labels(shelf=f"row {number:02}").set(number)
doing.set("sorting the shelves")
said.set("text " + markup)
state.set("serving")
memory.set(25_000_000)
print(flush=True)
while True:
    for method, status in (("GET", 200), ("GET", 404), ("POST", 200)):
        requests.labels(method=method, status=status).inc(random.randrange(9))
    evil.labels(label="value " + markup).inc()
    latency.observe(random.lognormvariate(-4, 1))
    wait.observe(random.random())
    inflight.set(random.randrange(100))
    time.sleep(0.01)
"""
_MARKUP = '"><img src=x onerror="document.title=1"><script>document.title=1</script>'

_NAMES = "[...document.querySelectorAll('#metrics .family .name')].map(node => node.textContent)"
_STATE = "document.querySelector('#state').textContent"
_LINES = "[...document.querySelectorAll('.card tbody tr')].map(row => [...row.cells].map(cell => cell.textContent))"
_PICTURE = "document.querySelector('.card canvas').toDataURL()"
_DRAWN = "Chart.getChart(document.querySelector('.card canvas')).data.datasets"
_SCALE = "Chart.getChart(document.querySelector('.card canvas')).scales.x"
_GRID = "Chart.getChart(document.querySelector('.card canvas')).options.scales.y.grid.color"
_WIDTH = "[document.documentElement.scrollWidth, innerWidth]"
_FOCUS = "document.activeElement.getAttribute('aria-label') || document.activeElement.textContent.trim()"

# The texts that are seen whose contrast with what is behind them is less than WCAG's AA asks for.
_FAINT = """(() => {
  const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => (part /= 255) <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgba(getComputedStyle(node).backgroundColor);
      if (colour[3] === 255) return colour;
    }
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), faint = [];
  let looked = 0;
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !node.checkVisibility()) continue;
    looked += 1;
    const [one, other] = [rgba(getComputedStyle(node).color), behind(node)].map(luminance).sort((a, b) => b - a);
    if ((one + 0.05) / (other + 0.05) < 4.5) faint.push(texts.currentNode.data);
  }
  return [looked, faint];
})()"""


class Server:
    """The real mmash on a directory. It can be stopped, and started again under the same address."""

    def __init__(self, where: Path) -> None:
        self._where, self._port, self._running = where, 0, ExitStack()
        self.start()

    def start(self) -> None:
        self._port = self._running.enter_context(mmash("--port", str(self._port), self._where)).port

    def stop(self) -> None:
        self._running.close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/"


class Stage(NamedTuple):
    """What the tests look at, and with what."""

    browser: Browser
    server: Server
    directory: Path

    def open(self, page: str = "", size: tuple[int, int] = DESKTOP, scheme: str = "light") -> Browser:
        """Open a page of mmash, and wait until it has something to show."""
        self.browser.open(self.server.url + page, size, scheme)
        self.browser.wait("document.querySelectorAll('.family, .card tbody tr').length")
        return self.browser


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    directory = tmp_path_factory.mktemp("stats")
    with ExitStack() as stack:
        browser = stack.enter_context(chromium(tmp_path_factory.mktemp("profile")))
        with publishing(directory):
            pass  # it is killed, and leaves its file
        stack.enter_context(publishing(directory))
        (directory / "torn.mmstats").write_bytes(b"\2\0\0")
        server = Server(directory)
        stack.callback(server.stop)
        yield Stage(browser, server, directory)


@contextmanager
def publishing(directory: Path) -> Iterator[None]:
    """Run the program, and kill it."""
    command = [sys.executable, "-c", _PROGRAM, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


@pytest.fixture(autouse=True)
def nothing_is_logged(request: pytest.FixtureRequest, stage: Stage) -> Iterator[None]:
    """The console stays empty: no error, and nothing that the page's own policy forbids."""
    yield
    if "reconnect" not in request.node.name:
        assert stage.browser.log() == []


@pytest.mark.parametrize(
    ("words", "found"),
    [
        pytest.param("latency", ["http.latency"], id="name"),
        pytest.param("HISTOGRAM", ["http.latency"], id="kind"),
        pytest.param("bytes", ["memory.resident"], id="unit"),
        pytest.param("time seconds", ["http.latency", "queue.wait"], id="help-and-unit"),
        pytest.param("POST", ["http.requests"], id="label"),
        pytest.param("sorting", ["worker.doing"], id="text"),
    ],
)
def test_the_search_finds(stage: Stage, words: str, found: list[str]) -> None:
    browser = stage.open()
    assert len(browser.run(_NAMES)) == 11
    browser.find("#search").send_keys(words)
    browser.until(lambda: browser.run(_NAMES) == found, str(found))
    assert browser.run("document.querySelector('#count').textContent") == f"{len(found)} of 11 metrics"
    assert browser.run("new URLSearchParams(location.search).get('q')") == words


def test_a_search_that_finds_nothing_says_so_and_can_be_cleared(stage: Stage) -> None:
    browser = stage.browser
    browser.open(stage.server.url + "?q=nowhere")
    browser.wait("document.querySelector('#none').checkVisibility()")
    browser.find("#clear").click()
    assert len(browser.run(_NAMES)) == 11


def test_a_search_for_a_label_shows_the_series_that_have_it(stage: Stage) -> None:
    browser = stage.open("?q=post")
    browser.find(".toggle").click()
    labels = "[...document.querySelectorAll('.series .name')].map(node => node.textContent)"
    assert browser.run(labels) == ["method=POST status=200"]


@pytest.mark.long
def test_values_are_refreshed(stage: Stage) -> None:
    browser = stage.open("?q=http.requests")
    value = "document.querySelector('.family .value span').textContent"
    before = browser.run(value)
    browser.until(lambda: browser.run(value) != before, "another value")


def test_texts_and_states_are_listed(stage: Stage) -> None:
    browser = stage.open("?q=worker")
    values = "[...document.querySelectorAll('.value span')].map(node => node.textContent)"
    assert browser.run(values) == ["sorting the shelves", "serving"]


def test_processes_are_listed_with_their_state(stage: Stage) -> None:
    browser = stage.open()
    browser.wait("document.querySelectorAll('#processes tbody tr').length == 2")
    rows = browser.run("[...document.querySelectorAll('#processes tbody tr')].map(row => row.innerText)")
    assert sorted(row.split()[0] for row in rows) == ["dead", "live"]
    assert all("shop" in row for row in rows)


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_shown(stage: Stage) -> None:
    browser = stage.open()
    problems = browser.find("#problems").text
    assert str(stage.directory / "torn.mmstats") in problems
    assert len(browser.run(_NAMES)) == 11


@pytest.mark.parametrize("page", ["?q=evil", "graph/"])
def test_what_files_say_stays_text(stage: Stage, page: str) -> None:
    browser = stage.open(page)
    title = browser.run("document.title")
    browser.wait(f"document.body.innerText.includes({'evil ' + _MARKUP!r})")
    browser.wait(f"document.body.innerText.includes({'help ' + _MARKUP!r})")
    if page == "?q=evil":
        browser.find(".toggle").click()
        browser.wait(f"document.body.innerText.includes({'text ' + _MARKUP!r})")
        assert "\\u001b[31m \\u202edlrow" in browser.run("document.body.innerText")
    else:
        browser.wait(f"document.body.innerText.includes({'unit ' + _MARKUP + ' per second'!r})")
    assert browser.run(f"document.body.innerText.includes({'label=value ' + _MARKUP!r})")
    assert browser.run("document.querySelectorAll('img, main script').length") == 0
    assert browser.run("document.title") == title


@pytest.mark.long
def test_names_that_mean_something_to_the_language_are_names(stage: Stage) -> None:
    browser = stage.open("?q=__proto__")
    browser.find(".toggle").click()
    assert browser.run("document.querySelector('.series').innerText").split() == ["__proto__=toString", "0.250"]
    browser = stage.open("graph/?metric=__proto__")
    browser.wait(f"{_LINES}[0][1] == '0.250'")
    assert browser.run("document.querySelector('.card h2').innerText") == "__proto__ constructor"


@pytest.mark.long
def test_metrics_lead_to_their_charts(stage: Stage) -> None:
    browser = stage.open("?q=evil+onerror")
    browser.find(".family a").click()
    browser.wait("document.querySelector('.card h2 .name')")
    assert browser.run("document.querySelector('.card h2 .name').textContent") == f"evil {_MARKUP}"


def test_charts_move(stage: Stage) -> None:
    browser = stage.open("graph/?metric=http.requests")
    browser.wait(f"{_DRAWN}.length == 3")
    lines = browser.wait(f"{_DRAWN}.every(line => line.data.length > 1) && {_LINES}")
    assert {line[0] for line in lines} == {
        f"method={one}" for one in ("GET status=200", "GET status=404", "POST status=200")
    }
    picture, points = browser.run(_PICTURE), browser.run(f"{_DRAWN}[0].data.length")
    browser.wait(f"{_DRAWN}[0].data.length > arguments[0]", points)
    assert browser.run(_PICTURE) != picture
    # What the table says is what is drawn: 100 times a second, by 4 on average.
    rates = [float(line[1].replace("k", "")) for line in browser.run(_LINES)]
    assert all(50 < rate < 1000 for rate in rates), rates


def test_a_histogram_has_quantiles(stage: Stage) -> None:
    browser = stage.open("graph/?metric=http.latency")
    lines = browser.wait(f"{_LINES}.every(line => line[1] != '–') && {_LINES}")
    now = {line[0]: line[1] for line in lines}
    assert list(now) == ["p50", "p90", "p99", "mean", "http.latency"]
    assert all(now[name].endswith(" ms") for name in ("p50", "p90", "p99", "mean"))
    assert [line["label"] for line in browser.run(_DRAWN)] == ["p50", "p90", "p99"]
    p50, p90, p99 = (line["data"][-1]["y"] for line in browser.run(_DRAWN))
    assert 0.001 < p50 < p90 < p99 < 1
    titles = "[...document.querySelectorAll('.card')].map(one => Chart.getChart(one.querySelector('canvas')))"
    assert browser.run(f"{titles}.map(chart => chart.options.scales.y.title.text)") == ["seconds", "per second"]


def test_several_metrics_are_drawn_in_one_chart(stage: Stage) -> None:
    browser = stage.open("?q=seconds")
    for box in browser.driver.find_elements("css selector", ".family input"):
        box.click()
    assert browser.find("#selected").text == "2 metrics selected"
    browser.find("#together").click()
    browser.wait(f"{_DRAWN}.length == 4")
    labels = [line["label"] for line in browser.run(_DRAWN)]
    assert labels == ["http.latency p50", "http.latency p90", "http.latency p99", "queue.wait mean"]


@pytest.mark.long
def test_more_lines_than_can_be_told_apart_are_chosen_from(stage: Stage) -> None:
    browser = stage.open("graph/?metric=shelf.stock")
    browser.wait(f"{_DRAWN}.length == 12")
    assert browser.find(".more").text == "12 of 40 lines are drawn: untick one to draw another."
    labels = [line["label"] for line in browser.run(_DRAWN)]
    assert labels == [f"shelf=row {number}" for number in range(39, 27, -1)]
    boxes = browser.driver.find_elements("css selector", ".card input")
    assert not boxes[39].is_enabled()
    boxes[0].click()
    boxes[39].click()
    assert [line["label"] for line in browser.run(_DRAWN)] == [*labels[1:], "shelf=row 00"]


def test_a_paused_chart_stands_still_and_goes_on_without_a_gap(stage: Stage) -> None:
    browser = stage.open("graph/?metric=http.inflight")
    browser.wait(f"{_DRAWN}[0].data.length > 1")
    browser.find("#pause").click()
    assert browser.find("#pause").text == "Resume"
    picture, lines, points = browser.run(_PICTURE), browser.run(_LINES), browser.run(f"{_DRAWN}[0].data.length")
    begun = browser.run("performance.now()")
    browser.wait("performance.now() > arguments[0] + 2200", begun)  # two events
    assert (browser.run(_PICTURE), browser.run(_LINES)) == (picture, lines)
    assert "paused" in browser.run(_STATE)
    browser.find("#pause").click()
    assert browser.run(f"{_DRAWN}[0].data.length") >= points + 2
    assert browser.run(_PICTURE) != picture


@pytest.mark.long
def test_window_interval_and_metrics_are_in_the_address(stage: Stage) -> None:
    browser = stage.open("graph/?metric=http.inflight&window=15&interval=2")
    assert browser.run("[...document.querySelectorAll('#controls select')].map(one => one.value)") == [
        "15",
        "2",
        "metric",
    ]
    window = f"Math.round({_SCALE}.max - {_SCALE}.min)"
    assert browser.wait(window) == 900
    browser.find("#window option[value='5']").click()
    browser.find("#interval option[value='1']").click()
    assert browser.run(window) == 300
    browser.find("#name").send_keys("queue.wait\n")
    browser.wait(f"{_LINES}.length == 3")
    assert browser.run("location.search") == "?metric=http.inflight&metric=queue.wait&window=5"
    browser.find("[aria-label='Remove http.inflight']").click()
    browser.wait(f"{_LINES}.length == 2")


@pytest.mark.long
def test_a_metric_that_nobody_publishes_is_named(stage: Stage) -> None:
    browser = stage.browser
    browser.open(f"{stage.server.url}graph/?metric=no.such.thing&metric=worker.doing")
    browser.wait("document.querySelector('#notice').checkVisibility()")
    assert "Nothing publishes “no.such.thing”" in browser.find("#notice").text
    assert "“worker.doing” is text" in browser.find("#notice").text


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.long)])
@pytest.mark.parametrize("page", ["", "graph/"], ids=["metrics", "charts"])
def test_a_phone_shows_the_page_without_scrolling_sideways(stage: Stage, page: str, scheme: str) -> None:
    browser = stage.open(page, PHONE, scheme)
    for toggle in browser.driver.find_elements("css selector", ".toggle[aria-expanded=false]"):
        toggle.click()
    assert browser.run(_WIDTH) == [PHONE[0]] * 2
    looked, faint = browser.run(_FAINT)
    assert looked > 50
    assert faint == []


@pytest.mark.long
def test_dark_and_light_follow_the_system_until_chosen(stage: Stage) -> None:
    background = "getComputedStyle(document.body).backgroundColor"
    browser = stage.open("graph/?metric=http.inflight", scheme="dark")
    dark, grid = browser.run(background), browser.run(_GRID)
    browser.prefer("light")
    light = browser.run(background)
    assert dark != light
    browser.until(lambda: browser.run(_GRID) != grid, "a chart in other colours")
    browser.find("#theme option[value=dark]").click()
    assert browser.run(background) == dark
    browser.until(lambda: browser.run(_GRID) == grid, "a chart in dark colours")
    browser.driver.refresh()  # it is kept
    assert browser.run(background) == dark
    browser.find("#theme option[value='']").click()
    assert browser.run(background) == light


def test_the_keyboard_reaches_everything_on_the_page_of_metrics(stage: Stage) -> None:
    browser = stage.open("?q=http.requests")
    tab, space, enter = "\ue004", " ", "\ue007"
    reached: list[str] = []
    for _ in range(7):
        browser.press(tab)
        assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid" or reached[-1:] == [
            "Charts"
        ]
        reached.append(browser.run("document.activeElement.id") or browser.run(_FOCUS))
    assert reached == [
        "Skip to the metrics", "Metrics", "Charts", "theme", "search", "Select http.requests", "http.requests",
    ]  # fmt: skip
    browser.press(tab, enter)
    assert browser.run("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert browser.run("document.querySelectorAll('.series').length") == 3
    before = browser.run("document.querySelector('.family .value span').textContent")
    browser.wait("document.querySelector('.family .value span').textContent != arguments[0]", before)
    browser.press(space)  # the focus is still there after a refresh
    assert browser.run("document.querySelectorAll('.series').length") == 0


@pytest.mark.long
def test_the_keyboard_reaches_everything_on_the_page_of_charts(stage: Stage) -> None:
    browser = stage.open("graph/?metric=http.requests")
    tab, space = "\ue004", " "
    reached = []
    for _ in range(15):
        browser.press(tab)
        reached.append(browser.run("document.activeElement.id") or browser.run(_FOCUS))
    assert reached == [
        "Skip to the charts", "Metrics", "Charts", "theme", "name", "Add", "window", "interval", "grouping", "pause",
        "Remove http.requests", "Numbers of http.requests", *reached[12:],
    ]  # fmt: skip
    browser.wait(f"{_DRAWN}.length == 3")
    browser.press(space)
    browser.wait(f"{_DRAWN}.length == 2")


@pytest.mark.long
def test_a_page_reconnects_when_the_server_comes_back(stage: Stage) -> None:
    browser = stage.open("graph/?metric=http.inflight")
    browser.wait(f"{_DRAWN}[0].data.length > 1")
    stage.server.stop()
    browser.wait(f"{_STATE}.includes('connection lost')")
    points = browser.run(f"{_DRAWN}[0].data.length")
    stage.server.start()
    browser.wait(f"{_STATE}.includes('live')")
    browser.wait(f"{_DRAWN}[0].data.length > arguments[0]", points)
    refused = browser.log()
    assert all("api/v2/stream" in entry and '"network"' in entry for entry in refused), refused


@pytest.mark.long
def test_the_page_of_metrics_reconnects_too(stage: Stage) -> None:
    browser = stage.open()
    stage.server.stop()
    browser.wait("document.querySelector('#lost').textContent.includes('mmash does not answer; trying again')")
    assert len(browser.run(_NAMES)) == 11
    stage.server.start()
    browser.wait("!document.querySelector('#lost').checkVisibility()")


@pytest.mark.long
def test_where_nothing_is_published_the_pages_say_where_they_looked(stage: Stage, tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        for page in ("", "graph/"):
            stage.browser.open(server.url + page)
            stage.browser.wait("document.querySelector('#empty').checkVisibility()")
            assert str(tmp_path) in stage.browser.find("#empty").text
        with publishing(tmp_path):
            stage.browser.wait(f"{_LINES}.length > 0")
    finally:
        stage.browser.driver.get("about:blank")
        server.stop()
