# METADATA
# title: a process holds one Go runtime
# description: |
#   Detects an object that brings a Go runtime of its own into the process of a Go program: a library built with
#   `-buildmode=c-shared` that the program needs, preloads or opens, and a plugin that is not joined to its host's runtime.
#
#   plugin.Open does not find the module of such an object and kills the host. Where C calls keep the two apart they
#   coexist, with two schedulers, two garbage collectors and one set of signal handlers; a pointer, a panic or a patched
#   call that crosses over ends in `unexpected return pc`.
#
#   Build what a Go program opens with `-buildmode=plugin`, link Go code into the program itself, or run the library in a
#   process of its own.
# related_resources:
#   - ref: https://github.com/golang/go/issues/23133
#     description: "Go issue 23133: unexpected return pc with two runtimes"
#   - ref: https://pkg.go.dev/cmd/go#hdr-Build_modes
#     description: c-shared and plugin
# custom:
#   severity: warning
#   facts: [predictions.secondRuntimes, predictions.plugins]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.tracing["second-go-runtime"]

import data.elfgate.lib

findings contains finding if {
	some runtime in input.predictions.secondRuntimes
	runtime.by != "unknown"
	finding := {
		"path": runtime.path,
		"message": sprintf("%s brings a second Go runtime into %s; %s", [
			subject[runtime.by],
			runtime.process.path,
			consequence(runtime),
		]),
		"severity": severity(runtime),
		"evidence": array.concat(
			[{
				"at": runtime.at,
				"label": way[runtime.by],
				"value": runtime.value,
				"path": runtime.process.path,
				"target": runtime.process.target,
			}],
			[{"at": go.versionAt, "label": "second", "value": go.version} |
				go := lib.binary(runtime.path).go
				go.version != null
			],
		),
		"notes": [sprintf("outcome: %s", [prediction.message]) |
			some prediction in [opening(runtime)]
			prediction.message != null
		],
		"help": help[runtime.by],
	}
}

findings contains lib.unknown(runtime.path, "nothing that is checked with it loads it: it is a second Go runtime in a Go process only") if {
	some runtime in input.predictions.secondRuntimes
	runtime.by == "unknown"
}

subject := {
	"needed": "library written in Go",
	"preload": "preloaded library written in Go",
	"plugin": "object opened as a plugin",
}

way := {"needed": "needed by", "preload": "preloaded into", "plugin": "host"}

help := {
	"needed": "link the Go package into the program, or run the library in a process of its own",
	"preload": "unset LD_PRELOAD for Go programs",
	"plugin": "go build -buildmode=plugin …",
}

opening(runtime) := pair.prediction if {
	runtime.by == "plugin"
	some pair in input.predictions.plugins
	pair.plugin == runtime.path
	pair.host.path == runtime.process.path
	pair.host.target == runtime.process.target
	pair.prediction != null
}

consequence(runtime) := "plugin.Open will kill the host" if {
	opening(runtime).outcome == "crashes"
} else := "plugin.Open takes another plugin's module for its own" if {
	runtime.by == "plugin"
} else := "signals, profiles and whatever crosses between the two are not safe"

severity(runtime) := "error" if {
	opening(runtime).outcome == "crashes"
} else := "warning"
