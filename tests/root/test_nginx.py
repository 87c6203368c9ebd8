# SPDX-License-Identifier: Apache-2.0
"""tenant-nginx: test, swap and reload of a staged tree, with an nginx of our own."""
import os
import shutil

import pytest

from tests.lib import procs
from tests.lib.builder import Builder

CONFLICT, BAD_RECORD, NGINX = 5, 15, 12


@pytest.fixture
def b():
    if os.getuid() != 0:
        pytest.skip("needs root: mount namespaces, other uids")
    if not shutil.which("nginx", path="/usr/sbin:/usr/bin"):
        pytest.skip("nginx is not installed")
    with Builder() as builder:
        yield builder.start_nginx()


def is_staged(b):
    return (b.state / "nginx/staged").exists()


def test_a_site_answers_after_the_swap(b):
    with pytest.raises(OSError):
        b.get("site.example")       # nobody answers for it: closed
    number, reply = b.add("site.example", alias="www.site.example")
    assert reply.nginx > 0
    b.must_swap(reply.nginx)
    assert b.revision() == reply.nginx
    for host in ("site.example", "www.site.example", "SITE.EXAMPLE"):
        status, _, body = b.get(host)
        assert status == 200 and b"site.example is ready" in body
    with pytest.raises(OSError):
        b.get("other.example")
    assert not is_staged(b)
    assert b.apply(number, "site.example", alias="www.site.example").nginx == 0


def test_suspend_resume_remove(b):
    number = b.live("site.example")
    for word, status in (("yes", 503), ("no", 200)):
        b.must_swap(b.apply(number, "site.example", f"suspended={word}").nginx)
        assert b.get("site.example")[0] == status
    b.must_swap(b.must("remove", number, "site.example").nginx)
    with pytest.raises(OSError):
        b.get("site.example")
    assert [p.name for p in (b.state / "nginx/sites").glob("*.conf")] == ["00-tenantd.conf"]


def test_a_refused_tree_changes_nothing(b):
    number = b.live("site.example")
    before = b.revision()
    reply = b.apply(number, "site.example", "max_connections=7")
    broken = b.state / "nginx/staged" / f"{number}.conf"
    broken.write_text("server { listen 127.0.0.1:1 nonsense; }\n")
    answer = b.swap(reply.nginx)
    assert answer.code == NGINX and "nonsense" in answer.text and f"{number}.conf" in answer.text
    assert b.get("site.example")[0] == 200 and b.revision() == before
    assert not is_staged(b)
    # The next change goes through, with what the refused one wanted.
    b.must_swap(b.apply(number, "site.example", "max_connections=7").nginx)
    assert "limit_conn tenantd_site 7" in (b.state / f"nginx/sites/{number}.conf").read_text()


def break_file(b, number):
    """Somebody has edited the file of a site, by which nginx's restart would fail as well."""
    with open(b.state / f"nginx/sites/{number}.conf", "a") as file:
        file.write("nonsense;\n")


def test_a_file_that_somebody_broke(b):
    """Nobody looks at it before nginx does; what nginx does not take is put back, and said why."""
    number, other = b.live("site.example"), b.live("other.example")
    before = b.revision()
    break_file(b, other)
    answer = b.swap(b.apply(number, "site.example", "max_connections=7").nginx)
    assert answer.code == NGINX and "nonsense" in answer.text and f"{other}.conf" in answer.text
    procs.wait_until(lambda: "nonsense" in b.nginx_log(), 30, "it was nginx that refused it, not the test")
    assert b.get("site.example")[0] == 200 and b.revision() == before
    assert not is_staged(b)
    assert "tenantd_site 7" not in (b.state / f"nginx/sites/{number}.conf").read_text()
    # Whoever mends the file mends both: his site's next change writes it anew.
    b.must_swap(b.apply(other, "other.example").nginx)
    b.must_swap(b.apply(number, "site.example", "max_connections=7").nginx)


def test_a_whole_tree_is_looked_at_where_all_changes(b):
    number, other = b.live("site.example"), b.live("other.example")
    break_file(b, other)
    b.conf.write_text(b.conf.read_text().replace(f"127.0.0.1:{b.port}",
                                                 f"127.0.0.1:{b.port}, 127.0.0.2:{b.port}"))
    assert b.settings().returncode == 0
    answer = b.swap(b.apply(number, "site.example").nginx)
    assert answer.code == NGINX and "nonsense" in answer.text
    assert "nonsense" not in b.nginx_log(), "the test saw it before nginx"


