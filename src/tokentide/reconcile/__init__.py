"""The log read once more, and the store held against it: `reconcile` says what differs, `rebuild` mends it."""
