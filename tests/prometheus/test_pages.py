"""Whatever files say, the page of them is valid in both formats: `prometheus_client`'s parsers read it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmstats_testing.documents2 import document2
from mmstats_testing.pages import checked, parsed, parsed_text, same
from mmstats_testing.strategies2 import documents2, metrics2
from mmstats_testing.vectors import path2_of, path_of, vectors, vectors2

from mmstats_format import Document2, build
from mmstats_reader import Directory, View
from mmstats_reader.prometheus import collected, textfile


def check(view: View) -> None:
    """All pages of a view are valid and say the same."""
    values = checked(collected(view, processes=False))
    page = textfile(collected(view, processes=False)).decode()
    assert same(parsed(page), values)
    assert same(parsed_text(page), values)


@pytest.mark.parametrize("vector", vectors("valid"))
def test_page_of_a_version_1_vector_is_valid(vector: dict[str, Any]) -> None:
    with Directory(path_of(vector)) as stats:
        check(stats.poll())


@pytest.mark.parametrize("vector", vectors2("valid"))
def test_page_of_a_version_2_vector_is_valid(vector: dict[str, Any]) -> None:
    with Directory(path2_of(vector)) as stats:
        check(stats.poll())


#: Any one, and those that meet others in their names.
DOCUMENTS = documents2() | st.lists(metrics2(), max_size=3, unique_by=lambda metric: metric.family.name).map(
    lambda metrics: document2(*metrics)
)


@given(st.lists(DOCUMENTS, max_size=3))
def test_page_of_any_files_is_valid(documents: list[Document2]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        for number, document in enumerate(documents):
            Path(directory, f"{number}.mmstats").write_bytes(build(document))
        with Directory(directory) as stats:
            check(stats.poll())
