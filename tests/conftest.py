"""What all tests share: the one FFmpeg, and the rule that CI skips nothing."""

from __future__ import annotations

import os

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """With CHAINER_REQUIRE_TOOLS=1 a skipped test has failed: CI has all it needs."""
    report = yield
    if (
        report.skipped
        and not hasattr(report, "wasxfail")
        and os.environ.get("CHAINER_REQUIRE_TOOLS") == "1"
    ):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report
