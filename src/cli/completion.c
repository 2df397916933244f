/* SPDX-License-Identifier: Apache-2.0
 * completion.c - `tollgate completion`: the part of completion that a shell reads. It asks `tollgate complete` (complete.c) for each word,
 * so that it never has to be written again when a verb changes. */
#include <unistd.h>

#include "cli/verb.h"

static const char bash[] =
    "# bash completion for tollgate; for this shell: source <(tollgate completion bash)\n"
    "_tollgate() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} line name\n"
    "    [ \"$word\" != = ] || word=\n"
    "    COMPREPLY=()\n"
    "    while IFS= read -r line; do\n"
    "        if [ \"$line\" = :files ]; then\n"
    "            compopt -o filenames 2>/dev/null\n"
    "            while IFS= read -r name; do COMPREPLY+=(\"$name\"); done < <(compgen -f -- \"$word\")\n"
    "        else\n"
    "            COMPREPLY+=(\"$(printf %q \"${line%%$'\\t'*}\")\")\n"
    "        fi\n"
    "    done < <(\"${COMP_WORDS[0]}\" complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "}\n"
    "complete -F _tollgate tollgate\n";

static const char zsh[] =
    "#compdef tollgate\n"
    "# zsh completion for tollgate; for good: put it into a folder of $fpath, as _tollgate\n"
    "_tollgate() {\n"
    "    local line word tab=$'\\t'\n"
    "    local -a found\n"
    "    while IFS= read -r line; do\n"
    "        if [[ $line == :files ]]; then\n"
    "            _files\n"
    "        else\n"
    "            word=${line%%$tab*}\n"
    "            found+=(\"${word//:/\\\\:}:${line#*$tab}\")\n"
    "        fi\n"
    "    done < <($words[1] complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\n"
    "    (( $#found )) && _describe -V tollgate found\n"
    "}\n"
    "if [[ $funcstack[1] == _tollgate ]]; then _tollgate \"$@\"; else compdef _tollgate tollgate; fi\n";

static const char fish[] =
    "# fish completion for tollgate; for good: put it into ~/.config/fish/completions/tollgate.fish\n"
    "function __tollgate_complete\n"
    "    set -l words (commandline -opc)\n"
    "    set -l word (commandline -ct)\n"
    "    for line in ($words[1] complete $words[2..-1] \"$word\" 2>/dev/null)\n"
    "        if test \"$line\" = :files\n"
    "            __fish_complete_path \"$word\"\n"
    "        else\n"
    "            echo $line\n"
    "        end\n"
    "    end\n"
    "end\n"
    "complete -c tollgate -f -a '(__tollgate_complete)'\n";

static int run(struct cli *c)
{
    static const struct { const char *shell, *text; } scripts[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };
    for (size_t i = 0; i < 3 && c->operand_count; i++) {
        if (!span_is(c->operands[0], span_of(scripts[i].shell)))
            continue;
        fputs(scripts[i].text, stdout);
        return EXIT_DONE;
    }
    return usage_error(c, "found \"%.*s\"; allowed: bash, zsh, fish", SPAN_ARG(c->operand_count ? c->operands[0] : SPAN("")));
}

const struct verb verb_completion = {
    .name = "completion",
    .summary = "what a shell needs to complete command lines: bash, zsh, fish",
    .usage = "  tollgate completion bash|zsh|fish     for this shell: source <(tollgate completion bash)\n",
    .operands = 1,
    .run = run,
};
