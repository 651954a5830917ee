"""The dashboard in a real browser, on the whole system, with 24 emulated miners."""

import re
import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from playwright.sync_api import TimeoutError as PlaywrightTimeout
from playwright.sync_api import WebSocketRoute, expect
from tests.e2e.browser import PHONE, SHADED, System, chromium
from tests.e2e.conftest import MINERS, Open, until

FIRST = "demo-r01-s01"
PATHS = {"/": FIRST, f"/miners/{FIRST}": "1,150", "/system": "timescale-sink"}
"""The page's addresses, and what is on each once it has all that it shows."""
CHINESE = re.compile(r"[\u4e00-\u9fff]")

expect.set_options(timeout=15_000)  # of a machine that does other things too

pytestmark = [
    pytest.mark.skipif(
        chromium() is None,
        reason="no Chromium: apt-get install chromium, or set MINESTREAM_CHROMIUM",
    ),
    pytest.mark.timeout(400),
]


def test_the_table_shows_every_miner_and_a_value_changes_by_itself(opened: Open) -> None:
    visit = opened()
    page = visit.go("/")
    table = page.get_by_role("table", name="Miners")
    expect(table).to_have_attribute("aria-rowcount", str(MINERS + 1))
    expect(table.locator("[data-miner]")).to_have_count(MINERS)
    row = table.get_by_role("row").filter(has_text=FIRST)
    units = table.inner_text()
    assert "TH/s" in units, "SHA-256 in terahashes"
    assert "GH/s" in units, "scrypt in gigahashes"
    before = row.inner_text()
    assert re.search(r"\d", before)
    visit.shoot("fleet-dark")
    numbers = row.get_by_role("cell").filter(has_text="H/s")
    expect(numbers).not_to_have_text(numbers.inner_text(), timeout=30_000)
    assert visit.wrongs() == {}


def test_a_lost_board_is_seen_and_so_is_its_return(opened: Open, system: System) -> None:
    visit = opened()
    page = visit.go("/")
    row = page.get_by_role("row").filter(has_text="demo-r01-s07")
    expect(row.get_by_title("3 of 3 boards healthy")).to_be_visible()
    system.types("fault", "lost-board", "--miner", "demo-r01-s07", "--for", "0")
    expect(row.get_by_title("2 of 3 boards healthy")).to_be_visible(timeout=30_000)
    visit.shoot("fault")
    light = opened(color_scheme="light")
    ill = light.go("/").get_by_role("row").filter(has_text="demo-r01-s07")
    expect(ill.get_by_title("2 of 3 boards healthy")).to_be_visible()
    light.page.get_by_role("button", name="Needs attention").click()
    expect(light.page.get_by_role("table", name="Miners").locator("[data-miner]")).to_have_count(1)
    light.shoot("fault-light")
    assert light.wrongs() == {}
    system.types("fault", "--heal")
    expect(row.get_by_title("3 of 3 boards healthy")).to_be_visible(timeout=60_000)
    assert visit.wrongs() == {}


def test_a_miners_page_draws_its_readings_its_boards_and_where_there_are_none(
    opened: Open, system: System
) -> None:
    visit = opened()
    page = visit.go("/miners/demo-r01-s08")
    chart = page.get_by_role("img", name=re.compile(r"^Hashrate over time; newest: "))
    expect(chart).to_have_accessible_name(re.compile(r": [\d.]+\sGH.s$"))
    boards = page.get_by_role("region", name="Hashboards")
    expect(boards.locator("tbody").get_by_role("row")).to_have_count(3)
    assert chart.evaluate(SHADED) == 0
    system.types("fault", "unreachable", "--miner", "demo-r01-s08", "--for", "0")
    gaps = page.get_by_role("region", name="Gaps in this range")
    expect(gaps).to_contain_text("Miner silent since", timeout=90_000)
    expect(page.get_by_text("Offline").first).to_be_visible()
    until(lambda: chart.evaluate(SHADED) > 50, "the gap is shaded")
    expect(chart).to_have_accessible_name(re.compile(r": \u2013$"))
    visit.shoot("gap-open")
    fleet = opened(color_scheme="light")
    row = fleet.go("/").get_by_role("row").filter(has_text="demo-r01-s08")
    expect(row).to_contain_text("Offline")
    fleet.shoot("fleet-offline")
    system.types("fault", "--heal")
    expect(gaps).not_to_contain_text("since", timeout=90_000)
    expect(gaps).to_contain_text("Miner silent, ")
    assert chart.evaluate(SHADED) > 50
    visit.shoot("gap-closed")
    assert visit.wrongs() == {}
    assert fleet.wrongs() == {}


