"""Run every check and test (`python -m tests`); the last line is the number of tests passed and failed.

What a machine cannot run is named in a line that begins with ``NOT RUN``; with ``CI=true`` that is an error.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from annotator.bootstrap import FRONTEND, ROOT, VENV, npm_command
from tests import machine

REPORTS = ROOT / "artifacts" / "reports"
BIN = VENV / "bin"
UNIT_PATHS = ["tests/architecture", "tests/annotator", "tests/fixtures_synthetic", "tests/workers"]


@dataclass(frozen=True)
class Stage:
    """One command of the run; `needs` returns the name of what the machine lacks, or nothing."""

    name: str
    command: list[str]
    cwd: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)
    report: Path | None = None
    needs: Callable[[], str | None] = lambda: None


def pytest_stage(
    name: str,
    paths: list[str],
    *,
    parallel: int = 0,
    env: dict[str, str] | None = None,
    needs: Callable[[], str | None] = lambda: None,
) -> Stage:
    """Return a stage that runs pytest over paths and leaves a JUnit report."""
    report = REPORTS / f"{name.replace(' ', '-')}.xml"
    present = [path for path in paths if (ROOT / path).exists()]
    workers = ["-n", str(parallel)] if parallel else []
    command = [str(BIN / "python"), "-m", "pytest", "-q", *workers, f"--junit-xml={report}", *present]
    threads = {"OMP_NUM_THREADS": "1" if parallel else "2"}
    return Stage(name, command, env={**threads, **(env or {})}, report=report, needs=needs)


def stages() -> list[Stage]:
    """Return all stages in the order in which they run: the cheapest first."""
    npm, node_env = npm_command()
    vitest_report = REPORTS / "vitest.xml"
    production = {"TEST_BACKEND": "production"}
    return [
        Stage("lint", [str(BIN / "ruff"), "check", "."]),
        Stage("types", [str(BIN / "mypy")]),
        Stage("frontend lint", [*npm, "run", "--silent", "check"], cwd=FRONTEND, env=node_env),
        Stage("frontend types", [*npm, "run", "--silent", "types"], cwd=FRONTEND, env=node_env),
        Stage(
            "frontend tests",
            [
                *npm,
                "run",
                "--silent",
                "test",
                "--",
                "--reporter=default",
                "--reporter=junit",
                f"--outputFile.junit={vitest_report}",
            ],
            cwd=FRONTEND,
            env=node_env,
            report=vitest_report,
        ),
        pytest_stage("python tests", UNIT_PATHS, parallel=2),
        pytest_stage(
            "python tests on PostgreSQL and Redis",
            ["tests/annotator"],
            parallel=2,
            env=production,
            needs=machine.missing_services,
        ),
        pytest_stage("the loop over HTTP", ["tests/contract"], needs=machine.missing_services),
        pytest_stage("the loop in a browser", ["tests/e2e"], needs=machine.missing_browser),
    ]


@dataclass
class Tally:
    """Counts over all stages."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)


def read_report(path: Path, tally: Tally) -> None:
    """Add the counts of one JUnit report to the tally and name what was skipped."""
    for suite in ElementTree.parse(path).getroot().iter("testsuite"):
        total = int(suite.get("tests", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        tally.passed += total - failed - skipped
        tally.failed += failed
        tally.skipped += skipped
        for case in suite.iter("testcase"):
            for skip in case.iter("skipped"):
                name = f"{case.get('classname')}::{case.get('name')}"
                print(f"NOT RUN: {name}: {skip.get('message')}", flush=True)


def run_stage(stage: Stage, tally: Tally) -> None:
    """Run one stage and add its outcome to the tally."""
    lack = stage.needs()
    if lack:
        print(f"NOT RUN: {stage.name}: {lack}", flush=True)
        tally.not_run.append(stage.name)
        return
    print(f"== {stage.name}", flush=True)
    if stage.report:
        stage.report.unlink(missing_ok=True)
    started = time.monotonic()
    status = subprocess.run(
        stage.command, cwd=stage.cwd, env={**os.environ, **stage.env}, stdin=subprocess.DEVNULL, check=False
    ).returncode
    print(
        f"== {stage.name}: {'ok' if status == 0 else f'FAILED (exit status {status})'} "
        f"in {time.monotonic() - started:.0f} s",
        flush=True,
    )
    if stage.report and stage.report.exists():
        read_report(stage.report, tally)
    elif stage.report is None and status == 0:
        tally.passed += 1
    if status != 0:
        tally.broken.append(stage.name)


def main() -> int:
    """Run the stages and print the closing line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", default=[], help="only stages whose name contains this")
    options = parser.parse_args()
    REPORTS.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    for stage in stages():
        if not options.only or any(part in stage.name for part in options.only):
            run_stage(stage, tally)
    is_ci = os.environ.get("CI") == "true"
    if tally.not_run or tally.skipped:
        print(
            f"NOT RUN: {', '.join(tally.not_run) or 'no whole stage'}; {tally.skipped} tests skipped"
            + ("; in CI everything must run." if is_ci else "."),
            flush=True,
        )
    incomplete = is_ci and bool(tally.not_run or tally.skipped)
    if tally.broken:
        print(f"FAILED: {', '.join(tally.broken)}", flush=True)
    lost = max(tally.failed, len(tally.broken)) + (len(tally.not_run) if incomplete else 0)
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    print(f"{tally.passed} passed, {lost} failed{skipped}", flush=True)
    return 1 if tally.broken or tally.failed or incomplete else 0


if __name__ == "__main__":
    sys.exit(main())
