import pytest

from campaign.appeal.content import Appeal
from campaign.mail.cause import may_be_named


@pytest.mark.parametrize(
    ("email", "residences", "is_named"),
    [
        ("mara@example.org", ["DE"], True),
        ("mara@example.org", ["DE", "FR"], True),
        ("mara@example.org", ["KZ"], False),  # endangered
        ("mara@example.org", ["RU"], False),  # wary
        ("mara@example.org", ["ZZ"], False),  # would rather not say
        ("mara@example.org", ["DE", "KZ"], False),
        ("mara@example.kz", ["DE"], False),  # others read there
        ("mara@EXAMPLE.KZ", ["DE"], False),
        ("mara@example.su", ["DE"], False),
        ("mara@почта.рф", ["DE"], False),
        ("mara@yandex.com", ["DE"], False),  # the same mailboxes as yandex.ru
        ("mara@gmail.com", ["DE"], True),
        ("mara@kz.example.org", ["DE"], True),
    ],
)
def test_a_mail_names_its_cause_only_where_that_harms_nobody(
    appeal: Appeal, email: str, residences: list[str], is_named: bool
) -> None:
    assert may_be_named(email, residences, is_sensitive=appeal.is_sensitive_residence) is is_named
