# METADATA
# title: plugins load after each other
# description: |
#   Detects a plugin that its host would load alone and does not load after the others: duplicates of one plugin, two
#   builds of a package that only plugins hold, and plugins behind one that fails or ends the process.
#
#   A plugin stays in the process, also one that plugin.Open refused. What it brought decides for all that come after it:
#   another build of a shared package makes them fail, and the same build gives them types that are not the ones they
#   were compiled against, so that type assertions are false without any error.
#
#   Build plugins that share packages from the same versions, give each a package path of its own, and open those that
#   load before those that may fail.
# related_resources:
#   - ref: https://github.com/golang/go/issues/32095
#     description: a plugin that failed keeps later ones from loading
#   - ref: https://github.com/golang/go/issues/29525
#     description: one plugin under two names
# custom:
#   severity: error
#   facts: [predictions.sequences]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.plugin["load-order"]

import data.elfgate.lib

findings contains finding if {
	some sequence in input.predictions.sequences
	some result in sequence.results
	result.alone == "loads"
	not result.undecided
	problem := problems(result)
	finding := {
		"path": result.plugin,
		"message": sprintf("plugin loads alone, and %s %s; %s", [problem, after(result), ordering[sequence.order]]),
		"severity": severity(sequence.order, result.outcome),
		"evidence": [{"at": earlier.at, "label": "earlier plugin", "value": earlier.value, "path": earlier.path, "target": earlier.target} |
			some earlier in [result.earlier]
			earlier != null
		],
		"notes": [sprintf("outcome: %s", [result.message]) | result.message != null],
		"help": help(result),
	}
}

findings contains lib.unknown(result.plugin, reason) if {
	some sequence in input.predictions.sequences
	some result in sequence.results
	result.undecided
	not result.aloneUndecided
	reason := sprintf("what the plugins before it do to the process is not known%s", [blamed(result)])
}

problems(result) := "is refused" if {
	result.outcome == "fails"
} else := "ends the process" if {
	result.outcome == "crashes"
} else := "is never opened" if {
	result.outcome == "not-reached"
} else := "does not share types" if {
	result.reason == "types-not-unified"
}

after(result) := sprintf("after %s", [result.earlier.path]) if {
	result.earlier != null
} else := "after the plugins before it"

blamed(result) := sprintf(": %s", [result.earlier.path]) if {
	result.earlier != null
} else := ""

ordering := {
	"given": "they are opened in the order that was given",
	"by-path": "so it is when they are opened in the order of their paths",
	"reversed": "so it is when they are opened in the reverse order of their paths",
}

# Nobody says in which order plugins that were found are opened.
severity("given", outcome) := "error" if outcome != "loads"

severity("given", "loads") := "warning"

severity("by-path", _) := "warning"

severity("reversed", _) := "warning"

help(result) := "open one file of each plugin only, or give each a package path of its own" if {
	result.reason == "already-loaded"
} else := "open the plugins that load before the ones that fail, or remove those" if {
	result.reason in {"types-not-unified", "process-ended", "open-hangs", "module-list-broken"}
} else := "build the plugins that share packages from the same versions and with the same flags"
