"""Sets one of each paper with ordinary and with extreme facts: `python scripts/paper_samples.py`."""

import argparse
import sys
from pathlib import Path

from activities.ports import PermanentFailure
from adapters.mail_rendering import BadTemplate
from adapters.papers import specimens
from adapters.papers.typesetting import TEMPLATES, PaperTypesetter


def samples(templates: Path, output: Path) -> None:
    """Write every sample as a PDF, and each of its pages as a picture beside it."""
    typesetter = PaperTypesetter(templates, contacts="support@example.org")
    for kind, papers in (("ordinary", specimens.ORDINARY), ("extreme", specimens.EXTREME)):
        for paper in papers:
            file = output / f"{paper.template}-{kind}.pdf"
            file.write_bytes(typesetter.render(paper))
            pages = typesetter.preview(paper)
            for number, page in enumerate(pages, 1):
                file.with_name(f"{file.stem}-{number}.png").write_bytes(page)
            print(f"{file.name}: {file.stat().st_size // 1024} KB, {len(pages)} page(s)")


def main() -> None:
    """Read the options and set the samples."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("var/paper-samples"))
    parser.add_argument("--templates", type=Path, default=TEMPLATES)
    chosen = parser.parse_args()
    chosen.output.mkdir(parents=True, exist_ok=True)
    try:
        samples(chosen.templates, chosen.output)
    except (BadTemplate, PermanentFailure, OSError) as error:
        sys.exit(f"no samples: {error}")


if __name__ == "__main__":
    main()
