"""`samenet contest`: the published rule on injected times, the pasted block, the whole way."""

from __future__ import annotations

import getpass
import json
import math
import platform
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from example_adapter import EXAMPLE, copy
from report_fixture import MACHINE, recorded

from samenet.adapter import discovery, file_checks
from samenet.analysis.frames import build
from samenet.cli import main
from samenet.cli.commands import contest as command
from samenet.errors import UsageError
from samenet.experiments.contest import networks, result, rule
from samenet.experiments.contest.result import Contest
from samenet.experiments.contest.rule import ContestVerdict, Judged, LoopComparison
from samenet.runs import redaction
from samenet.spec.task import MAIN_JOB, load_task
from samenet.stats import intervals
from samenet.stats.intervals import MARGIN, Estimate
from samenet.stats.significance import ALPHA
from samenet.stats.verdicts import VerdictWord


def times(
    *factors: float, noise: float = 0.001, repeats: int = 8, seed: int = 0
) -> dict[str, tuple[dict[int, float], dict[int, float]]]:
    """Return step times of one task per factor, by which the challenger is faster.

    Both loops share the machine's state of a repeat, as they do in a contest.
    """
    draw, found = np.random.default_rng(seed), {}
    for place, factor in enumerate(factors):
        state = np.exp(draw.normal(0, 0.2, repeats))
        ours = 1e-4 * state * np.exp(draw.normal(0, noise, repeats))
        theirs = 1e-4 / factor * state * np.exp(draw.normal(0, noise, repeats))
        found[f"task {place}"] = (dict(enumerate(ours)), dict(enumerate(theirs)))
    return found


def compared(
    *factors: float, whole: tuple[float, ...] = (1.0, 1.0), seed: int = 0, **options: float
) -> dict[Judged, LoopComparison]:
    """Return both comparisons: of steps by these factors, of whole trainings by `whole`.

    Each has noise of its own.
    """
    return {
        Judged.WHOLE: rule.compare(times(*whole, seed=1_000_000 + seed, **options)),
        Judged.STEP: rule.compare(times(*factors, seed=seed, **options)),
    }


def judged(
    *factors: float,
    undefended: tuple[str, ...] = (),
    unmeasured: tuple[str, ...] = (),
    **options: object,
) -> ContestVerdict:
    """Return the verdict on made-up times."""
    return rule.judge(
        compared(*factors, **options),
        margin=MARGIN,
        undefended=undefended,
        unmeasured=unmeasured,
        seconds_per_repeat=60.0,
    )


# The rule.


@pytest.mark.parametrize(
    ("factors", "kind", "said"),
    [
        (
            (1.2, 1.2, 1.2),
            "replaces",
            "replaces ours: checked, defended and faster: whole training 1.00×",
        ),
        ((1.3, 1.3, 0.98), "replaces", "faster"),
        (
            (1.5, 1.5, 0.8),
            "faster",
            "does not replace ours: slower beyond 5 % in the step on task 2",
        ),
        ((1.0, 1.0, 1.0), "too close to call", "too close to call: within 5 %"),
        ((1.02, 1.02), "too close to call", "too close to call: within 5 %"),
        ((0.8, 0.8), "slower", "step 0.80×"),
        ((1.5, 0.5), "slower", "slower"),
    ],
)
def test_clear_times_get_the_verdict_of_the_rule(
    factors: tuple[float, ...], kind: str, said: str
) -> None:
    """Faster everywhere replaces; slower beyond the margin on one task does not; and so on."""
    verdict = judged(*factors)
    assert (verdict.answer, said in verdict.sentence) == (kind, True), verdict.sentence


def test_a_loop_that_nothing_defends_does_not_replace_ours() -> None:
    """However fast it is: without a reason and a public source it is only faster."""
    verdict = judged(2.0, 2.0, undefended=("eager: source missing in the header",))
    assert verdict.answer == "faster"
    assert "nothing defends it: eager: source missing in the header" in verdict.sentence


