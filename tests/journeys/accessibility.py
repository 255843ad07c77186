"""Check a page with axe-core in both colour schemes, and on a small phone."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page

AXE = Axe().axe_script
"""axe-core; as a page's first script it is compiled once for all pages, and not at each."""

EVERY_RULE = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
"""By default axe-core does not check that a finger hits what it is meant for: 24 pixels, or as much room."""

SEEN_BY_COLOUR = {"resultTypes": ["violations"], "runOnly": ["color-contrast", "link-in-text-block"]}
"""Rules whose result depends on the colour scheme."""

RUN = """async options => {
    const { violations } = await axe.run(options);
    return violations.flatMap(rule => rule.nodes.map(node => `${rule.id}: ${node.target}`));
}"""

MARK = """known => {
    const looks = new Set(known), grounds = new Map();
    const isText = node => node.nodeType === Node.TEXT_NODE && node.data.trim();
    for (const element of document.querySelectorAll("body, body *")) {
        const style = getComputedStyle(element);
        const { backgroundColor, backgroundImage, opacity, position } = style;
        const around = grounds.get(element.parentElement);
        const ground = [around, backgroundColor, backgroundImage, opacity, position].join();
        grounds.set(element, ground);
        const { color, fontSize, fontWeight, textShadow, clipPath } = style;
        const off = element.matches(":disabled");
        const look = [ground, color, fontSize, fontWeight, textShadow, clipPath, off].join();
        const isRead = element.checkVisibility({ visibilityProperty: true })
            && (element.matches("input, select, textarea") || [...element.childNodes].some(isText));
        element.toggleAttribute("data-new-look", isRead && !looks.has(look));
        if (isRead) looks.add(look);
    }
    axe.configure({ rules: [{ id: "color-contrast", selector: "[data-new-look]" }] });
    return [...looks];
}"""
"""Mark the first text of each look that is not *known*, and let axe-core measure the contrast of these only.

A look is what contrast follows from: colour, size and weight of a text, and the backgrounds of all around it.
"""

_looks: list[str] = []
"""The looks so far; each is measured once, since that takes half of axe-core's time."""


def prepare(context: BrowserContext) -> None:
    """Give axe-core to every page of *context* as its first script, which is compiled only once."""
    context.add_init_script(AXE)


def check(page: Page) -> None:
    """Check *page* with axe-core in both colour schemes, and that it fits the width of a phone."""
    page.wait_for_load_state()
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert faults(page, EVERY_RULE) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 320, "height": 640})
    assert faults(page, SEEN_BY_COLOUR) == []
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 720})
    assert width <= 320


def faults(page: Page, options: dict[str, Any]) -> list[str]:
    """Return each broken rule with its element."""
    _looks[:] = page.evaluate(MARK, _looks)
    found = page.evaluate(RUN, options)
    assert isinstance(found, list)
    return found
