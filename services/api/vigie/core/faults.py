"""Faults whose reader is the operator."""


class OperatorError(Exception):
    """Something only the operator can mend, said in one sentence: the command line shows it and no traceback."""
