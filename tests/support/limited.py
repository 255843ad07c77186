"""Run ``campaign`` with a resource limit: ``python -m tests.support.limited LIMIT NUMBER ARGUMENTS``."""

import resource
import sys

from campaign.cli.main import main

if __name__ == "__main__":
    limit, number, *arguments = sys.argv[1:]
    resource.setrlimit(getattr(resource, limit), (int(number), int(number)))
    sys.argv[1:] = arguments
    main()
