"""Whatever goes wrong under /api/ before or beside a door is a problem answer too, never a page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from loyalty.pos import problems

PREFIX = "/api/"


class ApiProblemMiddleware:
    """Turns error pages under /api/ (unknown address, wrong method, bad host, crash) into problem answers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Wrap everything inside."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer, with errors in the form of the API."""
        response = self.get_response(request)
        is_error = request.path.startswith(PREFIX) and response.status_code >= 400
        if not is_error or response.get("Content-Type", "").startswith(problems.CONTENT_TYPE):
            return response
        answer = problems.problem(request, response.status_code)
        if "Allow" in response:
            answer["Allow"] = response["Allow"]
        return answer
