"""The office: from an order to a paper that is set, signed and kept (R8, R9, R10)."""

from activities.ports import PermanentFailure
from adapters.blobs import BlobDamaged, BlobMissing, BlobStore
from adapters.papers.signing import PaperSigner
from adapters.papers.typesetting import PaperTypesetter
from domain.application import Application
from domain.base import Frozen
from domain.paper_orders import FactMissing, PaperOrder, made_out
from domain.papers import PaperTemplate, verification_code


class IssuedPaper(Frozen):
    """A signed paper that is kept in the store."""

    sha256: str
    """Under which the store has it."""
    file_name: str
    """Speaking, in Latin letters, the same whenever the paper is asked for."""
    content: bytes


class PaperOffice:
    """Makes out papers for cases; every method blocks, callers use a thread.

    No two signatures are equal, so a paper made out twice is two files. Whoever keeps the hash
    of the first gets that one again.
    """

    def __init__(
        self,
        typesetter: PaperTypesetter,
        signer: PaperSigner,
        store: BlobStore,
        verification_base_url: str,
        secret: bytes,
    ) -> None:
        """Take what papers are made with.

        Args:
            typesetter: Sets them.
            signer: Signs them.
            store: Keeps them.
            verification_base_url: Of the page where print-outs are checked; control number and
                code follow as two more parts of the path.
            secret: What verification codes are made with; the page has to have the same.
        """
        self._typesetter = typesetter
        self._signer = signer
        self._store = store
        self._base_url = verification_base_url
        self._secret = secret

    def issue(
        self,
        order: PaperOrder,
        application: Application,
        control_number: str,
        known_sha256: str | None = None,
    ) -> IssuedPaper:
        """The paper, kept; takes some 30 ms of computing when it is made out.

        Args:
            order: Which paper.
            application: Whom it is about.
            control_number: Of the case.
            known_sha256: Of the paper when it was issued before; then it is only fetched.

        Raises:
            TemporaryFailure: The store, the key of the case or the authority for time is away,
                or our certificate is not in force; try again.
            PermanentFailure: A fact is missing, a letter is in no font, what was issued before
                is lost, or the case was erased; a person has to look.
            BadTemplate: The template has a fault that no specimen shows.
            BadBlobStore: A person has to mend the store.
        """
        if known_sha256 is None:
            content = self._signer.sign(self._set(order, application, control_number))
            sha256 = self._store.put(control_number, content)
        else:
            content = self._kept(control_number, known_sha256, order.template)
            sha256 = known_sha256
        return IssuedPaper(
            sha256=sha256, file_name=file_name(order.template, control_number), content=content
        )

    def _set(self, order: PaperOrder, application: Application, control_number: str) -> bytes:
        code = verification_code(order.identity(control_number).paper_id, self._secret)
        url = f"{self._base_url}/{control_number}/{code}"
        try:
            return self._typesetter.render(made_out(order, application, control_number, url, code))
        except FactMissing as missing:
            raise PermanentFailure(f"a paper cannot be made out: {missing}") from None

    def _kept(self, control_number: str, sha256: str, template: PaperTemplate) -> bytes:
        try:
            return self._store.get(control_number, sha256)
        except (BlobMissing, BlobDamaged) as lost:
            raise PermanentFailure(f"{template}: {lost}") from None


def file_name(template: PaperTemplate, control_number: str) -> str:
    """How the file of a paper is called: temporary-certificate-7K3M-9QXT-2B4D-6.pdf."""
    return f"{template.replace('_', '-')}-{control_number}.pdf"
