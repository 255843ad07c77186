"""Every setting at its extremes: the start refuses it in one line, or every kind of page is served."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from campaign.errors import SettingsError
from campaign.operations.doctor.examine import examine
from campaign.settings import Settings, load
from campaign.web.site import Site
from tests.conftest import SECRET
from tests.web.conftest import Supporter

pytestmark = pytest.mark.any_database

LONG = "x" * 100_000

REFUSED = {
    "instance": ("/dev/null/x", f"/tmp/{LONG}"),  # noqa: S108 -- never created
    "database_url": (
        *("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:////nowhere/at/all.sqlite"),
        *("postgresql+psycopg://host:99999/x", "postgresql+psycopg://host:port/x", "postgresql://host/x"),
    ),
    "secret_key": ("x" * 31,),
    "secret_key_file": ("/nowhere/at/all", "/dev/null", f"/{LONG}"),
    "base_url": (
        *(
            "http://127.0.0.1:0",
            "http://127.0.0.1:99999",
            "http://127.0.0.1:x",
            "https://user:word@example.org",
        ),
        *(
            f"https://{LONG}.example",
            "https://two hosts",
            "https://a..b",
            "https://[::1",
            "http://[::1]:8000",
            "https://жж.example",
        ),
        "https://example.org\nhttps://example.net",
    ),
    "smtp_url": (
        *("smtp://relay:0", "smtp://relay:65536", "smtp://relay:1e9", "smtp://", "smtp://relay/path"),
        *(f"smtp://{LONG}", "smtp://a relay", "smtp://[::1"),
    ),
    "mail_from": ("@", "a@", "@b", "a b@c", "a@b\nBcc: c@d", f"{LONG}@example.org", "Mara <>", "a@b@c"),
    "appeal": ("/nowhere", "/dev/null", f"/{LONG}"),
    "closes_on": ("0001-01-01", "2019-12-31", "2100-01-01", "9999-12-31", "10000-01-01", "26-06-30", LONG),
    "confirmation_days": ("0", "91", "100000", "1e9", "1000000000", "9" * 5000, "-1", "٧", "7.5"),
    "erase_months_after_close": ("121", "100000", "1000000000", "9" * 5000, "-1"),
    "trusted_proxies": ("11", "1000000000", "9" * 5000, "-1"),
    "unlimited_networks": (
        "10.0.0.1/8",
        "10.0.0.0/33",
        "::/129",
        "localhost",
        ",".join(["10.0.0.0/8"] * 101),
    ),
    "metrics_networks": ("10.0.0.1/8", "*", LONG),
    "count_minutes": ("1441", "7", "1000000000", "9" * 5000, "-1"),
    "count_step": ("0", "1001", "1000000000", "9" * 5000),
    "log_format": ("TEXT", "xml", LONG),
}

ACCEPTED = {
    "base_url": ("http://localhost:65535", "http://127.0.0.1/"),
    "mail_from": ("a@b", "Mara Example <mara@example.org>", '"Ex, ample" <a@xn--e1aybc.example>'),
    "closes_on": ("2020-01-01", "2026-11-22", "2026-11-23", "2099-12-31"),
    "confirmation_days": ("1", "90"),
    "erase_months_after_close": ("0", "120"),
    "trusted_proxies": ("10",),
    "unlimited_networks": ("0.0.0.0/0,::/0", ",", "127.0.0.1"),
    "metrics_networks": ("0.0.0.0/0", ","),
    "count_minutes": ("0", "1", "1440"),
    "count_step": ("1", "1000"),
    "log_format": ("text", "json"),
}


def each(table: dict[str, tuple[str, ...]]) -> list[Any]:
    rows = [(name, text) for name, texts in table.items() for text in texts]
    return [pytest.param(name, text, id=f"{name}-{text[:20]!a}") for name, text in rows]


def environment(folder: Path, name: str, text: str) -> dict[str, str]:
    given = {"INSTANCE": str(folder / "instance"), name.upper(): text}
    return {f"CAMPAIGN_{key}": value for key, value in given.items()}


def test_every_setting_has_its_extremes() -> None:
    assert REFUSED.keys() == {field.name for field in fields(Settings)}


@pytest.mark.parametrize(("name", "text"), each(REFUSED))
def test_a_setting_out_of_range_is_refused_in_one_line_that_names_it(
    tmp_path: Path, name: str, text: str
) -> None:
    with pytest.raises(SettingsError, match=f"^CAMPAIGN_{name.upper()}: ") as caught:
        load(environment(tmp_path, name, text))
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(("name", "text"), each(ACCEPTED))
def test_with_an_extreme_setting_that_is_accepted_every_page_is_served(
    make_app: Callable[[Settings], Flask], settings: Settings, tmp_path: Path, name: str, text: str
) -> None:
    given = environment(tmp_path, name, text) | {
        "CAMPAIGN_DATABASE_URL": settings.database_url,
        "CAMPAIGN_SECRET_KEY": SECRET,
    }
    app = make_app(load(given))
    site: Site = app.extensions["campaign"]
    supporter = Supporter(app.test_client(), site)
    is_closed = text in {"2020-01-01", "2026-11-22"}
    base = site.settings.base_url

    answer = supporter.client.get("/en/", base_url=base)
    assert answer.status_code == 200
    for path in ("letters/de", "privacy", "progress", "letters/de.txt", "signature"):
        assert supporter.client.get(f"/en/{path}", base_url=base).status_code in {200, 405}, path
    for path in ("/counts.json", "/healthz", "/organise/login"):
        assert supporter.client.get(path, base_url=base).status_code == 200, path
    signed = supporter.sign()
    assert signed.status_code == (410 if is_closed else 303 if name != "base_url" else signed.status_code)
    if supporter.token:
        assert supporter.page().status_code == 200
        assert supporter.act("confirm").status_code == 303
        assert supporter.page().status_code == 200
    with closing(site.database):
        assert examine(site.settings, site.appeal, site.database, now=site.clock())
