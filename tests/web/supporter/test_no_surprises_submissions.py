"""Several submissions of one mailbox for one letter: a link acts on what its page showed, or asks again."""

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from campaign.organiser.account import Unlocked
from campaign.sealing import box
from campaign.signature.model import Signature
from campaign.web.site import Site
from tests.conftest import Clock
from tests.support.private_page import buttons, press
from tests.web.conftest import Supporter, text

pytestmark = pytest.mark.any_database

QUESTION = "An earlier submission of yours counts. Use this one instead?"


@pytest.fixture
def links(supporter: Supporter, clock: Clock) -> list[str]:
    """Give the links of two submissions for one letter, a minute apart."""
    found = []
    for name, disclosure in (("Ana Kovac", "public"), ("Anna Kovač", "delegation")):
        supporter.sign(name=name, disclosure=disclosure)
        found.append(supporter.token)
        clock.forward(minutes=1)
    return found


def page(supporter: Supporter, token: str) -> TestResponse:
    return supporter.client.get(f"/en/signature/{token}")


def send(supporter: Supporter, token: str, form: dict[str, str]) -> TestResponse:
    answer = supporter.client.post(f"/en/signature/{token}", data=form)
    supporter.site.snapshots.expire()
    return answer


def click(supporter: Supporter, token: str, action: str) -> TestResponse:
    return send(supporter, token, press(page(supporter, token).text, action))


def counting(site: Site, owner: Unlocked) -> list[tuple[str, str]]:
    """Return name and disclosure of each signature that counts."""
    with site.database.reading() as db:
        found = [row for row in db.scalars(select(Signature)) if row.is_confirmed]
    return [
        (box.unseal(row.sealed, owner.campaign_private_key, row.context).name, row.disclosure)
        for row in found
    ]


@pytest.mark.both_databases
def test_of_two_submissions_the_second_is_offered_after_the_first_was_confirmed(
    supporter: Supporter, site: Site, owner: Unlocked, links: list[str]
) -> None:
    first, second = links
    assert click(supporter, first, "confirm").status_code == 303
    asked = page(supporter, second)

    assert QUESTION in text(asked)
    assert "Anna Kovač" in text(asked)
    assert "The delegation only" in text(asked), "what this submission says"
    assert "Everyone: on this site" in text(asked), "what counts now"
    assert {each["action"] for each in buttons(asked.text)} == {"replace", "withdraw"}
    assert supporter.total() == 1

    assert click(supporter, second, "replace").status_code == 303
    assert "Thank you" in text(supporter.client.get(f"/en/signature/{second}?done=replace"))
    assert supporter.total() == 1
    assert counting(site, owner) == [("Anna Kovač", "delegation")]


def test_a_page_of_the_second_opened_before_the_first_was_confirmed_asks_instead_of_thanking(
    supporter: Supporter, links: list[str]
) -> None:
    first, second = links
    old = press(page(supporter, second).text, "confirm")
    click(supporter, first, "confirm")
    answer = send(supporter, second, old)

    assert answer.status_code == 409
    assert QUESTION in text(answer)
    assert supporter.total() == 1


def test_everyone_and_then_no_one_ends_without_a_name(supporter: Supporter, site: Site, clock: Clock) -> None:
    supporter.sign(name="Mara Example", disclosure="public")
    first = supporter.token
    clock.forward(minutes=1)
    supporter.sign(name="", disclosure="counted")
    second = supporter.token
    click(supporter, first, "confirm")

    assert QUESTION in text(page(supporter, second))
    assert click(supporter, second, "replace").status_code == 303
    with site.database.reading() as db:
        kept = db.scalars(select(Signature)).all()
    assert [each.sealed for each in kept] == [None, None]
    assert supporter.total() == 1


def test_an_earlier_submission_is_erased_when_a_later_one_is_confirmed(
    supporter: Supporter, site: Site, owner: Unlocked, links: list[str]
) -> None:
    first, second = links
    click(supporter, second, "confirm")

    assert counting(site, owner) == [("Anna Kovač", "delegation")]
    with site.database.reading() as db:
        assert len(db.scalars(select(Signature)).all()) == 1
    assert "confirm" not in {each["action"] for each in buttons(page(supporter, first).text)}


