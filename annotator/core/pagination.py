"""How lists are cut into pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.pagination import PageNumberPagination

if TYPE_CHECKING:
    from rest_framework.generics import GenericAPIView  # it imports this module, by its name in the settings

Row = TypeVar("Row", bound=Model)


class StandardPagination(PageNumberPagination):
    """`page` and `page_size`, 50 rows by default and 200 at most."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


def page_of(view: GenericAPIView[Model], rows: QuerySet[Row]) -> list[Row]:
    """Return the page that a request asks for, of rows that need not be the view's own."""
    assert view.paginator is not None
    page = view.paginator.paginate_queryset(rows, view.request, view=view)
    assert page is not None
    return page
