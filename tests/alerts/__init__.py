"""Every alert made to fire by real processes, and to resolve: `python -m tests.alerts`."""
