"""Searching the list of members at the desk: by the beginning of what people tell on the phone."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from members import searching
from members.models import Member


class FoundByWords:
    """A list of members that is searched through its indexes, and says when more fit than it shows."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Member], search_term: str
    ) -> tuple[QuerySet[Member], Any]:
        """The members that fit among those the list is filtered to."""
        if not search_term.strip():
            return queryset, False
        ids, is_cut = searching.among(queryset, search_term)
        if is_cut:
            messages.info(request, _("Very many members fit: these are the first of them. Type more to find one."))
        return queryset.filter(pk__any_of=ids), False