@pytest.mark.parametrize(
    ("step", "whole", "answer", "said"),
    [
        ((1.0, 1.0), (1.5, 1.5), "replaces", "whole training 1.50×"),
        ((1.3, 1.3), (0.8, 0.8), "faster", "slower beyond 5 % in the whole training on task 0"),
        ((0.8, 0.8), (1.5, 1.5), "faster", "slower beyond 5 % in the step on task 0"),
        ((0.8, 0.8), (1.0, 1.0), "slower", "slower"),
        ((1.8, 1.8, 1.8, 0.9), (1.0, 1.0), "faster", "slower beyond 5 % in the step on task 3"),
    ],
)
def test_what_is_ranked_is_judged_and_so_are_larger_networks(
    step: tuple[float, ...], whole: tuple[float, ...], answer: str, said: str
) -> None:
    """A quicker start can win; what compiles for long, or loses on a large network, does not."""
    verdict = judged(*step, whole=whole)
    assert (verdict.answer, said in verdict.sentence) == (answer, True), verdict.sentence


def test_a_contest_on_fewer_networks_replaces_nothing() -> None:
    """With --task a loop can be faster; to take the place of ours it needs all of the rule's."""
    verdict = judged(2.0, 2.0, unmeasured=("320 × 3, batch 384",))
    assert verdict.answer == "faster"
    assert "does not replace ours: not measured: 320 × 3, batch 384" in verdict.sentence


def test_a_contest_is_held_on_small_medium_and_large_networks() -> None:
    """Whole trainings on the main job, steps on these and two larger ones of the ladder."""
    tasks = [*map(load_task, MAIN_JOB), *networks.larger()]
    whole = networks.judged_by(Judged.WHOLE, tasks)
    assert [task.name for task in whole] == list(MAIN_JOB)
    assert networks.judged_by(Judged.STEP, tasks) == tasks
    assert not networks.left_out(tasks)
    assert networks.left_out(whole) == ["64-256-128, batch 512", "320 × 3, batch 384"]


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("https://docs.pytorch.org/tutorials/x.html", "pytorch.org"),
        ("https://github.com/Ada/loops/blob/main/a.py", "github.com/ada"),
        ("https://flax.readthedocs.io/en/latest/", "flax.readthedocs.io"),
        ("https://github.com", ""),
        ("https://localhost/a", ""),
        ("ftp://pytorch.org/a", ""),
    ],
)
def test_a_page_belongs_to_a_site(address: str, site: str) -> None:
    """On hosts with many owners the owner counts, elsewhere the registered name."""
    assert file_checks.site_of(address) == site


@pytest.mark.parametrize(
    ("address", "defended"),
    [
        ("https://example.org", False),
        ("https://github.com/somebody/else", False),
        ("https://arxiv.org/abs/1412.6980", True),
        ("https://github.com/HIPS/autograd/issues/1", True),
        ("https://numpy.org/doc/stable/user/basics.html", True),
    ],
)
def test_an_address_defends_a_loop_if_it_is_a_paper_or_the_library_s_own(
    tmp_path: Path, address: str, *, defended: bool
) -> None:
    """Any text that begins with http does not: whose page it is decides."""
    own = "https://github.com/HIPS/autograd/blob/master/examples/neural_net.py"
    found = command._undefended(discovery.read(copy(tmp_path, (own, address))), "grad")
    assert (not found) == defended, found


def test_every_shipped_mode_is_defended_as_a_challenger_must_be() -> None:
    """What is asked of others holds of ours."""
    for leaf in discovery.shipped_adapters().values():
        for mode in leaf.header.modes:
            assert command._undefended(leaf, mode) == []


def test_fewer_than_eight_repeats_never_give_a_verdict() -> None:
    """Whatever the times, a screening says how many repeats to ask for."""
    for repeats in (1, 3, 7):
        verdict = judged(2.0, 2.0, repeats=repeats)
        assert verdict.word is VerdictWord.UNKNOWN
        assert f"about {8 - repeats} more minute" in verdict.sentence
        assert "--repeats 8)" in verdict.sentence


