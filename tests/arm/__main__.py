"""`make test-arm`: effprof on an emulated arm64 Debian. Usage, as root: PYTHONPATH=tests python -m arm

Built in .cache/arm64/ and used again: Debian by debootstrap, Python packages by the host's pip. Where from: Debian from
debootstrap's own default or EFFPROF_DEBIAN_MIRROR, the packages from wherever the user's pip takes them.
Exit status: 0, 1 something failed, 130 interrupted.
"""

from __future__ import annotations

import os
import shutil
import sys
from functools import partial
from pathlib import Path

from arm.recipe import ROOT, DebianRecipe, SiteRecipe, site_recipe
from arm.selection import RUN
from arm.steps import Clock, logged, shown
from arm.userland import PYTHON, SOURCE, ArmError, Userland, alone, build, environment, in_own_mounts, is_built

FOLDER = ROOT / ".cache" / "arm64"
IN_USERLAND = Path(__file__).with_name("test_in_userland.py")
MIRROR = "EFFPROF_DEBIAN_MIRROR"
SPACE_BYTES = 5 * 10**9

# pip asks the machine it runs on whether `; platform_machine == "..."` holds, also when it installs for another.
_PIP_FOR_ARM = (
    "import platform, runpy, sys; platform.machine = lambda: 'aarch64'; "
    "sys.argv[0] = 'pip'; runpy.run_module('pip', run_name='__main__')"
)


def main() -> int:
    clock = Clock()
    try:
        with alone(FOLDER):
            userland = Userland(FOLDER)
            prepare(userland, clock)
            failed = [name for name, ok in checks(userland, clock) if not ok]
    except ArmError as error:
        print(f"make test-arm: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make test-arm: interrupted; nothing is left mounted or running", file=sys.stderr)
        return 130
    clock.say(f"failed: {', '.join(failed)}" if failed else "all passed; every time above is an emulator's")
    return 1 if failed else 0


def prepare(userland: Userland, clock: Clock) -> None:
    """What is missing or was made by another recipe is built; effprof is installed anew each time."""
    debian, site = DebianRecipe(), site_recipe()
    parts = (
        ("Debian for arm64", userland.root, debian.digest, partial(_debootstrap, debian, clock)),
        ("torch and other packages for aarch64", userland.site, site.digest, partial(_packages, site, clock)),
    )
    for name, folder, digest, make in parts:
        if is_built(folder, digest):
            clock.say(f"{name}: built already")
            continue
        if shutil.disk_usage(userland.folder).free < SPACE_BYTES:
            raise ArmError(f"{userland.folder} needs {SPACE_BYTES / 1e9:.0f} GB of free space")
        with clock.step(name):
            build(folder, digest, make)
    with clock.step("installing effprof there"):
        userland.copy_source(ROOT)
        _install_effprof(userland, clock)


def _debootstrap(recipe: DebianRecipe, clock: Clock, folder: Path) -> None:
    packages = ",".join(recipe.packages)
    words = ["debootstrap", "--arch=arm64", f"--variant={recipe.variant}", f"--include={packages}", "--force-check-gpg"]
    mirror = os.environ.get(MIRROR)
    words += [recipe.suite, str(folder), *([mirror] if mirror else [])]
    log = _fresh_log("debootstrap")
    logged(clock, in_own_mounts(words), log, 25 * 60, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})


def _packages(recipe: SiteRecipe, clock: Clock, folder: Path) -> None:
    log, wheels, pins = _fresh_log("pip"), FOLDER / "wheels", FOLDER / "constraints.txt"
    pins.write_text("\n".join(recipe.constraints))
    limits = ["--constraint", str(pins), "--disable-pip-version-check", "--no-input"]
    wheel = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(wheels)]
    logged(clock, [*wheel, *limits, *recipe.from_source], log, 5 * 60)
    install = [sys.executable, "-c", _PIP_FOR_ARM, "install", "--target", str(folder), "--find-links", str(wheels)]
    target = ["--only-binary=:all:", "--implementation=cp", f"--python-version={recipe.python}"]
    target += [f"--platform={platform}" for platform in recipe.platforms]
    logged(clock, [*install, *target, *limits, *recipe.requirements], log, 15 * 60)


def _install_effprof(userland: Userland, clock: Clock) -> None:
    """As anyone would, into an environment that sees the packages; `pip check` knows the real conditions."""
    log, venv = _fresh_log("effprof"), str(Path(PYTHON).parents[1])
    pip = (PYTHON, "-m", "pip", "--disable-pip-version-check")
    offline = ("--no-deps", "--no-index", "--no-build-isolation")
    for words in (
        ("python3", "-m", "venv", "--clear", "--without-pip", "--system-site-packages", venv),
        (*pip, "install", *offline, "--editable", SOURCE),
        (*pip, "check"),
    ):
        logged(clock, userland.inside(*words), log, 5 * 60, env=environment())


def checks(userland: Userland, clock: Clock) -> list[tuple[str, bool]]:
    """(what, did it pass?); all are run, also when one fails."""
    commands = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "pytest", "-v", str(IN_USERLAND)]
    suite = ["env", "--chdir", SOURCE, PYTHON, "-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]
    suite += [f"tests/{path}" for path in RUN]
    results = []
    for name, words, limit_s, env in (
        ("commands", commands, 25 * 60.0, {**os.environ, "EFFPROF_ARM64": str(userland.folder)}),
        ("unit tests", userland.inside(*suite), 25 * 60.0, environment()),
    ):
        with clock.step(name):
            code = shown(words, clock.limit_s(limit_s), env)
        if code is None:
            clock.say(f"{name}: did not end in time")
        results.append((name, code == 0))
    return results


def _fresh_log(name: str) -> Path:
    log = FOLDER / "log" / f"{name}.log"
    log.unlink(missing_ok=True)
    return log


if __name__ == "__main__":
    sys.exit(main())
