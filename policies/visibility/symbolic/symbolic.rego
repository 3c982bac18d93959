# METADATA
# title: an object does not bind to itself first
# description: |
#   Detects DT_SYMBOLIC (`-Bsymbolic`) and exported names of protected visibility: references inside the object then
#   reach its own definitions before those of the program.
#
#   A Go plugin linked this way finds its own copy of the runtime instead of the host's; plugin.Open ends the host
#   process. In C++ the same type gets two identities, so that exceptions are not caught; LD_PRELOAD and interposing
#   allocators miss the object.
#
#   Link without `-Bsymbolic`; `-Bsymbolic-functions` or hidden visibility keep most of its speed.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man1/ld.1.html
#     description: ld(1), -Bsymbolic
# custom:
#   severity: warning
#   facts: [elf.flags, elf.surface.protectedNames]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.visibility.symbolic

import data.elfgate.lib

findings contains finding if {
	some candidate in input.binaries
	"SYMBOLIC" in candidate.elf.flags
	not candidate.elf.program
	finding := {
		"path": candidate.path,
		"message": sprintf("linked with -Bsymbolic: it binds to its own definitions first; %s", [consequence(candidate)]),
		"severity": severity(candidate),
		"evidence": [{"at": "dynamic section", "label": "flag", "value": "DT_SYMBOLIC"}],
		"help": "link without -Wl,-Bsymbolic",
	}
}

findings contains finding if {
	some candidate in input.binaries
	names := candidate.elf.surface.protectedNames
	count(names) > 0
	finding := {
		"path": candidate.path,
		"message": sprintf("%s cannot be interposed (protected visibility); LD_PRELOAD and address comparisons miss it", [lib.summary(names, 3)]),
		"severity": "info",
		"evidence": [{"at": ".dynsym", "label": "protected", "value": name} | some name in array.slice(names, 0, 8)],
		"help": null,
	}
}

consequence(candidate) := "plugin.Open finds a second runtime and kills the host" if {
	candidate.go.plugin != null
} else := "interposition and C++ type identity across objects are lost"

severity(candidate) := "error" if {
	candidate.go.plugin != null
} else := "warning"
