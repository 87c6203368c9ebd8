# SPDX-License-Identifier: Apache-2.0
"""From what a web server sends to the script and to $_SERVER: the forms of nginx and of Apache's
modules, with and without cgi.fix_pathinfo; and random mixtures, for which a pool must say what
php-fpm says."""
import json
import random

import pytest

from tests.lib.pool import program

NAMES = ("SCRIPT_FILENAME", "SCRIPT_NAME", "PATH_INFO", "PATH_TRANSLATED", "PHP_SELF",
         "DOCUMENT_ROOT", "ORIG_SCRIPT_FILENAME", "ORIG_SCRIPT_NAME", "ORIG_PATH_INFO",
         "ORIG_PATH_TRANSLATED")
SHOW = ("<?php $o = ['ran' => basename(__FILE__), 'cwd' => getcwd()]; foreach (['" +
        "', '".join(NAMES) + "'] as $k) if (isset($_SERVER[$k])) $o[$k] = $_SERVER[$k];"
        "echo json_encode($o + ['auth' => $_SERVER['PHP_AUTH_USER'] ?? 0, 'get' => $_GET,"
        "'post' => $_POST, 'cookie' => $_COOKIE, 'info' => getenv('PATH_INFO')]);")
# PHP 8.2 leaves the path info that it finds for Apache encoded, later ones do not.
INFO = "/1%20+2" if program().parent.name == "8.2" else "/1 +2"
SCRIPTS = ("a.php", "d/b.php", "x y.php")

