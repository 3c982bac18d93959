# METADATA
# title: objects that share symbols ask for the global scope
# description: |
#   Detects an object whose undefined symbols are defined only by another object of the given set that it does not need
#   (no DT_NEEDED leads to it).
#
#   Such an object loads only when the other was opened before it with RTLD_GLOBAL. With RTLD_LOCAL, the default of
#   dlopen, loading fails with `undefined symbol`, or with lazy binding the first call does.
#
#   Link the object against what it uses (`-lprovider`), or open the provider with RTLD_NOW | RTLD_GLOBAL first.
#   Set the parameter `mode` to what your loader does: Go's plugin.Open uses RTLD_GLOBAL, Python's ctypes RTLD_LOCAL.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man3/dlopen.3.html
#     description: dlopen(3)
# custom:
#   severity: warning
#   facts: [predictions.globalScope]
#   sets: [recommended, strict, marketplace]
#   params:
#     mode:
#       description: the scope in which the loader opens these objects
#       enum: [unknown, local, global]
#       default: unknown
package elfgate.rules.linkage["rtld-global"]

import data.elfgate.lib

mode := data.elfgate.parameters.linkage["rtld-global"].mode

findings contains finding if {
	mode != "global"
	some need in input.predictions.globalScope
	symbols := [symbol | some symbol in need.symbols; symbol.provider != null]
	count(symbols) > 0
	providers := sort({symbol.provider | some symbol in symbols})
	finding := {
		"path": need.path,
		"message": sprintf("%s comes only from %s, which it does not need; %s", [
			lib.summary([symbol.name | some symbol in symbols], 3),
			lib.summary(providers, 2),
			consequence(need),
		]),
		"severity": severity(need),
		"evidence": [{"at": ".dynsym", "label": "undefined", "value": symbol.name} |
			some symbol in array.slice(symbols, 0, 8)
		],
		"notes": certainty(need),
		"help": sprintf("link it against %s, or open that first with RTLD_NOW | RTLD_GLOBAL", [concat(" and ", providers)]),
	}
}

findings contains lib.unknown(need.path, reason) if {
	some need in input.predictions.globalScope
	names := [symbol.name | some symbol in need.symbols; symbol.provider == null]
	count(names) > 0
	reason := sprintf("nothing that was given or is needed defines %s: name the objects that are loaded before it", [lib.summary(names, 3)])
}

consequence(need) := "with RTLD_LOCAL it fails with undefined symbol" if {
	mode == "local"
	need.certain
} else := "it loads only after that was opened with RTLD_GLOBAL"

severity(need) := "error" if {
	mode == "local"
	need.certain
} else := "warning"

certainty(need) := [] if {
	need.certain
} else := ["a needed library outside the given set could define it too"]
