# METADATA
# title: a bundled library stays inside
# description: |
#   Detects exported names of a well-known library (zlib, OpenSSL, protobuf and others) in an object that is not that
#   library: a copy was linked in statically and its names leaked.
#
#   Another object of the process that needs its own version of the library may be bound to this copy, and the copy to
#   the other: crashes that depend on the order of loading.
#
#   Link with `-Wl,--exclude-libs,ALL`, with a version script, or dynamically against the system's library.
# related_resources:
#   - ref: https://sourceware.org/binutils/docs/ld/Options.html
#     description: "ld: --exclude-libs"
# custom:
#   severity: warning
#   facts: [elf.surface.leaked]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.visibility["no-leaked-dependency"]

import data.elfgate.lib

findings contains finding if {
	some candidate in input.binaries
	some leak in candidate.elf.surface.leaked
	finding := {
		"path": candidate.path,
		"message": sprintf("exports %d names of a bundled %s; other objects may be bound to this copy", [leak.count, leak.library]),
		"evidence": [{"at": ".dynsym", "label": "exports", "value": name} | some name in leak.symbols],
		"notes": lib.rest(leak.count, count(leak.symbols)),
		"help": "cc -shared -Wl,--exclude-libs,ALL …",
	}
}
