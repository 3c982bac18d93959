# METADATA
# title: objects do not need each other in circles
# description: |
#   Detects objects that need each other by DT_NEEDED, and objects whose initialisers may open each other with dlopen.
#
#   Such a group loads, but one of it runs its initialisers before what it uses has run its own; a dlopen from an
#   initialiser back into an object that is half initialised works on data that is not there yet.
#
#   Move what both use into a third library, or open the other one after the initialisers.
# related_resources:
#   - ref: https://www.sco.com/developers/gabi/latest/ch5.dynamic.html
#     description: gABI chapter 5, "Initialization and Termination Functions"
# custom:
#   severity: warning
#   facts: [predictions.cycles]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.linkage.cycles

import data.elfgate.lib

findings contains finding if {
	some cycle in input.predictions.cycles
	finding := {
		"path": cycle.paths[0],
		"message": message(cycle),
		"evidence": [{"at": step.at, "label": step.path, "value": step.value} | some step in array.slice(cycle.evidence, 0, 8)],
		"notes": [],
		"help": "move what they share into a library that needs none of them",
	}
}

message(cycle) := sprintf("%s need each other; one of them is initialised before what it uses", [
	lib.summary(cycle.paths, 4),
]) if {
	cycle.kind == "needed"
}

message(cycle) := sprintf("%s may open each other while they are initialised: they import dlopen and name each other", [
	lib.summary(cycle.paths, 4),
]) if {
	cycle.kind == "initialiser"
}
