"""Checks of the installer before it installs anything."""

import subprocess
import sys

from harness import paths

OLD = "import runpy, sys; sys.version_info = (3, 9, 18); runpy.run_path(sys.argv[1], run_name='__main__')"


def test_an_older_python_is_told_which_one_is_needed():
    """Without that check, an older Python fails with a traceback about the source."""
    # Nothing is installed for a name that does not exist.
    command = [sys.executable, "-c", OLD, str(paths.E2E / "bootstrap.py"), "no-such-environment"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran
    assert "Python 3.11 or newer is needed" in ran.stderr