# (what, configuration, sent, expected): all of NAMES that are not expected must not be there.
FORMS = [
    ("plain", "base",
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "DOCUMENT_ROOT": "{R}"},
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "DOCUMENT_ROOT": "{R}",
      "PHP_SELF": "/a.php"}),
    ("several slashes", "base",
     {"SCRIPT_FILENAME": "/{R}//a.php", "SCRIPT_NAME": "/a.php", "DOCUMENT_ROOT": "{R}"},
     {"SCRIPT_FILENAME": "/{R}//a.php", "SCRIPT_NAME": "/a.php", "DOCUMENT_ROOT": "{R}",
      "PHP_SELF": "/a.php"}),
    ("mod_proxy_fcgi with a slash too many", "base",
     {"SCRIPT_FILENAME": "proxy:fcgi://localhost/{R}/a.php", "SCRIPT_NAME": "/a.php"},
     {"SCRIPT_FILENAME": "/{R}/a.php", "SCRIPT_NAME": "/a.php", "PHP_SELF": "/a.php"}),
    ("nginx with a split path", "base",
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "PATH_INFO": "/i",
      "DOCUMENT_ROOT": "{R}"},
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "PATH_INFO": "/i",
      "DOCUMENT_ROOT": "{R}", "PHP_SELF": "/a.php/i"}),
    ("nginx without a split path", "base",
     {"SCRIPT_FILENAME": "{R}/a.php/i", "SCRIPT_NAME": "/a.php/i", "DOCUMENT_ROOT": "{R}"},
     {"SCRIPT_FILENAME": "{R}/a.php", "ORIG_SCRIPT_FILENAME": "{R}/a.php/i",
      "SCRIPT_NAME": "/a.php/i", "DOCUMENT_ROOT": "{R}", "PATH_TRANSLATED": "{R}",
      "PHP_SELF": "/a.php/i"}),
    ("path info is everything", "base",
     {"SCRIPT_FILENAME": "{R}/a.php/i", "SCRIPT_NAME": "/a.php/i", "PATH_INFO": "/a.php/i",
      "DOCUMENT_ROOT": "{R}"},
     {"SCRIPT_FILENAME": "{R}/a.php", "ORIG_SCRIPT_FILENAME": "{R}/a.php/i",
      "SCRIPT_NAME": "/a.php", "ORIG_SCRIPT_NAME": "/a.php/i", "PATH_INFO": "/i",
      "ORIG_PATH_INFO": "/a.php/i", "PATH_TRANSLATED": "{R}/i", "DOCUMENT_ROOT": "{R}",
      "PHP_SELF": "/a.php/i"}),
    ("only PATH_TRANSLATED", "base", {"PATH_TRANSLATED": "{R}/a.php", "SCRIPT_NAME": "/a.php"},
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "PATH_TRANSLATED": "{R}/a.php",
      "PHP_SELF": "/a.php"}),
    ("mod_proxy_fcgi", "base",
     {"SCRIPT_FILENAME": "proxy:fcgi://127.0.0.1:9000{R}/a.php", "SCRIPT_NAME": "/a.php",
      "DOCUMENT_ROOT": "{R}"},
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "DOCUMENT_ROOT": "{R}",
      "PHP_SELF": "/a.php"}),
    ("mod_proxy_fcgi over a socket, with a query", "base",
     {"SCRIPT_FILENAME": "proxy:fcgi://localhost{R}/a.php?q=1", "SCRIPT_NAME": "/a.php"},
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "PHP_SELF": "/a.php"}),
    ("mod_proxy_fcgi with path info", "base",
     {"SCRIPT_FILENAME": "proxy:fcgi://h{R}/a.php/1/2", "SCRIPT_NAME": "/a.php/1/2",
      "DOCUMENT_ROOT": "{R}"},
     {"SCRIPT_FILENAME": "{R}/a.php", "ORIG_SCRIPT_FILENAME": "{R}/a.php/1/2",
      "SCRIPT_NAME": "/a.php", "ORIG_SCRIPT_NAME": "/a.php/1/2", "PATH_INFO": "/1/2",
      "PATH_TRANSLATED": "{R}/1/2", "DOCUMENT_ROOT": "{R}", "PHP_SELF": "/a.php/1/2"}),
    ("mod_proxy_fcgi with a plus", "base",
     {"SCRIPT_FILENAME": "proxy:fcgi://h{R}/a.php/1%20+2", "SCRIPT_NAME": "/a.php/1 +2"},
     {"SCRIPT_FILENAME": "{R}/a.php", "ORIG_SCRIPT_FILENAME": "{R}/a.php/1%20+2",
      "SCRIPT_NAME": "/a.php", "ORIG_SCRIPT_NAME": "/a.php/1 +2", "PATH_INFO": INFO,
      "PATH_TRANSLATED": "{R}" + INFO, "PHP_SELF": "/a.php" + INFO}),
    ("mod_proxy_fcgi, names that do not fit", "base",
     {"SCRIPT_FILENAME": "proxy:fcgi://h{R}/a.php/1", "SCRIPT_NAME": "/a.php/other"},
     {"SCRIPT_FILENAME": "{R}/a.php", "ORIG_SCRIPT_FILENAME": "{R}/a.php/1",
      "SCRIPT_NAME": "/a.php/other", "PATH_INFO": "/1", "PHP_SELF": "/a.php/other/1"}),
    ("mod_proxy_balancer", "base",
     {"SCRIPT_FILENAME": "proxy:balancer://b{R}/a.php/1", "SCRIPT_NAME": "/a.php",
      "PATH_INFO": "/a.php/1", "DOCUMENT_ROOT": "{R}"},
     {"SCRIPT_FILENAME": "{R}/a.php", "ORIG_SCRIPT_FILENAME": "{R}/a.php/1",
      "SCRIPT_NAME": "/a.php/1", "ORIG_SCRIPT_NAME": "/a.php", "PATH_INFO": "/1",
      "ORIG_PATH_INFO": "/a.php/1", "PATH_TRANSLATED": "{R}/1", "DOCUMENT_ROOT": "{R}",
      "PHP_SELF": "/a.php/1/1"}),
    ("Apache's Action", "base",
     {"SCRIPT_FILENAME": "{R}/d/b.php", "SCRIPT_NAME": "/cgi/php", "PATH_TRANSLATED": "{R}/a.php",
      "PATH_INFO": "/a.php", "REDIRECT_URL": "/a.php"},
     {"SCRIPT_FILENAME": "{R}/a.php", "ORIG_SCRIPT_FILENAME": "{R}/d/b.php",
      "SCRIPT_NAME": "/a.php", "ORIG_SCRIPT_NAME": "/cgi/php", "ORIG_PATH_INFO": "/a.php",
      "ORIG_PATH_TRANSLATED": "{R}/a.php", "PHP_SELF": "/a.php"}),
    ("unfixed", "nopif", {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php"},
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "PHP_SELF": "/a.php"}),
    ("unfixed, with path info", "nopif",
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "PATH_INFO": "/i"},
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "PATH_INFO": "/i",
      "PHP_SELF": "/i"}),
    ("unfixed, PATH_TRANSLATED counts", "nopif",
     {"SCRIPT_FILENAME": "{R}/none", "SCRIPT_NAME": "/n", "PATH_TRANSLATED": "{R}/a.php"},
     {"SCRIPT_FILENAME": "{R}/none", "SCRIPT_NAME": "/n", "PATH_TRANSLATED": "{R}/a.php",
      "PHP_SELF": "/n"}),
    ("unfixed, from Apache", "discard",
     {"SCRIPT_FILENAME": "proxy:fcgi://h{R}/a.php", "SCRIPT_NAME": "/a.php", "PATH_INFO": "/i",
      "PATH_TRANSLATED": "{R}/none"},
     {"SCRIPT_FILENAME": "{R}/a.php", "SCRIPT_NAME": "/a.php", "PATH_INFO": "/i",
      "PATH_TRANSLATED": "{R}/none", "PHP_SELF": "/i"}),
    ("empty path info and a long path", "base",
     {"SCRIPT_FILENAME": "{R}/a.php/" + "1" * 5000, "SCRIPT_NAME": "/a.php", "PATH_INFO": ""},
     {"SCRIPT_FILENAME": "{R}/a.php", "ORIG_SCRIPT_FILENAME": "{R}/a.php/" + "1" * 5000,
      "SCRIPT_NAME": "/a.php", "PATH_INFO": "", "PATH_TRANSLATED": "{R}", "PHP_SELF": "/a.php"}),
]
# (sent as SCRIPT_FILENAME, status, body, said)
NOT_RUN = [
    (None, 404, "File not found.\n", "Primary script unknown"),
    ("{R}/none.php", 404, "File not found.\n", "Primary script unknown"),
    ("{R}/d/none/a", 404, "File not found.\n", "Primary script unknown"),
    ("{R}/d/../a.php", 404, "File not found.\n", "Primary script unknown"),
    ("{R}/text.txt", 403, "Access denied.\n", "has been denied (see security.limit_extensions)"),
    ("{R}/closed.php", 403, "Access denied.\n", "Unable to open primary script"),
    ("{R}/dir.php", 404, "No input file specified.\n", "Unable to open primary script"),
    ("{R}", 403, "Access denied.\n", "has been denied"), ("", 403, "Access denied.\n", "denied"),
]