def test_noise_makes_it_say_how_long_it_would_take() -> None:
    """An interval that reaches over the margin gives the minutes, and that many repeats settle it.

    The projection keeps centre and spread and shrinks the interval alone.
    """
    found = {Judged.STEP: rule.compare(times(1.1, 1.1, noise=0.1))}
    verdict = rule.judge(found, margin=MARGIN, undefended=(), seconds_per_repeat=60.0)
    needed = rule.repeats_needed(found, MARGIN)
    assert verdict.word is VerdictWord.UNKNOWN
    assert needed is not None
    assert f"about {needed - 8} more minutes (--repeats {needed})" in verdict.sentence
    later, before = (
        {judged: each.at(n) for judged, each in found.items()} for n in (needed, needed - 1)
    )
    assert rule.overall_word(later, MARGIN) is not VerdictWord.UNKNOWN
    assert rule.overall_word(before, MARGIN) is VerdictWord.UNKNOWN


def test_nobody_is_sent_to_wait_for_what_no_repeats_tell() -> None:
    """No number of repeats tells 5 % from 5 %: there is no number of minutes."""
    edge = Estimate(centre=math.log1p(MARGIN), spread=0.05, n=8)
    found = LoopComparison(overall=edge, tasks={"one": edge})
    verdict = rule.judge(
        {Judged.STEP: found}, margin=MARGIN, undefended=(), seconds_per_repeat=60.0
    )
    assert verdict.word is VerdictWord.UNKNOWN
    assert verdict.sentence == "cannot tell yet: more than 400 repeats would be needed"


def test_one_noisy_task_keeps_the_rest_from_a_verdict() -> None:
    """Faster on the whole, but perhaps slower beyond the margin somewhere: it cannot tell yet."""
    fast = Estimate(centre=0.3, spread=0.02, n=8)
    noisy = Estimate(centre=0.0, spread=0.2, n=8)
    found = LoopComparison(overall=fast, tasks={"fast": fast, "noisy": noisy})
    assert rule.word_of(found, MARGIN) is VerdictWord.UNKNOWN


def test_the_interval_is_that_of_the_statistics() -> None:
    """One task's estimate is the t interval of paired log-ratios of samenet.stats.intervals."""
    one = times(1.1, noise=0.05)
    (ours, theirs) = one["task 0"]
    found, usual = rule.compare(one), intervals.paired_ratio(ours, theirs)
    for factor in (found.overall.ratio(), found.tasks["task 0"].ratio()):
        assert (factor.value, factor.low, factor.high, factor.n) == pytest.approx(
            (usual.value, usual.low, usual.high, usual.n)
        )


def test_only_repeats_with_both_loops_on_every_task_count() -> None:
    """A repeat that one process did not finish is left out as a whole, and none at all is said."""
    found = times(1.1, 1.1)
    del found["task 0"][0][3]
    assert rule.compare(found).overall.n == 7
    with pytest.raises(ValueError, match="No repeat holds both"):
        rule.compare({"a": ({0: 1.0}, {1: 1.0})})


def test_the_other_way_round_the_factor_is_the_inverse() -> None:
    """Who is called ours does not change what was measured."""
    there = times(1.2, 1.1, noise=0.03)
    back = {task: (theirs, ours) for task, (ours, theirs) in there.items()}
    one, other = rule.compare(there).overall, rule.compare(back).overall
    assert one.interval().value == pytest.approx(-other.interval().value)
    assert one.interval().low == pytest.approx(-other.interval().high)


@pytest.mark.parametrize("noise", [0.0, 0.01, 0.1, 0.5])
def test_an_identical_loop_never_replaces_ours(noise: float) -> None:
    """Of 500 simulated contests of a loop with itself, on a calm or a wild machine, none is won.

    Both quantities are judged, so that either could win by chance.
    """
    equal = (1.0, 1.0, 1.0)
    words = Counter(
        rule.overall_word(compared(*equal, whole=equal, noise=noise, seed=seed), MARGIN)
        for seed in range(500)
    )
    assert words.total() == 500
    assert words[VerdictWord.FASTER] == 0
    assert words[VerdictWord.SLOWER] <= 500 * ALPHA


