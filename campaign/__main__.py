"""``python -m campaign`` is the ``campaign`` command."""

import gc

gc.disable()  # imports make many objects and free few: looking for garbage took a tenth of each start

from campaign.cli.main import main  # noqa: E402

# What was imported lives as long as the process, so that the collector need not look at it again.
gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
