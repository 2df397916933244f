# Tollgate's only build description. Sources are found by glob: adding a file needs no edit here.
#
#   make                      build/tollgate (release)
#   make install              the binary, its manual, completion for shells (PREFIX, DESTDIR)
#   make unit sim ledger_sim  the C test programs, build/<variant>/unit, ...
#   make VARIANT=asan unit    the same under AddressSanitizer and UBSan; VARIANT=tsan: ThreadSanitizer
#   make CC=clang VARIANT=clang
#   make bench                build/release/upstream and ledger_bench, for script/bench
#   make fuzz                 fuzz drivers (clang, libFuzzer)
#   make tidy | layers        clang-tidy | the direction of includes
# Every variant builds below build/<variant>/.

VARIANT ?= release
OUT := build/$(VARIANT)
PACKAGES := libuv openssl sqlite3 yaml-0.1 simdjson zlib libpcre2-8

# Debian's node-llhttp ships llhttp's C sources; they are built as they are, with their own warnings off.
LLHTTP ?= /usr/share/llhttp
LLHTTP_INCLUDE ?= /usr/share/include/llhttp

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wvla -Wundef -Wwrite-strings -Wpointer-arith -Werror
CWARN := $(WARN) -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
OPT := -O2 -g -fno-omit-frame-pointer
LINKOPT :=
ifeq ($(VARIANT),asan)
# clang's UBSan sees more than gcc's: arithmetic on no pointer, say.
CC := clang
CXX := clang++
OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined
LINKOPT := -fsanitize=address,undefined
endif
ifeq ($(VARIANT),tsan)
OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
LINKOPT := -fsanitize=thread
endif
ifeq ($(VARIANT),fuzz)
CC := clang
CXX := clang++
OPT := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
LINKOPT := -fsanitize=address,undefined
endif
ifeq ($(VARIANT),clang)
CC := clang
CXX := clang++
endif
ifeq ($(VARIANT),release)
OPT += -D_FORTIFY_SOURCE=2 -fstack-protector-strong
LINKOPT := -Wl,-z,relro,-z,now
endif

CPPFLAGS := -Isrc -I. -isystem $(LLHTTP_INCLUDE) -D_GNU_SOURCE $(shell pkg-config --cflags $(PACKAGES))
CFLAGS := -std=c11 $(OPT) $(CWARN)
CXXFLAGS := -std=c++17 $(OPT) $(WARN) -fno-exceptions -fno-rtti
# hnswlib throws; an exact search is one loop.
$(OUT)/src/cache/graph.o: CXXFLAGS += -fexceptions
$(OUT)/src/cache/unit.o: CFLAGS += -O3
LIBS := $(shell pkg-config --libs $(PACKAGES)) -lwslay -lpthread -lm

