"""Papers set as PDF/A by typst, one template per paper; facts are values, never markup."""

import io
import json
import re
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import segno
import typst

from activities.ports import PermanentFailure
from adapters.mail_rendering import SERVICE_NAME, BadTemplate
from adapters.papers import specimens
from domain.papers import AnyPaper

TEMPLATES = Path(__file__).resolve().parent.parent.parent / "templates" / "papers"
_AS_PDF: dict[str, Any] = {"format": "pdf", "pdf_standards": ["a-2a"]}
"""PDF/A-2a: kept for decades and read aloud. Typst refuses what does not conform."""
_FAULTS = (typst.TypstError, typst.TypstWarning)
_NO_GLYPH = "could not be displayed"
"""How typst puts it when none of its fonts has a letter."""
_MASK = 3
"""Of a QR code: every one can be read, and to find the best costs a third of the whole paper."""
_GIVEN = "__typst_py_bytes__.typ"
"""How typst calls a template that it is given, and does not read itself."""
_PLACE = re.compile(r"[\w.]+\.typ:\d+")


class PaperTypesetter:
    """Sets papers (R8, R9, R10) from a folder with one typst template per PaperTemplate.

    The same paper always gives the same bytes: the fonts are those inside typst, and the
    time in the file is the paper's own day. Setting takes some 10 ms of computing.
    """

    def __init__(
        self, templates: Path = TEMPLATES, service_name: str = SERVICE_NAME, contacts: str = ""
    ) -> None:
        """Try every template with a specimen: a fault is found now, not at somebody's paper.

        Args:
            templates: Folder of the templates.
            service_name: Who issues the papers, as people read it.
            contacts: Stands beside the name in the head of every paper.

        Raises:
            BadTemplate: A template is missing or has a fault.
        """
        self._templates = templates
        self._service = _literal(json.dumps({"name": service_name, "contacts": contacts}))
        self._fonts = typst.Fonts(include_system_fonts=False)
        for specimen in specimens.ORDINARY:
            if not (templates / _file(specimen)).is_file():
                raise BadTemplate(f"template missing: papers/{_file(specimen)}")
            try:
                self._set(specimen, **_AS_PDF)
            except _FAULTS as fault:
                said = fault.diagnostic.replace(_GIVEN, _file(specimen))
                raise BadTemplate(f"template papers/{_file(specimen)}: {said}") from None

    def render(self, paper: AnyPaper) -> bytes:
        """The paper as a PDF, not yet signed.

        Raises:
            PermanentFailure: The paper has a letter that no font has.
            BadTemplate: The template has a fault that no specimen shows.
        """
        midnight = datetime.combine(paper.dated, time(), UTC)
        try:
            return self._set(paper, **_AS_PDF, timestamp=midnight)[0]
        except _FAULTS as fault:
            if _NO_GLYPH in fault.message:
                raise PermanentFailure(f"{paper.template}: a letter that no font has") from None
            # What typst says may quote somebody's name (R13); the place may not.
            place = _PLACE.search(fault.diagnostic)
            where = place[0].replace(_GIVEN, _file(paper)) if place else _file(paper)
            raise BadTemplate(f"template papers/{where}") from None

    def preview(self, paper: AnyPaper) -> list[bytes]:
        """The pages of a paper as PNG pictures, for whoever changes a template."""
        return self._set(paper, format="png", ppi=96)

    def _set(self, paper: AnyPaper, **output: Any) -> list[bytes]:
        """The one file of a PDF, or all pages of another format.

        Raises:
            TypstError: Something is wrong.
            TypstWarning: Something may be wrong; for a paper that is as bad.
        """
        template = (self._templates / _file(paper)).read_text(encoding="utf-8")
        facts = _literal(paper.model_dump_json())
        # Before the template's first line, which so stays the first. As inputs of the system,
        # facts would make typst forget what it knows of fonts and templates.
        given = (
            '#import "shared.typ": one-line; '
            f"#let (paper, service) = ({facts}, {self._service}).map(json).map(one-line); "
            f"#let given = (paper, service, {_literal(_qr_code(paper.verification_url))}); "
        )
        compiled: Any = typst.compile_with_warnings(
            (given + template).encode(),
            root=self._templates,
            font_paths=self._fonts,
            ignore_system_fonts=True,
            **output,
        )
        content, warnings = compiled  # the library's types know no template given as bytes
        if warnings:
            raise warnings[0]
        return [content] if isinstance(content, bytes) else content


def _file(paper: AnyPaper) -> str:
    return f"{paper.template}.typ"


def _literal(text: str) -> str:
    """A text as bytes in typst's notation: whatever is in it, it is a value."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'bytes("{escaped}")'


def _qr_code(address: str) -> str:
    """An address as a QR code, in SVG."""
    drawing = io.BytesIO()
    segno.make_qr(address, error="m", mask=_MASK).save(
        drawing, kind="svg", border=0, omitsize=True, xmldecl=False
    )
    return drawing.getvalue().decode()
