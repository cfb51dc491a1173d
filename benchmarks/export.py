"""How long exporting a run takes, and how much memory: run by hand, ``python benchmarks/export.py [SAMPLES]``.

Needs ``pip install 'pytest-zdt[metrics]'``. Writes the evidence that ``judge.py`` writes, and exports each in both formats, in
processes of their own; prints seconds, of which reading and judging are a part, the peak of memory, and the size of the file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from judge import ENDPOINTS, MANY, write

RUNS = (("usual", 0.001, ENDPOINTS), ("all failed", 1.0, ENDPOINTS), ("1,000 endpoints", 0.001, MANY))


def export(folder: str, option: str, file: str) -> None:
    """Exports the run in a folder, and prints the figures."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "pytest_zdt", "export", folder, option, file])
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - began
    assert status == 0
    print(
        f"  {option}: {took:.1f} s, peak {usage.ru_maxrss / 1024:.0f} MiB, {Path(file).stat().st_size / 1e6:.0f} MB", flush=True
    )


def main() -> None:
    """Writes, and exports in other processes."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    for name, failing, endpoints in RUNS:
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as output:
            write(Path(folder), many, failing, endpoints)
            print(f"{name}:", flush=True)
            export(folder, "--prometheus", f"{output}/run.om")
            export(folder, "--otlp", f"{output}/run.jsonl")


if __name__ == "__main__":
    main()