# ONLY="base net" builds (and tests) just those folders: for work on a lower layer while an upper one is in pieces.
ONLY ?= *
SRC := $(sort $(wildcard $(ONLY:%=src/%/*.c)))
SRCXX := $(sort $(wildcard $(ONLY:%=src/%/*.cc)))
EMBED := $(sort $(wildcard vendors/*.yaml catalog/* docs/embed/*))
UI := $(shell find ui/src -type f) $(addprefix ui/,index.html package.json package-lock.json tsconfig.json vite.config.ts build)
OBJ := $(SRC:%.c=$(OUT)/%.o) $(SRCXX:%.cc=$(OUT)/%.o) $(OUT)/llhttp/llhttp.o $(OUT)/llhttp/api.o $(OUT)/llhttp/http.o $(OUT)/embed.o
UNIT := $(sort $(wildcard $(ONLY:%=test/unit/%/*.c)) test/unit/main.c)
SIM := $(sort $(wildcard test/sim/*.c))
LEDGER_SIM := $(sort $(wildcard test/ledger_sim/*.c))
FUZZ := $(sort $(wildcard test/fuzz/*_fuzz.c))

.PHONY: all install unit sim ledger_sim bench fuzz layers tidy clean print-cppflags
all: $(OUT)/tollgate
ifeq ($(VARIANT),release)
all: build/tollgate
build/tollgate: $(OUT)/tollgate
	@ln -sf release/tollgate $@
endif

$(OUT)/tollgate: $(OBJ) $(OUT)/src/main.o
	@echo "  LINK  $@"
	@$(CXX) $(LINKOPT) -o $@ $^ $(LIBS)

# The binary, its manual and what shells complete with; DESTDIR=... for packages. Manual and completion are written by the binary itself.
PREFIX ?= /usr/local
SHARE = $(DESTDIR)$(PREFIX)/share
install: $(OUT)/tollgate
	install -D -m 755 $< $(DESTDIR)$(PREFIX)/bin/tollgate
	install -d $(SHARE)/man/man1 $(SHARE)/bash-completion/completions $(SHARE)/zsh/site-functions $(SHARE)/fish/vendor_completions.d
	$< man --out $(SHARE)/man/man1
	$< completion bash > $(SHARE)/bash-completion/completions/tollgate
	$< completion zsh > $(SHARE)/zsh/site-functions/_tollgate
	$< completion fish > $(SHARE)/fish/vendor_completions.d/tollgate.fish

unit: $(OUT)/unit
$(OUT)/unit: $(OBJ) $(UNIT:%.c=$(OUT)/%.o)
	@echo "  LINK  $@"
	@$(CXX) $(LINKOPT) -o $@ $^ $(LIBS)

sim: $(OUT)/sim
$(OUT)/sim: $(OBJ) $(SIM:%.c=$(OUT)/%.o)
	@echo "  LINK  $@"
	@$(CXX) $(LINKOPT) -o $@ $^ $(LIBS)

ledger_sim: $(OUT)/ledger_sim
$(OUT)/ledger_sim: $(OBJ) $(LEDGER_SIM:%.c=$(OUT)/%.o)
	@echo "  LINK  $@"
	@$(CXX) $(LINKOPT) -o $@ $^ $(LIBS)

# The benchmarks' own upstream, and the books without a network.
bench: $(OUT)/upstream $(OUT)/ledger_bench $(OUT)/semantic_bench $(OUT)/store_bench
$(OUT)/upstream: $(OBJ) $(OUT)/bench/upstream.o
	@echo "  LINK  $@"
	@$(CXX) $(LINKOPT) -o $@ $^ $(LIBS)
$(OUT)/ledger_bench: $(OBJ) $(OUT)/bench/ledger.o
	@echo "  LINK  $@"
	@$(CXX) $(LINKOPT) -o $@ $^ $(LIBS)

$(OUT)/store_bench: $(OBJ) $(OUT)/bench/store.o
	@echo "  LINK  $@"
	@$(CXX) $(LINKOPT) -o $@ $^ $(LIBS)

$(OUT)/semantic_bench: $(OBJ) $(OUT)/bench/semantic.o
	@echo "  LINK  $@"
	@$(CXX) $(LINKOPT) -o $@ $^ $(LIBS)

ifeq ($(VARIANT),fuzz)
fuzz: $(FUZZ:test/fuzz/%.c=$(OUT)/%)
$(OUT)/%_fuzz: $(OUT)/test/fuzz/%_fuzz.o $(OBJ)
	@echo "  LINK  $@"
	@$(CXX) -fsanitize=fuzzer $(LINKOPT) -o $@ $^ $(LIBS)
else
fuzz:
	@$(MAKE) --no-print-directory VARIANT=fuzz fuzz
endif

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC    $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/%.o: %.cc
	@mkdir -p $(@D)
	@echo "  CXX   $<"
	@$(CXX) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	@echo "  CC    llhttp/$(<F)"
	@$(CC) -I$(LLHTTP_INCLUDE) -std=c11 $(OPT) -w -c -o $@ $<

# Files that travel inside the binary: manifests, the price book, the dashboard. Nobody builds another dashboard while one is read.
ui/dist/index.html: $(UI)
	@echo "  UI    ui/dist"
	@ui/build
$(OUT)/embed.o: $(EMBED) ui/dist/index.html script/embed Makefile
	@mkdir -p $(@D)
	@echo "  EMBED $(words $(EMBED)) files and ui/dist"
	@flock -s ui/.lock sh -ec 'script/embed $(EMBED) $$(find ui/dist -type f | LC_ALL=C sort) >$(OUT)/embed.S; $(CC) -c -o $@ $(OUT)/embed.S'

layers:
	@script/layers
print-cppflags:
	@echo $(CPPFLAGS)
tidy:
	@script/tidy
clean:
	rm -rf build

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