def test_at_the_margin_few_loops_replace_ours() -> None:
    """A loop that is faster by exactly 5 % in both quantities replaces ours in at most 2.5 %.

    Either may win, each with half of that. Of 2,000 contests the three-sigma bound is 3.6 %.
    """
    edge = 1 + MARGIN
    won = [
        rule.overall_word(compared(edge, whole=(edge,), noise=0.03, seed=seed), MARGIN)
        is VerdictWord.FASTER
        for seed in range(2000)
    ]
    assert 0 < sum(won) / len(won) <= 0.036


def test_what_is_faster_in_one_quantity_replaces_ours_in_most_contests() -> None:
    """The simulated contests above could be won: a fifth faster in either, nine of ten are."""
    words = Counter(
        rule.overall_word(compared(*step, whole=whole, noise=0.02, seed=seed), MARGIN)
        for step, whole in (((1.2,), (1.0,)), ((1.0,), (1.2,)))
        for seed in range(100)
    )
    assert words[VerdictWord.FASTER] >= 180, words


# Times that a machine gave.

RECORDED = json.loads(
    (Path(__file__).parents[1] / "examples" / "contest_of_a_copy.json").read_text(encoding="utf-8")
)
"""Step times of two contests of the NumPy loop on a busy machine: with an identical copy, and with
a copy that sleeps for 20 ms in every call."""


@pytest.mark.parametrize(
    ("which", "words"),
    [("identical", {VerdictWord.CLOSE, VerdictWord.UNKNOWN}), ("sleeping", {VerdictWord.SLOWER})],
)
def test_recorded_contests_get_the_right_verdict(which: str, words: set[VerdictWord]) -> None:
    """On real times a copy of ours does not replace it, and one with a planted sleep is slower."""
    found = {
        task: (dict(enumerate(ours)), dict(enumerate(theirs)))
        for task, (ours, theirs) in RECORDED[which].items()
    }
    assert rule.word_of(rule.compare(found), MARGIN) in words


# The block to paste.


def settled(
    *,
    ours: str = "numpy:plain",
    undefended: tuple[str, ...] = (),
    planned: int = 0,
    unsteady: str = "",
    **options: object,
) -> Contest:
    """Return the result of a made-up contest of TensorFlow's loop with NumPy's, or with another.

    `planned` repeats are in the plan, if another number was measured; `unsteady` is an arm whose
    steps never settled.
    """
    chosen = {"arms": (ours, "tensorflow:graph"), "repeats": 8, "track": "same"}
    chosen |= {"refused": (), "failed": (), **options}
    plan, records = recorded(**chosen)
    plan = plan.model_copy(update={"repeats": planned or plan.repeats})
    frames = build(plan, MACHINE, records)
    steadiness = frames.steadiness.copy()
    steadiness.loc[steadiness.arm == unsteady, "name"] = "slowdown"
    return result.settle(
        replace(frames, steadiness=steadiness),
        records,
        ours=ours,
        challenger="tensorflow:graph",
        undefended=undefended,
    )


def test_a_contest_is_settled_to_replaces() -> None:
    """From records to the answer: faster in both on every network of the rule, it replaces ours."""
    every = [*map(load_task, MAIN_JOB), *networks.larger()]
    found = settled(ours="keras:fit", tasks=every)
    assert set(found.compared) == set(Judged)
    assert found.verdict.answer == "replaces", found.verdict.sentence
    assert result.to_document(found)["verdict"] == "replaces"
    assert "**Verdict: replaces ours: checked, defended and faster" in result.to_markdown(found)
    fewer = settled(ours="keras:fit", tasks=every[:-1])
    assert fewer.verdict.answer == "faster"
    assert "not measured: 320 × 3, batch 384" in fewer.verdict.sentence


