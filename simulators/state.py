"""What the simulated outside remembers: one SQLite file that outlives any kill."""

import sqlite3
from enum import StrEnum
from pathlib import Path
from typing import Self

from activities.ports import Sms
from domain.application import DeliveryMethod
from domain.base import Frozen
from domain.errands import ErrandAnswer, ErrandKind
from domain.messages import ParcelEvent, PaymentReceived
from domain.payments import Invoice, RefundOrder
from simulators.scenario import MailFault, Scenario, SmsFault

_SCHEMA = """
CREATE TABLE IF NOT EXISTS cases (
    control_number TEXT PRIMARY KEY,
    origin REAL NOT NULL,
    -- stays '{}' until one is registered: those are written out in full
    scenario TEXT NOT NULL DEFAULT '{}',
    mail_faults_played INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS errands (
    key TEXT PRIMARY KEY,
    control_number TEXT NOT NULL,
    kind TEXT NOT NULL,
    round INTEGER NOT NULL,
    delivery TEXT NOT NULL,
    by_letter INTEGER NOT NULL,
    arrived REAL NOT NULL,
    recalled INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    faults_played INTEGER NOT NULL DEFAULT 0,
    answer TEXT
);
CREATE TABLE IF NOT EXISTS invoices (
    invoice_id TEXT PRIMARY KEY,
    control_number TEXT NOT NULL,
    created REAL NOT NULL,
    invoice TEXT NOT NULL,
    payment TEXT
);
CREATE TABLE IF NOT EXISTS refunds (
    refund_id TEXT PRIMARY KEY,
    invoice_id TEXT NOT NULL UNIQUE,
    amount INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS mails (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    message_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sms (
    message_id TEXT PRIMARY KEY,
    control_number TEXT NOT NULL,
    recipient TEXT NOT NULL,
    text TEXT NOT NULL,
    at REAL NOT NULL,
    read INTEGER NOT NULL DEFAULT 0
);
-- no column of cases: files of earlier versions have that table already
CREATE TABLE IF NOT EXISTS sms_faults (
    control_number TEXT PRIMARY KEY,
    played INTEGER NOT NULL
);
"""


class PlacedErrand(Frozen):
    """An errand as the holder keeps it: nothing of the application but the delivery method."""

    key: str
    control_number: str
    kind: ErrandKind
    round: int
    delivery: DeliveryMethod = DeliveryMethod.PICKUP
    by_letter: bool = False
    arrived: float
    """Seconds since the epoch, as everywhere in this file."""
    recalled: bool = False
    delivered: bool = False
    """The answer to a letter has reached us."""
    faults_played: int = 0
    answer: ErrandAnswer | None = None

    @property
    def asked(self) -> int:
        """Which time a holder is asked this in the case, counted over rounds and hops."""
        _, _, hop = self.key.rpartition(".")[2].partition("-")
        return self.round + (int(hop) - 1 if hop else 0)


class KeptInvoice(Frozen):
    """An invoice with its payment."""

    control_number: str
    created: float
    invoice: Invoice
    payment: PaymentReceived | None = None


class KeptSms(Sms):
    """A text message with the moment it was first handed over."""

    at: float

    @property
    def control_number(self) -> str:
        """The case it is about, told by its id."""
        return self.message_id.partition(".")[0]


class SmsOutcome(StrEnum):
    """What became of a text message handed over."""

    KEPT = "kept"
    REPEATED = "repeated"
    CONFLICT = "conflict"
    """The id stands for another message."""


class RefundOutcome(StrEnum):
    """What became of a refund order."""

    MADE = "made"
    REPEATED = "repeated"
    UNPAID = "unpaid"
    CONFLICT = "conflict"
    """The id stands for another refund, or the invoice is refunded already."""


