"""Pages: one self-contained HTML file each, from templates in `reports/pages/`.

A page asks nothing of the network and runs no script but its own: style and script are inlined
and named by their hashes in its content security policy; the only image it may load is one it
made itself, when a chart is saved as PNG. Every text is escaped by the templates.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

FIRST_SCRIPT = "base.js"
_UNSAFE_IN_SCRIPT = {c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
# HTML cannot carry these: they are shown as the pictures that Unicode has of them
_CONTROL_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"}
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def render_page(
    root: Path,
    template: str,
    *,
    style: str,
    script: str | Sequence[str],
    data: Any,
    view: Mapping[str, Any],
) -> str:
    """Fills one template.

    Args:
        root: The content folder that holds `reports/`.
        template: A file of `reports/pages/`, which extends `_base.html.j2`.
        style: A file of `reports/assets/`.
        script: Likewise; several run one after another, behind that which every page needs.
        data: What the script reads: anything that JSON can say.
        view: What the template reads.
    """
    scripts = (FIRST_SCRIPT, *((script,) if isinstance(script, str) else script))
    css, js, policy = _assets(root, style, scripts)
    page = (
        _environment(root)
        .get_template(template)
        .render(
            **view,
            policy=policy,
            style=css,
            script=js,
            data=embedded_json(data),
        )
    )
    # half a surrogate pair, as in a file name of another encoding, cannot be written as UTF-8
    if _CONTROLS.search(page):
        page = page.translate(_CONTROL_PICTURES)
    return page.encode("utf-8", "replace").decode("utf-8")


@lru_cache(maxsize=8)
def _environment(root: Path) -> Environment:
    """Templates are compiled once for the pages of a site."""
    environment = Environment(
        loader=FileSystemLoader(root / "reports" / "pages"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        auto_reload=False,
    )
    environment.filters["zip"] = zip
    environment.filters["prose"] = prose
    return environment


def prose(text: str) -> Markup:
    """A sentence, escaped, whose `--options` no line break takes apart."""
    return Markup(_OPTION.sub(r'<span class="option">\g<0></span>', str(escape(text))))


@lru_cache(maxsize=16)
def _assets(root: Path, style: str, scripts: tuple[str, ...]) -> tuple[Markup, Markup, str]:
    """Style, script and the policy that allows them."""
    assets = root / "reports" / "assets"
    css = (assets / style).read_text(encoding="utf-8")
    js = "".join((assets / name).read_text(encoding="utf-8") for name in scripts)
    return Markup(css), Markup(js), _policy(css, js)


def embedded_json(data: Any) -> Markup:
    """JSON that can stand inside a `<script type="application/json">`."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    for letter, escaped in _UNSAFE_IN_SCRIPT.items():  # many times as fast as translate
        text = text.replace(letter, escaped)
    return Markup(text)


class Notes:
    """The notes behind a page's numbers, each text kept once and named by its place."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], int] = {}

    def add(self, title: str, text: str) -> int:
        """The place of a note, kept before or not."""
        return self._places.setdefault((title, text), len(self._places))

    def data(self, texts: Texts) -> list[list[int]]:
        """By place the title and the lines of the text, each named by its place in `texts`."""
        return [
            [texts.place(title), *map(texts.place, text.split("\n", 1))]
            for title, text in self._places
        ]


class Texts:
    """The texts that a page's script shows, each kept once and named by its place."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        """The place of a text, kept before or not."""
        return self._places.setdefault(text, len(self._places))

    def listed(self) -> list[str]:
        """The texts by place."""
        return list(self._places)


def _policy(css: str, js: str) -> str:
    return (
        f"default-src 'none'; style-src '{_source(css)}'; script-src '{_source(js)}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _source(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
