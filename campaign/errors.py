"""The errors this tool raises on purpose, each a sentence a person can act on.

::

    CampaignError
    ├── SettingsError               a setting that cannot work; stops the start
    ├── AppealError                 the appeal's folder is broken: file and line
    ├── ClosedError                 signing after the campaign's close
    ├── UnknownTokenError           no signature was issued this token
    ├── LimitError                  too much from one network just now: how long to wait
    ├── TooManyAttemptsError        too many failed logins just now: how long to wait
    ├── ProofError                  a proof is missing, or is none
    ├── SealError
    │   ├── NoKeyError              no campaign key yet: no signature can be taken
    │   │   └── ErasedError         everything personal was erased: there never will be one again
    │   └── WrongKeyError           a passphrase, code, token or key that opens nothing
    ├── OrganiserError              an account that cannot be made, changed or removed
    │   ├── RoleError               a role that does not allow what was asked
    │   ├── NoAccessLeftError       without this account nobody could open the names, or let others in
    │   ├── WeakPassphraseError     a passphrase that can be guessed, and why
    │   └── WrongCodeError          a six-digit code that a phone does not show now, or showed before
    ├── DelegationError             an address that cannot be stored, with its line
    ├── DeliveryError               a delivery that may not be made
    ├── CopyError                   a campaign that cannot be moved to another database
    └── MailError
        ├── TemporaryMailError      try again later
        │   └── RecipientMailError  so says the recipient's provider, perhaps, and not the relay
        ├── PermanentMailError      never will be accepted
        └── UncertainMailError      the line broke after the message was handed over
"""


class CampaignError(Exception):
    """Anything this tool refuses or cannot do."""


class SettingsError(CampaignError):
    """A setting that cannot work; the message names it in one line."""


class AppealError(CampaignError):
    """The appeal's content is broken; the message gives file and line."""


class ClosedError(CampaignError):
    """The campaign no longer takes signatures."""


class UnknownTokenError(CampaignError):
    """No signature was issued this token, or it has expired."""


class LimitError(CampaignError):
    """Too much came from one network; ``seconds`` says how long to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too much from one network: wait {seconds} seconds")
        self.seconds = seconds


class ProofError(CampaignError):
    """Nothing shows that somebody took a moment, or what shows it is too old, used, or made up."""


class SealError(CampaignError):
    """Something cannot be sealed or unsealed."""


class NoKeyError(SealError):
    """There is no campaign key, so nothing personal can be taken in."""


class ErasedError(NoKeyError):
    """Everything personal was erased in an emergency: nothing can be sealed or opened any more."""


class WrongKeyError(SealError):
    """The passphrase, code, token or key does not open what it was tried on."""


class OrganiserError(CampaignError):
    """An organiser's account cannot be made, changed or removed as asked."""


class RoleError(OrganiserError):
    """The organiser's role does not allow this."""


class NoAccessLeftError(OrganiserError):
    """Without this account, nobody could open the names, or let others in."""


class WeakPassphraseError(OrganiserError):
    """A passphrase can be guessed; ``weakness`` says why, in one word."""

    def __init__(self, message: str, weakness: str) -> None:
        super().__init__(message)
        self.weakness = weakness


class WrongCodeError(OrganiserError):
    """A six-digit code is not the one that the phone shows now, or was used."""


class TooManyAttemptsError(CampaignError):
    """The next passphrase or code has to wait; ``seconds`` says how long."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many attempts: wait {seconds} seconds")
        self.seconds = seconds


class DelegationError(CampaignError):
    """A delegation's address cannot be stored as given."""


class DeliveryError(CampaignError):
    """A delivery may not be made as asked."""


class CopyError(CampaignError):
    """A campaign cannot be moved to another database, or did not arrive as it was."""


class MailError(CampaignError):
    """A message was not accepted; ``code`` is the SMTP status, or 0 without one."""

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class TemporaryMailError(MailError):
    """Not accepted now; the same message may be accepted later."""


class RecipientMailError(TemporaryMailError):
    """A recipient is not accepted now; the relay may have asked the server that has this mailbox."""


class PermanentMailError(MailError):
    """Will never be accepted as it is."""


class UncertainMailError(MailError):
    """The line broke after the message was handed over: it may have been accepted."""
