"""`toolgate diff --prove` with the solver; `toolgate explain` confirms its counterexamples on both bundles."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness import paths

Change = Callable[[Path], None]
Proved = dict[str, dict[str, Any]]

SALES = 'when { context.actor in [AgentClass::"sales", AgentClass::"support"] };'


def toolgate(*arguments: str | Path, **variables: str) -> tuple[int, dict[str, Any]]:
    """Runs the command: exit code and output."""
    command = [paths.TOOLGATE, *arguments, "--format", "json"]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def edit(file: str, old: str, new: str) -> Change:
    """Replaces a part of a file in a bundle."""

    def change(bundle: Path) -> None:
        path = bundle / file
        text = path.read_text()
        assert text.count(old) >= 1, f"`{old}` is not in {file}"
        path.write_text(text.replace(old, new, 1))

    return change


def write(file: str, text: str) -> Change:
    """Writes a file in a bundle."""

    def change(bundle: Path) -> None:
        (bundle / file).parent.mkdir(parents=True, exist_ok=True)
        (bundle / file).write_text(text)

    return change


class Bundles:
    """Two copies of a bundle, and the proof about them."""

    def __init__(self, directory: Path, solver: Path, origin: Path) -> None:
        """Copies the bundle twice."""
        self.solver = solver
        self.old = shutil.copytree(origin, directory / "old")
        self.new = shutil.copytree(origin, directory / "new")

    def proved(self) -> tuple[int, Proved]:
        """Compares the bundles: exit code, and verdicts by tool."""
        code, answer = toolgate("diff", self.old, self.new, "--prove", CVC5=str(self.solver))
        assert answer["proof"]["unavailable"] is None
        return code, {pair["tool"]: pair for pair in answer["proof"]["pairs"]}

    def explained(self, pair: dict[str, Any]) -> list[str]:
        """Explains the counterexample with both bundles: their decisions, the old one's first."""
        return [answer["decision"] for answer in self.explanations(pair)]

    def explanations(self, pair: dict[str, Any]) -> list[dict[str, Any]]:
        """Explains the counterexample with both bundles, the old one first."""
        name = pair["test"]["cases"][0]["name"]
        answers = []
        for bundle in (self.old, self.new):
            (bundle / "tests" / "shown.yaml").write_text(yaml.safe_dump(pair["test"]))
            _, answer = toolgate("explain", bundle, "--case", name)
            assert "decision" in answer, answer
            answers.append(answer)
        return answers

    def check(self, wider: set[str], narrower: set[str]) -> Proved:
        """Checks that only these tools are wider, confirmed by `explain`, only these narrower, and all others equal."""
        code, pairs = self.proved()
        verdicts = {name: pair["verdict"] for name, pair in pairs.items()}
        expected = dict.fromkeys(pairs, "equal") | dict.fromkeys(wider, "wider") | dict.fromkeys(narrower, "narrower")
        assert verdicts == expected, {name: pair.get("reason") for name, pair in pairs.items()}
        assert code == (1 if wider else 0)
        for name in wider:
            old, new = self.explained(pairs[name])
            assert (old != "PERMIT", new) == (True, "PERMIT"), name
        return pairs


@pytest.fixture
def acme(tmp_path: Path, solver: Path) -> Bundles:
    """Two copies of the example bundle."""
    return Bundles(tmp_path, solver, paths.BUNDLE)


def test_a_widening_is_shown_by_a_call(acme: Bundles) -> None:
    edit("org/mail.cedar", 'context.input.to like "*@acme.example"', 'context.input.to like "*acme.example"')(acme.new)
    pairs = acme.check(wider={"mail/send_email"}, narrower=set())
    to = pairs["mail/send_email"]["test"]["cases"][0]["call"]["arguments"]["to"]
    assert to.endswith("acme.example")
    assert not to.endswith("@acme.example")


def test_a_tightening_is_proved_narrower(acme: Bundles) -> None:
    edit("org/contacts.cedar", SALES, 'when { context.actor in AgentClass::"support" };')(acme.new)
    acme.check(wider=set(), narrower={"crm/get_contact", "crm/search_contacts"})


def test_a_refactoring_is_proved_equal(acme: Bundles) -> None:
    one = f'@id("rep-drafts-mail")\npermit (\n    principal in Role::"rep",\n    action == Action::"mail/draft_email",\n    resource\n)\n{SALES}'
    half = '@id("rep-drafts-mail-{0}")\npermit (principal, action == Action::"mail/draft_email", resource)\nwhen {{ context.actor in AgentClass::"{0}" && principal in Role::"rep" }};\n'
    edit("org/mail.cedar", one, half.format("sales") + half.format("support"))(acme.new)
    acme.check(wider=set(), narrower=set())


