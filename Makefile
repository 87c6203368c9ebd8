# SPDX-License-Identifier: Apache-2.0
# Builds, runs, checks, installs and packages the whole tree.  GNU make, one
# run, no recursion: this file knows every source, so `make -j` is right.
#
#   make                  every program, under build/
#   make run              the whole system below a private prefix, not installed
#   make check-fast       unit, lint and short system tests
#   make check            all tests of this machine
#   make mutants          does each promise fall with the walls it names?
#   make check-load       a change among 1,000 sites under load
#   make check-vm         systemd and pure cgroup v2, in a virtual machine
#   make SAN=address,undefined   FAULT=1   WERROR=1   CC=clang
#   make bench            measures, beside php-fpm; bench/results, docs/performance.md
#   make fuzz             hostile bytes for the parsers, FUZZ_TIME=60 seconds each
#   make golden           rewrites what tests/golden holds; review the difference
#   make install DESTDIR=/tmp/stage
#   make deb
#   make deb-php PHP_CONFIG=/usr/bin/php-config8.4 B=build/php8.4

VERSION     := 0.1.0
PREFIX      ?= /usr
SBINDIR     ?= $(PREFIX)/sbin
BINDIR      ?= $(PREFIX)/bin
LIBEXECDIR  ?= $(PREFIX)/libexec/tenantd
UNITDIR     ?= $(PREFIX)/lib/systemd/system
PKG_CONFIG  ?= pkg-config
PHP_CONFIG  ?= $(firstword $(wildcard /usr/bin/php-config /usr/bin/php-config8.*))
PHP         := $(if $(PHP_CONFIG),$(basename $(shell $(PHP_CONFIG) --version)),8.2)
EXTENSIONS  := $(if $(PHP_CONFIG),$(shell $(PHP_CONFIG) --extension-dir))
MULTIARCH   := $(shell $(CC) -print-multiarch 2>/dev/null)

# ---- what the product is made of ------------------------------------------
# Layers, lowest first.  A layer includes itself and the layers before it;
# tests/lint holds everybody to that.
LAYERS := base schema sandbox probe tenants pool log mail net supervisor control cli

