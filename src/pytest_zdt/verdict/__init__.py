"""The judgement: pure functions from evidence to a frozen verdict."""
