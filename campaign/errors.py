"""Expected errors; each message is a sentence that tells a person what to do.

::

    CampaignError
    ├── SettingsError               an invalid setting; stops the start
    ├── JournalError                the journal's file is damaged, away, or cannot be written
    ├── AppealError                 invalid content of the appeal, with file and line
    ├── ClosedError                 signing after the close of the campaign
    ├── ChangedError                something changed since the page was shown
    ├── UnknownTokenError           no signature has this token
    ├── LimitError                  limit of a network or a mail domain, with the seconds to wait
    ├── TooManyAttemptsError        too many failed logins just now: how long to wait
    ├── ProofError                  a proof of work is missing or invalid
    ├── SealError
    │   ├── NoKeyError              there is no campaign key, so nobody can sign
    │   │   ├── ForgedKeyError      the campaign's public key was changed in the database
    │   │   └── ErasedError         everything personal was erased in an emergency
    │   └── WrongKeyError           a passphrase, code, token or key that does not fit
    │       ├── RefusedCodeError    the passphrase fits, the six-digit code does not, and is counted
    │       ├── ReplacedKeyError    the campaign's key was changed since the login
    │       └── AlteredError        a box or wrapping that does not belong to its row
    ├── OrganiserError              an account that cannot be created, changed or removed
    │   ├── RoleError               the role does not allow the action
    │   ├── AccountNameError        a name that is taken, looks like another, or is reserved
    │   ├── NoAccessLeftError       nobody else could open the names, or invite others
    │   ├── WeakPassphraseError     a passphrase that can be guessed, with the reason
    │   └── WrongCodeError          a six-digit code that is wrong or was used before
    ├── DelegationError             an invalid address of a delegation, with its line
    ├── DeliveryError               a delivery that is not allowed
    ├── CopyError                   a campaign that cannot be copied to another database
    └── MailError
        ├── TemporaryMailError      not accepted now: retry later
        │   └── RecipientMailError  not accepted now, perhaps by the recipient's provider and not by the relay
        ├── PermanentMailError      will never be accepted
        └── UncertainMailError      the connection broke after the message was sent
"""


class CampaignError(Exception):
    """Base class of all expected errors."""


class SettingsError(CampaignError):
    """A setting is invalid; the message names it in one line."""


class JournalError(CampaignError):
    """The journal's file is damaged, away, or cannot be written."""


class AppealError(CampaignError):
    """The content of the appeal is invalid; the message gives file and line."""


class ClosedError(CampaignError):
    """The campaign is closed for new signatures."""


class UnknownTokenError(CampaignError):
    """No signature has this token, or it has expired."""


class ChangedError(CampaignError):
    """A signature is no longer as the page with the button showed it."""


class LimitError(CampaignError):
    """A network or a mail domain has reached its rate limit; it may retry after ``seconds``."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"too many requests: wait {seconds} seconds")
        self.seconds = seconds


class ProofError(CampaignError):
    """A proof of work is missing, expired, spent or forged."""


class SealError(CampaignError):
    """Something cannot be sealed or unsealed."""


class NoKeyError(SealError):
    """There is no campaign key, so nothing personal can be sealed."""


class ForgedKeyError(NoKeyError):
    """The campaign's public key was changed in the database: nothing is sealed to it."""


class ErasedError(NoKeyError):
    """Everything personal was erased in an emergency: nothing can be sealed or unsealed any more."""


class WrongKeyError(SealError):
    """The passphrase, code, token or key does not open the box or wrapping."""


class AlteredError(WrongKeyError):
    """A box or wrapping does not belong to its row: somebody wrote to the database."""


class RefusedCodeError(WrongKeyError):
    """A wrong six-digit code after the right passphrase; it is counted, so the caller commits."""


class ReplacedKeyError(WrongKeyError):
    """The organiser's session has an earlier key of the campaign: another took its place since the login."""


class OrganiserError(CampaignError):
    """An organiser's account cannot be created, changed or removed."""


class RoleError(OrganiserError):
    """The organiser's role does not allow the action."""


class AccountNameError(OrganiserError):
    """A name is taken, looks like another account's, or is none for an account."""


class NoAccessLeftError(OrganiserError):
    """Without this account nobody could open the names, or invite others."""


class WeakPassphraseError(OrganiserError):
    """A passphrase can be guessed; ``weakness`` is the reason in one word."""

    def __init__(self, message: str, weakness: str) -> None:
        super().__init__(message)
        self.weakness = weakness


class WrongCodeError(OrganiserError):
    """A six-digit code is not the current one, or was used before."""


class TooManyAttemptsError(CampaignError):
    """The next passphrase or code has to wait; ``ticket`` keeps a place for ``seconds``."""

    def __init__(self, seconds: int, *, ticket: str = "") -> None:
        super().__init__(f"too many attempts: wait {seconds} seconds")
        self.seconds = seconds
        self.ticket = ticket


class DelegationError(CampaignError):
    """The address of a delegation is invalid."""


class DeliveryError(CampaignError):
    """A delivery is not allowed."""


class CopyError(CampaignError):
    """A campaign cannot be copied to another database, or the copy differs."""


class MailError(CampaignError):
    """A message was not accepted; ``code`` is the SMTP status, or 0 without one."""

    def __init__(self, message: str, *, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class TemporaryMailError(MailError):
    """A message is not accepted now; a retry may succeed."""


class RecipientMailError(TemporaryMailError):
    """A recipient is not accepted now; the reply may be that of the mailbox's server, not the relay's."""


class PermanentMailError(MailError):
    """A message will never be accepted."""


class UncertainMailError(MailError):
    """The connection broke after the message was sent: it may have been accepted."""
