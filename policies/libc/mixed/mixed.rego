# METADATA
# title: one process has one C library
# description: |
#   Detects objects that were linked with glibc and with musl and that come into one process: a program and a library that
#   it needs, or a plugin and the host that opens it.
#
#   musl's loader takes itself for glibc: functions that it lacks are missing, and those that it has may take structures
#   of another layout. glibc's loader maps both: the process has two heaps and two ideas of a thread, and dies where a
#   pointer goes from one to the other.
#
#   Build both for the C library of the image that they run in: Alpine has musl, Debian and Red Hat have glibc.
# related_resources:
#   - ref: https://wiki.musl-libc.org/functional-differences-from-glibc
#     description: functional differences between musl and glibc
# custom:
#   severity: error
#   facts: [predictions.mixtures, predictions.linkage, libc.kind]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.libc.mixed

import data.elfgate.lib

findings contains finding if {
	some mixture in input.predictions.mixtures
	finding := {
		"path": mixture.path,
		"message": sprintf("is linked with %s, and %s %s, which is linked with %s; %s", [
			mixture.libc,
			wording[mixture.why],
			mixture.other.path,
			mixture.other.libc,
			consequence[right(mixture)],
		]),
		"severity": severity[right(mixture)],
		"evidence": [
			{"at": "PT_INTERP and DT_NEEDED", "label": wording_of_self[mixture.why], "value": mixture.libc},
			object.union(
				{"at": "PT_INTERP and DT_NEEDED", "label": wording_of_other[mixture.why], "value": mixture.other.libc},
				place(mixture.other),
			),
		],
		"help": sprintf("build %s for %s, the C library of its process", [wrong(mixture), right(mixture)]),
	}
}

# What a library search that cannot be followed would find is not known.
findings contains lib.unknown(linked.path, linked.undecided) if {
	some linked in input.predictions.linkage
	linked.undecided != null
}

consequence := {
	"musl": "musl's loader binds both to musl, which lacks functions of glibc and lays out others differently",
	"glibc": "the process has two C libraries and dies where one meets what the other made",
}

severity := {"musl": "warning", "glibc": "error"}

wording := {"needed": "needs", "opened": "is opened by"}

wording_of_self := {"needed": "object", "opened": "plugin"}

wording_of_other := {"needed": "needed library", "opened": "host"}

# The process is that of the program, or of the host.
wrong(mixture) := mixture.other.path if {
	mixture.why == "needed"
} else := mixture.path

right(mixture) := mixture.libc if {
	mixture.why == "needed"
} else := mixture.other.libc

place(other) := {"path": other.path} if {
	other.target == input.subject.name
} else := {"path": other.path, "target": other.target}
