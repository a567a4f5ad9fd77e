"""English, Indonesian and Malay: nothing missing, nothing guessed, nothing that says something else."""

import ast
import gettext
import io
from datetime import date

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.formats import date_format

from loyalty import catalogues, texts
from loyalty.tests import reading

LANGUAGES = [code for code, _name in settings.LANGUAGES]
TRANSLATED = [code for code in LANGUAGES if code != catalogues.SOURCE_LANGUAGE]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_that_people_see_is_translated(language):
    missing = [f"{text.key[1]!r} in {sorted(text.files)[0]}" for text in catalogues.missing(language)]
    assert not missing, f"{len(missing)} missing in {language}; see CONTRIBUTING.md. The first: {missing[:20]}"


def test_gettext_goes_by_no_name_under_which_its_texts_are_not_found():
    hidden = {
        f"{reading.shown(path)}: {name.asname}"
        for path in reading.modules()
        for node in ast.walk(reading.tree(path))
        if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
        for name in node.names
        if "gettext" in name.name and name.asname not in {None, *texts.FUNCTIONS}
    }
    assert hidden == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_only_guessed(language):
    assert [message.id for message in catalogues.read(language) if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translations_keep_every_placeholder_and_tag(language):
    assert catalogues.broken(language) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_holds_what_the_text_one_says(language):
    path = catalogues.po_path(language).with_suffix(".mo")
    with path.open("rb") as file:
        held = gettext.GNUTranslations(file)._catalog
    wanted = gettext.GNUTranslations(io.BytesIO(catalogues.compiled(language)))._catalog
    held.pop("", None), wanted.pop("", None)
    assert held == wanted, "run: manage.py catalogues compile"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_counted_text_has_all_its_plural_forms(language):
    catalogue = catalogues.read(language)
    plurals = [message for message in catalogue if isinstance(message.id, list | tuple)]
    assert plurals
    assert [m.id for m in plurals if isinstance(m.string, str) or len(m.string) != catalogue.num_plurals] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_holds_no_text_that_is_gone(language):
    wanted = {texts.lookup_key(key) for key in catalogues.wanted_texts(language)}
    held = {
        texts.lookup_key((m.context, m.id if isinstance(m.id, str) else tuple(m.id)))
        for m in catalogues.read(language)
        if m.id
    }
    assert held - wanted == set(), "run: manage.py catalogues update"


@pytest.mark.parametrize(("language", "said"), [("en", "Points expired"), ("id", "Poin hangus"), ("ms", "Mata luput")])
def test_a_page_speaks_the_language_it_is_asked_for(language, said):
    with translation.override(language):
        assert translation.gettext("Points expired") == said


def test_texts_in_templates_and_in_python_are_both_found(tmp_path, settings):
    template = tmp_path / "page.html"
    template.write_text(
        '{% load i18n %}{% translate "Good morning" %} {{ x|default:_("nobody") }}'
        "{% blocktranslate count n=points %}{{ n }} point{% plural %}{{ n }} points{% endblocktranslate %}"
        '{% translate "may" context "month" %}<p>Not a text</p>'
    )
    (tmp_path / "page.py").write_text(
        'x = _("A sentence " "in two pieces"); ngettext_lazy("one %(n)s", "many %(n)s", 2)'
    )
    found = {}
    texts.collect(found, tmp_path, shown_from=tmp_path)
    assert set(found) == {
        (None, "Good morning"),
        (None, "nobody"),
        (None, ("%(n)s point", "%(n)s points")),
        ("month", "may"),
        (None, "A sentence in two pieces"),
        (None, ("one %(n)s", "many %(n)s")),
    }


@pytest.mark.parametrize("language", ["id", "ms"])
def test_months_and_days_are_named_as_the_calendar_names_them(language):
    """A text of ours that happens to read like a month or a day must not rename it: “may” once made 27 May “27 Boleh”."""
    with translation.override(language):
        assert date_format(date(2026, 5, 27), "j M Y") == "27 Mei 2026"
        assert date_format(date(2026, 5, 27), "j F Y") == "27 Mei 2026"
