"""Can an approver read everything that a request says, and decide it, with a keyboard and in every colour scheme?"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.approval_service import Call, Service, serving
from harness.browser import Page, open_page

SPOKEN = "<script>document.title='evil'</script>"
HOSTILE = {
    "iban": "DE02\u202e3000",
    SPOKEN: f"<img src=https://evil.example/x onerror=alert(1)>{SPOKEN}",
    "invisible": "pay\u200bee\u2066",
    "amount": 1200,
    "amount_as_text": "1200",
    "note": "first line\nsecond line",
    "tags": ["a", "b", {"deep": [1, None, True]}],
    "nothing": "",
    "withheld": "[redacted]",
    "long": "x" * 600,
    "hebrew": "שלום עולם",
}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service on which Carol approves."""
    with serving(tmp_path_factory.mktemp("pages"), "--approver", '{"sub":"carol","roles":["finance"]}') as service:
        yield service


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A browser."""
    with open_page(tmp_path_factory.mktemp("browser")) as page:
        yield page


def opened(page: Page, service: Service, call: Call) -> None:
    """Leads to the page of a new request, from the list and with the keyboard alone."""
    service.ask(call)
    page.open(service.url)
    page.tab_to(call.tool)
    page.press("Enter")
    page.wait("Page.loadEventFired")
    assert page.run("document.querySelector('h1').innerText") == call.tool


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("button", "status"), [("Approve this call, once", "approved"), ("Deny", "denied")])
def test_a_request_is_decided_by_keyboard(
    scheme: str, button: str, status: str, page: Page, service: Service, tmp_path: Path
) -> None:
    page.media(scheme=scheme)
    page.resize(1024, 768)
    call = Call(tool=f"payments/refund_{status}_{scheme}")
    opened(page, service, call)
    page.tab_to("reason")
    page.write("as agreed on the phone")
    page.tab_to(button)
    page.press("Enter")
    page.wait("Page.loadEventFired")
    told = page.run("document.querySelector('.outcome').innerText")
    assert told.startswith(f"{status.capitalize()} by carol")
    answer = service.ask(call).json()
    assert answer["status"] == status
    page.open(f"{service.url}/history")
    assert call.tool in page.run("document.querySelector('main').innerText")
    page.picture(tmp_path / "history.png")


def test_a_denial_without_a_reason_is_not_sent(page: Page, service: Service) -> None:
    call = Call(tool="payments/refund_without_reason")
    opened(page, service, call)
    page.tab_to("Deny")
    page.press("Enter")
    assert page.run("document.activeElement.id") == "reason"
    assert page.run("!document.getElementById('reason').validity.valid")
    assert service.ask(call).status_code == 202


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1024])
def test_what_callers_send_is_text(width: int, scheme: str, page: Page, service: Service, tmp_path: Path) -> None:
    page.media(scheme=scheme)
    page.resize(width, 700)
    call = Call(
        person=f"alice-{width}-{scheme}{SPOKEN}",
        chain=(f"bot\u202e{SPOKEN}", "planner"),
        tool="payments/hostile",
        arguments=HOSTILE,
        reasons=(f"{SPOKEN} Refunds above 500 need a second person.",),
    )
    page.requests.clear()
    page.complaints.clear()
    opened(page, service, call)
    shown = page.run("document.querySelector('main').innerText")
    for text in (SPOKEN, "U+202E", "U+200B", "U+2066", "שלום עולם", "withheld", "empty text"):
        assert text in shown, text
    assert not any(hidden in shown for hidden in "\u202e\u200b\u2066")
    assert page.run("document.scripts.length + document.images.length") == 0
    assert "evil" not in page.run("document.title")
    origins = {urlsplit(url).netloc for url in page.requests if not url.startswith("about:")}
    assert origins == {urlsplit(service.url).netloc}
    assert page.complaints == []
    assert page.run("document.documentElement.scrollWidth") <= width, "it scrolls sideways"
    page.picture(tmp_path / "request.png")


CONTRAST = """(() => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => {
    const [r, g, b] = parts(color).map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = element => {
    for (let it = element; it; it = it.parentElement) {
      const color = getComputedStyle(it).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  const poor = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim()) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))].sort((a, b) => b - a);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) poor.push([texts.currentNode.data, contrast]);
  }
  return poor;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read_and_listened_to(scheme: str, page: Page, service: Service, tmp_path: Path) -> None:
    page.media(scheme=scheme)
    page.resize(1024, 768)
    call = Call(tool=f"payments/refund_accessible_{scheme}")
    for number in (1, 2):
        service.ask(Call(tool=f"crm/update_contact_{number}_{scheme}"))
    opened(page, service, call)
    assert page.run(CONTRAST) == []
    tree = page.tree()
    roles = {role for role, _ in tree}
    assert {"banner", "main", "navigation", "contentinfo", "heading", "region"} <= roles
    for role, name in tree:
        if role in {"link", "button", "textbox", "region", "navigation", "heading"}:
            assert name, f"a {role} without a name"
    assert ("textbox", "Reason") in tree
    assert page.run("document.querySelectorAll('h1').length") == 1
    levels = page.run("[...document.querySelectorAll('h1,h2,h3')].map(h => Number(h.tagName[1]))")
    assert all(deeper <= level + 1 for level, deeper in zip(levels, levels[1:], strict=False))
    page.picture(tmp_path / "request.png")
    page.open(service.url)
    assert page.run(CONTRAST) == []
    page.picture(tmp_path / "list.png")
    page.open(f"{service.url}/history")
    assert page.run(CONTRAST) == []


def test_a_request_prints_without_controls(page: Page, service: Service, tmp_path: Path) -> None:
    page.resize(794, 1123)
    opened(page, service, Call(tool="payments/refund_printed"))
    page.media(kind="print")
    shown = page.run("document.body.innerText")
    assert "pay_81" in shown
    assert "Deny" not in shown
    page.picture(tmp_path / "print.png")
    page.media()


def test_who_takes_part_is_told_so(page: Page, service: Service, tmp_path: Path) -> None:
    call = Call(person="carol", tool="payments/refund_own")
    opened(page, service, call)
    assert "somebody else has to decide" in page.run("document.querySelector('main').innerText")
    assert page.run("document.querySelectorAll('button, form').length") == 0
    page.picture(tmp_path / "own.png")
