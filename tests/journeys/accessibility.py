"""Check a page with axe-core in both colour schemes, and on a small phone."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

AXE = Axe().axe_script
"""axe-core; as a page's first script it is compiled once for all pages, and not at each."""

RESULTS = ["violations", "incomplete"]
"""Incomplete is what axe-core could not decide, such as the contrast of a text that something covers."""

EVERY_RULE = {"resultTypes": RESULTS, "rules": {"target-size": {"enabled": True}}}
"""By default axe-core does not check that a finger hits what it is meant for: 24 pixels, or as much room."""

SEEN_BY_COLOUR = {"resultTypes": RESULTS, "runOnly": ["color-contrast", "link-in-text-block"]}
"""Rules whose result depends on the colour scheme."""

RUN = """async options => {
    const { violations, incomplete } = await axe.run(options);
    const faults = violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target}`));
    const undecided = incomplete.flatMap(rule => rule.nodes.map(node => node.target[0]));
    return [faults, undecided.map(target => document.querySelector(target)?.dataset.newLook)];
}"""

MARK = """known => {
    const looks = new Set(known), grounds = new Map();
    const isText = node => node.nodeType === Node.TEXT_NODE && node.data.trim();
    for (const element of document.querySelectorAll("body, body *")) {
        const style = getComputedStyle(element), parent = element.parentElement;
        const hasText = [...element.childNodes].some(isText);
        const { backgroundColor, backgroundImage, opacity, position, color } = style;
        const around = [grounds.get(parent), backgroundColor, backgroundImage, opacity, position];
        grounds.set(element, [around, color, hasText].join());
        const { fontSize, fontWeight, textShadow, clipPath, textDecorationLine } = style;
        const isAlone = parent.textContent.trim() === element.textContent.trim();
        const text = [fontSize, fontWeight, textShadow, clipPath, textDecorationLine, isAlone];
        const look = [grounds.get(element), text, element.localName, element.matches(":disabled")].join();
        const isRead = (hasText || element.matches("a, input, select, textarea"))
            && element.checkVisibility({ visibilityProperty: true });
        element.removeAttribute("data-new-look");
        if (isRead && !looks.has(look)) element.dataset.newLook = look;
        if (isRead) looks.add(look);
    }
    const any = { id: "color-contrast", selector: "[data-new-look]" };
    const link = { id: "link-in-text-block", selector: ":is(a[href], [role=link])[data-new-look]" };
    axe.configure({ rules: [any, link] });
    return [...looks];
}"""
"""Mark the first text of each look that is not *known*, and let the rules about colours check these only.

A look is what they follow from: how a text is drawn, what is around it, and the backgrounds of all of this.
"""

_looks: list[str] = []
"""The looks that were checked; each is checked once, since colours take half of axe-core's time."""


def prepare(context: BrowserContext) -> None:
    """Give axe-core to every page of *context* as its first script, which is compiled only once."""
    context.add_init_script(AXE)


def check(page: Page) -> None:
    """Check *page* with axe-core in both colour schemes, and that it fits the width of a phone."""
    page.wait_for_load_state()
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    mark_new_looks(page)
    find_no_fault(page, EVERY_RULE)
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 320, "height": 640})
    if mark_new_looks(page):
        find_no_fault(page, SEEN_BY_COLOUR)
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 720})
    assert width <= 320


def mark_new_looks(page: Page) -> bool:
    """Let the rules about colours check only what looks new, and return whether anything does."""
    before = len(_looks)
    _looks[:] = page.evaluate(MARK, _looks)
    return len(_looks) > before


def find_no_fault(page: Page, options: dict[str, Any]) -> None:
    """Run axe-core, forget the looks that it could not decide, and fail with each fault and its element."""
    faults, undecided = page.evaluate(RUN, options)
    _looks[:] = [look for look in _looks if look not in undecided]
    assert not faults, faults
