"""Lists over big tables never count all rows: the count stops at a ceiling, and so does paging.

Past the ceiling one searches or filters. The cost of a first page is then the same at a thousand rows and at ten
million (PERFORMANCE, admin lists).
"""

from django.core.paginator import Paginator
from django.utils.functional import cached_property

CEILING = 5_000


class CappedPaginator(Paginator):
    """Counts up to CEILING rows; `is_capped` says that there are more."""

    template_name = "admin/desk/pagination.html"

    @cached_property
    def _seen(self) -> int:
        return self.object_list.order_by().values("pk")[: CEILING + 1].count()

    @property
    def count(self) -> int:
        """How many rows can be paged through."""
        return min(self._seen, CEILING)

    @property
    def is_capped(self) -> bool:
        """Whether there are more rows than can be paged through."""
        return self._seen > CEILING
