"""The verbs that find and mend what went wrong: rejects, reconcile, rebuild, forget."""
