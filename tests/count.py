#!/usr/bin/env python3
"""Counts the outcome of a ctest run, given its report folder: ctest.junit and one NAME.xml per GoogleTest program.

A GoogleTest program counts by its cases, any other test as one. The last line is "N passed, N failed" and, if some
were skipped, ", N skipped". A program that failed without a failed case (it crashed, or a sanitizer stopped it)
counts as one failure more. Exit status 1 if anything failed.
"""
import pathlib
import sys
import xml.etree.ElementTree as xml


def cases_of(report):
    """(passed, failed, skipped) of one GoogleTest report."""
    passed = failed = skipped = 0
    for case in xml.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.get("result") in ("skipped", "suppressed") or case.get("status") == "notrun":
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def count(folder):
    """(passed, failed, skipped names) of the whole run; an unreadable run is a failure."""
    passed = failed = skipped = 0
    remarks = []
    try:
        tests = list(xml.parse(folder / "ctest.junit").iter("testcase"))
    except (OSError, xml.ParseError) as error:
        return 0, 1, 0, [f"FAILED: no report of the run: {error}"]
    for test in tests:
        name = test.get("name")
        status = test.get("status")
        good, bad, left_out = 0, 0, 0
        report = folder / f"{name}.xml"
        if report.is_file():
            try:
                good, bad, left_out = cases_of(report)
            except xml.ParseError:
                pass  # killed while it wrote: ctest says how it ended
        elif status == "run":
            good = 1
        if status in ("notrun", "disabled"):
            reason = test.find("skipped")
            if reason is not None and "SKIP_" in (reason.get("message") or ""):
                good, left_out = 0, 1
            elif status == "disabled":
                good, left_out = 0, 1
            else:
                bad = max(bad, 1)  # its program was never built
        elif status != "run":
            bad = max(bad, 1)
        passed, failed, skipped = passed + good, failed + bad, skipped + left_out
        if bad:
            remarks.append(f"FAILED: {name}")
        elif left_out:
            remarks.append(f"skipped: {name}" + (f" ({left_out} cases)" if report.is_file() else ""))
    return passed, failed, skipped, remarks


def main():
    passed, failed, skipped, remarks = count(pathlib.Path(sys.argv[1]))
    print("\n".join(remarks))
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
