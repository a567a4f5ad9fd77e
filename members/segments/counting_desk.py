"""The form of a segment tells, while one writes, what its rows say and how many members they describe."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.common.money import show_points
from loyalty.desk import programs
from members.segments import counting
from members.segments.definitions import problems
from members.segments.program_desk import OfProgram
from members.segments.reading import in_words


class CountsWhileWriting(OfProgram):
    """The address that the page of a segment asks."""

    def count(self, request: HttpRequest) -> HttpResponse:
        """The rows as they stand in the form: in words, how many members, and some of their names."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        program = programs.chosen(request)
        if request.method != "POST" or program is None:
            return JsonResponse({"words": "", "count": "", "problems": []}, status=405)
        form: Any = self.get_form(request)()
        definition = form.fields["definition"].widget.value_from_datadict(request.POST, {}, "definition")
        if not definition["groups"]:
            hint = _("Choose what the first condition is about: how many members it describes is counted here.")
            return JsonResponse({"words": "", "count": str(hint), "sample": "", "problems": []})
        wrong = list(dict.fromkeys(problems(definition).values()))
        if wrong:
            return JsonResponse({"words": "", "count": "", "problems": wrong})
        counted = counting.count(definition, program, at=timezone.now())
        told = _("Too many to count while you wait. Save it: the list shows the number after the next refresh.")
        if counted.members is not None:
            words = ngettext("%(count)s member now", "%(count)s members now", counted.members)
            told = words % {"count": show_points(counted.members)}
        sees = request.user.has_perm("members.view_member")
        names = [str(member) for member in counted.sample[:5]] if sees else []
        words = in_words(definition, currency=program.currency, names=self.names(request))
        return JsonResponse({"words": words, "count": str(told), "sample": ", ".join(names), "problems": []})