@pytest.fixture(scope="module")
def shown(sites):
    for config in ("base", "nopif", "discard"):
        for script in SCRIPTS:
            sites.put(script, SHOW, config)
    sites.put("text.txt", SHOW)
    sites.put("closed.php", SHOW, mode=0)
    sites.put("dir.php/index.php", SHOW)


def ask(server, config, sent):
    root = server.root(config)
    params = {"REQUEST_METHOD": "GET", **{k: v.replace("{R}", root) for k, v in sent.items()}}
    return server.fetch(params, config=config)


@pytest.mark.parametrize("config, sent, wanted", [x[1:] for x in FORMS], ids=[x[0] for x in FORMS])
@pytest.mark.usefixtures("shown")
def test_forms(server, config, sent, wanted):
    answer = ask(server, config, sent)
    assert answer.status == 200, (answer.out, answer.err)
    root = server.root(config)
    got = {k: v.replace(root, "{R}") for k, v in json.loads(answer.text).items()
           if isinstance(v, str)}
    assert {name: got[name] for name in NAMES if name in got} == wanted
    assert got["ran"] == "a.php"


@pytest.mark.parametrize("path, status, text, said", NOT_RUN, ids=[str(x[0]) for x in NOT_RUN])
@pytest.mark.usefixtures("shown")
def test_not_run(server, path, status, text, said):
    answer = ask(server, "base", {} if path is None else {"SCRIPT_FILENAME": path})
    assert answer.status == status and answer.text == text, (answer.out, answer.err)
    assert said.encode() in answer.err


def mixture(chance):
    """Parameters as no web server would send them, and some that one would."""
    script = chance.choice(["/a.php", "/d/b.php", "/x y.php", "/x%20y.php", "/none.php", "/d/", ""])
    info = chance.choice(["", "/i", "/i/j", "/i%20j", "/i j", "/a+b", "/a.php", "//i", "/", "/../i"])
    prefix = chance.choice(["", "", "", "proxy:fcgi://h:9000", "proxy:balancer://b", "PROXY:FCGI://h",
                            "proxy:http://h"])
    query = chance.choice(["", "", "?q=1", "?a=b/c"])
    choices = {
        "SCRIPT_FILENAME": [prefix + "{R}" + script + info + query, prefix + "{R}" + script + info,
                            "{R}" + script, "{R}" + script + info, None],
        "SCRIPT_NAME": [script, script + info, (script + info).replace("%20", " "), None, "/n"],
        "PATH_INFO": [info, None, None, "", script + info, "/zz", info.replace("%20", " ")],
        "PATH_TRANSLATED": [None, None, None, "{R}" + info, "{R}" + script, "{R}" + script + info],
        "DOCUMENT_ROOT": ["{R}", "{R}", "{R}/", None, "", "/nowhere"],
        "QUERY_STRING": ["", "q=1&b[]=2&b[]=3", "a=%zz&&=&x", "?", "-d+x", None],
        "HTTP_COOKIE": [None, "a=1; b=2", "=; ;x"],
        "HTTP_AUTHORIZATION": [None, None, "Basic dTpw", "Digest x", "Basic !!", "basic dTpw"],
        "CONTENT_TYPE": [None, "", "application/x-www-form-urlencoded"],
        "REQUEST_METHOD": ["GET", "GET", "POST", "HEAD", "PUT", "get"],
    }
    sent = {name: chance.choice(values) for name, values in choices.items()}
    # REDIRECT_URL beside a script that exists: php-fpm loses the script there.
    return {name: value for name, value in sent.items() if value is not None}


@pytest.mark.usefixtures("shown")
def test_random_mixtures(sites):
    """A pool says what php-fpm says."""
    if not sites.fpm:
        pytest.skip("php-fpm is not installed; see packaging/packages.txt")
    chance = random.Random(5)
    for _ in range(300):
        config = chance.choice(["base", "base", "nopif", "discard"])
        sent = mixture(chance)
        said = []
        for server in (sites.pool, sites.fpm):
            answer = ask(server, config, {**sent, "CONTENT_LENGTH": "0"})
            said.append((answer.status, answer.text, answer.err, answer.end))
        assert said[0] == said[1], (config, sent)
