"""The buttons of a private page, and what a browser sends when one is pressed."""

import re


def buttons(page: str) -> list[dict[str, str]]:
    """Return what each button of *page* that acts sends."""
    return [
        {"action": action, **dict(re.findall(r'name="(shown)" value="([^"]*)"', form))}
        for form in re.findall(r"<form.*?</form>", page, flags=re.DOTALL)
        for action in re.findall(r'name="action" value="([^"]*)"', form)
    ]


def press(page: str, action: str, nth: int = 0) -> dict[str, str]:
    """Return what the *nth* button with this *action* sends; without it, what a forged one would send."""
    sent = buttons(page)
    found = [each for each in sent if each["action"] == action]
    return found[nth] if found else (sent[0] if sent else {}) | {"action": action}
