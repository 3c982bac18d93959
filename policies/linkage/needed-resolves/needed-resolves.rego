# METADATA
# title: libraries that objects need are found
# description: |
#   Detects programs and libraries that need a library (DT_NEEDED) which the root's loader does not find, or finds and
#   refuses, searching as it would: DT_RPATH, DT_RUNPATH, ld.so.cache and its own directories.
#
#   A program stops with `error while loading shared libraries`; a dlopen of a library fails, unless the process has the
#   missing one already.
#
#   Add the package that holds the library, or link with a DT_RUNPATH that leads to it.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man8/ld.so.8.html
#     description: ld.so(8), the order of the search
# custom:
#   severity: error
#   facts: [predictions.linkage, elf.needed]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.linkage["needed-resolves"]

import data.elfgate.lib

findings contains finding if {
	some object in input.predictions.linkage
	count(object.missing) > 0
	names := [name | some missing in object.missing; name := described(missing)]
	finding := {
		"path": object.path,
		"message": sprintf("%s %s", [lib.summary(names, 3), consequence(object)]),
		"severity": severity(object),
		"evidence": [{"at": "DT_NEEDED", "label": sprintf("needed by %s", [missing.neededBy]), "value": missing.name} |
			some missing in array.slice(object.missing, 0, 8)
		],
		"notes": [note | some missing in object.missing; some note in notes(missing)],
		"help": help(object.missing[0]),
	}
}

findings contains lib.unknown(object.path, object.undecided) if {
	some object in input.predictions.linkage
	object.undecided != null
}

findings contains lib.unknown(
	object.path,
	"no root file system is given: check the directory or image that holds its libraries",
) if {
	not lib.has_root
	some object in input.binaries
	count(object.elf.needed) > 0
}

described(missing) := missing.name if missing.refused == null

described(missing) := sprintf("%s (%s)", [missing.name, missing.refused]) if missing.refused != null

consequence(object) := "is not in the root; starting the program fails with \"error while loading shared libraries\"" if {
	object.program
} else := "is not in the root; loading the library fails unless the process has it already"

severity(object) := "error" if {
	object.program
} else := "warning"

notes(missing) := [sprintf("%s is there, outside of the search path", [missing.elsewhere])] if {
	missing.elsewhere != null
} else := []

help(missing) := sprintf("link %s with -Wl,-rpath,/%s, or add the directory to ld.so.conf", [
	missing.neededBy,
	directory(missing.elsewhere),
]) if {
	missing.elsewhere != null
} else := sprintf("add the package that holds %s", [missing.name])

directory(path) := concat("/", array.slice(parts, 0, count(parts) - 1)) if parts := split(path, "/")