def test_the_block_holds_everything_the_verdict_rests_on() -> None:
    """Names, versions, checks, reasons, times, ratios, machine and rule stand in one block."""
    found = settled()
    block = result.to_markdown(found)
    assert found.verdict.answer == "faster"
    assert "not measured: 64-256-128, batch 512; not measured: 320 × 3" in block
    assert block.startswith("### tensorflow:graph against numpy:plain\n")
    assert f"**Verdict: {found.verdict.sentence}.**" in block
    for part in ("| versions |", "| checked | float64 ", "| why |", "| source | http"):
        assert part in block
    for title in [task.title for task in found.frames.plan.tasks]:
        assert f"| {title} | " in block
    assert block.count("| geometric mean | | | ") == 2
    assert "A made-up processor" in block
    assert result.rule_sentence(MARGIN) in block


def test_the_block_names_neither_host_nor_user_nor_folder() -> None:
    """What is pasted in public says nothing about whose machine it was."""
    found = settled()
    paths = {arm.path for arm in found.frames.plan.arms}
    block = result.to_markdown(found)
    for private in {platform.node(), str(Path.home()), *paths} - {""}:
        assert private not in block
    assert f"/{getpass.getuser()}/" not in block
    said = "failed: No such file: '/home/ada/secret/mine.py' (see https://example.org/a/b)"
    shown = "failed: No such file: 'mine.py' (see https://example.org/a/b)"
    assert redaction.remove_folders(said) == shown


def test_the_margin_is_that_of_the_plan() -> None:
    """A plan that calls a factor of ten no difference finds the loops close, and says its rule."""
    chosen = {"arms": ("numpy:plain", "tensorflow:graph"), "repeats": 8, "track": "same"}
    plan, records = recorded(**chosen, refused=(), failed=())
    found = result.settle(
        build(plan.model_copy(update={"margin": 9.0}), MACHINE, records),
        records,
        ours="numpy:plain",
        challenger="tensorflow:graph",
        undefended=(),
    )
    assert found.verdict.sentence.startswith("too close to call: within 900 %")
    assert "above 10.00 on the geometric mean" in result.to_markdown(found)


@pytest.mark.parametrize("place", ["refused", "failed"])
def test_a_loop_that_failed_a_check_is_not_compared(place: str) -> None:
    """A failed check or a process without a result leaves no ratio, and says which."""
    found = settled(**{place: (("digits", "tensorflow:graph"),)})
    assert found.verdict.answer == "not compared"
    assert found.verdict.sentence.startswith("not compared: tensorflow:graph on ")
    assert "| geometric mean |" not in result.to_markdown(found)
    assert result.to_document(found)["judged"] == {}


def test_a_loop_whose_steps_never_settled_is_not_compared() -> None:
    """Of steps that get slower, or drift, no median says how long one takes."""
    found = settled(unsteady="tensorflow:graph")
    assert found.verdict.answer == "not compared"
    assert "its steps never settled" in found.verdict.sentence
    assert result.to_document(found)["judged"] == {}


@pytest.mark.parametrize("proofs", [(1.2, 1.05), (1.0, 1.0)])
def test_an_instrument_that_does_not_work_gives_no_verdict(proofs: tuple[float, float]) -> None:
    """Where equal programs differ, or planted work is not seen, no loop replaces another."""
    assert settled(proofs=(1.0, 1.05)).verdict.answer == "faster"
    found = settled(proofs=proofs)
    assert found.verdict.word is VerdictWord.UNKNOWN
    assert command.EXIT_CODES[found.verdict.word] == 5, "noise is no failed check"


def test_the_document_is_json_and_holds_every_raw_number() -> None:
    """Also of a single repeat, whose interval has no ends."""
    for repeats in (1, 8):
        found = settled(repeats=repeats)
        document = result.to_document(found)
        json.dumps(document, allow_nan=False)
        seconds = document["step_seconds"]["digits"]["tensorflow:graph"]
        assert len(seconds) == repeats
        for judged in ("whole training", "step"):
            factor = document["judged"][judged]["factor"]
            assert (factor["low"] is None) == (repeats == 1)
            assert math.isfinite(factor["value"])


