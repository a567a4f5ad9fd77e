"""The parts of the desk: who may enter, who may what, how lists page, how edits are guarded, what the sidebar shows."""
