"""A day's last mail is its mailbox owner's: nobody's posts, under any spelling, take it or look into it."""

import os
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from campaign.signature.link import link_all, send_links
from campaign.signature.model import Signature
from campaign.signature.signature_mac import digest_mac
from campaign.web.site import Site
from tests.conftest import NOW
from tests.support.private_page import buttons, press
from tests.web.conftest import Supporter, text

pytestmark = pytest.mark.any_database

OWNER = "eva@corp.example"


def actions(supporter: Supporter, state: str = "de") -> list[str]:
    return [sent["action"] for sent in buttons(page(supporter, state))]


def page(supporter: Supporter, state: str = "de") -> str:
    url = f"/en/signature/{supporter.token}?letter={state}"
    return supporter.client.get(url).get_data(as_text=True)


def ask_for_links(supporter: Supporter, site: Site, email: str = OWNER) -> None:
    """Do what the worker does when somebody asked for the links of *email*."""
    before = supporter.mails()
    with site.database.writing() as db:
        send_links(db, email, language="en", keys=site.keys, is_sensitive=bool, now=NOW)
    new = [mail for mail in supporter.mails() if mail.purpose == "links" and mail not in before]
    supporter.token = new[0].params["token"] if new else ""


def send_last(supporter: Supporter, site: Site) -> None:
    """Do what the worker does before it sends a day's last mail."""
    [last] = [mail for mail in supporter.mails() if mail.params.get("is_last")]
    supporter.token = last.params["token"]
    with site.database.writing() as db:
        link_all(db, last.recipient, supporter.token, keys=site.keys)


@pytest.mark.parametrize(
    ("other", "owner"),
    [
        ("\u017fam@gmail.com", "sam@gmail.com"),
        ("sam+x@gmx.example", "sam@gmx.example"),
    ],
)
def test_ten_posts_with_another_spelling_do_not_silence_the_owner(
    supporter: Supporter, other: str, owner: str
) -> None:
    for _ in range(10):
        assert supporter.sign(email=other).status_code == 303
    supporter.sign(email=owner)

    assert supporter.purpose == "confirm"
    assert supporter.act("confirm").status_code == 303
    assert supporter.total() == 1


@pytest.mark.both_databases
def test_no_link_to_another_spelling_shows_what_the_owner_submits(supporter: Supporter, site: Site) -> None:
    links = []
    for email in [OWNER] * 4 + ["eva+other@corp.example"] * 3:
        supporter.sign(email=email, name="A Stranger")
        links.append((email, supporter.token))
    for state in ("de", "fr"):
        supporter.sign(state, email=OWNER, name="Eva Owner")
    send_last(supporter, site)

    for email, token in links:
        if email != OWNER:
            assert "Eva Owner" not in text(supporter.client.get(f"/en/signature/{token}?letter=fr"))
    assert "Eva Owner" in page(supporter, "fr")
    assert "confirm" in actions(supporter, "fr")


def test_the_owners_last_link_shows_nothing_of_another_spelling(supporter: Supporter, site: Site) -> None:
    for _ in range(5):
        supporter.sign(email=OWNER)
    supporter.sign(email="eva+x@corp.example", name="A Stranger")
    send_last(supporter, site)

    assert "A Stranger" not in page(supporter)


@pytest.mark.both_databases
def test_the_last_link_opens_what_counts_what_waits_and_what_comes_later(
    supporter: Supporter, site: Site
) -> None:
    supporter.sign(email=OWNER, name="Eva Owner")
    supporter.act("confirm")
    supporter.sign("fr", email=OWNER, name="Waits Here")
    for number in range(3):
        supporter.sign(email=OWNER, name=f"Stranger {number}")
    supporter.sign(email=OWNER, name="Came Later")
    send_last(supporter, site)
    send_last(supporter, site)  # again, as after a temporary failure

    assert "Your signature is confirmed" in page(supporter)
    assert "Came Later" in page(supporter)
    assert {"disclose", "withdraw", "replace"} == set(actions(supporter))
    assert "fr" in page(supporter)
    assert actions(supporter, "fr") == ["withdraw"]
    own = press(page(supporter), "withdraw", nth=-1)
    assert supporter.client.post(f"/en/signature/{supporter.token}", data=own).status_code == 303
    site.snapshots.expire()
    assert supporter.total() == 0


