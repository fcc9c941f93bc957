@echo off
rem Colour the example sketches, each with two references, and write demo_output\contact_sheet.png: demo.sh for Windows.
rem Makes its own environment the first time. Options go to `python -m lib_colorize demo` (see --help).
rem COLORIZE_PYTHON names the Python to start from, pip's own variables (PIP_...) say where packages come from.
setlocal
cd /d "%~dp0"
set "python=.venv\Scripts\python.exe"
"%python%" -c "" >nul 2>&1 || call :make || exit /b 1
type requirements.txt requirements-nodeps.txt constraints.txt > .venv\wanted.txt 2>nul
fc /b .venv\wanted.txt .venv\installed.txt >nul 2>&1 || call :install || exit /b 1
"%python%" -m lib_colorize demo %*
exit /b %errorlevel%

:make
set new_enough="import sys, venv; sys.exit(sys.version_info < (3, 10))"
set base=py -3
if defined COLORIZE_PYTHON set base="%COLORIZE_PYTHON%"
%base% -c %new_enough% >nul 2>&1 || set base=python
%base% -c %new_enough% >nul 2>&1 || goto :no_python
echo Making the environment .venv ...>&2
if exist .venv rmdir /s /q .venv
%base% -m venv .venv
exit /b %errorlevel%

:no_python
echo error: no Python 3.10 or newer found; install one from python.org, or name it in COLORIZE_PYTHON>&2
exit /b 1

:install
echo Installing packages: some GB and some minutes the first time ...>&2
set pip="%python%" -m pip --no-input --disable-pip-version-check install
%pip% -c constraints.txt -r requirements.txt || goto :not_installed
%pip% -c constraints.txt --no-deps -r requirements-nodeps.txt || goto :not_installed
copy /y .venv\wanted.txt .venv\installed.txt >nul
exit /b 0

:not_installed
echo error: the packages could not be installed; the lines above say why. Run the same command again to retry>&2
exit /b 1
