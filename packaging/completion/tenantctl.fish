# SPDX-License-Identifier: Apache-2.0
# Completion of tenantctl for fish; tenantctl itself tells what fits.

function __tenantctl_complete
	set -l words (commandline -opc) (commandline -ct)
	$words[1] --complete $words[2..-1] 2>/dev/null
end
complete -c tenantctl -f -a '(__tenantctl_complete)'
complete -c tenantctl -l socket -r -F
