# METADATA
# title: plugin.Open succeeds
# description: |
#   Detects a plugin that plugin.Open refuses, followed from the host and in its root: a library that it needs is not there
#   or lacks a version, nothing that is loaded defines a symbol, or it was given a plugin path that is not the one of its
#   symbols.
#
#   The plugin's own image or directory may hold what is missing: the loader looks where the host's process looks. Other
#   toolchains, packages of another build and hosts without plugin.Open have rules of their own.
#
#   Add the library to the root of the host, or link the plugin so that it finds it beside itself (`-Wl,-rpath,$ORIGIN`);
#   build it on a distribution as old as the host's; link it with what defines the symbol.
# related_resources:
#   - ref: https://pkg.go.dev/plugin#Open
#     description: plugin.Open
#   - ref: https://github.com/golang/go/issues/57301
#     description: -pluginpath
# custom:
#   severity: error
#   facts: [predictions.plugins]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.plugin.loads

import data.elfgate.lib

findings contains finding if {
	some pair in lib.go_pairs
	pair.prediction.outcome != "loads"
	not pair.prediction.undecided
	not told_elsewhere(pair)
	finding := {
		"path": pair.plugin,
		"message": message(pair.prediction),
		"evidence": [{
			"at": "plugin.Open",
			"label": "host",
			"value": pair.prediction.reason,
			"path": pair.host.path,
			"target": pair.host.target,
		}],
		"help": help(pair),
	}
}

findings contains lib.unknown(pair.plugin, reason) if {
	some pair in lib.go_pairs
	pair.prediction.undecided
	reason := undecided(pair.prediction.reason)
}

findings contains lib.unknown(pair.plugin, "host and plugin were not at hand together") if {
	some pair in lib.go_pairs
	pair.prediction == null
}

findings contains lib.unknown(plugin.path, "no host is known: name it with --host") if {
	some plugin in lib.plugins_without_host
}

# By tracing/second-go-runtime, visibility/symbolic, linkage/arch-match, and the other rules about plugins.
told_elsewhere(pair) if {
	pair.prediction.reason in [
		"bound-to-itself",
		"host-static",
		"host-without-cgo",
		"host-without-plugin-package",
		"module-data-fields",
		"module-data-size",
		"not-a-plugin",
		"wrong-machine",
	]
}

told_elsewhere(pair) if {
	pair.prediction.reason == "package-hash-mismatch"
	pair.packages.differing > 0
}

message(prediction) := "the host does not start in its root, so that it opens no plugin" if {
	prediction.outcome == "not-reached"
} else := sprintf("plugin.Open kills the host%s", [text(prediction)]) if {
	prediction.outcome == "crashes"
} else := sprintf("plugin.Open fails%s", [text(prediction)])

text(prediction) := sprintf(": %s", [prediction.message]) if {
	prediction.message != null
} else := sprintf(" (%s)", [prediction.reason])

undecided("unknown-libraries") := "libraries that decide about it are not at hand: check the directory or image that the host runs in"

undecided(reason) := sprintf("what plugin.Open does cannot be told (%s)", [reason]) if reason != "unknown-libraries"

help(pair) := "add the package that holds the library to the root of the host, or link the plugin with -Wl,-rpath,DIR" if {
	pair.prediction.reason in ["library-not-found", "library-unusable"]
} else := "link the plugin with what defines the symbol: CGO_LDFLAGS=-l… go build -buildmode=plugin …" if {
	pair.prediction.reason == "undefined-symbol"
} else := "build the plugin on a distribution as old as that of the host" if {
	pair.prediction.reason == "symbol-version-missing"
} else := "go build -buildmode=plugin …   (without -ldflags=-pluginpath)" if {
	pair.prediction.reason == "plugin-path-mismatch"
} else := pair.rebuild