main            := %_main.c schema/gen.c
base.src        := $(filter-out $(main),$(wildcard base/*.c))
schema.src      := $(filter-out $(main),$(wildcard schema/*.c))
sandbox.src     := $(filter-out $(main),$(wildcard sandbox/*.c))
probe.src       := $(filter-out $(main),$(wildcard sandbox/probe/*.c))
tenants.src     := $(filter-out $(main),$(wildcard tenants/*.c tenants/facets/*.c tenants/store/*.c))
pool.src        := $(filter-out $(main),$(wildcard pool/*.c))
log.src         := $(filter-out $(main),$(wildcard daemon/log/*.c))
mail.src        := $(filter-out $(main),$(wildcard daemon/mail/*.c))
net.src         := $(filter-out $(main),$(wildcard daemon/net/*.c))
supervisor.src  := $(filter-out $(main),$(wildcard daemon/supervisor/*.c))
control.src     := $(filter-out $(main),$(wildcard daemon/control/*.c))
cli.src         := $(filter-out $(main),$(wildcard admin-cli/*.c))

# Programs: the one source with main(), the layers inside the process, the
# foreign libraries.  These lines show what each process is able to do:
# review them as code (tests/golden holds the resulting NEEDED lists).
# Those in the folder of a version of PHP; a cage holds just that folder of ours.
PHP_PROGRAMS := tenant-pool tenant-probe tenant-exec
PROGRAMS := tenantd tenant-control tenant-build tenant-nginx tenant-jail tenant-tree tenant-log tenant-mail tenant-net \
            tenant-pool tenant-probe tenant-exec tenant-sendmail tenantctl

tenantd.main         := daemon/supervisor/tenantd_main.c
tenantd.uses         := supervisor sandbox schema base
tenantd.pkg          := libcap
tenant-control.main  := daemon/control/control_main.c
tenant-control.uses  := control tenants schema base
tenant-control.pkg   := sqlite3 libmicrohttpd jansson libidn2
tenant-control.libs  := -lpthread
tenant-build.main    := tenants/build_main.c
tenant-build.uses    := tenants sandbox schema base
tenant-build.pkg     := libcap
tenant-nginx.main    := tenants/nginx_main.c
tenant-nginx.uses    := tenants schema base
tenant-nginx.pkg     := libcap
tenant-jail.main     := sandbox/jail_main.c
tenant-jail.uses     := sandbox schema base
tenant-jail.pkg      := libcap $(if $(MUTANTS),libseccomp)
tenant-tree.main     := sandbox/tree_main.c
tenant-tree.uses     := sandbox schema base
tenant-tree.pkg      := libcap
tenant-log.main      := daemon/log/log_main.c
tenant-log.uses      := log schema base
tenant-log.pkg       := libseccomp
tenant-mail.main     := daemon/mail/mail_main.c
tenant-mail.uses     := mail schema base
tenant-net.main      := daemon/net/net_main.c
tenant-net.uses      := net schema base
tenant-net.pkg       := libnftables libmnl jansson libcap
tenant-pool.main     := pool/pool_main.c
tenant-pool.uses     := pool schema base
tenant-pool.libs     := -lfcgi -l:libphp$(PHP).so -Wl,-rpath,$(LIBEXECDIR)/php/$(PHP) \
                        -Wl,-rpath,'$$ORIGIN'
tenant-probe.main    := sandbox/probe/probe_main.c
tenant-probe.uses    := probe schema base
tenant-exec.main     := pool/exec_main.c
tenant-exec.uses     := pool schema base
# In cages that allow programs alone, so not beside the pool.
tenant-sendmail.main := pool/sendmail_main.c
tenant-sendmail.uses := pool schema base
tenantctl.main       := admin-cli/tenantctl_main.c
tenantctl.uses       := cli schema base
tenantctl.pkg        := libcurl jansson smartcols

PROGRAMS := $(foreach p,$(PROGRAMS),$(if $(wildcard $($p.main)),$p))

# ---- how it is compiled ---------------------------------------------------
comma  := ,
B      ?= build/$(if $(SAN),san-$(subst $(comma),-,$(SAN)),plain)$(if $(FAULT),-fault)$(if $(MUTANTS),-mutants)$(if $(filter clang,$(CC)),-clang)
TESTS  := $(patsubst tests/unit/%.c,$B/tests/%,$(wildcard tests/unit/test_*.c))
SOURCES = $(foreach x,$(LAYERS),$($x.src)) $(foreach x,$(PROGRAMS),$($x.main)) $(wildcard schema/gen.c schema/gen/*.c sandbox/filters_main.c tests/unit/*.c tests/root/*.c)
binary  = $B/$(if $(filter $(PHP_PROGRAMS),$1),php/$(PHP)/)$1

CFLAGS   ?= -O2 -g
CPPFLAGS += -I. -I$B -D_GNU_SOURCE $(if $(SAN),,-D_FORTIFY_SOURCE=2) $(if $(FAULT),-DFAULTS) $(if $(MUTANTS),-DMUTANTS)
STD      := -std=c11 -fPIE -fstack-protector-strong -ffunction-sections -fdata-sections
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -Wformat=2 -Wvla -Wswitch-enum -Wno-format-truncation \
            -Wno-unknown-warning-option $(if $(WERROR),-Werror)
LDFLAGS  += -pie -Wl,-z,relro,-z,now -Wl,--gc-sections -Wl,--as-needed
ifdef SAN
  STD     += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
  LDFLAGS += -fsanitize=$(SAN)
endif

Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-5s %s\n' $1 $(2:$B/%=%))

all: $(foreach p,$(PROGRAMS),$(call binary,$p)) $B/php/$(PHP)/libphp.so

# One version of PHP alone.
php: $(foreach p,$(PHP_PROGRAMS),$(call binary,$p))

$B/%.o: %.c $B/build_config.h
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(STD) $(WARN) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Only the files of the SAPI see PHP's headers, which are not ours to warn about.
php.headers = $(if $(PHP_CONFIG),$(shell $(PHP_CONFIG) --includes | sed 's/-I/-isystem /g'))
$B/pool/sapi.o: CPPFLAGS += $(php.headers)
$B/pool/sapi_%.o: CPPFLAGS += $(php.headers)

$B/build_config.h: Makefile
	@mkdir -p $(@D)
	@printf '#define %s\n' 'TENANTD_VERSION "$(VERSION)"' 'LIBEXECDIR "$(LIBEXECDIR)"' \
	    'PHP_VERSION_DEFAULT "$(PHP)"' 'MULTIARCH "$(MULTIARCH)"' >$@

# The migrations of the database as C strings, in the order of their numbers.
$B/sql_migrations.h: $(sort $(wildcard schema/sql/*.sql)) Makefile
	@mkdir -p $(@D)
	@for f in $(filter %.sql,$^); do printf '{ "%s",\n' "$$(basename $$f .sql)"; \
	    sed 's/\\/&&/g; s/"/\\"/g; s/.*/"&\\n"/' $$f; echo '},'; done >$@
$B/tenants/store/migrate.o: $B/sql_migrations.h

# The system call filters, compiled: programs for the kernel as C.
$B/filters-gen: $B/sandbox/filters_main.o $B/sandbox/syscalls.o $B/libschema.a $B/libbase.a
	$(call say,LD,$@)
	$Q$(CC) $(STD) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs libseccomp)