def test_the_block_says_how_many_repeats_were_measured() -> None:
    """The number comes from the records: a plan may allow more than its first repeats."""
    found = settled(repeats=12, planned=8)
    assert found.frames.plan.repeats == 8
    assert "Repeats in fresh processes: 12," in result.to_markdown(found)
    assert result.to_document(found)["repeats"] == 12


# Names.


def test_a_copy_that_kept_its_name_gets_one_of_its_own(tmp_path: Path) -> None:
    """Most challengers start from a copy of our file; it need not be changed to take part."""
    path = tmp_path / "mine.py"
    path.write_text(
        discovery.shipped_adapters()["pytorch"].path.read_text(encoding="utf-8"), "utf-8"
    )
    (ours, mode), (theirs, other) = command.choose_loops("pytorch:compiled", str(path))
    assert (ours.arm(mode), theirs.arm(other)) == (
        "pytorch:compiled",
        "pytorch-challenger:compiled",
    )
    assert theirs.path == path
    assert command.choose_loops("pytorch", f"{path}:compiled")[1][1] == "compiled"


def test_a_file_with_a_name_of_its_own_keeps_it() -> None:
    """A challenger in its own name and mode is shown as what it is."""
    _, (theirs, mode) = command.choose_loops("numpy:plain", str(EXAMPLE))
    assert theirs.arm(mode) == "autograd:grad"


def test_a_loop_does_not_race_itself() -> None:
    """The same file in the same mode twice is a usage error; two modes of one file are a race."""
    with pytest.raises(UsageError, match="name two different loops"):
        command.choose_loops("numpy:plain", "numpy")
    (_, one), (_, other) = command.choose_loops("numpy:plain", "numpy:buffers")
    assert (one, other) == ("plain", "buffers")


# The whole way.


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command here, where every machine is calm; return code, output and errors."""
    code = main._code(["contest", *arguments])
    return code, *capsys.readouterr()


def test_a_copy_of_ours_races_under_another_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copy that kept header and helpers is checked and timed; one repeat cannot tell: code 5."""
    path = tmp_path / "mine.py"
    path.write_text(discovery.shipped_adapters()["numpy"].path.read_text(encoding="utf-8"), "utf-8")
    out = tmp_path / "run"
    words = ("--task", "single_neuron", "--repeats", "1", "--json", "--out", str(out))
    code, said, errors = run(capsys, "numpy:plain", str(path), *words)
    assert code == 5, errors
    document = json.loads(said)
    assert [loop["arm"] for loop in document["loops"]] == ["numpy:plain", "numpy-challenger:plain"]
    assert document["verdict"] == "cannot tell yet"
    assert document["loops"][1]["errors"]["float64"] < 1e-12
    assert str(tmp_path) not in document["markdown"]


def test_a_loop_with_a_fault_is_refused_before_anything_is_timed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The verdict names the gate that refuses it; the exit code is 3 and nobody waits."""
    path = copy(tmp_path, ("p -= rate * self", "p -= rate * (1 + 2.0**-20) * self"))
    out = tmp_path / "run"
    words = ("--task", "single_neuron", "--out", str(out))
    code, said, errors = run(capsys, str(EXAMPLE), str(path), *words)
    assert code == 3, errors
    assert "Verdict: not compared: autograd-challenger:grad on A single neuron: gate " in said
    assert '"phase"' not in (out / "records.jsonl").read_text(encoding="utf-8")


@pytest.mark.slow
def test_a_copy_with_a_planted_sleep_is_slower(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """20 ms of sleep in every call of a task of a few milliseconds are seen by any machine."""
    sleep = "        __import__('time').sleep(0.02)\n"
    path = copy(
        tmp_path, ("        self.step_losses = []\n", f"{sleep}        self.step_losses = []\n")
    )
    words = ("--task", "iris", "--out", str(tmp_path / "run"))
    code, said, errors = run(capsys, str(EXAMPLE), str(path), *words)
    assert code == 0, errors
    assert "Verdict: slower" in said
