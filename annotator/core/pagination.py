"""How lists are cut into pages."""

from rest_framework.pagination import PageNumberPagination


class StandardPagination(PageNumberPagination):
    """`page` and `page_size`, 50 rows by default and 200 at most."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
