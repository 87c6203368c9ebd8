# SPDX-License-Identifier: Apache-2.0
"""Status page and ping on the pool's own socket, where monitors of PHP-FPM ask for them."""
import json
import re
import xml.dom.minidom

import pytest

from tests.lib import procs

FIELDS = ["pool", "process manager", "start time", "start since", "accepted conn", "listen queue",
          "max listen queue", "listen queue len", "idle processes", "active processes",
          "total processes", "max active processes", "max children reached", "slow requests"]
ROW = ["pid", "state", "start time", "start since", "requests", "request duration", "request method",
       "request uri", "content length", "user", "script", "last request cpu", "last request memory"]
METRICS = ["up", "start_since", "accepted_connections", "listen_queue", "max_listen_queue",
           "listen_queue_length", "idle_processes", "active_processes", "total_processes",
           "max_active_processes", "max_children_reached", "slow_requests"]
# php-fpm has it since 8.4; a pool tells of its memory with `full`.
MEMORY_PEAK = re.compile(r"^memory peak: +N\n|<tr><th>memory peak</th><td>N</td></tr>\n|<memory-peak>N</memory-peak>\n"
                         r'|,"memory peak":N|# HELP phpfpm_memory_peak .*\n# TYPE .*\nphpfpm_memory_peak N\n', re.M)
EVIL = '&y="</td><script>alert(1)</script>\\'


def ask(server, name, query="", **more):
    address = name + ("?" + query if query else "")
    return server.fetch(server.params(name.lstrip("/"), "pages", QUERY_STRING=query,
                                      **{"REQUEST_URI": address, **more}),
                        config="pages")


def plain_fields(text):
    return [line.split(":")[0] for line in text.splitlines() if ":" in line]


def test_ping(server):
    answer = ask(server, "/ping")
    assert (answer.status, answer.text) == (200, "pong") and answer.end == (0, 0)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["expires"] == "Thu, 01 Jan 1970 00:00:00 GMT"
    assert answer.headers["cache-control"] == "no-cache, no-store, must-revalidate, max-age=0"
    head = ask(server, "/ping", REQUEST_METHOD="HEAD")
    assert (head.status, head.text) == (200, "")
    # However little else is said: monitors leave out what they can.
    bare = server.fetch({"SCRIPT_NAME": "/ping", "SCRIPT_FILENAME": "/ping",
                         "REQUEST_METHOD": "GET"}, config="pages")
    assert (bare.status, bare.text) == (200, "pong")


def told(server):
    return dict(re.findall(r"^([a-z ]+): +(.*)$", ask(server, "/status").text, re.M))


def test_plain(server, sites):
    answer = ask(server, "/status")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/plain")
    assert plain_fields(answer.text)[:14] == FIELDS
    found = told(server)
    if server is sites.fpm:     # its master overwrites the count each second by what it saw a moment before
        found = procs.wait_until(lambda: (now := told(server)) and int(now["active processes"]) and now, 30,
                                 "it counts the request that asks")
    assert int(found["active processes"]) >= 1 and int(found["accepted conn"]) >= 1
    assert found["process manager"] == "ondemand"
    assert re.fullmatch(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", found["start time"])
    full = ask(server, "/status", "full").text
    assert "************************" in full and re.search("^state: +Running$", full, re.M)
    named = [name if name != "request uri" else "request URI" for name in ROW]
    assert plain_fields(full.split("****\n")[-1]) == named


def test_json(server):
    answer = ask(server, "/status", "json&full" + EVIL)
    assert answer.headers["content-type"] == "application/json"
    told = json.loads(answer.text)
    assert list(told)[:14] == FIELDS and list(told["processes"][0]) == ROW
    # Whoever has answered before may still be at the end of that.
    [own] = [row for row in told["processes"] if row["state"] == "Running" and
             row["request uri"] == "/status?json&full" + EVIL]
    assert own["request method"] == "GET" and own["pid"] > 0
    # Where a client says nothing of an address, the script's name and the query stand for it.
    told = json.loads(server.fetch({"SCRIPT_NAME": "/status", "SCRIPT_FILENAME": "/status",
                                    "REQUEST_METHOD": "GET", "QUERY_STRING": "full&json"},
                                   config="pages").text)
    assert "/status?full&json" in [row["request uri"] for row in told["processes"]]
    assert "processes" not in json.loads(ask(server, "/status", "json").text)


def test_html(server):
    answer = ask(server, "/status", "html&full" + EVIL)
    assert answer.headers["content-type"].startswith("text/html")
    assert "<script>" not in answer.text and "script" in answer.text
    for name in FIELDS:
        assert f"<th>{name}</th>" in answer.text


def test_xml(server):
    answer = ask(server, "/status", "xml&full" + EVIL)
    assert answer.headers["content-type"].startswith("text/xml")
    top = xml.dom.minidom.parseString(answer.text).documentElement
    tags = [n.tagName for n in top.childNodes if n.nodeType == n.ELEMENT_NODE]
    assert top.tagName == "status" and tags[:14] == [name.replace(" ", "-") for name in FIELDS]
    row = top.getElementsByTagName("process")[0]
    assert [n.tagName for n in row.childNodes if n.nodeType == n.ELEMENT_NODE] == [
        name.replace(" ", "-") for name in ROW]


def test_openmetrics(server):
    answer = ask(server, "/status", "openmetrics")
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    told = re.findall(r"^phpfpm_(\w+) \d+$", answer.text, re.M)
    assert told[:len(METRICS)] == METRICS       # php-fpm 8.4 tells of more behind them
    assert answer.text.endswith("# EOF\n")


def shape(server, query):
    """The page without the names and numbers of the one that tells it."""
    text = ask(server, "/status", query).text.replace("pages.conform.example", "pages")
    text = re.sub(r"\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}", "DATE", text)
    text = re.sub(r"(?<=[ >:])\d+(?=[\n<,}])", "N", text)
    return MEMORY_PEAK.sub("", text)


@pytest.mark.parametrize("query", ["", "html", "xml", "json", "openmetrics"])
def test_pages_are_the_same_to_the_letter(sites, query):
    """Some monitors read them by patterns; of openmetrics a pool has more of its own."""
    if not sites.fpm:
        pytest.skip("php-fpm is not installed; see packaging/packages.txt")
    ours, wanted = shape(sites.pool, query), shape(sites.fpm, query)
    if query == "openmetrics":
        ours, wanted = ours[:len(wanted) - 6], wanted.removesuffix("# EOF\n")
    assert ours.rstrip("\n") == wanted.rstrip("\n")


def test_html_has_a_line_for_each_worker(server):
    text = ask(server, "/status", "html&full").text
    assert f"<tr><th>{'</th><th>'.join(ROW)}</th></tr>\n" in text
    rows = re.findall("^<tr>(<td>[^<]*</td>)" + r"{13}</tr>$", text, re.M)
    assert rows and text.count("<table") == text.count("</table>") == 2


@pytest.mark.parametrize("name, more", [
    ("/statusx", {}), ("/status/", {}), ("/x/status", {}), ("/status", {"PATH_INFO": "/x"})])
def test_other_addresses_are_the_sites(sites, name, more):
    """What nginx' own rule for the page does not match must not lead to it another way."""
    assert ask(sites.pool, name, **more).status == 404


def test_a_site_without_pages(server):
    for name in ("status", "ping", ""):
        assert server.fetch(server.params(name)).status in (403, 404)
