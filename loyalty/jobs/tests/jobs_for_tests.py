"""Jobs that only the tests run: one that works, one that fails, one that waits."""

from loyalty.common.tally import Tally

calls = []


def count(program, *, at, dry_run=False, progress):
    calls.append((program and program.slug, at, dry_run))
    progress(3, 1, 0)
    return Tally(found=3, done=2, skipped=1, report={"odd": 1})


def fail(program, *, at, dry_run=False, progress):
    calls.append((program and program.slug, at, dry_run))
    progress(5, 2, 0)
    raise ValueError("the third one is broken\nDETAIL: someone@example.com")


def find_nothing(program, *, at, dry_run=False, progress):
    return Tally()


def go_on_until_told(program, *, at, dry_run=False, progress):
    done = 0
    while progress(1000, done, 0):
        done += 1
        if stop_after and done == stop_after[0]:
            stop_after[1]()
    return Tally(found=1000, done=done)


stop_after = []


def fail_at_once(program, *, at, dry_run=False, progress):
    raise ConnectionError("nobody answers")
