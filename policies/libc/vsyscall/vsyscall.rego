# METADATA
# title: code does not call the fixed vsyscall page
# description: |
#   Detects x86-64 code that calls into the page at 0xffffffffff600000, as glibc up to 2.13 and programs linked
#   statically with it do.
#
#   On a node booted with `vsyscall=none` the first such call, often the one for the time of day, ends the process with
#   SIGSEGV. `emulate` and `xonly` run it.
#
#   Rebuild against glibc 2.14 or newer, or boot the node with `vsyscall=emulate`. The parameter `mode` states what
#   your nodes do.
# related_resources:
#   - ref: https://docs.kernel.org/admin-guide/kernel-parameters.html
#     description: "Linux kernel parameters: vsyscall="
# custom:
#   severity: warning
#   facts: [libc.usesVsyscall, libc.vsyscalls]
#   sets: [recommended, strict, marketplace]
#   params:
#     mode:
#       description: how the nodes treat the vsyscall page
#       enum: [unknown, none, xonly, emulate]
#       default: unknown
package elfgate.rules.libc.vsyscall

import data.elfgate.lib

mode := data.elfgate.parameters.libc.vsyscall.mode

findings contains finding if {
	mode in ["unknown", "none"]
	some candidate in input.binaries
	candidate.libc.usesVsyscall
	finding := {
		"path": candidate.path,
		"message": sprintf("calls %s through the fixed vsyscall page; %s", [
			lib.summary(sort({call.entry | some call in candidate.libc.vsyscalls}), 3),
			consequence,
		]),
		"severity": severity,
		"evidence": [{"at": call.at, "label": "calls", "value": call.entry} |
			some call in array.slice(candidate.libc.vsyscalls, 0, 8)
		],
		"help": "rebuild against glibc 2.14 or newer, or boot the node with vsyscall=emulate",
	}
}

consequence := "on these nodes (vsyscall=none) it dies with SIGSEGV when it gets there" if {
	mode == "none"
} else := "on nodes booted with vsyscall=none it dies with SIGSEGV when it gets there"

severity := "error" if {
	mode == "none"
} else := "warning"