def test_the_way_of_a_reading_leads_from_the_poll_to_the_database(opened: Open) -> None:
    visit = opened()
    page = visit.go(f"/miners/{FIRST}")
    way = page.get_by_role("region", name="The reading's way")
    for step in ("Miner answered", "In Kafka", "Normalised", "In the database"):
        expect(way).to_contain_text(step, timeout=30_000)
    expect(way).to_contain_text("traced")
    assert visit.wrongs() == {}


def test_the_system_page_knows_every_service(opened: Open) -> None:
    visit = opened()
    page = visit.go("/system")
    services = page.get_by_role("region", name="Services")
    for name in ("collector-vnish", "processor", "timescale-sink", "api-gateway"):
        row = services.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text("Ready")
    visit.shoot("system-dark")
    assert visit.wrongs() == {}


def test_an_alert_comes_by_itself_is_told_and_leaves(opened: Open, system: System) -> None:
    visit, fleet = opened(), opened(viewport=PHONE, is_mobile=True, color_scheme="light")
    page = visit.go("/alerts")
    fleet.go("/")
    badge = page.get_by_role("navigation").locator("[data-firing]")
    firing = page.get_by_role("list", name="Firing now")
    hot = "demo-r01-s04"
    system.types("fault", "hot-chip", "--miner", hot, "--for", "0")
    row = firing.get_by_role("listitem").filter(has_text=hot)
    expect(row).to_contain_text("Chip too hot", timeout=120_000)
    expect(row).to_contain_text("limit")
    expect(row).to_contain_text(re.compile(r"for \d+ (s|min)"))
    expect(row).to_contain_text("webhook", timeout=30_000)
    expect(badge).to_have_attribute("data-firing", re.compile("^[1-9]"))
    banner = fleet.page.get_by_role("region", name="Firing now")
    expect(banner).to_contain_text(hot)
    row.get_by_role("button", name=f"{hot}: Steps and notifications").click()
    expect(row.get_by_role("table")).to_contain_text("sent")
    visit.shoot("alerts-dark")
    fleet.shoot("alert-phone-light")
    assert fleet.wrongs() == {}
    chinese = opened(locale="zh-CN", color_scheme="light")
    chinese.go(f"/miners/{hot}")
    expect(chinese.page.get_by_role("region", name="正在告警")).to_contain_text("芯片过热")
    chinese.shoot("alert-miner-chinese")
    system.types("fault", "--heal")
    over = page.get_by_role("list", name="Resolved").get_by_role("listitem")
    expect(over.filter(has_text=hot).first).to_contain_text("lasted", timeout=180_000)
    expect(row).to_have_count(0)
    expect(banner).to_have_count(0)
    assert visit.wrongs() == {}
    assert chinese.wrongs() == {}


def test_what_a_miner_earns_can_be_reckoned_anew_from_its_page(opened: Open) -> None:
    visit = opened()
    page = visit.go("/")
    sums = page.get_by_role("region", name="Earnings, market and pools")
    for label in ("Profit per day", "Revenue per day", "Power cost per day", "LTC", "DOGE", "BTC"):
        expect(sums).to_contain_text(label, timeout=60_000)
    expect(sums).to_contain_text(re.compile(r"of \d+ of 24 miners"))
    page.get_by_role("button", name="Earnings").click()
    profit = page.get_by_role("row").filter(has_text=FIRST).get_by_text(re.compile(r"^-?\$[\d.]+$"))
    expect(profit).to_have_count(3)
    visit.shoot("earnings")
    page.get_by_role("link", name=FIRST).first.click()
    expect(page.get_by_text("At the pool")).to_be_visible()
    # one reading is looked at in one go: the next may come in between
    text = page.get_by_role("region", name="Earnings", exact=True).locator("table").inner_text()
    number = r"\$?([\d.,]+)"
    lines = re.findall(rf"{number}\s[GTk][\w/]+ . (?:24 h . )?{number} per .*\s+{number}", text)
    assert len(lines) == 2, text
    revenue, cost = ([float(each.replace(",", "")) for each in line] for line in lines)
    assert revenue[2] == pytest.approx(revenue[0] * revenue[1], rel=1e-4)
    assert cost[2] == pytest.approx(cost[0] * 24 * cost[1], rel=1e-4)
    visit.shoot("calculation")
    assert visit.wrongs() == {}


