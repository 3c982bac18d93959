# METADATA
# title: plugin and host are built by the same Go toolchain
# description: |
#   Detects a Go plugin whose toolchain differs from that of the host that opens it.
#
#   The runtimes of two toolchains lay out their module data differently. Where the layouts differ, plugin.Open does
#   not return an error: it ends the host process with `fatal error: runtime: no plugin module data`, which recover()
#   cannot catch. Where they happen to agree, it fails with `plugin was built with a different version of package …`.
#
#   Build the plugin with the host's toolchain; `GOTOOLCHAIN` selects it.
# related_resources:
#   - ref: https://pkg.go.dev/plugin#hdr-Warnings
#     description: "package plugin: warnings"
#   - ref: https://github.com/golang/go/issues/33072
#     description: no plugin module data
# custom:
#   severity: error
#   facts: [predictions.plugins, go.version]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.plugin["go-version-match"]

import data.elfgate.lib

findings contains finding if {
	some pair in lib.go_pairs
	plugin := lib.binary(pair.plugin)
	different_toolchains(pair, plugin.go)
	finding := {
		"path": pair.plugin,
		"message": sprintf(
			"plugin and host were built by different Go toolchains; %s",
			[consequence(pair)],
		),
		"severity": severity(pair),
		"evidence": evidence(pair, plugin),
		"notes": notes(pair),
		"help": pair.rebuild,
	}
}

findings contains lib.unknown(pair.plugin, reason) if {
	some pair in lib.go_pairs
	plugin := lib.binary(pair.plugin)
	some side in unstated(pair, plugin.go)
	not different_toolchains(pair, plugin.go)
	reason := sprintf("the %s does not state its Go toolchain", [side])
}

findings contains lib.unknown(plugin.path, "no host is known: name it with --host") if {
	some plugin in lib.plugins_without_host
}

different_toolchains(pair, go) if {
	pair.host.goVersion != null
	go.version != null
	lib.toolchain(pair.host.goVersion) != lib.toolchain(go.version)
}

# A layout of another size is another toolchain, also where one of the two does not state its own.
different_toolchains(pair, _) if pair.moduleData == "different-size"

unstated(_, go) := {"plugin"} if go.version == null

unstated(pair, go) := {"host"} if {
	go.version != null
	pair.host.goVersion == null
}

consequence(pair) := "plugin.Open will kill the host" if pair.outcome == "crashes"

consequence(pair) := "plugin.Open will fail" if pair.outcome == "fails"

consequence(pair) := "plugin.Open may fail or kill the host" if pair.outcome == null

# Two toolchains whose runtimes and packages are the same to the last hash can meet; nothing promises it.
severity(pair) := "warning" if {
	pair.moduleData == "same"
	pair.packages.differing == 0
} else := "error"

evidence(pair, plugin) := [
	{"at": stated_at(plugin.go.versionAt), "label": "plugin", "value": toolchain(plugin.go.version), "path": plugin.path},
	{
		"at": stated_at(pair.host.goVersionAt),
		"label": "host",
		"value": toolchain(pair.host.goVersion),
		"path": pair.host.path,
		"target": pair.host.target,
	},
]

stated_at(null) := "runtime.firstmoduledata"

stated_at(place) := place if place != null

toolchain(null) := "a toolchain that is not stated"

toolchain(version) := version if version != null

notes(pair) := array.concat(outcome_notes(pair), layout_notes(pair))

outcome_notes(pair) := [sprintf("outcome: %s (recover() cannot catch it)", [pair.message])] if {
	pair.outcome == "crashes"
	pair.moduleData == "different-size"
}

outcome_notes(pair) := [sprintf("outcome: %s", [pair.message])] if {
	pair.outcome != null
	pair.moduleData != "different-size"
}

outcome_notes(pair) := [] if pair.outcome == null

layout_notes(pair) := [note] if {
	pair.moduleData == "different-size"
	note := sprintf("module data: %d bytes in the host, %d in the plugin", [
		pair.moduleDataBytes.host,
		pair.moduleDataBytes.plugin,
	])
}

layout_notes(pair) := ["module data: same size, other fields"] if pair.moduleData == "different-fields"

layout_notes(pair) := ["module data: the layout of one of these releases is not known yet"] if {
	pair.moduleData == "unknown"
}

layout_notes(pair) := [] if pair.moduleData == "same"