def test_entities_are_compared_with_what_policies_ask_of_them(acme: Bundles) -> None:
    # A new agent in a class that reads contacts; later it is also on the list of approved agents.
    edit(
        "entities.yaml",
        "- uid: 'Agent::\"finance-bot\"'",
        "- uid: 'Agent::\"new-bot\"'\n  parents: ['AgentClass::\"finance\"']\n- uid: 'Agent::\"finance-bot\"'",
    )(acme.new)
    acme.check(wider=set(), narrower=set())
    edit("entities.yaml", "{ type: Agent, id: planner }", "{ type: Agent, id: new-bot }")(acme.new)
    code, pairs = acme.proved()
    wider = {name for name, pair in pairs.items() if pair["verdict"] == "wider"}
    assert (code, "payments/get_payment" in wider) == (1, True)
    for name in wider:
        assert acme.explained(pairs[name])[1] == "PERMIT"


def test_layers_take_away_and_come_back(acme: Bundles) -> None:
    permit = '@id("support-bot-reads")\npermit (principal, action in Action::"class:read", resource);\n'
    write("agent/support-bot/support-bot.cedar", permit)(acme.new)
    # The layer applies wherever the agent is in the delegation, so also to `mail/send_email`.
    writes = {"crm/update_contact", "mail/draft_email", "mail/send_email", "payments/refund"}
    acme.check(wider=set(), narrower=writes)
    acme.old, acme.new = acme.new, acme.old
    acme.check(wider=writes, narrower=set())


def test_a_tenant_that_is_no_longer_refused(acme: Bundles) -> None:
    narrow = '@id("hooli")\npermit (principal, action in Action::"class:read", resource);\n'
    write("tenant/hooli/hooli.cedar", narrow)(acme.old)
    write("tenant/hooli/hooli.cedar", '@id("hooli")\npermit (principal, action, resource);\n')(acme.new)
    code, pairs = acme.proved()
    wider = {name for name, pair in pairs.items() if pair["verdict"] == "wider"}
    assert (code, "mail/draft_email" in wider, "crm/get_contact" in wider) == (1, True, False)
    for name in wider:
        shown = pairs[name]["test"]["identities"]["somebody"]["tokens"]["session"]
        assert shown["tenant"] == "hooli"
        assert acme.explained(pairs[name])[1] == "PERMIT"


def test_a_setting_that_decides_before_policies_leaves_it_open(acme: Bundles) -> None:
    edit("bundle.yaml", "max_depth: 4", "max_depth: 5")(acme.new)
    code, pairs = acme.proved()
    assert code == 2  # noqa: PLR2004
    reasons = {pair["reason"] for pair in pairs.values() if pair["verdict"] == "unknown"}
    assert reasons == {"the setting `identity.actor.max_depth` changes"}


def test_a_policy_that_cannot_be_evaluated_permits_nothing(tmp_path: Path, solver: Path) -> None:
    bundles = Bundles(tmp_path, solver, paths.REPOSITORY / "tests" / "cli" / "bundle")
    for bundle in (bundles.old, bundles.new):
        (bundle / "tests").mkdir(exist_ok=True)
    # It overflows for a very large number of stars; the gate then refuses the call, and so must the proof's condition.
    edit("org/notes.cedar", "context.input.stars > 3 };", "context.input.stars > 3 };\n\n@id(\"odd\")\nforbid (principal, action == Action::\"notes/write\", resource)\nwhen { context.input has stars && context.input.stars - 9223372036854775807 > 0 };")(bundles.old)
    few, odd = "context.input.stars > 3", "(context.input.stars > 3 || context.input.stars < -1)"
    edit("org/notes.cedar", few, odd)(bundles.new)
    bundles.check(wider=set(), narrower=set())
    edit("org/notes.cedar", "context.input.stars < -1", "context.input.stars < -3")(bundles.new)
    pairs = bundles.check(wider={"notes/write"}, narrower=set())
    assert pairs["notes/write"]["test"]["cases"][0]["call"]["arguments"]["stars"] in (-2, -3)


LABEL = "notes/read/reveal:private"
LABELS = "labels: { private: [author, \"readers[].name\"] }"
SEEN = 'context.input.id like "n-*"'


