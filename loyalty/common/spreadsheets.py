"""Text that a spreadsheet may open: a cell that begins like a formula gets an apostrophe before it."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def harmless(text: str) -> str:
    """The text such that no spreadsheet computes it."""
    return "'" + text if text.startswith(FORMULA_STARTS) else text