$B/filters_code.h: $B/filters-gen
	@$< >$@.new && mv $@.new $@
$B/sandbox/filters.o: $B/filters_code.h

# libphp's SONAME carries no version: this folder, first in the pool's run path,
# says which one is meant.  `extensions` lets control refuse one that is not there,
# and `php` is what commands in the cage find first.
define php.links
	@mkdir -p $1
	@ln -sfn /usr/lib/libphp$(PHP).so $1/libphp.so
	@ln -sfn /usr/bin/php$(PHP) $1/php
	$(if $(EXTENSIONS),@ln -sfn $(EXTENSIONS) $1/extensions)
endef
$B/php/$(PHP)/libphp.so: Makefile
	$(call php.links,$(@D))

define layer
$B/lib$1.a: $($1.src:%.c=$B/%.o)
	$$(call say,AR,$$@)
	@mkdir -p $$(@D)
	$$Qrm -f $$@ && $$(AR) rcs $$@ $$^
endef

define program
$(call binary,$1): $($1.main:%.c=$B/%.o) $(if $(SAN),$B/tests/sanitizer.o) \
    $(patsubst %,$B/lib%.a,$($1.uses)) | $B/php/$(PHP)/libphp.so
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$Q$$(CC) $$(STD) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ \
	    $$(if $$($1.pkg),$$(shell $$(PKG_CONFIG) --libs $$($1.pkg))) $$($1.libs)
.PHONY: $1
$1: $(call binary,$1)
endef

$(foreach l,$(LAYERS),$(eval $(call layer,$l)))
$(foreach p,$(PROGRAMS),$(eval $(call program,$p)))

