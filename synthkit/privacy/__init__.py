"""Events (what happened), accountant (what it cost), ledger (who has spent what), mechanism.

Nothing here sees a table: counts and gradients come in as arrays, noise goes on, events go out.
"""
