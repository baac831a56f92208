"""pytest: each job of a suite as a test, its timings through pytest-benchmark.

pytest loads this module in every session of everybody who has installed the harness, so it is
light, and does nothing without ``--harness-suite``.
"""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("harness", "model harness")
    group.addoption(
        "--harness-suite",
        metavar="SUITE",
        help="Run each job of a suite as a test: the name of one that ships (quick), or a .toml "
        "file. Without paths no other tests are collected.",
    )
    group.addoption(
        "--harness-store",
        metavar="DIR",
        default="runs",
        help="Where results are kept; a job whose outcome is there is not done again. Default: runs.",
    )
    repeated = (
        (
            "--harness-set",
            "KEY=VALUE",
            "Override a key, such as recipes.plain.epochs=3; 'recipes.*.epochs=3' in all recipes.",
        ),
        ("--harness-only", "GLOB", "Keep the architectures that match."),
        (
            "--harness-fresh",
            "MEASURE",
            "Take a measure again (or fit, prepare), though it is cached.",
        ),
        ("--harness-plugin", "PATH", "Load a plugin of the harness from a file or folder."),
    )
    for name, metavar, meaning in repeated:
        group.addoption(name, metavar=metavar, action="append", default=[], help=meaning)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Take part in the session where a suite was asked for."""
    if config.getoption("harness_suite"):
        from harness.pytest_plugin.suite import SuitePlugin

        config.pluginmanager.register(SuitePlugin(config), "harness-suite")
