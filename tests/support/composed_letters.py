"""Imported by a process that is forked for tests: it composes all letters once, for the processes to come."""

from campaign.appeal.reading import load
from campaign.letter import edition

edition._content_hash(load())
