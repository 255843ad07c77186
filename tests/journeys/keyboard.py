"""A supporter who uses the keyboard alone: Tab, the arrows, Space and Enter."""

from playwright.sync_api import Page

MOST_STOPS = 150
"""More than any page has."""

STOP = """() => {
    const at = document.activeElement;
    if (!at || at === document.body) return null;
    const style = getComputedStyle(at);
    const text = at.labels?.length ? at.labels[0].textContent : at.textContent;
    const box = at.getBoundingClientRect();
    return {
        name: text.trim(),
        outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth),
        isInView: box.bottom > 0 && box.top < innerHeight,
    };
}"""
"""Name and outline width of the element with the focus, if there is one, and whether it can be seen."""


class Keyboard:
    """A keyboard at a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def tab_to(self, name: str) -> None:
        """Press Tab until the element whose name begins with *name* has the focus, visibly at each stop."""
        for _ in range(MOST_STOPS):
            self.page.keyboard.press("Tab")
            stop = self.page.evaluate(STOP)
            if stop is None:  # the page is new, or its end was passed
                continue
            assert stop["outline"] >= 2, stop
            assert stop["isInView"], stop
            if stop["name"].startswith(name):
                return
        raise AssertionError(f"Tab never reaches {name}")

    def press(self, name: str, key: str = "Enter") -> None:
        """Go to the element, and press *key* on it."""
        self.tab_to(name)
        self.page.keyboard.press(key)

    def write(self, name: str, text: str) -> None:
        """Go to the field, and type *text*."""
        self.tab_to(name)
        self.page.keyboard.type(text)
