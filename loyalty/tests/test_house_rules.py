"""The house rules of CONTRIBUTING.md that a machine can see in the source."""

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

from loyalty.tests import reading

LONGEST_MODULE = 300
LONGEST_FUNCTION = 50
ONE_OF_A_KIND = {"loyalty/settings.py"}  # every setting in one file is a rule of its own
WRITING = {"save", "create", "delete", "get_or_create", "update_or_create", "bulk_create", "bulk_update"}
NAMES_OF_NOTHING = {"utils", "util", "helpers", "helper", "services", "service", "managers", "manager", "misc"}
CLOCKS = {
    ("timezone", "now"),
    ("timezone", "localdate"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("time", "time"),
}
ALLOWED_AT_THE_TOP = {
    *("loyalty", "members", "rewards", "campaigns", "templates", "static", "locale", "docs", "bench", ".ci"),
    *("manage.py", "requirements.txt", "requirements-dev.txt", "pyproject.toml", "Makefile", ".gitignore"),
    *("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE"),
    *(".gitattributes", ".editorconfig", ".env.example"),
}
LEFT_BY_TOOLS = {".git", ".venv", ".venv-postgresql", "var", ".env", ".coverage", ".hypothesis", "__pycache__"}
# Written in pieces, so that this file does not find itself.
UNFINISHED = re.compile(r"\b(TO" + "DO|FIX" + "ME|XX" + r"X)\b")
MACHINE_PATH = re.compile(r"/(wor" + "k|far" + "m|roo" + r"t)/|/tmp/(ven" + "v|seti" + "a)")
TEXT_ENDINGS = {".py", ".md", ".html", ".txt", ".toml", ".css", ".js", ".yml", ".yaml", ".service", ".sh", ".cfg", ""}
# Models without an admin page of their own, and where staff see them.
SEEN_ELSEWHERE = {
    "campaigns.CampaignTurn": "on the page of the campaign",
    "letters.SoldOut": "nowhere: the job that tells of rewards remembers by it what is back",
    "mailings.Recipient": "as the audience on the page of its mailing",
    "rewards.Gift": "on the page of its cause",
    "rewards.PointsGivenBack": "on the page of its payment",
    "ledger.Activity": "on the page of the account, where points end by inactivity",
    "ledger.Allocation": "on the pages of its entry and its lot",
    "ledger.Hold": "as held points on the page of the account",
    "ledger.HoldPart": "as held points on the page of the lot",
    "pos.IdempotencyRecord": "nowhere: the caller gets the answer again",
    "jobs.Heartbeat": "on the overview of the jobs",
    "jobs.Operator": "nowhere: a row to lock while 24 hours are added up",
    "jobs.ChangeLine": "on the page of the change",
    "members.MemberAccount": "on the pages of the member and the account",
    "segments.SegmentStay": "as the members of their segment, and on the page of the member",
    "segments.SnapshotMember": "on the page of the snapshot",
    "segments.MemberScore": "on the page of the member",
    "members.PurchaseLine": "on the page of the purchase",
    "members.QualifyingPart": "on the page of the purchase",
    "rewards.Voucher": "on the page of the redemption",
    "rewards.VoucherExtension": "on the page of the redemption",
    "rewards.VoucherUse": "on the page of the redemption",
    "rewards.PoolCode": "as the counts on the page of its pool; never its code",
    "rewards.DrawEntry": "on the public page of its draw, and among what members redeemed",
    "rewards.DrawPromise": "on the page of its draw",
    "rewards.DrawResult": "on the public page of its draw",
    "rewards.DrawWithdrawal": "on the public page of its draw",
    "rewards.PoolPromise": "on the page of its pool of prizes",
    "rewards.PoolDraw": "on the page of its pool of prizes, and among what members redeemed",
    "rewards.PoolResult": "on the public page of its pool of prizes",
    "rewards.Picture": "on the page of the reward",
    "rewards.PrivateFile": "nowhere: its member alone fetches it",
    "rewards.Seat": "as the guests on the page of its session, and on the page of the redemption",
    "rewards.RewardPopularity": "as recommendations in the portal, and over the API",
    "campaigns.ChallengeVersion": "on the page of its challenge",
    "campaigns.ChallengeProgress": "on the pages of its challenge and its member",
    "campaigns.ChallengeEntry": "on the page of its challenge",
    "campaigns.DisplayName": "on the page of the member",
    "ways.SurpriseTaken": "on the page of the budget of surprises",
    "ways.ReferralCode": "in the portal, and over the API",
    "ways.SurveyAnswer": "as the results on the page of its survey",
    "ways.Reply": "as the results on the page of its survey",
    "partners.PartnerKey": "on the page of the partner",
    "partners.PartnerTakeBack": "on the page of the posting",
    "campaigns.RuleUse": "as the budget and the uses on the page of its campaign",
}
# Arguments that end on a page, and the calls whose descriptions are for machines.
READ_BY_PEOPLE = {"verbose_name", "verbose_name_plural", "help_text", "label", "description", "title", "empty_label"}
MACHINES = {"SetiaAPI"}
OURS = {
    "loyalty",
    "ledger",
    "mail",
    "pos",
    "jobs",
    "members",
    "segments",
    "rewards",
    "campaigns",
    "ways",
    "partners",
    "notices",
    "letters",
    "mailings",
}


def named(paths) -> list[str]:
    return [reading.shown(path) for path in paths]


def where(path: Path, node: ast.AST) -> str:
    return f"{reading.shown(path)}:{node.lineno}"


def our_modules(path: Path) -> set[str]:
    """Names under which a module knows modules of ours: `keys` after `from loyalty.pos import keys`."""
    froms = (node for node in ast.walk(reading.tree(path)) if isinstance(node, ast.ImportFrom) and node.module)
    ours = (node for node in froms if node.module.split(".")[0] in reading.APPS)
    return {alias.asname or alias.name for node in ours for alias in node.names if alias.name.islower()}


def writes(call: ast.Call, *, verbs: set[str], in_admin: bool) -> bool:
    """Whether a call writes a row by itself.

    `keys.create(...)` is a verb of a module of ours. `.update(` with keywords is a queryset's; a dictionary's takes
    another dictionary. In an admin `form.save()` and `formset.save()` are Django's own protocol for plain settings tables.
    """
    if not isinstance(call.func, ast.Attribute):
        return False
    if isinstance(call.func.value, ast.Name) and call.func.value.id in verbs:
        return False
    if call.func.attr == "update":
        return bool(call.keywords)
    if in_admin and call.func.attr == "save" and isinstance(call.func.value, ast.Name):
        return call.func.value.id not in {"form", "formset"}
    return call.func.attr in WRITING


def test_doors_parse_call_one_verb_and_answer_but_never_write():
    found = [
        where(path, call)
        for path in reading.modules()
        if reading.is_door(path)
        for call in reading.calls(path)
        if writes(call, verbs=our_modules(path), in_admin=path.stem == "admin")
    ]
    assert not found, f"a door writes by itself; call a verb: {found}"


def test_nothing_is_called_utils_helpers_services_or_managers():
    found = [p for p in reading.modules() if NAMES_OF_NOTHING & {p.stem, *p.relative_to(reading.TOP).parts[:-1]}]
    assert not found, f"name the module after what it does: {named(found)}"


def test_no_module_is_longer_than_three_hundred_lines():
    found = {
        reading.shown(path): lines
        for path in reading.modules()
        if reading.shown(path) not in ONE_OF_A_KIND
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
    }
    assert not found, f"there is a second thing inside; name it: {found}"


def test_no_function_is_longer_than_fifty_lines():
    found = {
        f"{where(path, function)} {function.name}": length
        for path in reading.modules()
        for function in reading.functions(path)
        if (length := function.end_lineno - function.lineno + 1) > LONGEST_FUNCTION
    }
    assert not found, found


def reads_the_clock(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and (function.value.id, function.attr) in CLOCKS
    )


def test_only_doors_read_the_clock():
    found = [
        where(path, call)
        for path in reading.modules()
        if not reading.may_read_the_clock(path)
        for call in reading.calls(path)
        if reads_the_clock(call)
    ]
    assert not found, f"take the time as at=: {found}"


def test_no_field_sets_its_own_time():
    found = [
        f"{model.__name__}.{field.name}"
        for model in our_models()
        for field in model._meta.get_fields()
        if getattr(field, "auto_now", False) or getattr(field, "auto_now_add", False)
    ]
    assert not found, f"the verb writes the time it was given: {found}"


def lacks_words(path: Path) -> list[str]:
    """Modules, public functions and public classes of a module that say nothing about themselves.

    App configurations say it in their name, commands in their module and their help.
    """
    module = reading.tree(path)
    if path.stem == "apps":
        return []
    found = [] if ast.get_docstring(module) or not module.body else [f"{reading.shown(path)} (the module)"]
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    public = (n for n in module.body if isinstance(n, kinds) and not n.name.startswith("_") and n.name != "Command")
    return found + [f"{where(path, node)} {node.name}" for node in public if not ast.get_docstring(node)]


def test_every_public_verb_says_what_it_does():
    found = [line for path in reading.modules() for line in lacks_words(path)]
    assert not found, f"a docstring is missing: {found}"


def imported(path: Path) -> set[str]:
    """Dotted names a module imports."""
    found = set()
    for node in ast.walk(reading.tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def test_nouns_import_nouns_and_what_all_may_use_but_no_verbs():
    allowed = re.compile(r"(loyalty\.common(\..+)?|(loyalty\.|members\.|campaigns\.)?\w+\.models(\.\w+)?)$")
    found = [
        f"{reading.shown(path)} imports {name}"
        for path in reading.modules()
        if path.stem == "models" or "models" in path.parts
        for name in imported(path)
        if name.split(".")[0] in reading.APPS and not allowed.match(name)
    ]
    assert not found, found


def names_of_refusals() -> set[str]:
    """Every exception whose message people read: `Refusal` and what derives from it."""
    known, before = {"Refusal", "ValidationError"}, 0
    classes = [node for path in reading.modules() for node in reading.tree(path).body if isinstance(node, ast.ClassDef)]
    while len(known) > before:
        before = len(known)
        known |= {c.name for c in classes if any(getattr(b, "id", getattr(b, "attr", "")) in known for b in c.bases)}
    return known


def bare_texts(path: Path, refusals: set[str]) -> list[str]:
    """Texts people read that are written into a module without gettext."""
    found = []
    for call in reading.calls(path):
        name = getattr(call.func, "id", getattr(call.func, "attr", ""))
        is_note = getattr(getattr(call.func, "value", None), "id", "") == "messages"
        said = call.args[:1] if name in refusals else call.args[1:2] if is_note else []
        said += [keyword.value for keyword in call.keywords if keyword.arg in READ_BY_PEOPLE and name not in MACHINES]
        found += [where(path, text) for text in said if is_bare(text)]
    return found


def is_bare(node: ast.AST) -> bool:
    if isinstance(node, ast.JoinedStr):
        return True
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and any(c.isalpha() for c in node.value)


def test_every_text_that_people_read_goes_through_gettext():
    refusals = names_of_refusals()
    found = [text for path in reading.modules() if not reading.is_command(path) for text in bare_texts(path, refusals)]
    assert not found, f"wrap these in gettext: {found}"


def our_models():
    return [model for model in apps.get_models() if model._meta.app_label in OURS]


def test_every_constraint_reads_as_a_sentence():
    found = [
        constraint.name
        for model in our_models()
        for constraint in model._meta.constraints
        if len(constraint.name.split("_")) < 3
    ]
    assert not found, f"say what is promised, in three words or more: {found}"


def test_library_code_does_not_print():
    found = [
        where(path, call)
        for path in reading.modules()
        for call in reading.calls(path)
        if isinstance(call.func, ast.Name) and call.func.id == "print"
    ]
    assert not found, f"log it, or write to the command's own stdout: {found}"


def test_the_top_of_the_repository_stays_small():
    found = {
        path.name
        for path in reading.TOP.iterdir()
        if path.name not in ALLOWED_AT_THE_TOP | LEFT_BY_TOOLS and not path.name.endswith("_cache")
    }
    assert not found, f"these have no place at the top: {sorted(found)}"


@pytest.mark.parametrize(
    ("pattern", "advice"),
    [(UNFINISHED, "finish it or file it as an issue"), (MACHINE_PATH, "a path of one machine")],
    ids=["unfinished marks", "paths of one machine"],
)
def test_no_file_holds(pattern, advice):
    found = [
        f"{reading.shown(path)}:{number}"
        for path in reading.project_files()
        if path.suffix in TEXT_ENDINGS and path.stat().st_size < 500_000
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found, f"{advice}: {found}"


def test_every_model_is_at_the_desk():
    """Registered in the admin, shown inside the page of one that is, or seen where `SEEN_ELSEWHERE` says."""
    inside = {inline.model for page in admin.site._registry.values() for inline in page.inlines}
    shown = set(admin.site._registry) | inside
    unseen = {model._meta.label for model in our_models() if model._meta.managed and model not in shown}
    assert unseen == set(SEEN_ELSEWHERE)


def patterns_of_ours(resolver=None, prefix=""):
    """Every address whose page is made by this project, with its full pattern."""
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns_of_ours(pattern, prefix + str(pattern.pattern))
        elif isinstance(pattern, URLPattern) and maker(pattern).split(".")[0] in reading.APPS:
            yield prefix + str(pattern.pattern), pattern


def maker(pattern: URLPattern) -> str:
    """The module that makes the page."""
    callback = getattr(pattern.callback, "view_class", pattern.callback)
    return getattr(callback, "__module__", type(callback).__module__)


def test_every_address_has_a_name():
    found = [address for address, pattern in patterns_of_ours() if not pattern.name]
    assert not found, f"link to pages by name: {found}"
