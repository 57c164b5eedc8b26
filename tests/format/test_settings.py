"""Where statistics are looked for: the environment, and the defaults behind it."""

from __future__ import annotations

import glob
import tempfile
from pathlib import Path

import pytest

from mmstats_format import settings


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MMSTATS_PATH", "MMSTATS_FILES", "MMSTATS_GLOB"):
        monkeypatch.delenv(name, raising=False)


def test_without_settings_statistics_live_in_the_temporary_directory() -> None:
    assert settings.stats_path() == tempfile.gettempdir()
    assert settings.stats_filename() == "{CMD}-{PID}-{TID}.mmstats"
    assert settings.stats_glob() == f"{tempfile.gettempdir()}/*.mmstats"


def test_the_environment_is_read_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("/one", "/two"):
        monkeypatch.setenv("MMSTATS_PATH", value)
        monkeypatch.setenv("MMSTATS_FILES", value + ".mmstats")
        assert (settings.stats_path(), settings.stats_filename()) == (value, value + ".mmstats")
        assert settings.stats_glob() == value + "/*.mmstats"
    monkeypatch.setenv("MMSTATS_GLOB", "/three/*")
    assert settings.stats_glob() == "/three/*"


@pytest.mark.parametrize("name", ["MMSTATS_PATH", "MMSTATS_FILES", "MMSTATS_GLOB"])
def test_an_empty_setting_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def now() -> tuple[str, str, str]:
        return settings.stats_path(), settings.stats_filename(), settings.stats_glob()

    before = now()
    monkeypatch.setenv(name, "")
    assert now() == before


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("/run/{CMD}", "/run/*/*.mmstats"),
        ("/run/{CMD}-{PID:08d}/{TID!s}", "/run/*-*/*/*.mmstats"),
        ("/run/{{literal}}", "/run/{literal}/*.mmstats"),
        ("/run/[a]*?", "/run/[[]a][*][?]/*.mmstats"),
        ("relative", "relative/*.mmstats"),
        ("/run/", "/run/*.mmstats"),
        # No template, and no writer takes it; a reader may look there all the same.
        ("/run/{", "/run/{/*.mmstats"),
        ("/run/}x", "/run/}x/*.mmstats"),
    ],
)
def test_a_placeholder_of_the_path_stands_for_any_text_and_the_rest_for_itself(
    path: str, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMSTATS_PATH", path)
    assert settings.stats_glob() == pattern


def test_files_are_found_in_directories_of_odd_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("odd [a]*-1", "odd [a]*-2", "odd a-3"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.mmstats").touch()
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path / "odd [a]*-{PID}"))
    found = sorted(Path(path).parent.name for path in glob.glob(settings.stats_glob()))
    assert found == ["odd [a]*-1", "odd [a]*-2"]


def test_the_placeholders_are_these() -> None:
    assert list(settings.PLACEHOLDERS) == ["CMD", "PID", "TID", "CLASS"]
