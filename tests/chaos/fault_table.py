"""The faults the service lives with, and the tests that prove each of them (FAULTS)."""

from typing import NamedTuple


class Row(NamedTuple):
    """A fault, what must hold, and where it is proven."""

    fault: str
    holds: str
    proofs: tuple[str, ...]
    """Each a part of the ids of tests, as a rule the name of one; `make chaos` runs all of them."""
    unit: str = "tests"
    """What a proof that reports no figure of its own counts as."""
    detailed: bool = False
    """True where the report lists every proof with its own figure."""

    def is_proven_by(self, test: str) -> bool:
        """True when the test with this id is one of the proofs."""
        return any(proof in test for proof in self.proofs)


ROWS = (
    # --- processes that die -----------------------------------------------------------------
    Row(
        "SIGKILL of the worker at every task of a case, on every route",
        "same outcome, stages, money and papers; a mail at most twice, with one Message-ID",
        ("test_a_route_survives_a_death_at_every_task",),
        detailed=True,
    ),
    Row(
        "SIGKILL just before and just after the effect of every activity",
        "before: one effect; after: at most two with one key",
        ("test_an_activity_survives_a_death_before_and_after_its_effect",),
        detailed=True,
    ),
    Row(
        "SIGKILL at steps where money, papers and people meet",
        "one invoice, one refund, one paper in force, the newest code counts",
        ("test_a_case_survives_its_workers",),
        unit="stories",
    ),
    Row(
        "no workflow cache: every task replays the case from its beginning",
        "same outcome",
        ("uncached",),
        unit="scenarios",
    ),
    Row(
        "SIGKILL of the server (database file) and of the workers under load",
        "no acknowledged message is lost",
        ("test_no_acknowledged_message_is_lost",),
    ),
    Row(
        "SIGKILL of the whole stack, server and worker at once",
        "the case goes on, nothing is done twice",
        ("test_a_case_survives_every_death_of_the_stack",),
    ),
    Row(
        "SIGTERM of a worker in the middle of an activity",
        "drains within its grace, exit code 0",
        (
            "test_a_worker_told_to_stop_finishes_what_it_has_begun",
            "test_a_worker_told_to_stop_drains_and_ends_well",
        ),
    ),
    Row(
        "no worker for three weeks",
        "every rung of the ladder is climbed once when one is back",
        ("test_after_three_weeks_without_a_worker",),
        unit="cases",
    ),
    # --- the soak ---------------------------------------------------------------------------
    Row(
        "the soak: random routes, corrections, withdrawals and faults, workers and server killed",
        "every case has ended or waits for a named reason",
        ("test_every_case_has_ended_or_waits_for_a_named_reason",),
    ),
    Row("the soak", "no case is stuck", ("test_no_case_is_stuck",)),
    Row("the soak", "one charge for an invoice", ("test_no_invoice_is_charged_twice",)),
    Row("the soak", "one refund, and only where one is due", ("test_money_goes_back_once",)),
    Row(
        "the soak",
        "a mail once, at most twice with one Message-ID",
        ("test_mails_come_once",),
    ),
    Row(
        "the soak",
        "the register says what the engine says",
        ("test_the_register_equals_the_engine",),
    ),
    # --- histories --------------------------------------------------------------------------
    Row(
        "replay of all recorded histories of every earlier version",
        "no nondeterminism",
        ("test_a_recorded_case_replays[", "test_a_case_whose_suspension_an_officer_lifted_replays"),
        unit="histories",
    ),
    Row(
        "the same, cut at every workflow task",
        "no nondeterminism",
        ("test_a_recorded_case_replays_however_little_of_it_is_there",),
        unit="histories",
    ),
    Row(
        "an edit that running cases would not survive",
        "is caught",
        ("test_an_incompatible_edit_is_caught",),
        unit="histories",
    ),
    # --- mail -------------------------------------------------------------------------------
    Row(
        "SMTP server away for an hour (skipped time)",
        "the case goes on, and the mails arrive",
        ("test_a_mail_server_that_is_away_holds_up_mails_but_not_the_case",),
        unit="scenarios",
    ),
    Row(
        "SMTP server away",
        "temporary; the mail arrives when it is back",
        ("test_a_server_that_is_away_is_temporary_until_it_is_back",),
        unit="modes",
    ),
    Row(
        "greylisting, permanent rejection: 421, 451 and 550 at every verb",
        "the code alone tells temporary from permanent",
        (
            "test_the_reply_code_alone_tells_temporary_from_permanent",
            "test_a_server_that_refuses_us_and_not_the_mail_is_temporary",
        ),
        unit="modes",
    ),
    Row(
        "permanent rejection of a case's mail",
        "the case goes on, and a person is told",
        ("test_a_mail_nobody_takes_is_reported_to_ops",),
        unit="scenarios",
    ),
    Row(
        "SMTP server hangs, hangs up or babbles at every verb",
        "temporary; at the farewell the mail counts as taken",
        (
            "test_a_server_lost_before_it_has_taken_the_mail_is_temporary",
            "test_a_server_lost_at_the_farewell_has_the_mail",
        ),
        unit="modes",
    ),
    Row(
        "hang or drop after the final dot",
        "sent again under the same Message-ID",
        ("test_a_mail_of_unknown_fate_is_sent_again_under_the_same_id",),
        unit="modes",
    ),
    Row(
        "each SMTP fault, with the mails of a whole case",
        "the case is issued; each mail arrives, or a person is told that it cannot",
        ("test_a_case_outlives_a_fault_of_the_mail_server",),
        detailed=True,
    ),
    # --- holders ----------------------------------------------------------------------------
    Row(
        "holder's API: hang, 500, 429 with Retry-After, HTML with 200, wrong schema, another case",
        "each is told apart, nothing of it is quoted, and the answer still comes",
        (
            "test_every_fault_is_told_apart_and_afterwards_the_answer_still_comes",
            "test_what_is_no_answer_to_this_errand_is_unreadable_and_not_quoted",
            "test_a_holder_that_asks_to_wait_is_heard",
            "test_an_answer_cut_short_is_temporary",
            "test_an_endless_body_is_not_read_to_its_end",
        ),
        unit="answers",
    ),
    Row(
        "each of these faults at every question of a whole case",
        "every answer is applied once",
        ("test_a_case_outlives_a_fault_of_its_holder",),
        detailed=True,
    ),
    Row(
        "a holder's system that never says anything sensible",
        "left to a person, never guessed",
        ("test_a_holders_system_that_talks_nonsense_is_left_to_a_person",),
        unit="scenarios",
    ),
    Row(
        "an answer twice, contradicting, late, or of another hop",
        "applied once or parked for a person",
        (
            "test_an_answer_given_twice_counts_once_and_a_contradiction_is_parked",
            "test_a_production_answer_before_production_is_parked",
            "test_an_answer_that_repeats_an_older_one_is_left_to_a_person",
            "test_an_archives_answers_twice_contradicting_and_late_have_one_effect",
        ),
        unit="scenarios",
    ),
    Row(
        "an answer after the case has closed",
        "turned down, or parked for a person",
        (
            "test_a_reply_after_the_end_is_turned_down",
            "test_an_ended_case_still_hears_of_late_answers_and_then_closes",
        ),
        unit="scenarios",
    ),
    Row(
        "an answer sealed for another case",
        "counts in one case only",
        ("test_a_message_typed_through_the_codec_server_counts_in_one_case_only",),
        unit="scenarios",
    ),
    # --- money and messages -----------------------------------------------------------------
    Row(
        "two payment confirmations, and one that races a poll",
        "one payment",
        ("test_two_confirmations_and_a_poll_racing_are_one_payment",),
        unit="scenarios",
    ),
    Row(
        "a payment after the end, or while the case ends",
        "goes back once",
        (
            "test_a_payment_after_the_end_goes_back_once",
            "test_what_is_paid_while_the_last_mails_of_a_withdrawn_case_wait",
        ),
        unit="scenarios",
    ),
    Row(
        "the same submission ten times in parallel",
        "one case, ten equal answers",
        ("test_ten_people_who_submit_one_file_at_once_get_one_answer",),
    ),
    Row(
        "thousands of signals to one case, whose worker is killed meanwhile",
        "none is lost across continue-as-new",
        ("test_a_flood_of_messages_is_counted_to_the_last_one",),
    ),
    Row(
        "hundreds of messages, with a new history after every eighty events",
        "none is lost, and the state goes along",
        ("test_a_case_sent_hundreds_of_messages",),
        unit="cases",
    ),
    # --- keys and disks ---------------------------------------------------------------------
    Row(
        "key rotation under a hundred cases; the old key missing, then restored",
        "all wait, then go on",
        ("test_a_hundred_cases_end_though_the_master_key",),
        unit="rotations",
    ),
    Row(
        "the key of one case missing, then restored",
        "waits, then goes on",
        (
            "test_a_case_whose_key_is_missing_waits_until_it_is_restored",
            "test_payloads_outlive_a_rotation_and_not_the_erasure",
        ),
        unit="scenarios",
    ),
    Row(
        "disk full under the document store; its writer killed halfway",
        "no torn file is ever a content",
        (
            "test_a_full_disk_leaves_nothing_behind",
            "test_a_writer_killed_halfway_leaves_nothing_that_is_a_content",
        ),
        unit="writers",
    ),
    Row(
        "the document store has lost a scan or a paper",
        "the case waits, and goes on when it is restored",
        (
            "test_a_scan_the_store_has_lost_is_waited_for",
            "test_a_mail_waits_for_a_paper_the_store_has_lost",
        ),
        unit="scenarios",
    ),
)