def test_who_asks_for_the_link_after_four_strangers_posts_gets_one_that_opens_everything(
    supporter: Supporter, site: Site
) -> None:
    supporter.sign(email=OWNER, name="Eva Owner")
    supporter.act("confirm")
    for number in range(3):
        supporter.sign(email=OWNER, name=f"Stranger {number}")
    ask_for_links(supporter, site)

    assert set(actions(supporter)) == {"disclose", "withdraw"}
    last = supporter.token
    ask_for_links(supporter, site)
    assert supporter.token == "", "the last one opens everything already"
    for state in ("de", "fr"):
        supporter.sign(state, email=OWNER, name="Came Later")
    supporter.token = last
    assert set(actions(supporter)) == {"disclose", "withdraw", "replace"}
    assert actions(supporter, "fr") == ["confirm", "withdraw"]
    assert "Came Later" in page(supporter, "fr")


def test_asking_for_the_links_of_another_spelling_leaves_the_owner_the_last_mail(
    supporter: Supporter, site: Site
) -> None:
    supporter.sign(email="eva+x@corp.example")
    for _ in range(6):
        ask_for_links(supporter, site, "eva+x@corp.example")
    supporter.sign(email=OWNER)

    assert supporter.purpose == "confirm"


def open_two_mailboxes(supporter: Supporter, site: Site, *, confirmed: bool) -> None:
    """Let one link open what two mailboxes wait for, as after a change of what counts as one spelling."""
    for number in range(5):
        supporter.sign(email=OWNER, name=f"Number {number}")
    last = supporter.token
    if confirmed:
        supporter.act("confirm")
    old = ids(site)
    supporter.sign(email=OWNER, name="Of Another")
    [new] = ids(site) - old
    with site.database.writing() as db:
        digest = os.urandom(32)
        mac = digest_mac(site.keys.row, "de", new, digest)
        db.execute(update(Signature).where(Signature.id == new).values(digest=digest, digest_mac=mac))
    supporter.sign(email=OWNER, name="Came Later")
    supporter.token = last


def ids(site: Site) -> set[UUID]:
    with site.database.reading() as db:
        return set(db.scalars(select(Signature.id)))


def counting(site: Site) -> int:
    is_counting = Signature.confirmed_on.is_not(None), Signature.withdrawn_on.is_(None)
    with site.database.reading() as db:
        return db.scalar(select(func.count()).where(*is_counting)) or 0


@pytest.mark.both_databases
@pytest.mark.parametrize("other_first", [True, False])
def test_of_two_mailboxes_under_one_link_each_can_be_confirmed(
    supporter: Supporter, site: Site, *, other_first: bool
) -> None:
    open_two_mailboxes(supporter, site, confirmed=False)
    for name in ("Of Another", "Came Later") if other_first else ("Came Later", "Of Another"):
        assert confirm(supporter, name, "confirm") == 303

    assert counting(site) == 2
    assert "Of Another" not in page(supporter)
    for _ in range(2):
        assert supporter.act("withdraw").status_code == 303
    assert counting(site) == 0


def test_beside_the_one_that_counts_another_mailboxs_is_confirmed_and_its_own_replaced(
    supporter: Supporter, site: Site
) -> None:
    open_two_mailboxes(supporter, site, confirmed=True)

    assert sorted(actions(supporter)) == ["confirm", "disclose", "replace", *["withdraw"] * 3]
    assert confirm(supporter, "Came Later", "replace") == 303
    assert confirm(supporter, "Of Another", "confirm") == 303
    assert counting(site) == 2


def test_what_waits_elsewhere_is_counted_for_each_mailbox(supporter: Supporter, site: Site) -> None:
    open_two_mailboxes(supporter, site, confirmed=False)

    assert "4 other submissions wait for this letter" in page(supporter)
    confirm(supporter, "Of Another", "confirm")
    assert "4 other submissions wait for this letter" in page(supporter)
    confirm(supporter, "Came Later", "confirm")
    assert "other submission" not in page(supporter)


def confirm(supporter: Supporter, name: str, action: str) -> int:
    """Press the button under the submission of *name*; return the status."""
    [section] = [each for each in page(supporter).split("<section")[1:] if name in each]
    sent = press(section, action)
    assert sent["action"] in [each["action"] for each in buttons(section)]
    answer = supporter.client.post(f"/en/signature/{supporter.token}", data=sent)
    supporter.site.snapshots.expire()
    return answer.status_code
