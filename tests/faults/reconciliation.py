"""Compare what was acknowledged to a crowd with the database and the mailboxes."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import func, select

from campaign.database.session import Database
from campaign.sealing.server_key import ServerKeys
from campaign.signature.model import Signature
from campaign.signature.recount import Difference, compare
from tests.faults.crowd import STATES, Crowd
from tests.faults.serving import Server
from tests.support.factories import address_digest
from tests.support.worker import eventually


@dataclass
class Reconciliation:
    """Finds acknowledged acts that are missing, and mails that were repeated."""

    crowd: Crowd
    site: Server
    database: Database
    deaths: Counter[str]

    @property
    def kills(self) -> int:
        """Number of kills; a killed start counts twice, since the running site was killed before it."""
        return self.deaths.total() + self.deaths["a start"]

    def lost_signatures(self) -> list[tuple[str, str]]:
        """Return acknowledged signatures without a row; withdrawn ones have no digest and are left out."""
        digests = self._digests()
        signed = [each for each in self.crowd.signed if each[1] not in self.crowd.withdrawn]
        return [each for each in signed if address_digest(self._keys(), *each) not in digests]

    def lost_confirmations(self) -> int:
        """Return the difference between acknowledged confirmations and confirmed rows."""
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
        """Return the difference between acknowledged withdrawals and withdrawn rows."""
        with self.database.reading() as db:
            rows = db.scalar(select(func.count()).where(Signature.withdrawn_on.is_not(None)))
        return abs(len(self.crowd.withdrawn) - (rows or 0))

    def without_mail(self) -> set[str]:
        """Return the addresses whose signature was acknowledged and that received no mail."""
        arrived = {str(mail["To"]) for mail in self.crowd.post_office.received}
        return {address for _state, address in self.crowd.signed} - arrived

    def repeated_mails(self) -> int:
        """Return how many mails arrived again with the same Message-ID."""
        received = self.crowd.post_office.received
        return len(received) - len({str(mail["Message-ID"]) for mail in received})

    def miscounts(self) -> list[Difference]:
        """Return every difference between a count and its rows, including the total that pages show."""
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
            keys = ServerKeys.load(db, (self.site.instance / "secret_key").read_text().strip())
        assert keys is not None
        return keys


def report(reconciliation: Reconciliation, seconds: float) -> int:
    """Print the result; return 1 if anything was lost, miscounted or repeated."""
    crowd, deaths = reconciliation.crowd, reconciliation.deaths
    kills_by_target = ", ".join(f"{what} {times}" for what, times in sorted(deaths.items()))
    print(f"  {seconds:.0f} s; killed {reconciliation.kills} times ({kills_by_target})")
    print(f"  acknowledged: {len(crowd.signed):,} signatures, {len(crowd.confirmed):,} confirmations,")
    print(f"    {len(crowd.withdrawn):,} withdrawals; 503 answers {crowd.refused}")
    print(f"  {len(crowd.post_office.received):,} mails, {reconciliation.repeated_mails()} of them repeated")
    found = {
        "unexpected answers": crowd.faults,
        "signatures lost": reconciliation.lost_signatures(),
        "confirmations lost": reconciliation.lost_confirmations(),
        "withdrawals lost": reconciliation.lost_withdrawals(),
        "mailboxes without their mail": reconciliation.without_mail(),
        "mails repeated beyond one per kill": max(0, reconciliation.repeated_mails() - reconciliation.kills),
        "counts that do not equal their rows": reconciliation.miscounts(),
    }
    for what, which in found.items():
        print(f"  {what}: {which or 'none'}")
    return int(any(found.values()))
