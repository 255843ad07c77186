import pytest

from campaign.appeal.content import Appeal
from campaign.letter.sheet import Letter
from campaign.letter.template import compose
from campaign.reference.participating_state import STATES


@pytest.fixture(scope="module")
def letters(appeal: Appeal) -> dict[str, Letter]:
    return {code: compose(appeal, state, "en") for code, state in STATES.items()}
