# METADATA
# title: symbols that objects refer to are defined
# description: |
#   Detects strong references that no object in the scope defines: for a program, of it and all of its libraries; for a
#   library on its own, what nothing in the root defines at all.
#
#   What is bound at once stops the program when it starts, or makes dlopen fail; a function that is bound lazily ends the
#   process when it is first called: `symbol lookup error`, exit code 127.
#
#   Install the release of the library that the object was linked against, or link the object against what defines it.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man8/ld.so.8.html
#     description: ld.so(8), LD_BIND_NOW
# custom:
#   severity: error
#   facts: [predictions.linkage]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.linkage["symbols-resolve"]

import data.elfgate.lib

# A library that is missing may be the one that defines them: linkage/needed-resolves stands for both.
findings contains finding if {
	some object in input.predictions.linkage
	object.undecided == null
	count(object.missing) == 0
	symbols := undefined(object)
	count(symbols) > 0
	finding := {
		"path": object.path,
		"message": sprintf("%s %s", [lib.summary([symbol.symbol | some symbol in symbols], 3), consequence(object, symbols)]),
		"severity": severity(object, symbols),
		"evidence": [{"at": ".dynsym", "label": sprintf("undefined in %s", [symbol.neededBy]), "value": versioned(symbol)} |
			some symbol in array.slice(symbols, 0, 8)
		],
		"notes": lib.rest(count(symbols), 8),
		"help": "install the release of the library that it was linked against, or link it against what defines the symbol",
	}
}

findings contains lib.unknown(object.path, reason) if {
	some object in input.predictions.linkage
	count(object.missing) > 0
	object.unresolvedCount > 0
	reason := sprintf("%s is missing and may define %s", [
		object.missing[0].name,
		lib.counted(object.unresolvedCount, "undefined symbol"),
	])
}

findings contains lib.unknown(object.path, object.undecided) if {
	some object in input.predictions.linkage
	object.undecided != null
}

# What another object of the root defines is there once that is loaded: linkage/rtld-global.
undefined(object) := object.unresolved if object.program

undefined(object) := [symbol | some symbol in object.unresolved; symbol.elsewhere == null] if not object.program

consequence(object, symbols) := text if {
	at_once(symbols)
	text := start(object)
} else := "is defined by nothing; the first call ends the process with \"symbol lookup error\""

start(object) := "is defined by nothing; starting the program fails with \"undefined symbol\"" if {
	object.program
} else := "is defined by nothing in the root; the library loads only into a process that defines it"

severity(object, symbols) := "error" if {
	object.program
	at_once(symbols)
} else := "warning" if {
	object.program
} else := "warning" if {
	at_once(symbols)
} else := "info"

at_once(symbols) if {
	some symbol in symbols
	not symbol.lazy
}

versioned(symbol) := symbol.symbol if symbol.version == null

versioned(symbol) := sprintf("%s@%s", [symbol.symbol, symbol.version]) if symbol.version != null
