# SPDX-License-Identifier: Apache-2.0
"""Host names: which are refused, folded and converted.  A refused one leaves nothing."""
import pytest

BAD = ["../x", "", ".", "..", "a", "a..example", ".example", "a.example.", "-a.example", "a-.example",
       "*.example", "a b.example", "a/b.example", "a_b.example", "127.0.0.1", "[::1]",
       "a.example:80", "a.example\n", "a;b.example", "'a'.example", "$host.example",
       "a" * 64 + ".example", ".".join(["a" * 50] * 6)]


def snapshot(system):
    """Everything that an add could make: rows, ledger, homes, vhosts."""
    files = sorted(str(p) for top in ("srv", "lib/numbers", "lib/spec", "lib/nginx/sites")
                   for p in (system.folder / top).glob("**/*"))
    return [row["site"] for row in system.data("list")["tenants"]], files


@pytest.mark.parametrize("name", BAD)
def test_bad_name_is_refused_and_leaves_nothing(system, name):
    before = snapshot(system)
    done = system.ctl("add", "--", name)
    assert done.returncode == 5, done
    assert done.stderr.startswith("tenantctl: ") and len(done.stderr.splitlines()) <= 2
    assert snapshot(system) == before


@pytest.mark.parametrize("name", ["../x", "", "*.example"])
def test_bad_name_in_the_path_is_no_other_resource(system, name):
    before = snapshot(system)
    for verb in ("show", "remove", "suspend", "resume", "status", "restore"):
        done = system.ctl(verb, name)
        assert done.returncode in (3, 5), (verb, done)
    assert snapshot(system) == before


def test_bad_alias_is_refused(system):
    before = snapshot(system)
    assert system.ctl("add", "good.example", "--alias", "../x").returncode == 5
    assert system.ctl("add", "good.example", "--alias", "*.example").returncode == 5
    assert snapshot(system) == before


def test_taken_names_are_a_conflict(system, site):
    alias = f"www.{site}"
    owner = f"owner-{site}"
    system.ctl("add", owner, "--alias", alias, check=True)
    try:
        before = snapshot(system)
        for words in (("add", alias), ("add", f"new-{site}", "--alias", alias),
                      ("add", f"new-{site}", "--alias", site)):
            done = system.ctl(*words)
            assert done.returncode == 4, (words, done)
        assert snapshot(system) == before
    finally:
        system.ctl("remove", owner, check=True)
    # A removed site's names are free again.
    system.ctl("add", f"new-{site}", "--alias", alias, check=True)
    system.ctl("remove", f"new-{site}", check=True)


def test_upper_case_is_folded(system):
    system.ctl("add", "Folded.EXAMPLE", check=True)
    try:
        assert system.show("folded.example")["site"] == "folded.example"
        assert system.show("FOLDED.example")["site"] == "folded.example"
        assert system.ctl("add", "folded.example").returncode == 0, "the same site: unchanged"
    finally:
        system.ctl("remove", "FOLDED.EXAMPLE", check=True)


def test_idn_is_shown_both_ways(system):
    both = "xn--mller-kva.example (müller.example)"
    assert f"{both}: add: done" in system.ctl("add", "müller.example", check=True).stdout
    try:
        assert both in system.ctl("list", check=True).stdout
        assert "müller" not in system.ctl("list", "--format", "plain", check=True).stdout
        system.put("müller.example", "public/index.php", "<?php echo 'idn';")
        assert system.text("xn--mller-kva.example") == "idn"
        for name in ("müller.example", "xn--mller-kva.example"):
            shown = system.ctl("show", name, check=True).stdout
            assert "xn--mller-kva.example" in shown and "müller.example" in shown
        assert system.show("MÜLLER.example")["site"] == "xn--mller-kva.example"
    finally:
        system.ctl("remove", "müller.example", check=True)


def test_bad_idn_is_refused(system):
    for name in ("xn--\udcff.example", "xn--zzzzzzzzzz99999.example", "\u2488.example"):
        assert system.ctl("add", name).returncode in (2, 5), name
