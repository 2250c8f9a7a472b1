#!/usr/bin/env python3
"""Checks tests/count.py: what a run reports must be what happened, above all when a program dies."""
import pathlib
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import count  # noqa: E402  (the folder above, made visible by the line before)

CTEST = """<?xml version="1.0"?><testsuite>
<testcase name="script" status="run"/>
<testcase name="broken_script" status="fail"><failure message="x"/></testcase>
<testcase name="left_out" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/></testcase>
<testcase name="unbuilt" status="notrun"><skipped message="Unable to find executable"/></testcase>
<testcase name="unit_a" status="run"/>
<testcase name="unit_b" status="fail"><failure message="x"/></testcase>
<testcase name="unit_c" status="fail"><failure message="crashed"/></testcase>
<testcase name="unit_d" status="fail"><failure message="leaked"/></testcase>
</testsuite>"""
GOOD = '<testcase name="t" status="run" result="completed"/>'
BAD = '<testcase name="t" status="run" result="completed"><failure message="no"/></testcase>'
SKIP = '<testcase name="t" status="run" result="skipped"><skipped message="no data"/></testcase>'
OFF = '<testcase name="DISABLED_t" status="notrun" result="suppressed"/>'


class Count(unittest.TestCase):
    def run_with(self, files):
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                (pathlib.Path(folder) / name).write_text(text, encoding="utf-8")
            return count.count(pathlib.Path(folder))

    def test_cases_scripts_crashes_and_skips(self):
        def gtest(*cases):
            return f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>"

        passed, failed, skipped, remarks = self.run_with({
            "ctest.junit": CTEST,
            "unit_a.xml": gtest(GOOD, GOOD, SKIP, OFF),
            "unit_b.xml": gtest(GOOD, BAD, BAD),
            "unit_c.xml": "<testsuites><testsuite><testca",
            "unit_d.xml": gtest(GOOD),  # every case passed, the program did not
        })
        self.assertEqual(passed, 1 + 2 + 1 + 1)
        self.assertEqual(failed, 1 + 1 + 2 + 1 + 1)
        self.assertEqual(skipped, 1 + 2)
        for name in ("broken_script", "unbuilt", "unit_b", "unit_c", "unit_d"):
            self.assertIn(f"FAILED: {name}", remarks)
        self.assertIn("skipped: left_out", remarks)

    def test_a_run_without_a_report_is_a_failure(self):
        self.assertEqual(self.run_with({})[:3], (0, 1, 0))
        self.assertEqual(self.run_with({"ctest.junit": "<testsuite"})[:3], (0, 1, 0))


if __name__ == "__main__":
    unittest.main()
