# METADATA
# title: the C library is new enough
# description: |
#   Detects a binary that asks for symbol versions of a newer glibc than the root file system has, or than the oldest
#   node has that it may run on.
#
#   The loader refuses it: `version 'GLIBC_2.38' not found`.
#
#   Build on the oldest distribution that it must run on, link statically against musl, or use a newer base image. The
#   parameter `glibc` states the oldest release that your nodes have.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man8/ld.so.8.html
#     description: ld.so(8)
# custom:
#   severity: error
#   facts: [libc.minimum, root.libc.version]
#   sets: [recommended, strict, marketplace]
#   params:
#     glibc:
#       description: oldest glibc that binaries without a root of their own must run with, as 2.31
#       type: [string, "null"]
#       pattern: ^[0-9]+(\.[0-9]+)+$
#       default: null
package elfgate.rules.libc.minimum

import data.elfgate.lib

oldest := data.elfgate.parameters.libc.minimum.glibc

available := {"version": input.root.libc.version, "where": input.root.libc.path} if {
	input.root.libc.kind == "glibc"
	input.root.libc.version != null
} else := {"version": oldest, "where": "oldest node"} if {
	oldest != null
}

# A list, as whole binaries are costly to keep in a set.
dependent := [candidate |
	some candidate in input.binaries
	candidate.libc.linkage == "dynamic"
	candidate.libc.minimum != null
]

findings contains finding if {
	some candidate in dependent
	lib.release(candidate.libc.minimum) > lib.release(available.version)
	finding := {
		"path": candidate.path,
		"message": sprintf("needs glibc %s, but %s is there; the loader will refuse it", [candidate.libc.minimum, available.version]),
		"evidence": [
			{
				"at": ".gnu.version_r",
				"label": "needs",
				"value": sprintf("GLIBC_%s of %s", [candidate.libc.minimum, candidate.libc.minimumLibrary]),
			},
			{"at": available.where, "label": "has", "value": sprintf("glibc %s", [available.version])},
		],
		"help": "build it on the oldest distribution it must run on, or use a newer base image",
	}
}

findings contains lib.unknown(candidate.path, reason) if {
	not available
	not told_by_interpreter
	some candidate in dependent
	reason := sprintf("it needs glibc %s, and neither a root nor the parameter glibc says what is there", [candidate.libc.minimum])
}

# What a root without glibc does to a program is told by linkage/interpreter.
told_by_interpreter if {
	input.root.libc.kind != "glibc"
}

told_by_interpreter if {
	lib.has_root
	input.root.libc == null
}