def test_a_page_whose_gateway_restarts_tells_its_age_and_comes_back(
    opened: Open, system: System
) -> None:
    visit = opened()
    page = visit.go("/")
    pill = page.locator("[data-condition]")
    restarting = subprocess.Popen(
        [sys.executable, "-m", "minestream_devstack", "restart", "api-gateway"],
        cwd=system.folder,
        env=system.environment,
        stderr=subprocess.DEVNULL,
    )
    try:
        expect(pill).to_have_attribute("data-condition", "reconnecting", timeout=30_000)
        expect(pill).to_have_text(re.compile(r"^Reconnecting… data is \d+ m?s old$"))
        visit.shoot("reconnecting")
        expect(page.get_by_role("table", name="Miners")).to_be_visible()
        expect(pill).to_have_attribute("data-condition", "live", timeout=60_000)
    finally:
        assert restarting.wait(90) == 0
    row = page.get_by_role("row").filter(has_text=FIRST)
    numbers = row.get_by_role("cell").filter(has_text="H/s")
    expect(numbers).not_to_have_text(numbers.inner_text(), timeout=30_000)
    # Chromium itself logs each attempt that finds nobody there, and nothing else may be logged
    assert all("ERR_CONNECTION_REFUSED" in error for error in visit.errors), visit.errors
    assert visit.strangers == []


@pytest.mark.parametrize("path", list(PATHS))
@pytest.mark.parametrize(
    ("name", "context"),
    [
        ("light", {"color_scheme": "light"}),
        ("chinese", {"locale": "zh-CN"}),
        ("phone", {"viewport": PHONE, "has_touch": True, "is_mobile": True}),
    ],
)
def test_every_page_is_whole_for_everybody(
    opened: Open, path: str, name: str, context: dict[str, Any]
) -> None:
    visit = opened(**context)
    page = visit.go(path)
    root = page.locator("html")
    expect(root).to_have_attribute("lang", re.compile("^zh" if name == "chinese" else "^en"))
    expect(root).to_have_attribute("data-theme", "light" if name == "light" else "dark")
    expect(page.get_by_text(PATHS[path]).first).to_be_visible()
    if name == "chinese":
        expect(page.get_by_role("navigation")).to_have_text(CHINESE)
        expect(page.get_by_role("region", name=re.compile(r"^通知.F8.$"))).to_be_attached()
    if name == "phone" and path == "/":
        room = page.get_by_role("searchbox").bounding_box()
        assert room is not None
        assert room["width"] > PHONE["width"] * 0.8, "a phone's search has a line of its own"
    visit.shoot(f"{path.strip('/').partition('/')[0] or 'fleet'}-{name}")
    assert visit.wrongs() == {}