@pytest.fixture
def labelled(tmp_path: Path, solver: Path) -> Bundles:
    """Two copies of the small bundle, with a label on a result of which writers see the parts."""
    bundles = Bundles(tmp_path, solver, paths.REPOSITORY / "tests" / "cli" / "bundle")
    permit = f'permit (principal in Role::"writer", action in Action::"reveal:private", resource)\nwhen {{ {SEEN} }};'
    for bundle in (bundles.old, bundles.new):
        edit("bundle.yaml", "read: { classes: [read] }", f"read: {{ classes: [read], {LABELS} }}")(bundle)
        write("org/reveal.cedar", f'@id("writers-see-people")\n{permit}\n')(bundle)
    return bundles


def label_verdict(bundles: Bundles) -> tuple[str, str | None]:
    """The verdict about the label, and its cause."""
    code, pairs = bundles.proved()
    verdicts = {name: pair["verdict"] for name, pair in pairs.items() if name != LABEL}
    assert set(verdicts.values()) == {"equal"}, verdicts
    pair = pairs[LABEL]
    assert code == {"wider": 1, "unknown": 2}.get(pair["verdict"], 0)
    return pair["verdict"], pair.get("reason")


def test_a_part_that_is_shown_to_more_is_shown_by_a_call(labelled: Bundles) -> None:
    edit("org/reveal.cedar", "n-*", "n*")(labelled.new)
    assert label_verdict(labelled) == ("wider", None)
    pair = labelled.proved()[1][LABEL]
    assert (pair["label"], "refused" in pair) == ("private", False)
    calls = [answer["calls"][0] for answer in labelled.explanations(pair)]
    assert [call["decision"] for call in calls] == ["PERMIT", "PERMIT"]
    assert [(call["revealed"], call["masked"]) for call in calls] == [([], ["private"]), (["private"], [])]
    # The test expects the result, too.
    assert pair["test"]["cases"][0]["expect"]["result"] == pair["test"]["cases"][0]["result"]
    passed = {}
    for bundle in (labelled.old, labelled.new):
        _, answer = toolgate("test", bundle)
        passed[bundle.name] = {case["name"]: case["passed"] for case in answer["cases"]}["User gets private of notes/read now"]
    assert passed == {"old": False, "new": True}


def test_a_part_that_is_shown_to_fewer(labelled: Bundles) -> None:
    edit("org/reveal.cedar", "n-*", "n-1*")(labelled.new)
    assert label_verdict(labelled) == ("narrower", None)


def test_the_same_parts_otherwise(labelled: Bundles) -> None:
    # The action is read in a condition, and the parts are listed in another order.
    edit("org/reveal.cedar", SEEN, f'[Action::"{LABEL}"].contains(action) && Action::"{LABEL}" == action && {SEEN}')(labelled.new)
    edit("bundle.yaml", 'author, "readers[].name"', '"readers[].name", author')(labelled.new)
    assert label_verdict(labelled) == ("equal", None)


def test_a_new_label_shows_no_more(labelled: Bundles) -> None:
    edit("bundle.yaml", f", {LABELS}", "")(labelled.old)
    (labelled.old / "org" / "reveal.cedar").unlink()
    assert label_verdict(labelled) == ("narrower", None)
    write("org/reveal.cedar", '@id("all")\npermit (principal, action in Action::"reveal:private", resource);\n')(labelled.new)
    assert label_verdict(labelled) == ("equal", None)


def test_a_label_that_is_gone_or_elsewhere_leaves_it_open(labelled: Bundles) -> None:
    edit("bundle.yaml", "[author, ", "[")(labelled.new)
    other = "the label was on other parts of the result: `author`, `readers[].name`"
    assert label_verdict(labelled) == ("unknown", other)
    edit("bundle.yaml", "private: [", "other: [")(labelled.new)
    edit("org/reveal.cedar", "reveal:private", "reveal:other")(labelled.new)
    code, pairs = labelled.proved()
    gone = "the new bundle does not have the label: whoever calls the tool gets its parts"
    assert (code, pairs[LABEL]["reason"]) == (2, gone)
    assert pairs["notes/read/reveal:other"]["verdict"] == "narrower"


def test_a_call_that_is_new_shows_its_parts(labelled: Bundles) -> None:
    more = '\n@id("writers-read")\npermit (principal in Role::"writer", action == Action::"notes/read", resource);\n'
    write("org/more.cedar", more)(labelled.new)
    pairs = labelled.check(wider={"notes/read", LABEL}, narrower=set())
    assert pairs[LABEL]["refused"]["reason"] == "not_permitted"
