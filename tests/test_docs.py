"""The pages: commands that this program understands, links and files that are there."""

from __future__ import annotations

import ast
import re
import shlex
from dataclasses import fields
from pathlib import Path

import pytest

from lib_colorize.cli import commands as cli
from lib_colorize.cli import options
from lib_colorize.cli.loading import DEFAULT_CHECKPOINT
from lib_colorize.method.settings import Settings
from training.evidence.model_size import SHIPPED, painted_size

ROOT = Path(__file__).parent.parent
PAGES = sorted((*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("models/*.md"), *ROOT.glob("examples/*.md")))
PROGRAM = ".venv/bin/python -m "
PROGRAMS = (PROGRAM + "training.", PROGRAM + "tools.", "bash ")


def commands(page: Path) -> list[str]:
    """Lines of its bash blocks; a \\ at the end of one goes on in the next."""
    text = re.sub(r"\\\n\s*", "", page.read_text(encoding="utf-8"))
    blocks = re.findall(r"```bash\n(.*?)```", text, re.S)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


COMMANDS = sorted({command for page in PAGES for command in commands(page)})


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(PROGRAM + "lib_colorize ")])
def test_a_printed_command_is_understood(command: str) -> None:
    arguments = shlex.split(command.removeprefix(PROGRAM + "lib_colorize "), comments=True)
    args = cli.parser().parse_args(arguments)
    if args.command == "colorize":
        options.settings_of(args)
    for name in arguments:
        if name.startswith(("examples/", "models/")):
            assert (ROOT / name).exists(), f"{name} is missing"


@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith(PROGRAMS)])
def test_a_printed_program_is_there(command: str) -> None:
    words = shlex.split(command, comments=True)
    place = ROOT / (words[1] if words[0] == "bash" else words[2].replace(".", "/"))
    assert any(path.is_file() for path in (place, place.with_suffix(".py"), place / "__main__.py"))


MAX_LINE, MAX_WORDS = 120, 1100
ONE_LINE = {  # page -> how its lines begin that stay whole
    "sanity-check.md": "Steps: ",  # an infotext, as the host prints it
    "api.md": "| `",  # a row for each argument, compared with the program's own words
    "troubleshooting.md": "| `",  # a row for each message, as the program says it
}
LONG = {  # pages to look something up in, not to read from the first line to the last
    "api.md": "a row for every argument, route and answer",
    "troubleshooting.md": "a row for every message",
}


@pytest.mark.parametrize("page", [*PAGES, ROOT / "tests" / "golden" / "README.md"],
                         ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_of_a_page_is_long(page: Path) -> None:
    whole = ONE_LINE.get(page.name, "none")
    lines = enumerate(page.read_text(encoding="utf-8").splitlines(), 1)
    assert [number for number, line in lines if len(line) > MAX_LINE and not line.startswith(whole)] == []


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))], ids=lambda page: page.name)
def test_a_page_is_read_in_five_minutes(page: Path) -> None:
    prose = re.sub(r"```.*?```|(?<=\])\([^)]*\)", "", page.read_text(encoding="utf-8"), flags=re.S)
    words = [word for word in prose.split() if re.search(r"\w", word)]
    assert len(words) <= MAX_WORDS or page.name in LONG


ELSEWHERE = {"extensions/", "hosts/comfyui/", "hosts/webui/NAME/"}  # the WebUI's; where something new goes


def test_the_pages_for_builders_name_files_and_folders_that_are_there() -> None:
    known = {str(path.relative_to(ROOT)) + ("/" if path.is_dir() else "") for room in
             ("lib_colorize", "training", "scripts", "tools", "tests", "javascript", ".") for path in
             ((ROOT / room).rglob("*") if room != "." else ROOT.glob("*")) if "node_modules" not in path.parts}
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in
                   ("docs/architecture.md", "docs/architecture-hosts.md", "CONTRIBUTING.md"))
    named = set(re.findall(r"`((?:[\w.-]+/)*(?:[\w-]+/|[\w-]+\.(?:py|sh|bat|js|css)))`", text)) - ELSEWHERE
    assert [name for name in sorted(named) if not any(f"/{path}".endswith(f"/{name}") for path in known)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (page.parent / target).exists()] == []


