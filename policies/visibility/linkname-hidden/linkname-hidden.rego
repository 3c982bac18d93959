# METADATA
# title: Go refers to no symbol that another object hides
# description: |
#   Detects a shared object with Go code, such as a plugin, whose cgo call or `//go:linkname` refers to a symbol that an
#   object has and keeps to itself: a `static` function, or one compiled with `-fvisibility=hidden`.
#
#   The linker accepts an undefined symbol in a shared object. The loader does not: plugin.Open and dlopen fail with
#   `undefined symbol`, although `nm` shows the name in the library.
#
#   Export the symbol where it is defined, with `__attribute__((visibility("default")))` or without `static`, or call a
#   function that the library offers.
# related_resources:
#   - ref: https://gcc.gnu.org/wiki/Visibility
#     description: -fvisibility=hidden
#   - ref: https://pkg.go.dev/cmd/compile#hdr-Compiler_Directives
#     description: "//go:linkname"
# custom:
#   severity: error
#   facts: [predictions.hiddenReferences]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.visibility["linkname-hidden"]

import data.elfgate.lib

findings contains finding if {
	some pair in pairs
	references := [reference |
		some reference in input.predictions.hiddenReferences
		reference.path == pair.path
		reference.hiddenIn.path == pair.holder
	]
	names := sort([reference.symbol | some reference in references])
	finding := {
		"path": pair.path,
		"message": sprintf("refers to %s, which %s keeps to itself; opening it fails with \"undefined symbol\"", [
			lib.summary(names, 3),
			holder_name(pair),
		]),
		"evidence": [item |
			some reference in array.slice(references, 0, 8)
			some item in [
				{"at": reference.at, "label": "undefined", "value": reference.symbol},
				{"at": reference.hiddenIn.at, "label": "local", "value": reference.symbol, "path": pair.holder},
			]
		],
		"notes": lib.rest(count(references), 8),
		"help": sprintf("declare %s with __attribute__((visibility(\"default\"))) and without static", [
			lib.summary(names, 3),
		]),
	}
}

findings contains lib.unknown(path, doubts[0]) if {
	some path in {reference.path | some reference in input.predictions.hiddenReferences}
	doubts := sort([sprintf("%s, and may hide %s", [reference.doubt, reference.symbol]) |
		some reference in input.predictions.hiddenReferences
		reference.path == path
		reference.doubt != null
	])
	count(doubts) > 0
}

pairs contains {"path": reference.path, "holder": reference.hiddenIn.path} if {
	some reference in input.predictions.hiddenReferences
	reference.hiddenIn != null
}

holder_name(pair) := "its own C code" if {
	pair.path == pair.holder
} else := pair.holder
