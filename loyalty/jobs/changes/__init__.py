"""Change requests: what one person asks for, everybody sees, a second person approves, and a job posts and undoes.

The course of a change (states of `ChangeRequest`):

    draft -> waiting -> approved -> posting -> done -> undone
                     -> refused | withdrawn | stale              posting -> failed -> (tried again) posting

`drafting` looks up what would be written and stores it line by line; `deciding` submits, approves, refuses and
withdraws; `posting` writes the lines, small changes at once and large ones in chunks by the job `post_changes`. An undo
is a change of its own that points at the one it takes back. What a kind of change offers is told in
`loyalty.common.changes`; the kinds there are stand in `settings.SETIA_CHANGES`.
"""
