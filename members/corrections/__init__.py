"""Corrections of points as change requests: of one member or many, with four eyes above the limits (DOMAIN 12.4).

Each module holds one kind (`loyalty.common.changes.ChangeKind`); the books' own verbs write.
"""
