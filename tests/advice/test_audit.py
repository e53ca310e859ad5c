"""Every sentence of advice is traced to records, and a wrong number in one is caught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest
from report_fixture import MACHINE, recorded

from samenet.advice import evidence, recommend, sentences
from samenet.advice.audit import Audit, audit_advice
from samenet.advice.evidence import Sentence, join_phrases, phrase, say
from samenet.analysis.frames import build
from samenet.report import page as report_page
from samenet.runs.plan import Job, Plan
from samenet.runs.records import Record, TimingRecord


@cache
def made() -> tuple[Plan, list[Record], str]:
    """Return plan, records and page of a made-up run of eight repeats, its scoring job planned."""
    plan, records = recorded(tasks=["digits"], repeats=8, refused=(), failed=())
    job = Job(id="score", pass_name="score", tasks=("digits",), predicted_seconds=1.0)
    plan = plan.model_copy(update={"jobs": (*plan.jobs, job)})
    return plan, records, report_page.build_page(build(plan, MACHINE, records))


def found(change: Callable[[str], str] = str) -> Audit:
    """Return what tracing finds on the page after a change of its text."""
    plan, records, page = made()
    changed = change(page)
    assert changed != page or change is str
    return audit_advice(plan, MACHINE, records, changed)


def test_every_sentence_of_an_untouched_run_is_traced() -> None:
    """Recommendation, reasons and what would change it: all have records, none disagrees."""
    result = found()
    assert result.wrong == ()
    assert result.sentences >= 5


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("the whole training takes 1.6 s", "the whole training takes 1.5 s"),
        ("in 100 program starts", "in 50 program starts"),
        ("use PyTorch (eager)", "use Keras (fit)"),
        ("from about 24 epochs [20, 28]", "from about 24 epochs [21, 28]"),
        ("the network 0.989", "the network 0.998"),
    ],
)
def test_a_wrong_word_or_number_on_the_page_is_caught(right: str, wrong: str) -> None:
    """One thing changed in one sentence of the page is one mismatch that shows what is right."""
    (sentence,) = found(lambda page: page.replace(right, wrong)).wrong
    assert sentence.startswith("the records say, and the page does not")
    assert right in sentence


def test_a_number_that_nothing_stands_behind_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sentence that is written with a number as plain text has no record, and is named."""
    bare = say("Keras is 3.7 times as slow.")
    monkeypatch.setattr(sentences, "network_needed", lambda *_: [bare])
    wrong = [each for each in found().wrong if "the page does not" not in each]
    assert wrong == ["no record stands behind 3.7 in: Keras is 3.7 times as slow."]


def test_a_number_that_its_records_do_not_give_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evidence that prints something else than what its own records give is named with both."""

    def off(*arguments: object) -> Sentence:
        said = evidence.cite(*arguments)  # type: ignore[arg-type]
        return replace(said, shown="9.99 s") if said.kind == "more" else said  # type: ignore[return-value]

    monkeypatch.setattr(sentences, "cite", off)
    wrong = [each for each in found().wrong if "the page does not" not in each]
    assert wrong
    assert all("instead of 9.99 s in: Keras (fit)" in each for each in wrong)


def test_a_record_that_changed_after_the_page_was_written_is_caught() -> None:
    """With other times in the records the page's sentences are no longer what they give."""
    plan, records, page = made()
    other = [
        replace(r, seconds=tuple(2 * s for s in r.seconds))
        if isinstance(r, TimingRecord) and r.arm == "pytorch:eager" and r.phase == "call"
        else r
        for r in records
    ]
    assert audit_advice(plan, MACHINE, other, page).wrong


def test_each_piece_of_evidence_names_the_jobs_of_its_own_arms() -> None:
    """The time of one arm rests on that arm's eight processes and on no other job."""
    plan, records, _ = made()
    advice = recommend.advise(build(plan, MACHINE, records))[0]
    first = advice.said[0].evidence[0]
    assert first.jobs == tuple(f"cell/pytorch:eager/digits/r{n}" for n in range(8))


def test_a_template_takes_names_as_they_are() -> None:
    """A framework or a task may be called whatever it likes: only the template has fields."""
    said = say("{arm} on {task}.", arm="{time} {0}", task="100 {")
    assert said.text == "{time} {0} on 100 {."
    assert said.evidence == ()


def test_evidence_keeps_its_place_in_a_sentence_of_phrases() -> None:
    """Numbers come in the order of the sentence, also those of a phrase within it."""
    plan, records, _ = made()
    frames = build(plan, MACHINE, records)
    task = plan.tasks[0]
    times = [evidence.cite(frames, "time", task, [arm.name]) for arm in plan.arms[:2]]
    listed = join_phrases(" and ", [phrase("it {time}", time=time) for time in times])
    margin = evidence.cite(frames, "margin", task, [])
    said = say("Within {margin}: {listed}.", margin=margin, listed=listed)
    assert said.evidence == (margin, *times)
    assert said.text == f"Within {margin.shown}: it {times[0].shown} and it {times[1].shown}."
