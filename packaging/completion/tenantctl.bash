# SPDX-License-Identifier: Apache-2.0
# Completion of tenantctl for bash; tenantctl itself tells what fits.
# shellcheck shell=bash

_tenantctl() {
	local line=${COMP_LINE:0:COMP_POINT} candidate begun
	local -a words

	# COMP_WORDS cuts `pids_max=5` at the '='; the line does not.
	read -r -a words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	begun=${words[-1]}
	COMPREPLY=()
	while IFS=$'\t' read -r candidate _; do
		# What stands before the last '=' is no part of the word for readline.
		[[ $COMP_WORDBREAKS == *=* && $begun == *=* ]] && candidate=${candidate#"${begun%=*}="}
		COMPREPLY+=("$candidate")
	done < <("${words[0]}" --complete "${words[@]:1}" 2>/dev/null)
	# `OPTION=` and `env.` wait for more.
	[[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=.] ]] && compopt -o nospace 2>/dev/null
	return 0
}
complete -o default -F _tenantctl tenantctl
