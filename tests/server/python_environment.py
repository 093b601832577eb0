"""Where the tests in Python find their packages and the model; they skip, saying why, where one is missing."""
import importlib.util
import os
import pathlib
import sys

SKIPPED = 77
CACHE = pathlib.Path(os.environ.get("LEANKV_CACHE") or
                     pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "leankv")
ENVIRONMENT = CACHE / "test-python"  # made by scripts/install-deps --ci
MODEL = pathlib.Path(os.environ.get("LEANKV_MODEL") or CACHE / "SmolLM2-135M-Instruct.Q4_1.gguf")


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def need_package(name):
    """Starts the program again in the environment that has the package, unless this one has it."""
    if importlib.util.find_spec(name) is not None:
        return
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists() or pathlib.Path(sys.prefix) == ENVIRONMENT:
        skip(f"the Python package {name} is not installed; scripts/install-deps --ci does it")
    os.execv(python, [str(python), *sys.argv])


def need_model():
    if not MODEL.exists():
        skip(f"no model at {MODEL}; scripts/get-model fetches it, or set LEANKV_MODEL")