def test_light_and_dark_are_a_choice_that_lasts(opened: Open) -> None:
    visit = opened(color_scheme="light")
    page = visit.go("/")
    page.get_by_role("button", name="Theme").click()
    page.get_by_role("menuitemradio", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Language").click()
    page.get_by_role("menuitemradio", name="中文").click()
    expect(page.get_by_role("navigation")).to_have_text(CHINESE)
    page.reload()
    expect(page.get_by_role("navigation")).to_have_text(CHINESE)
    assert visit.wrongs() == {}


def test_the_table_is_walked_and_searched_by_keyboard(opened: Open) -> None:
    visit = opened()
    page = visit.go("/")
    expect(page.get_by_role("table", name="Miners")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("/")
    search = page.get_by_role("searchbox", name="Search miners")
    expect(search).to_be_focused()
    search.fill("r02-s01")
    expect(page.get_by_role("table", name="Miners").locator("[data-miner]")).to_have_count(1)
    search.press("Escape")
    rows = page.get_by_role("table", name="Miners").locator("[data-miner]")
    expect(rows).to_have_count(MINERS)
    rows.first.focus()
    for key, at in (("ArrowDown", 1), ("j", 2), ("k", 1), ("ArrowUp", 0), ("ArrowUp", 0)):
        page.keyboard.press(key)
        expect(rows.nth(at)).to_be_focused()
    for _ in range(MINERS):
        page.keyboard.press("j")
    expect(rows.last).to_be_focused()
    expect(rows.last).to_be_in_viewport()
    search.fill("r02-s01")
    expect(rows).to_have_count(1)
    rows.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/miners/demo-r02-s01$"))
    page.go_back()
    expect(page.get_by_role("table", name="Miners")).to_be_visible()
    assert visit.wrongs() == {}


def test_a_part_of_the_chart_is_dragged_larger_and_given_back(opened: Open) -> None:
    visit = opened()
    page = visit.go(f"/miners/{FIRST}")
    chart = page.get_by_role("img", name=re.compile("^Hashrate over time"))
    expect(chart).to_be_visible()
    expect(page.get_by_text("every reading")).to_be_visible()
    room = chart.bounding_box()
    assert room is not None
    middle = room["y"] + room["height"] / 2
    page.mouse.move(room["x"] + room["width"] * 0.6, middle)
    expect(page.locator("figcaption time").first).to_have_text(re.compile(r"\d\d:\d\d:\d\d$"))
    page.mouse.down()
    page.mouse.move(room["x"] + room["width"] * 0.8, middle, steps=5)
    page.mouse.up()
    back = page.get_by_role("button", name="Back to live")
    expect(back).to_be_visible()
    visit.shoot("zoomed")
    back.click()
    expect(back).to_have_count(0)
    for chosen in ("15 min", "24 h"):
        page.get_by_role("radio", name=chosen).click()
        expect(page.get_by_role("radio", name=chosen)).to_be_checked()
        expect(chart).to_be_visible()
    assert visit.wrongs() == {}


def test_a_lost_connection_is_told_of_and_so_is_its_return(opened: Open) -> None:
    visit = opened()
    page, lines, cut = visit.page, list[WebSocketRoute](), False

    def answered(line: WebSocketRoute) -> None:
        if cut:
            line.close(code=1011)
        else:
            line.connect_to_server()
            lines.append(line)

    page.route_web_socket(re.compile("/api/v1/stream$"), answered)
    visit.go("/")
    notices = page.get_by_role("region", name="Notifications (F8)")
    cut = True
    lines[-1].close(code=1011)
    expect(notices).to_contain_text("Connection lost")
    visit.shoot("connection-lost")
    assert visit.wrongs() == {}
    page.keyboard.press("F8")
    notices.get_by_role("button", name="Close").first.press("Enter")
    expect(notices).not_to_contain_text("Connection lost")
    page.locator("[data-condition=reconnecting]").click()
    again = page.get_by_role("button", name="Try now")
    expect(again).to_be_visible()
    cut = False
    with suppress(PlaywrightTimeout):  # gone where the page's own try came first
        again.dispatch_event("click", timeout=2_000)
    expect(notices).to_contain_text("Connection is back", timeout=30_000)
    expect(page.locator("[data-condition]")).to_have_attribute("data-condition", "live")


def test_who_wants_no_motion_gets_none(opened: Open) -> None:
    moving = "() => document.getAnimations().map((one) => one.effect.getTiming().duration)"
    lasting = "(bar) => parseFloat(getComputedStyle(bar).transitionDuration)"
    durations = {}
    for wanted in ("no-preference", "reduce"):
        page = opened(reduced_motion=wanted).go("/")
        bar = page.locator("ul[aria-label='Miners by status']").locator("xpath=../div/span").first
        durations[wanted] = bar.evaluate(lasting)
        page.get_by_role("button", name="Theme").click()
        expect(page.get_by_role("menu")).to_be_visible()
        if wanted == "reduce":
            assert all(duration < 1 for duration in page.evaluate(moving))
    assert durations["no-preference"] > 0.1
    assert durations["reduce"] < 0.001


def test_an_address_that_nobody_has_is_said_to_be_none(opened: Open) -> None:
    visit = opened()
    answer = visit.page.goto(f"{visit.address}/nosuch")
    assert answer is not None
    assert answer.status == 404
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    visit.page.get_by_role("link", name="To the fleet").click()
    expect(visit.page.get_by_role("table", name="Miners")).to_be_visible()


def test_the_checks_of_a_page_can_fail(opened: Open) -> None:
    visit = opened()
    page = visit.go("/")
    assert visit.wrongs() == {}
    page.evaluate(
        """() => {
          const bad = document.createElement("p");
          bad.id = "content";
          bad.textContent = "hardly there";
          bad.style.cssText = "color: #222; background: #111; width: 3000px; position: relative";
          document.querySelector("main").append(bad, document.createElement("button"));
          bad.after(document.createElement("h1"));
          console.error("broken");
          document.body.style.overflowX = "visible";
          document.querySelector("main").style.overflow = "visible";
          const image = new Image();
          image.src = "http://127.0.0.2:9/pixel.gif";
        }"""
    )
    found = visit.wrongs()
    assert set(found) == {
        "errors", "asked of others", "nameless", "too wide", "hard to read", "ids used twice",
        "headings",
    }  # fmt: skip
    assert any("Content Security Policy" in error for error in found["errors"])
