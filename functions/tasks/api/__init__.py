"""HTTP only: authenticate, validate, one service call, response. No SQL, no rules."""
