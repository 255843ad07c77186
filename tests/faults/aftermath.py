"""What a crowd was told, compared with what is on disk and in the mailboxes."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from campaign.database.fact import read_fact
from campaign.database.session import Database
from campaign.sealing.address_digest import address_digest
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from campaign.signature.recount import Difference, compare
from tests.faults.crowd import STATES, Crowd
from tests.faults.serving import Server
from tests.support.worker import eventually


@dataclass
class Aftermath:
    """What the crowd was told, and what is on disk."""

    crowd: Crowd
    site: Server
    database: Database
    deaths: Counter[str]

    @property
    def kills(self) -> int:
        """How often processes were killed: a start that was killed ended a life before."""
        return self.deaths.total() + self.deaths["a start"]

    def lost_signatures(self) -> list[tuple[str, str]]:
        """Return what was acknowledged and has no row; a withdrawn one has, but nothing to know it by."""
        digests = self._digests()
        signed = [each for each in self.crowd.signed if each[1] not in self.crowd.withdrawn]
        return [each for each in signed if address_digest(self._keys(), *each) not in digests]

    def lost_confirmations(self) -> int:
        """Return by how many the acknowledged confirmations differ from the confirmed rows."""
        with self.database.reading() as db:
            rows = db.scalar(select(func.count()).where(Signature.confirmed_on.is_not(None)))
        keys = self._keys()
        staying = [
            {address_digest(keys, state, address) for state in STATES}
            for address in self.crowd.confirmed - self.crowd.withdrawn
        ]
        digests = self._digests(is_confirmed=True)
        unknown = sum(digests.isdisjoint(each) for each in staying)
        return unknown or abs(len(self.crowd.confirmed) - (rows or 0))

    def lost_withdrawals(self) -> int:
        """Return by how many the acknowledged withdrawals differ from the withdrawn rows."""
        with self.database.reading() as db:
            rows = db.scalar(select(func.count()).where(Signature.withdrawn_on.is_not(None)))
        return abs(len(self.crowd.withdrawn) - (rows or 0))

    def without_mail(self) -> set[str]:
        """Return the addresses whose signature was acknowledged and that got no mail."""
        arrived = {str(mail["To"]) for mail in self.crowd.post_office.received}
        return {address for _state, address in self.crowd.signed} - arrived

    def repeated_mails(self) -> int:
        """Return how many mails came again, each recognisable by its number."""
        received = self.crowd.post_office.received
        return len(received) - len({str(mail["Message-ID"]) for mail in received})

    def miscounts(self) -> list[Difference]:
        """Return every difference between a count and its rows, the shown total included."""
        with self.database.writing() as db:
            differences = compare(db)
        rows, browser = len(self.crowd.confirmed) - len(self.crowd.withdrawn), self.site.browser()
        # Pages may be a second late.
        if not eventually(lambda: browser.total() == rows):
            differences.append(Difference(("shown",), (browser.total(), 0), (rows, 0)))
        return differences

    def _digests(self, *, is_confirmed: bool = False) -> set[bytes | None]:
        query = select(Signature.digest)
        if is_confirmed:
            query = query.where(Signature.confirmed_on.is_not(None))
        with self.database.reading() as db:
            return set(db.scalars(query))

    def _keys(self) -> ServerKeys:
        with self.database.reading() as db:
            salt = read_fact(db, "digest_salt")
        return ServerKeys.from_secret(
            (self.site.instance / "secret_key").read_text().strip(), bytes.fromhex(salt or "")
        )


def tell(aftermath: Aftermath, seconds: float) -> int:
    """Print what was found; return 1 if any of it must not be."""
    crowd, deaths = aftermath.crowd, aftermath.deaths
    killed_most = ", ".join(f"{what} {times}" for what, times in sorted(deaths.items()))
    print(f"  {seconds:.0f} s; killed {aftermath.kills} times ({killed_most})")
    print(f"  acknowledged: {len(crowd.signed):,} signatures, {len(crowd.confirmed):,} confirmations,")
    print(f"    {len(crowd.withdrawn):,} withdrawals; told to come back {crowd.refused} times")
    print(f"  {len(crowd.post_office.received):,} mails, {aftermath.repeated_mails()} of them repeated")
    found = {
        "answers that must not be": crowd.faults,
        "signatures lost": aftermath.lost_signatures(),
        "confirmations lost": aftermath.lost_confirmations(),
        "withdrawals lost": aftermath.lost_withdrawals(),
        "mailboxes without their mail": aftermath.without_mail(),
        "mails repeated beyond one a kill": max(0, aftermath.repeated_mails() - aftermath.kills),
        "counts that do not equal their rows": aftermath.miscounts(),
    }
    for what, which in found.items():
        print(f"  {what}: {which or 'none'}")
    return int(any(found.values()))