# Prints documents out of the tables.
gen.objects = $(patsubst %.c,$B/%.o,schema/gen.c $(wildcard schema/gen/*.c))
$B/gen: $(gen.objects) $B/libschema.a $B/libbase.a
	$(call say,LD,$@)
	$Q$(CC) $(STD) $(CFLAGS) $(LDFLAGS) -o $@ $^

# ---- unit tests -----------------------------------------------------------
# Archives give each test just the objects it names; the SAPI stays out.
test.libs = $(patsubst %,$B/lib%.a,log mail net supervisor control cli pool tenants probe sandbox schema base)
$B/tests/%: $B/tests/unit/%.o $(test.libs)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(STD) $(CFLAGS) $(LDFLAGS) -o $@ $^ \
	    $(shell $(PKG_CONFIG) --libs cmocka libseccomp libcap sqlite3 libmicrohttpd jansson \
	      libidn2 libcurl smartcols libnftables libmnl 2>/dev/null) -lfcgi -lpthread

# Programs that whole-system tests run: they play the supervisor or the tenant.
HELPERS := $(patsubst %.c,$B/%,$(wildcard tests/root/*.c))
$(HELPERS): $B/%: $B/%.o $B/libsandbox.a $B/libschema.a $B/libbase.a
	$(call say,LD,$@)
	$Q$(CC) $(STD) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(shell $(PKG_CONFIG) --libs libcap libseccomp)

# The hostile site's native code (tests/attack): a flat image, no program.
NATIVE := $(if $(filter x86_64%,$(MULTIARCH)),$B/tests/attack/native.image)
$(NATIVE): tests/attack/native/native.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(WARN) -std=c11 -Os -fPIE -ffreestanding -fno-stack-protector -fcf-protection=none \
	    -fno-asynchronous-unwind-tables -mno-sse -nostdlib -static \
	    -Wl,--oformat=binary,--build-id=none,-e,entry,--section-start=.text.entry=0 -o $@ $<

unit: $(TESTS) $(HELPERS) $(NATIVE)

# ---- the whole system, not installed --------------------------------------
run: all
	$Qexec packaging/run/run.sh -b $B

# ---- checks ---------------------------------------------------------------
# tests/run.py makes the builds it needs, each in a folder of its own below
# build/, and prints the sum.
check:
	$Qtests/run.py

# kill -9 at every step of every verb, in a whole system: some twenty minutes.
check-drill:
	$Qtests/run.py drill

# 1,000 sites, and visitors of some while another comes, changes and goes: 0 may fail.  Some
# minutes; says what it saw.
check-load: all
	$QLOAD=1000 BUILD=$(abspath $B) /usr/bin/python3 -m pytest -c tests/pytest.ini --rootdir . -qs \
	    tests/trips/test_many.py

# Builds with one wall missing, and the promises that must fall with it.
mutants:
	$Qtests/run.py mutants

check-fast:
	$Qtests/run.py --fast

check-vm: all unit
	$QBUILD=$(abspath $B) tests/vm/run.sh

# Some minutes on a quiet machine; BENCH=--quick only shows that it works.
bench: all unit
	$Qpackaging/packages.sh build run bench
	$QBUILD=$(abspath $B) /usr/bin/python3 bench/measure.py $(BENCH)

# What the tables say, and what each program links, as files to review.
gen: $B/gen

golden: all gen
	$QBUILD=$(abspath $B) tests/lint/linked.py --rewrite
	$QBUILD=$(abspath $B) tests/lint/generated.py --rewrite
	$QBUILD=$(abspath $B) tests/lint/help.py --rewrite
	$QBUILD=$(abspath $B) tests/lint/promises.py --rewrite

# Parsers of hostile bytes, each for FUZZ_TIME seconds from its seeds; a crash
# stays in build/fuzz/crash and becomes a unit test.
FUZZERS   := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TIME ?= 60

fuzz.libs := $(patsubst %,$B/lib%.a,cli mail supervisor control pool tenants sandbox schema base)
$B/fuzz/%: $B/tests/fuzz/fuzz_%.o $(fuzz.libs)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$Q$(CC) $(STD) -fsanitize=fuzzer $(CFLAGS) $(LDFLAGS) -o $@ $^ \
	    $(shell $(PKG_CONFIG) --libs libidn2 jansson)

fuzzers: $(FUZZERS:%=$B/fuzz/%)

fuzz:
	$Q$(MAKE) --no-print-directory fuzzers B=build/fuzz CC=clang \
	    SAN=fuzzer-no-link,address,undefined
	$Q$(foreach f,$(FUZZERS),mkdir -p build/fuzz/corpus/$f build/fuzz/crash && \
	    build/fuzz/fuzz/$f -max_total_time=$(FUZZ_TIME) -artifact_prefix=build/fuzz/crash/$f- \
	    -print_final_stats=0 -verbosity=0 build/fuzz/corpus/$f tests/fuzz/seeds/$f &&) :

compile_commands.json: Makefile
	@{ printf '['; sep=; for c in $(SOURCES); do \
	   printf '%s\n{"directory":"%s","file":"%s","command":"%s"}' "$$sep" '$(CURDIR)' "$$c" \
	     "$(CC) $(STD) $(WARN) $(CPPFLAGS) $(CFLAGS) -c $$c"; sep=,; done; printf '\n]\n'; } >$@

# ---- install and package --------------------------------------------------
D        = $(DESTDIR)
UNITS   := $(wildcard packaging/systemd/*.service packaging/systemd/*.socket packaging/systemd/*.timer)
place    = $(or $(place.$1),$(LIBEXECDIR))
place.tenantd     := $(SBINDIR)
place.tenantctl   := $(BINDIR)
paths   := sed -e 's|/usr/libexec/tenantd|$(LIBEXECDIR)|' -e 's|/usr/sbin/|$(SBINDIR)/|' -e 's|/usr/bin/|$(BINDIR)/|'

# The folder of one version.  Another one's:
#   make install-php PHP_CONFIG=/usr/bin/php-config8.4 B=build/php8.4
install-php: php
	$(call php.links,$D$(LIBEXECDIR)/php/$(PHP))
	install -m 0755 $(foreach p,$(PHP_PROGRAMS),$(call binary,$p)) $D$(LIBEXECDIR)/php/$(PHP)

install: all gen install-php
	install -d $D$(SBINDIR) $D$(BINDIR) $D$(LIBEXECDIR) $D$(UNITDIR) \
	    $D$(PREFIX)/lib/sysusers.d $D$(PREFIX)/share/man/man1 $D$(PREFIX)/share/man/man5 \
	    $D$(PREFIX)/share/man/man8 \
	    $D$(PREFIX)/share/doc/tenantd $D/etc/tenantd/conf.d $D/etc/nginx/conf.d \
	    $D/etc/logrotate.d
	$(foreach p,$(filter-out $(PHP_PROGRAMS),$(PROGRAMS)),install -m 0755 $(call binary,$p) \
	    $D$(call place,$p) &&) :
	for u in $(UNITS); do \
	    $(paths) $$u | install -m 0644 /dev/stdin $D$(UNITDIR)/$${u##*/} || exit 1; done
	install -m 0644 packaging/systemd/sysusers.conf $D$(PREFIX)/lib/sysusers.d/tenantd.conf
	install -D -m 0644 packaging/systemd/tmpfiles.conf $D$(PREFIX)/lib/tmpfiles.d/tenantd.conf
	install -D -m 0644 packaging/systemd/nginx.conf $D$(UNITDIR)/nginx.service.d/tenantd.conf
	install -m 0644 packaging/nginx/tenantd.conf $D/etc/nginx/conf.d
	install -m 0644 packaging/logrotate.conf $D/etc/logrotate.d/tenantd
	install -D -m 0644 packaging/completion/tenantctl.bash \
	    $D$(PREFIX)/share/bash-completion/completions/tenantctl
	install -D -m 0644 packaging/completion/_tenantctl \
	    $D$(PREFIX)/share/zsh/vendor-completions/_tenantctl
	install -D -m 0644 packaging/completion/tenantctl.fish \
	    $D$(PREFIX)/share/fish/vendor_completions.d/tenantctl.fish
	$B/gen tenantd.conf | install -m 0644 /dev/stdin $D/etc/tenantd/tenantd.conf
	for m in 1/tenantctl.1 5/tenantd.conf.5 8/tenantd.8; do $B/gen $${m#*/} | gzip -9n | \
	    install -m 0644 /dev/stdin $D$(PREFIX)/share/man/man$$m.gz || exit 1; done
	install -m 0644 LICENSE $D$(PREFIX)/share/doc/tenantd/copyright

deb:
	$Qrm -rf $B/deb
	$Q$(MAKE) --no-print-directory install B=$B PREFIX=/usr DESTDIR=$B/deb >/dev/null
	$Qpackaging/deb/build.sh $B/deb $B/tenantd_$(VERSION).deb $(VERSION) $(PHP)

# One more version beside it, of the same source:
#   make deb-php PHP_CONFIG=/usr/bin/php-config8.4 B=build/php8.4
deb-php:
	$Qrm -rf $B/deb-php
	$Q$(MAKE) --no-print-directory install-php B=$B PREFIX=/usr DESTDIR=$B/deb-php >/dev/null
	$Qpackaging/deb/build.sh $B/deb-php $B/tenantd-php$(PHP)_$(VERSION).deb $(VERSION) $(PHP) \
	    control-php.in

clean:
	rm -rf build compile_commands.json

.PHONY: all unit run bench clean check mutants check-fast check-drill check-load check-vm gen golden fuzzers fuzz \
        php install install-php deb deb-php
.DELETE_ON_ERROR:
.SECONDARY:
-include $(SOURCES:%.c=$B/%.d)