def test_a_name_whose_former_holder_still_answers(b):
    """The change that gave it away was refused: nginx would serve both, and send visitors to one."""
    number = b.live("site.example", alias="more.example")
    (b.folder / "more.conf").write_text("nonsense;")
    assert b.swap(b.apply(number, "site.example").nginx).code == NGINX
    (b.folder / "more.conf").unlink()
    reply = b.job("apply", b.issue("more.example"), "more.example")
    assert reply.code == CONFLICT and f"{number}.conf" in reply.text and not is_staged(b)
    b.must_swap(b.apply(number, "site.example").nginx)
    with pytest.raises(OSError):
        b.get("more.example")
    b.live("more.example")
    assert b.get("more.example")[0] == 200


def test_another_default_server_is_explained(b):
    (b.folder / "more.conf").write_text(
        f"server {{ listen 127.0.0.1:{b.port} default_server; return 204; }}\n")
    _, reply = b.add("site.example")
    answer = b.swap(reply.nginx)
    assert answer.code == NGINX
    assert "duplicate default server" in answer.text and "default_server" in answer.text


def test_a_name_that_nginx_serves_elsewhere_is_refused(b):
    (b.folder / "more.conf").write_text(
        f"server {{ listen 127.0.0.1:{b.port}; server_name panel.example; return 204; }}\n")
    _, reply = b.add("panel.example")
    answer = b.swap(reply.nginx)
    assert answer.code == CONFLICT and "'panel.example'" in answer.text
    # A quarrel between files that are not ours is not ours.
    (b.folder / "more.conf").write_text(2 * (
        f"server {{ listen 127.0.0.1:{b.port}; server_name twice.example; return 204; }}\n"))
    _, reply = b.add("site.example")
    b.must_swap(reply.nginx)


def test_nginx_is_not_running(b):
    number = b.live("site.example")
    b.stop_nginx(sig=9)
    reply = b.apply(number, "site.example", "max_connections=7")
    answer = b.swap(reply.nginx)
    assert answer.code == NGINX and answer.status == 1
    assert "is not running" in answer.text and "start it" in answer.text
    assert not is_staged(b)
    # A killed nginx leaves its socket, which would keep the next from starting.
    b.start_nginx()
    assert b.get("site.example")[0] == 200
    b.must_swap(b.apply(number, "site.example", "max_connections=7").nginx)


def test_pid_file_that_names_something_else(b):
    _, reply = b.add("site.example")
    good = (b.folder / "nginx.pid").read_text()
    (b.folder / "nginx.pid").write_text(f"{os.getpid()}\n")
    answer = b.swap(reply.nginx)
    (b.folder / "nginx.pid").write_text(good)
    assert answer.code == NGINX and "is not running" in answer.text


@pytest.mark.slow
def test_nginx_that_does_not_include_the_folder(b):
    conf = b.folder / "nginx.conf"
    good = conf.read_text()
    conf.write_text(good.replace(f"include {b.state}/nginx/sites/*.conf;", ""))
    number, reply = b.add("site.example")
    answer = b.swap(reply.nginx)
    assert answer.code == NGINX and "includes" in answer.text
    assert not is_staged(b) and not (b.state / f"nginx/sites/{number}.conf").exists()
    conf.write_text(good)
    b.must_swap(b.apply(number, "site.example").nginx)


def test_wrong_revision(b):
    _, reply = b.add("site.example")
    assert b.swap(reply.nginx + 1).code == BAD_RECORD
    b.must_swap(b.add("shop.example")[1].nginx)
    assert b.get("shop.example")[0] == 200


def test_test_mount_stays_private(b):
    b.live("site.example")
    assert str(b.folder) not in open("/proc/self/mountinfo").read()


def test_several_changes_with_one_reload(b):
    """Each is staged on top of the one before; what was refused of one leaves none behind."""
    old = b.live("old.example", alias="more.example")
    first, reply = b.add("first.example")
    second = b.issue("more.example.org")
    reply = b.apply(second, "more.example.org", base=reply.nginx)
    reply = b.must("remove", old, "old.example", base=reply.nginx)
    # A name that one of them gives away is free for the next.
    third = b.issue("more.example")
    reply = b.apply(third, "more.example", base=reply.nginx)
    assert b.job("apply", third, "more.example", base=reply.nginx - 1).code == BAD_RECORD
    again = b.apply(third, "more.example", base=reply.nginx)
    assert again.nginx == reply.nginx, "it waits for the same reload"
    before = b.revision()
    b.must_swap(reply.nginx)
    assert before < b.revision() == reply.nginx and not is_staged(b)
    for host in ("first.example", "more.example.org", "more.example"):
        assert b.get(host)[0] == 200
    with pytest.raises(OSError):
        b.get("old.example")
    assert b.apply(first, "first.example").nginx == 0


def test_requests_in_flight_survive_a_reload(b):
    """Old workers finish what they have; new requests meet the new revision at once."""
    number = b.live("site.example")
    for limit in range(5, 10):
        b.must_swap(b.apply(number, "site.example", f"max_connections={limit}").nginx)
        assert b.get("site.example")[0] == 200
