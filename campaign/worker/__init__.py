"""The worker: its queue, its tasks, and their schedule."""
