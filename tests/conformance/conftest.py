# SPDX-License-Identifier: Apache-2.0
"""The two servers that every case is held against: our pools, each in its jail, and Debian's php-fpm
over the same files, which proves that the case says what PHP-FPM does."""
import pathlib

import pytest

from tests.lib import fcgi_client, fpm

# Options of one pool each, in our names; php-fpm's follow from them (tests/lib/fpm.py).
CONFIGS = {
    "base": {},
    "nopif": {"php_admin_value.cgi.fix_pathinfo": "0"},
    "discard": {"php_admin_value.cgi.fix_pathinfo": "0", "php_admin_value.cgi.discard_path": "1"},
    "values": {
        "php_value.precision": "5", "php_admin_value.serialize_precision": "7",
        "php_value.user_ini.cache_ttl": "0", "php_value.date.timezone": "Asia/Tokyo",
        "php_value.variables_order": "EGPCS", "env.APP": "from the plan",
        "php_admin_value.fastcgi.error_header": "HTTP/1.1 550 Something wrong",
        "php_admin_value.disable_functions": "strrev,nonexistent",
        "php_value.max_input_vars": "10", "php_value.max_file_uploads": "2",
        "limit_extensions": ".php"},
    # No folder for what does not fit into memory.
    "full": {"php_admin_value.upload_tmp_dir": "/nowhere",
             "php_admin_value.sys_temp_dir": "/nowhere"},
    "pages": {"status_path": "/status", "ping_path": "/ping"},
}
# Where php-fpm's name is not ours with brackets.
NAMES = {"status_path": "pm.status_path", "ping_path": "ping.path",
         "limit_extensions": "security.limit_extensions",
         "php_admin_value.disable_functions": "php_admin_value.disable_functions"}
OURS = {"php_admin_value.disable_functions": "disable_functions"}


class Server:
    """One of the two; `name` says which."""

    def __init__(self, name, sockets, roots, logs):
        self.name, self.sockets, self.roots, self.logs = name, sockets, roots, logs

    def root(self, config="base"):
        return self.roots[config]

    def params(self, script, config="base", **more):
        """What a web server would send for a GET; {R} is the document root, None leaves out."""
        root = self.root(config)
        out = {"SCRIPT_FILENAME": f"{root}/{script}", "SCRIPT_NAME": f"/{script}",
               "REQUEST_URI": f"/{script}", "DOCUMENT_ROOT": root, "REQUEST_METHOD": "GET",
               "QUERY_STRING": "", "SERVER_PROTOCOL": "HTTP/1.1", "GATEWAY_INTERFACE": "CGI/1.1",
               "SERVER_NAME": "site.example", "HTTP_HOST": "site.example"}
        out.update(more)
        return {name: value.replace("{R}", root) for name, value in out.items()
                if value is not None}

    def connect(self, config="base", timeout=30):
        return fcgi_client.Connection(self.sockets[config], timeout)

    def fetch(self, params, body=b"", config="base", timeout=30):
        return fcgi_client.fetch(self.sockets[config], params, body, timeout)

    def log(self, config="base"):
        path = pathlib.Path(self.logs[config])
        return path.read_text(errors="replace") if path.exists() else ""


class Sites:
    """Both servers and the files that they share."""

    def __init__(self, system):
        self.system = system
        self.sites = {config: f"{config}.conform.example" for config in CONFIGS}
        facts = {}
        for config, options in CONFIGS.items():
            words = [f"{OURS.get(name, name)}={value}" for name, value in options.items()]
            system.ctl("add", self.sites[config], "max_children=4", "strict_docroot=yes",
                       "request_terminate_timeout=20", *words, check=True)
            facts[config] = system.show(self.sites[config])
        roots = {config: fact["document_root"] for config, fact in facts.items()}
        self.pool = Server("pool", {config: fact["socket"] for config, fact in facts.items()},
                           roots, {config: f"{fact['logs']}/php.log"
                                   for config, fact in facts.items()})
        self.fpm, self.running = None, None
        if fpm.path():
            # Who may pass through the folder of all homes: nobody else reaches the scripts.
            gid = pathlib.Path(facts["base"]["home"]).parent.stat().st_gid
            pools = {config: (facts[config]["uid"], gid,
                              {NAMES.get(name, name): value for name, value in options.items()})
                     for config, options in CONFIGS.items()}
            self.running = fpm.Fpm(pools)
            # Without error_log, as most run it, its messages go to FastCGI's STDERR only.
            self.fpm = Server("php-fpm", {config: self.running.socket(config) for config in pools},
                              roots, None)

    def put(self, path, text, config="base", mode=0o644):
        self.system.put(self.sites[config], f"public/{path}", text, mode)

    def stop(self):
        if self.running:
            self.running.stop()
        for site in self.sites.values():
            self.system.ctl("remove", site, check=True)


@pytest.fixture(scope="session")
def sites(system):
    made = Sites(system)
    yield made
    made.stop()


@pytest.fixture(params=["pool", "php-fpm"])
def server(request, sites):
    """Each of the two in turn."""
    if request.param == "pool":
        return sites.pool
    if not sites.fpm:
        pytest.skip("php-fpm is not installed; see packaging/packages.txt")
    return sites.fpm
