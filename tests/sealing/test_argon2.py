import pytest
from nacl.pwhash import argon2id

from campaign.sealing import argon2, passphrase_key
from campaign.sealing.argon2 import Cost
from campaign.sealing.passphrase_key import new_salt

SMALL = Cost(1, 512 * 1024)


@pytest.mark.parametrize("cost", [SMALL, Cost(3, 1024 * 1024)])
def test_another_library_derives_the_same(cost: Cost) -> None:
    salt = new_salt()
    expected = argon2id.kdf(32, "Мара".encode(), salt, opslimit=cost.passes, memlimit=cost.memory)

    assert argon2.derive("Мара".encode(), salt, cost) == expected


def test_secret_salt_and_cost_all_change_the_key() -> None:
    salt = new_salt()
    keys = {
        argon2.derive(b"secret", salt, SMALL),
        argon2.derive(b"Secret", salt, SMALL),
        argon2.derive(b"secret", new_salt(), SMALL),
        argon2.derive(b"secret", salt, SMALL._replace(passes=2)),
        argon2.derive(b"secret", salt, SMALL._replace(memory=SMALL.memory * 2)),
        passphrase_key.stretch("secret", salt, SMALL._replace(memory=SMALL.memory * 4)),
    }

    assert len(keys) == 6
