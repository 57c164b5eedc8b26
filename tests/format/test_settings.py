"""Where statistics are looked for: the environment, and the defaults behind it."""

from __future__ import annotations

import glob
import tempfile
from pathlib import Path

import pytest

from mmstats_format import settings

SETTINGS = ["MMSTATS_PATH", "MMSTATS_FILES", "MMSTATS_GLOB", "MMSTATS_APP", "MMSTATS_FORMAT", "MMSTATS_DISABLE"]


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)


def test_without_settings_statistics_live_in_the_temporary_directory() -> None:
    assert settings.stats_path() == tempfile.gettempdir()
    assert settings.stats_filename() == "{CMD}-{PID}-{TID}.mmstats"
    assert settings.stats_filename("{APP}") == "{APP}-{PID}-{TID}.mmstats"
    assert settings.stats_glob() == f"{tempfile.gettempdir()}/*.mmstats"


def test_without_settings_an_application_has_its_programs_name_and_the_format_of_its_package() -> None:
    assert settings.app() == "{CMD}"
    assert [settings.format_version(default) for default in (1, 2)] == [1, 2]
    assert not settings.disabled()


def test_the_environment_is_read_at_every_call(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("/one", "/two"):
        monkeypatch.setenv("MMSTATS_PATH", value)
        monkeypatch.setenv("MMSTATS_FILES", value + ".mmstats")
        assert (settings.stats_path(), settings.stats_filename()) == (value, value + ".mmstats")
        assert settings.stats_glob() == value + "/*.mmstats"
    monkeypatch.setenv("MMSTATS_GLOB", "/three/*")
    assert settings.stats_glob() == "/three/*"


def test_the_application_is_named_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSTATS_APP", "shop-{CLASS}")
    assert settings.app() == "shop-{CLASS}"


@pytest.mark.parametrize("version", [1, 2])
def test_the_version_is_chosen_from_outside(version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSTATS_FORMAT", str(version))
    assert [settings.format_version(default) for default in (1, 2)] == [version, version]


@pytest.mark.parametrize("version", ["0", "3", "11", " 2", "two", "1.0"])
def test_another_version_is_refused(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSTATS_FORMAT", version)
    with pytest.raises(ValueError, match="MMSTATS_FORMAT is 1 or 2, not") as caught:
        settings.format_version(2)
    assert repr(version) in str(caught.value)


@pytest.mark.parametrize(("value", "disabled"), [("1", True), ("yes", True), ("0", False), ("", False)])
def test_statistics_are_disabled_from_outside(value: str, disabled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MMSTATS_DISABLE", value)
    assert settings.disabled() == disabled


@pytest.mark.parametrize("name", SETTINGS)
def test_an_empty_setting_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def now() -> tuple[object, ...]:
        found = settings.stats_path(), settings.stats_filename(), settings.stats_glob()
        return *found, settings.app(), settings.format_version(2), settings.disabled()

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
    assert list(settings.PLACEHOLDERS) == ["CMD", "PID", "TID", "CLASS", "APP"]