def test_of_three_the_third_is_still_offered_after_the_second_replaced_the_first(
    supporter: Supporter, site: Site, owner: Unlocked, links: list[str]
) -> None:
    supporter.sign(name="Anna Kovač-Novak")
    third = supporter.token
    click(supporter, links[0], "confirm")
    click(supporter, links[1], "replace")

    assert QUESTION in text(page(supporter, third))
    assert click(supporter, third, "replace").status_code == 303
    assert counting(site, owner) == [("Anna Kovač-Novak", "delegation")]


@pytest.mark.both_databases
def test_erase_it_instead_on_a_page_from_before_another_was_confirmed_erases_nothing(
    supporter: Supporter, site: Site, links: list[str]
) -> None:
    first, second = links
    old = press(page(supporter, second).text, "withdraw")
    click(supporter, first, "confirm")
    answer = send(supporter, second, old)

    assert answer.status_code == 409
    assert "Nothing was done" in text(answer)
    assert QUESTION in text(answer)
    assert supporter.total() == 1
    with site.database.reading() as db:
        assert all(each.withdrawn_on is None for each in db.scalars(select(Signature)))


def test_erasing_the_later_submission_says_that_the_earlier_one_still_counts(
    supporter: Supporter, links: list[str]
) -> None:
    first, second = links
    click(supporter, first, "confirm")
    assert click(supporter, second, "withdraw").status_code == 303
    after = text(page(supporter, second))

    assert "Your submission is erased" in after
    assert "It never counted. Nothing else was changed" in after
    assert supporter.total() == 1


@pytest.mark.both_databases
@pytest.mark.parametrize("order", ["his first", "hers first"])
def test_of_a_couple_on_one_mailbox_his_link_never_withdraws_hers(
    supporter: Supporter, site: Site, owner: Unlocked, clock: Clock, order: str
) -> None:
    names = ["Tom Couple", "Tina Couple"]
    tokens = {}
    for name in names if order == "his first" else names[::-1]:
        supporter.sign(name=name)
        tokens[name] = supporter.token
        clock.forward(minutes=1)
    his, hers = tokens.values() if order == "his first" else [*tokens.values()][::-1]
    old = press(page(supporter, his).text, "withdraw")
    click(supporter, hers, "confirm")
    now = page(supporter, his)

    assert "A mailbox counts once for each letter" in text(now)
    for form in [old, *buttons(now.text)]:
        if form["action"] != "replace":
            send(supporter, his, form)
    forged = press(page(supporter, hers).text, "withdraw")
    for action in ("withdraw", "disclose"):
        assert send(supporter, his, forged | {"action": action, "disclosure": "counted"}).status_code in {
            404,
            409,
        }
    assert counting(site, owner) == [("Tina Couple", "delegation")]
    assert supporter.total() == 1


def test_form_and_pages_say_that_a_mailbox_counts_once(supporter: Supporter) -> None:
    once = "A mailbox counts once for each letter"
    supporter.sign()

    assert once in text(supporter.client.get("/en/letters/de"))
    assert once in text(supporter.page())


def test_a_link_to_several_letters_changes_no_signature_that_another_link_confirmed(
    supporter: Supporter, site: Site, owner: Unlocked, clock: Clock
) -> None:
    supporter.sign(name="Tom Couple", also="fr")
    his = supporter.token
    clock.forward(minutes=1)
    supporter.sign(name="Tina Couple")
    hers = supporter.token
    click(supporter, hers, "confirm")
    now = page(supporter, his)

    assert "Confirmed by another link" in text(now)
    confirm_fr = next(each for each in buttons(now.text) if each["action"] == "confirm")
    assert confirm_fr["shown"].startswith("fr.")
    assert send(supporter, his, confirm_fr | {"letters": "fr"}).status_code == 303
    of_hers = press(page(supporter, hers).text, "withdraw")
    assert send(supporter, his, of_hers).status_code == 409
    assert QUESTION not in text(page(supporter, his))
    assert sorted(counting(site, owner)) == [("Tina Couple", "delegation"), ("Tom Couple", "delegation")]


@pytest.mark.parametrize("action", ["confirm", "replace", "withdraw"])
def test_a_double_click_is_done_once_and_answered_like_one_click(
    supporter: Supporter, links: list[str], action: str
) -> None:
    first, second = links
    if action == "replace":
        click(supporter, first, "confirm")
    pressed = press(page(supporter, second).text, action)
    answers = [send(supporter, second, pressed) for _ in range(2)]

    assert [each.status_code for each in answers] == [303, 303]
    assert len({each.location for each in answers}) == 1
    assert supporter.total() == (0 if action == "withdraw" else 1)
