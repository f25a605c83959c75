"""The dashboard of Grafana and the rules of Prometheus use metrics and labels that the exporter has; promtool judges the rest."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from ntp_ctl.openmetrics import collect
from support.linters import lint
from unit.ntp_ctl.documents import falseticker, serving

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "ntpd-py.rules.yml"
OF_PROMETHEUS = {"instance", "job"}
"""Labels that a scrape adds to every series."""


def exported() -> dict[str, set[str]]:
    """The labels of each metric that there is."""
    found: dict[str, set[str]] = {}
    for family in (*collect(falseticker()), *collect(serving())):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


EXPORTED = exported()
VALUES = {
    (sample.name, label, value)
    for family in (*collect(falseticker()), *collect(serving()))
    for sample in family.samples
    for label, value in sample.labels.items()
}


def rules() -> list[Mapping[str, str]]:
    return [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def dashboard() -> Mapping[str, object]:
    document: Mapping[str, object] = json.loads((DEPLOY / "grafana" / "ntpd-py.json").read_text(encoding="utf-8"))
    return document


def panels() -> list[dict[str, object]]:
    found = dashboard()["panels"]
    assert isinstance(found, list)
    return [panel for panel in found if panel["type"] != "row"]


def expressions() -> Iterator[tuple[str, str, str]]:
    """(where, expression, the texts that show its labels)."""
    for rule in rules():
        yield f"rule {rule.get('alert') or rule['record']}", rule["expr"], " ".join(rule.get("annotations", {}).values())  # type: ignore[attr-defined]
    for panel in panels():
        for target in panel["targets"]:  # type: ignore[attr-defined]
            yield f"panel {panel['title']}", target["expr"], target["legendFormat"]
    for annotation in dashboard()["annotations"]["list"]:  # type: ignore[index,call-overload]
        if "expr" in annotation:
            yield f"annotation {annotation['name']}", annotation["expr"], annotation["textFormat"]
    for variable in dashboard()["templating"]["list"]:  # type: ignore[index,call-overload]
        if found := re.fullmatch(r"label_values\((.*), (\w+)\)", variable.get("definition", "")):
            yield f"variable {variable['name']}", found[1], f"{{{{{found[2]}}}}}"


EXPRESSIONS = list(expressions())


def unknown(expression: str, shown: str) -> list[str]:
    """What the exporter does not have: metrics, labels, values of labels."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    lost = [name for name in re.findall(r"\w+:\w+:\w+", expression) if name not in recorded]
    text = re.sub(r"\w+:\w+:\w+", "", expression)
    metrics = re.findall(r"\bntp_\w+\b", text)
    lost += [name for name in metrics if name not in EXPORTED]
    labels = OF_PROMETHEUS.union(*(EXPORTED.get(name, set()) for name in metrics)) if metrics else OF_PROMETHEUS
    for name, matchers in re.findall(r"\b(ntp_\w+)\{([^}]*)\}", text):
        for label, value in re.findall(r'(\w+)="([^"]*)"', matchers):
            if label not in OF_PROMETHEUS and (name, label, value) not in VALUES:
                lost.append(f'{name}{{{label}="{value}"}}')
        lost += [label for label in re.findall(r"(\w+)\s*[=!]~?", matchers) if label not in EXPORTED.get(name, set()) | OF_PROMETHEUS]
    grouped = [label.strip() for group in re.findall(r"\b(?:by|on|without|ignoring) ?\(([^)]*)\)", text) for label in group.split(",")]
    templated = re.findall(r"\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}", shown)
    return lost + [label for label in (*grouped, *templated) if label not in labels]


@pytest.mark.parametrize(("where", "expression", "shown"), EXPRESSIONS, ids=[where for where, _, _ in EXPRESSIONS])
def test_what_is_asked_for_exists(where: str, expression: str, shown: str) -> None:
    assert unknown(expression, shown) == []


def test_the_check_can_fail() -> None:
    assert unknown("rate(ntp_server_packets_total[5m])", "") == ["ntp_server_packets_total"]
    assert unknown('ntp_system_state{state="confused"}', "") == ['ntp_system_state{state="confused"}']
    assert unknown('ntp_source_reach{reason=~".*"}', "{{listen_address}}") == ["reason", "listen_address"]
    assert unknown("sum by (flavour) (ntp_source_selected)", "") == ["flavour"]
    assert unknown("instance:ntp_other:sum > 1", "") == ["instance:ntp_other:sum"]
    assert unknown("sum by (instance) (ntp_source_selected)", "{{instance}}") == []


def test_a_counter_is_never_shown_as_it_is() -> None:
    """But for the number since the start of the daemon, which says of itself what it is."""
    for where, expression, _ in EXPRESSIONS:
        for name in re.findall(r"\bntp_\w+_total\b", expression):
            assert re.search(rf"(rate|increase|changes)\({name}", expression) or where == "panel Set by something else", where


def test_every_alert_says_what_to_do_and_how_urgent_it_is() -> None:
    for rule in rules():
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("page", "ticket")  # type: ignore[index]
            assert set(rule["annotations"]) == {"summary", "description"}
            assert "$labels.instance" in rule["annotations"]["summary"]  # type: ignore[index]


def test_every_alert_is_tried() -> None:
    tests = yaml.safe_load((RULES.parent / "ntpd-py.test.yml").read_text(encoding="utf-8"))["tests"]
    fired = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
    assert fired == {rule["alert"] for rule in rules() if "alert" in rule}


def test_panels_have_numbers_of_their_own_and_do_not_overlap() -> None:
    every = dashboard()["panels"]
    assert isinstance(every, list)
    assert len({panel["id"] for panel in every}) == len(every)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in every)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23


@pytest.mark.peer
def test_promtool_accepts_the_rules_and_the_configuration() -> None:
    lint("promtool", "check", "config", "prometheus.yml", cwd=RULES.parent)


@pytest.mark.peer
def test_the_alerts_fire_when_they_should() -> None:
    lint("promtool", "test", "rules", "ntpd-py.test.yml", cwd=RULES.parent)


@pytest.mark.peer
def test_promtool_accepts_the_expressions_of_the_dashboard(tmp_path: Path) -> None:
    """As rules, with values for Grafana's variables."""
    texts = [expression.replace("$instance", ".*").replace("$__rate_interval", "1m") for where, expression, _ in EXPRESSIONS if "rule" not in where]
    assert len(texts) > 20
    groups = [{"name": "panels", "rules": [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(texts)]}]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
    lint("promtool", "check", "rules", tmp_path / "rules.yml")
