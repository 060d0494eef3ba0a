"""Where the effects are: the scheduler, the ledger, the endpoints."""
