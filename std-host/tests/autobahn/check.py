"""Judge one run of wstest, which itself leaves with 0 whatever happened: check.py NAME REPORTS CASES."""

import json
import sys
from pathlib import Path

# What these three show is nobody's fault: sends after a close, and codes that nobody has defined.
INFORMATIONAL = {"7.1.6", "7.13.1", "7.13.2"}


def main(name, reports, n_cases):
    index = reports / "index.json"
    agents = json.loads(index.read_text()) if index.exists() else {}
    results = agents.get(name, {})
    failures = [
        f"{case}: {reason(result, reports)}"
        for case, result in results.items()
        if not has_passed(case, result)
    ]
    passed = len(results) - len(failures)
    failed = len(failures) + abs(n_cases - len(results))
    if len(results) != n_cases:
        failures.append(f"{len(results)} cases have a result, {n_cases} must")
    informational = sum("INFORMATIONAL" in (r["behavior"], r["behaviorClose"]) for r in results.values())
    print(f"{name}: {passed} passed, {failed} failed; {informational} are INFORMATIONAL, {len(results) - informational} not")
    for failure in failures:
        print(f"    {failure}")
    return 1 if failed else 0


def has_passed(case, result):
    accepted = {"OK", "INFORMATIONAL"} if case in INFORMATIONAL else {"OK"}
    return result["behavior"] in accepted and result["behaviorClose"] in accepted


def reason(result, reports):
    """Tell both verdicts and what wstest says of the one that is not OK."""
    verdicts = f"{result['behavior']}, close {result['behaviorClose']}"
    try:
        report = json.loads((reports / result["reportfile"]).read_text())
    except (OSError, ValueError) as error:
        return f"{verdicts} (no report: {error})"
    said = report["result"] if result["behavior"] != "OK" else report["resultClose"]
    return f"{verdicts}: {said}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
