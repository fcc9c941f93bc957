"""Pictures of Debian packages: installed, unpacked in a folder, or fetched into it. Never shipped with this program."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lib_colorize.errors import ColorizeError
from lib_colorize.whole_file import PREFIX, ensure_folder

PICTURES = {  # package -> where its pictures lie; licences: usr/share/doc/PACKAGE/copyright
    "tuxpaint-data": "usr/share/tuxpaint/starters",
    "renpy-thequestion": "usr/share/games/renpy/the_question/game/images",
    "wesnoth-1.16-data": "usr/share/games/wesnoth/1.16/data/core/images/portraits",
    "openclipart-svg": "usr/share/openclipart/svg",
}


@dataclass(frozen=True)
class Packages:
    """folder: where packages are kept, in FOLDER/PACKAGE/usr/... as fetched, or all in one FOLDER/usr/...

    fetch: whether a package that is not there is fetched by apt-get (no root needed, some MB to 400 MB).
    """

    folder: Path
    fetch: bool = True

    def pictures(self, package: str) -> Path:
        """The folder of a package's pictures; ColorizeError where it is not there and cannot be fetched."""
        found = self.found(package)
        if found is None and self.fetch:
            self._fetch(package)
            found = self.found(package)
        if found is None:
            raise ColorizeError(f"{self.folder}: no pictures of the Debian package {package}; let them be fetched, or "
                                f"unpack it there (apt-get download {package}; dpkg -x {package}_*.deb {self.folder})")
        return found

    def found(self, package: str) -> Path | None:
        """The folder of a package's pictures, None where it is neither in the folder nor installed."""
        roots = (self.folder / package, self.folder, Path("/"))
        return next((root / PICTURES[package] for root in roots if (root / PICTURES[package]).is_dir()), None)

    def _fetch(self, package: str) -> None:
        """Download and unpack into FOLDER/PACKAGE, which is there whole or not at all."""
        if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
            raise ColorizeError(f"the pictures of the Debian package {package} are fetched by apt-get and dpkg, which "
                                "are not here; unpack it elsewhere and name the folder with --packages")
        work = self.folder / f"{PREFIX}{package}"
        shutil.rmtree(work, ignore_errors=True)
        ensure_folder(work)
        try:
            _run("apt-get", "download", package, folder=work)
            (deb,) = work.glob("*.deb")
            _run("dpkg", "-x", deb.name, "unpacked", folder=work)
            (work / "unpacked").replace(self.folder / package)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _run(*command: str, folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", errors="replace", check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ColorizeError(f"{' '.join(command)}: {reason}; apt-get update may help, or unpack the package by hand "
                            "and name the folder with --packages")
