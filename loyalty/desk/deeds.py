"""Deeds: what staff do to one record beyond editing it, each asked about on a page of its own and done by one verb.

A deed is a link on the record's page. The link only asks; the button on the page it leads to acts (a POST with its
token). The answer is a sentence, a refusal of the verb too, and the deed is in the audit log.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.enums import ActionVariant

from loyalty.common.errors import Refusal


def deed(
    *,
    title: Any,
    question: Any,
    button: Any,
    permission: str,
    icon: str,
    danger: bool = False,
    form: Any = None,
    fits: Callable[[Any], bool] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Turn `method(self, request, record[, values])` into a deed; it returns the sentence to show when it is done.

    `permission` is a full name such as `rewards.change_redemption`. `form` is a form class whose cleaned data the
    method gets as `values`. `question` may be a function of (admin, request, record). `fits` says for which records the link is shown; the verb decides in any case.
    """

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        @action(
            description=title,
            icon=icon,
            variant=ActionVariant.DANGER if danger else ActionVariant.DEFAULT,
        )
        @wraps(method)
        def view(self: Any, request: HttpRequest, object_id: str) -> HttpResponse:
            record = self.get_object(request, object_id)
            if record is None:
                raise Http404
            if not request.user.has_perm(permission):
                raise PermissionDenied
            asked = form(request.POST if request.method == "POST" else None) if form else None
            if request.method == "POST" and (asked is None or asked.is_valid()):
                return _do(self, request, record, method, [asked.cleaned_data] if asked else [])
            told = {
                "title": title,
                "question": question(self, request, record) if callable(question) else question,
                "button": button,
                "danger": danger,
                "form": asked,
                "record": record,
            }
            return TemplateResponse(request, "admin/desk/deed.html", _frame(self, request, record) | told)

        view.needs, view.fits = permission, fits
        return view

    return decorate


def _do(admin: Any, request: HttpRequest, record: Any, method: Callable[..., Any], values: list[Any]) -> HttpResponse:
    """Act, tell, and go back to the record's page."""
    try:
        sentence = method(admin, request, record, *values)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        if isinstance(sentence, HttpResponse):
            return sentence
        admin.log_change(request, record, str(sentence))
        messages.success(request, sentence)
    return HttpResponseRedirect(admin.page_of(record))


def _frame(admin: Any, request: HttpRequest, record: Any) -> dict[str, Any]:
    """What the desk's layout needs around an own page."""
    return admin.admin_site.each_context(request) | {
        "opts": admin.opts,
        "original": record,
        "back": admin.page_of(record),
    }
