# METADATA
# title: packages shared by plugin and host are the same build
# description: |
#   Detects packages that host and plugin both hold and whose link-time hashes differ: all of them, the one that the
#   runtime will name, and the likely cause.
#
#   plugin.Open compares the hash of every shared package and refuses the plugin at the first difference: `plugin was
#   built with a different version of package …`. The hash is a fingerprint of the package's export data; another
#   dependency version, toolchain, flag or source directory changes it.
#
#   Build both from the same module versions, with the same toolchain and flags, and with `-trimpath` when they are
#   built in different directories.
# related_resources:
#   - ref: https://github.com/golang/go/issues/27751
#     description: plugin was built with a different version of package
#   - ref: https://github.com/golang/go/issues/31354
#     description: the same with modules
# custom:
#   severity: error
#   facts: [predictions.plugins]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.plugin["package-hash-match"]

import data.elfgate.lib

findings contains finding if {
	some pair in lib.go_pairs
	pair.packages.differing > 0
	finding := {
		"path": pair.plugin,
		"message": sprintf("%d of %d packages shared with the host differ; %s", [
			pair.packages.differing,
			pair.packages.shared,
			consequence(pair),
		]),
		"evidence": [item |
			some difference in array.slice(pair.packages.differences, 0, listed(pair))
			some item in sides(pair, difference)
		],
		"notes": array.concat(
			array.concat(lib.rest(pair.packages.differing, listed(pair)), outcome(pair)),
			causes(pair),
		),
		"help": pair.rebuild,
	}
}

findings contains lib.unknown(pair.plugin, "host or plugin has no package hashes: it was not linked for plugins") if {
	some pair in lib.go_pairs
	pair.packages == null
}

findings contains lib.unknown(plugin.path, "no host is known: name it with --host") if {
	some plugin in lib.plugins_without_host
}

# What plugin.Open does with this plugin alone; a pair that could not be followed is judged by its hashes.
consequence(pair) := "plugin.Open will refuse the plugin" if {
	pair.prediction.reason == "package-hash-mismatch"
} else := "plugin.Open will kill the host before it compares them" if {
	pair.prediction.outcome == "crashes"
} else := sprintf("plugin.Open fails before it compares them: %s", [pair.prediction.message]) if {
	pair.prediction.outcome == "fails"
	pair.prediction.message != null
} else := "plugin.Open will kill the host before it compares them" if {
	pair.outcome == "crashes"
} else := "plugin.Open will refuse the plugin"

# Where the runtime never gets to compare them, one example is enough.
listed(pair) := 1 if {
	pair.outcome == "crashes"
} else := 6

sides(pair, difference) := [
	{
		"at": difference.pluginAt,
		"label": "plugin",
		"value": sprintf("%s %s", [difference.plugin, difference["package"]]),
		"path": pair.plugin,
	},
	{
		"at": difference.hostAt,
		"label": "host",
		"value": sprintf("%s %s", [difference.host, difference["package"]]),
		"path": pair.host.path,
		"target": pair.host.target,
	},
]

outcome(pair) := [sprintf("outcome: %s", [pair.prediction.message])] if {
	pair.prediction.reason == "package-hash-mismatch"
	pair.prediction.message != null
} else := [sprintf("outcome: %s", [pair.message])] if {
	pair.prediction == null
	pair.outcome == "fails"
} else := [sprintf("first checked: %s", [pair.packages.firstChecked])] if {
	pair.packages.firstChecked != null
	pair.outcome != "crashes"
} else := []

causes(pair) := [note |
	some cause in likely_causes(pair)
	note := sprintf("likely cause: %s", [cause])
]

likely_causes(pair) := [sprintf("another toolchain (%s, host %s)", [version, pair.host.goVersion])] if {
	version := lib.binary(pair.plugin).go.version
	version != null
	pair.host.goVersion != null
	lib.toolchain(version) != lib.toolchain(pair.host.goVersion)
} else := [sprintf("dependency %s: %s in the plugin, %s in the host", [module.path, built_from(module.plugin), built_from(module.host)]) |
	some module in pair.modules
] if {
	count(pair.modules) > 0
} else := [sprintf("setting %s", [name]) | some name in settings] if {
	settings := differing_settings(pair)
	count(settings) > 0
} else := ["sources that differ or lie in another directory (build both with -trimpath)"]

differing_settings(pair) := sort([name |
	theirs := lib.binary(pair.plugin).go.settings
	some name in ["-race", "-trimpath", "-tags", "-gcflags", "-asmflags", "-asan", "-msan", "-pgo", "GOEXPERIMENT", "GOFIPS140"]
	object.get(pair.host.settings, name, "") != object.get(theirs, name, "")
])

built_from(version) := sprintf("replaced by %s", [trim_prefix(version, "=> ")]) if {
	startswith(version, "=> ")
} else := version
