"""Mail: what it says, where it waits, and how it leaves."""