class State:
    """The file, open while the context is entered; every method is one transaction."""

    _db: sqlite3.Connection

    def __init__(self, file: Path) -> None:
        self._file = file

    def __enter__(self) -> Self:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(self._file)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        # Survives the death of the process, which is what is tested; not that of the machine.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    # --- cases

    def register_scenario(self, control_number: str, scenario: Scenario, now: float) -> None:
        """Keep a case's scenario; its procedure time begins now unless it has begun before."""
        self._write(
            "INSERT INTO cases (control_number, origin, scenario) VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET scenario = excluded.scenario",
            (control_number, now, scenario.model_dump_json()),
        )

    def scenario(self, control_number: str) -> Scenario:
        """The case's scenario, the default one when none is registered."""
        row = self._row("SELECT scenario FROM cases WHERE control_number = ?", control_number)
        return Scenario() if row is None else Scenario.model_validate_json(row["scenario"])

    def origin(self, control_number: str) -> float:
        """When the case's procedure time began.

        Raises:
            KeyError: The case has neither a scenario nor an errand.
        """
        row = self._row("SELECT origin FROM cases WHERE control_number = ?", control_number)
        if row is None:
            raise KeyError(control_number)
        return float(row["origin"])

    # --- errands

    def place(self, errand: PlacedErrand) -> bool:
        """Keep an errand; False when its key is known already, and then nothing changes."""
        row = errand.model_dump(mode="json", exclude={"answer"})
        columns, marks = ", ".join(row), ", ".join("?" * len(row))
        with self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO cases (control_number, origin) VALUES (?, ?)",
                (errand.control_number, errand.arrived),
            )
            placed = self._db.execute(
                f"INSERT OR IGNORE INTO errands ({columns}) VALUES ({marks})",  # noqa: S608 - our own field names
                tuple(row.values()),
            )
        return placed.rowcount == 1

    def errand(self, key: str) -> PlacedErrand | None:
        """The errand with this key."""
        row = self._row("SELECT * FROM errands WHERE key = ?", key)
        return None if row is None else _errand(row)

    def recall(self, key: str) -> bool:
        """Mark an errand void for ever; False when it is not known."""
        return self._write("UPDATE errands SET recalled = 1 WHERE key = ?", (key,))

    def count_fault(self, key: str) -> None:
        """Remember that one more fault of the errand's step has been played."""
        self._write("UPDATE errands SET faults_played = faults_played + 1 WHERE key = ?", (key,))

    def keep_answer(self, key: str, answer: ErrandAnswer) -> None:
        """Keep the answer given, so that it stays the same whatever the scenario becomes."""
        self._write("UPDATE errands SET answer = ? WHERE key = ?", (answer.model_dump_json(), key))

    def mark_delivered(self, key: str) -> None:
        """Remember that the answer to a letter has reached us."""
        self._write("UPDATE errands SET delivered = 1 WHERE key = ?", (key,))

    def open_letters(self) -> tuple[PlacedErrand, ...]:
        """Errands that came by letter and are neither answered nor recalled, oldest first."""
        rows = self._db.execute(
            "SELECT * FROM errands WHERE by_letter AND NOT delivered AND NOT recalled"
            " ORDER BY arrived, key"
        )
        return tuple(_errand(row) for row in rows)

    def parcel_came_back(self, control_number: str) -> bool:
        """True once a parcel of the case has been reported as returned."""
        rows = self._db.execute(
            "SELECT answer FROM errands WHERE control_number = ? AND answer IS NOT NULL",
            (control_number,),
        )
        parcels = (ErrandAnswer.model_validate_json(row["answer"]).parcel for row in rows)
        return any(parcel and parcel.event is ParcelEvent.RETURNED for parcel in parcels)

    # --- money

    def keep_invoice(self, kept: KeptInvoice) -> bool:
        """Keep an invoice; False when its id is known already, and then nothing changes."""
        return self._write(
            "INSERT OR IGNORE INTO invoices (invoice_id, control_number, created, invoice)"
            " VALUES (?, ?, ?, ?)",
            (
                kept.invoice.invoice_id,
                kept.control_number,
                kept.created,
                kept.invoice.model_dump_json(),
            ),
        )

    def invoice(self, invoice_id: str) -> KeptInvoice | None:
        """The invoice with this id."""
        row = self._row("SELECT * FROM invoices WHERE invoice_id = ?", invoice_id)
        if row is None:
            return None
        return KeptInvoice(
            control_number=row["control_number"],
            created=row["created"],
            invoice=Invoice.model_validate_json(row["invoice"]),
            payment=row["payment"] and PaymentReceived.model_validate_json(row["payment"]),
        )

    def pay(self, payment: PaymentReceived) -> bool:
        """Keep the payment of an invoice; False when it is paid already or not known."""
        return self._write(
            "UPDATE invoices SET payment = ? WHERE invoice_id = ? AND payment IS NULL",
            (payment.model_dump_json(), payment.invoice_id),
        )

    def refund(self, order: RefundOrder) -> RefundOutcome:
        """Refund an invoice once."""
        kept = self.invoice(order.invoice_id)
        if kept is None or kept.payment is None:
            return RefundOutcome.UNPAID
        if order in self.refunds():
            return RefundOutcome.REPEATED
        made = kept.payment.amount == order.amount and self._write(
            "INSERT OR IGNORE INTO refunds (refund_id, invoice_id, amount) VALUES (?, ?, ?)",
            (order.refund_id, order.invoice_id, order.amount),
        )
        return RefundOutcome.MADE if made else RefundOutcome.CONFLICT

    def refunds(self) -> tuple[RefundOrder, ...]:
        """All refunds made, in no particular order."""
        rows = self._db.execute("SELECT * FROM refunds")
        return tuple(RefundOrder.model_validate(dict(row)) for row in rows)

    # --- mail

    def number_mail(self, message_id: str) -> int:
        """The arrival number of a mail, counted from 1; a repetition gets its own."""
        with self._db:
            kept = self._db.execute("INSERT INTO mails (message_id) VALUES (?)", (message_id,))
        return kept.lastrowid or 0

    def next_mail_fault(self, control_number: str) -> MailFault | None:
        """The fault of the scenario whose turn it is; it counts as played from now on."""
        faults = self.scenario(control_number).mail_faults
        with self._db:
            row = self._db.execute(
                "UPDATE cases SET mail_faults_played = mail_faults_played + 1"
                " WHERE control_number = ? AND mail_faults_played < ?"
                " RETURNING mail_faults_played",
                (control_number, len(faults)),
            ).fetchone()
        return None if row is None else faults[row["mail_faults_played"] - 1]

    # --- text messages

    def keep_sms(self, sms: KeptSms) -> SmsOutcome:
        """Keep a text message once."""
        kept = self._write(
            "INSERT OR IGNORE INTO sms (message_id, control_number, recipient, text, at)"
            " VALUES (?, ?, ?, ?, ?)",
            (sms.message_id, sms.control_number, sms.to, sms.text, sms.at),
        )
        if kept:
            return SmsOutcome.KEPT
        row = self._row("SELECT * FROM sms WHERE message_id = ?", sms.message_id)
        same = row is not None and (row["recipient"], row["text"]) == (sms.to, sms.text)
        return SmsOutcome.REPEATED if same else SmsOutcome.CONFLICT

    def sms_to(self, recipient: str | None) -> tuple[KeptSms, ...]:
        """The text messages kept for a telephone, None for all of them; oldest first."""
        rows = self._db.execute(
            "SELECT * FROM sms WHERE recipient = coalesce(?, recipient) ORDER BY at", (recipient,)
        )
        return tuple(_sms(row) for row in rows)

    def sms_about(self, control_number: str) -> tuple[KeptSms, ...]:
        """The text messages of a case, oldest first."""
        rows = self._db.execute(
            "SELECT * FROM sms WHERE control_number = ? ORDER BY at", (control_number,)
        )
        return tuple(_sms(row) for row in rows)

    def unread_sms(self) -> tuple[KeptSms, ...]:
        """Text messages still to be read in cases with a registered scenario, oldest first."""
        rows = self._db.execute(
            "SELECT sms.* FROM sms JOIN cases USING (control_number)"
            " WHERE NOT read AND scenario != '{}' ORDER BY at"
        )
        return tuple(_sms(row) for row in rows)

    def mark_read(self, message_id: str) -> None:
        """Remember that a text message was read and acted on."""
        self._write("UPDATE sms SET read = 1 WHERE message_id = ?", (message_id,))

    def next_sms_fault(self, control_number: str) -> SmsFault | None:
        """The fault of the scenario whose turn it is; it counts as played from now on."""
        faults = self.scenario(control_number).sms_faults
        if not faults:
            return None
        with self._db:
            row = self._db.execute(
                "INSERT INTO sms_faults (control_number, played) VALUES (?, 1)"
                " ON CONFLICT DO UPDATE SET played = played + 1 WHERE played < ?"
                " RETURNING played",
                (control_number, len(faults)),
            ).fetchone()
        return None if row is None else faults[row["played"] - 1]

    # --- SQL

    def _row(self, query: str, key: str) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self._db.execute(query, (key,)).fetchone()
        return row

    def _write(self, statement: str, values: tuple[object, ...]) -> bool:
        """Execute and commit; True when a row has changed."""
        with self._db:
            return self._db.execute(statement, values).rowcount > 0


def _errand(row: sqlite3.Row) -> PlacedErrand:
    kept = dict(row)
    if kept["answer"] is not None:
        kept["answer"] = ErrandAnswer.model_validate_json(kept["answer"])
    return PlacedErrand.model_validate(kept)


def _sms(row: sqlite3.Row) -> KeptSms:
    return KeptSms(
        message_id=row["message_id"], to=row["recipient"], text=row["text"], at=row["at"]
    )
