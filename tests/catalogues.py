"""Bring the translators' files up to date with the English messages of code and templates.

    python -m tests.catalogues

New messages come in without a translation, vanished ones go, and all others stay as they are.
``python -m tests.catalogues LANGUAGE`` begins the file of a new language.
"""

import sys

from campaign.reference import catalogue
from campaign.reference.language import catalogue_file
from tests.support.docs import ROOT
from tests.support.messages import TRANSLATED, updated


def main() -> None:
    """Write each file, and print how many messages wait for a translator."""
    for code in TRANSLATED:
        path = catalogue_file(code)
        if not path.exists() and code not in sys.argv[1:]:
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(updated(code))
        waiting = sum(not catalogue.is_translated(each) for each in catalogue.read(code) if each.id)
        print(f"{path.relative_to(ROOT)}: {waiting} to translate")


if __name__ == "__main__":
    main()