def anchors(page: Path) -> set[str]:
    """Of its headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_into_a_page_lead_to_a_heading(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert [anchor for file, anchor in targets if "://" not in file
            and anchor not in anchors(page.parent / file if file else page)] == []


def test_every_setting_is_on_the_page_of_the_command_line() -> None:
    pages = ("commandline.md", "commandline-more.md")
    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in pages)
    names = [f"--{f.name.replace('_', '-')}" for f in fields(Settings) if f.name not in options.SIZE_FIELDS]
    assert [name for name in (*names, "--size") if f"`{name}" not in text] == []


def api_rows() -> list[str]:
    """The rows of docs/api.md about settings, from the schema that `GET settings` answers with."""
    from lib_colorize.hosts.webui.routes import schema

    rows = []
    for name, entry in schema()["settings"].items():
        if "choices" in entry:
            values = ", ".join(f"`{choice}`" for choice in entry["choices"])
        elif "minimum" in entry:
            values = f"{entry['minimum']:g} to {entry['maximum']:g}"
        else:
            values = "text" if entry["type"] == "str" else "true or false"
        if entry["type"] == "tuple":
            values = f"16 numbers, {values}"
        default = entry["default"]
        if isinstance(default, bool):
            default = str(default).lower()
        elif isinstance(default, float):
            default = f"{default:g}"
        else:
            default = f"`{default}`" if default else "empty"
        rows.append(f"| `{name}` | {default} | {values} | {entry['help'][0].lower() + entry['help'][1:]} |")
    return rows


def test_the_page_of_the_api_has_every_argument_as_the_program_has_it() -> None:
    from lib_colorize.hosts.request import ARGUMENTS
    from lib_colorize.hosts.settings import job_fields

    lines = (ROOT / "docs" / "api.md").read_text(encoding="utf-8").splitlines()
    start = lines.index("| argument | default | values | what it does |") + 2
    table = lines[start:lines.index("", start)]
    assert [line.split("`")[1] for line in table] == list(ARGUMENTS)
    names = {item.name for item in job_fields()}
    assert [line for line in table if line.split("`")[1] in names] == api_rows()


def test_the_sanity_check_names_the_files_that_are_shipped() -> None:
    from lib_colorize import __version__
    from lib_colorize.checkpoint.files import file_sha256
    from lib_colorize.hosts.pictures import picture_hash
    from lib_colorize.hosts.settings import JobSettings
    from lib_colorize.pictures.picture_files import open_image

    text = (ROOT / "docs" / "sanity-check.md").read_text(encoding="utf-8")
    model = file_sha256(ROOT / "models" / "colorize-small.safetensors")[:10]
    sketch, reference = (picture_hash(open_image(ROOT / "examples" / name))
                         for name in ("sketches/dog.png", "references/sunrise.png"))
    words = (f"Model hash: {model}", f"Colorize sketch hash: {sketch}", f"Colorize reference hash: {reference}",
             f"Colorize version: {__version__}")
    assert [text.count(word) for word in words] == [2] * 4
    said = ", ".join(f"{key}: {value}" for key, value in JobSettings(size_from_sketch=True).job_infotext().items())
    assert text.count(f", {said}, Version: ") == 2
    assert f"which begins with `{model}`" in " ".join(text.split())


SAYS_THE_SIZE = {  # page -> how it says for how many pixels the shipped model was made, and how many MB its file has
    "README.md": ("small model of {1} MB", "{1} MB, {0} pixels", "small model ({0} px,", "avatars at {0} px"),
    "models/README.md": ("illustrations: {0} px", "- {0} px, and 4 numbers"),
    "docs/sanity-check.md": ("{0} x {0}", "Size: {0}x{0}"), "docs/api.md": ('"width": {0}, "height": {0}',),
    "docs/webui.md": ("at {0} pixels", "shipped model of {0} px", "small model at {0} px", "{1} of them the shipped"),
    "docs/larger.md": ("{0} x {0} for the shipped one",), "docs/lines.md": ("{0} px for the shipped model",),
    "docs/finishing.md": ("The shipped model's pictures of {0} px",),
    "docs/commandline.md": ("shipped model paints {0} px",), "docs/troubleshooting.md": ("Fine lines at {0} px",),
    "CHANGELOG.md": ("small model of {0} px",), "lib_colorize/cli/demo.py": ("shipped model paints {0} px",),
}


@pytest.mark.parametrize("page", SAYS_THE_SIZE)
def test_a_page_says_the_shipped_models_size(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split())
    megabytes = round(SHIPPED.stat().st_size / 10**6)
    words = [words.format(painted_size(SHIPPED), megabytes) for words in SAYS_THE_SIZE[page]]
    assert [word for word in words if word not in text] == []


def test_the_model_card_counts_what_is_in_the_file() -> None:
    from lib_colorize.checkpoint.report import inspect

    found, text = inspect(SHIPPED), " ".join((ROOT / "models" / "README.md").read_text(encoding="utf-8").split())
    millions = {name: f"{part.params / 10**6:.1f} M" for name, part in found.parts.items()}
    assert found.config is not None and found.config.reference is not None
    tokens = (found.config.reference.image_size // found.config.reference.patch_size) ** 2
    assert (f"U-Net {millions['unet']} parameters, sketch encoder {millions['sketch_encoder']}, reference encoder "
            f"{millions['reference_encoder']} ({tokens} local tokens") in text
    assert f"KL-f8 auto-encoder {millions['vae']}; {painted_size(SHIPPED)} px" in text
    size = SHIPPED.stat().st_size
    assert f"{size / 10**6:.1f} million bytes ({size / 2**20:.1f} MiB)" in text


def test_the_sanity_checks_picture_is_the_engines() -> None:
    from PIL import Image, ImageChops

    from lib_colorize.engine.engine import Engine
    from lib_colorize.pictures.picture_files import open_image

    sketch, reference = (open_image(ROOT / "examples" / name)
                         for name in ("sketches/dog.png", "references/sunrise.png"))
    engine = Engine.load(DEFAULT_CHECKPOINT, device="cpu")
    made = engine.colorize(sketch, reference, Settings())[0].image
    expected = Image.open(ROOT / "docs" / "images" / "sanity-check.png").convert("RGB")
    assert max(high for _, high in ImageChops.difference(made, expected).getextrema()) <= 1


def test_the_page_of_the_webui_has_every_option_and_preset_by_its_own_name() -> None:
    from lib_colorize.panel.phrases import PHRASES

    text = "".join((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("webui.md", "webui-options.md"))
    keys = [key for key in PHRASES if key.startswith(("option_", "preset_")) and not key.endswith("_help")]
    assert len(keys) >= 7 and [PHRASES[key].en for key in keys if f"| {PHRASES[key].en} |" not in text
                               and f"**{PHRASES[key].en}**" not in text] == []


def raised(files: list[Path]) -> list[str]:
    """The text of every ColorizeError raised there; ... stands for what is filled in."""
    found = []
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                found.append(literal(node.exc.args[0]))
    return [text for text in found if text.strip(".: ")]


def literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return "".join(map(literal, node.values)) if isinstance(node, ast.JoinedStr) else "..."


def quoted() -> list[list[str]]:
    """The messages of the last part of docs/troubleshooting.md, each as the pieces between its dots."""
    text = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").partition("## Every message")[2]
    cells = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    return [[piece.strip() for piece in message.split("...") if piece.strip()]
            for cell in cells for message in re.findall(r"`([^`]+)`", cell)]


def says(text: str, pieces: list[str]) -> bool:
    """Whether the pieces stand in the text, in this order."""
    at = [text.find(piece) for piece in pieces]
    return -1 not in at and at == sorted(at)


OF_THE_HOST = [["KeyError: 0"], ["Script '", "' not found"], ["Failed to recognize model type!"],
               ["Can't load tokenizer for 'openai/clip-vit-large-patch14'"]]


def test_every_message_in_troubleshooting_is_one_of_the_program() -> None:
    from lib_colorize.panel.phrases import PHRASES

    sources = [path for path in (ROOT / "lib_colorize").rglob("*.py") if not {"cli", "engine"} & set(path.parts)]
    programs = [*raised(sources), *(phrase.en for phrase in PHRASES.values()), *all_texts(sources)]
    assert [pieces for pieces in quoted() if pieces not in OF_THE_HOST
            and not any(says(text, pieces) for text in programs)] == []


def all_texts(files: list[Path]) -> list[str]:
    """Every text in the code: some messages are made in one place and raised in another."""
    nodes = (node for file in files for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))))
    return [literal(node) for node in nodes if isinstance(node, (ast.Constant, ast.JoinedStr))]


def test_every_message_of_the_adapters_is_in_troubleshooting() -> None:
    known = quoted()
    assert [text for text in raised(sorted((ROOT / "lib_colorize" / "hosts").rglob("*.py")))
            if not any(says(text, pieces) for pieces in known)] == []


def test_the_page_of_the_webui_has_every_preset_as_the_program_has_it() -> None:
    from lib_colorize.panel.phrases import PHRASES
    from lib_colorize.panel.presets import CHANGES

    lines = (ROOT / "docs" / "webui.md").read_text(encoding="utf-8").splitlines()
    words = {"reference_guidance": "guidance", "guidance_end": "reference until", "semantics_strength": "semantics"}
    for intention, changes in CHANGES.items():
        (row,) = [line for line in lines if line.startswith(f"| {PHRASES[intention.value].en} |")]
        said = [f"{words.get(name, name.replace('_', ' '))} {value:g}" for name, value in changes.items()]
        assert row.split(" | ")[-1].removesuffix(" |") == (", ".join(said) or "the defaults, guidance 5")
