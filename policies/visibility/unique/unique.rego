# METADATA
# title: a plugin can be unloaded
# description: |
#   Detects symbols of STB_GNU_UNIQUE binding, which C++ compilers give to static members and inline variables of
#   templates.
#
#   Such a symbol is the same in the whole process, whatever scope it was loaded in, and pins its object: dlclose
#   succeeds and unloads nothing. A plugin that is reloaded keeps running its old code.
#
#   Compile with `-fno-gnu-unique`, or hide the type that holds the variable.
# related_resources:
#   - ref: https://gcc.gnu.org/onlinedocs/gcc/Code-Gen-Options.html
#     description: "GCC: -fno-gnu-unique"
# custom:
#   severity: warning
#   facts: [elf.surface.uniqueNames]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.visibility.unique

import data.elfgate.lib

findings contains finding if {
	some candidate in input.binaries
	names := candidate.elf.surface.uniqueNames
	count(names) > 0
	finding := {
		"path": candidate.path,
		"message": sprintf("%s of unique binding: once loaded, it can never be unloaded", [lib.summary(names, 2)]),
		"evidence": [{"at": ".dynsym", "label": "unique", "value": name} | some name in array.slice(names, 0, 8)],
		"help": "c++ -fno-gnu-unique …",
	}
}
