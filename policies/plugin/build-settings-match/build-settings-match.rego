# METADATA
# title: plugin and host are built with the same settings
# description: |
#   Detects a Go plugin whose recorded build settings differ from its host's: platform, cgo, race detector and
#   sanitizers, `-trimpath`, `-tags`, compiler flags, experiments and architecture levels.
#
#   Most of them change what the compiler writes into every package, so that plugin.Open finds other package hashes
#   and refuses the plugin. An architecture level (GOAMD64 and its like) is not part of the hash: the plugin loads and
#   may die later of an illegal instruction.
#
#   Build the plugin with the host's settings, as the help of the finding spells them out.
# related_resources:
#   - ref: https://pkg.go.dev/runtime/debug#BuildSetting
#     description: "runtime/debug: build settings"
# custom:
#   severity: error
#   facts: [predictions.plugins, go.settings]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.plugin["build-settings-match"]

import data.elfgate.lib

# Settings that the compiler's export data, and with it the package hash, depends on.
hashed := [
	"GOOS",
	"GOARCH",
	"CGO_ENABLED",
	"GOEXPERIMENT",
	"-compiler",
	"-race",
	"-msan",
	"-asan",
	"-trimpath",
	"-tags",
	"-gcflags",
	"-asmflags",
	"-pgo",
	"GOFIPS140",
]

# Settings that choose instructions and leave the hash alone.
levels := ["GO386", "GOAMD64", "GOARM", "GOARM64", "GOMIPS", "GOMIPS64", "GOPPC64", "GORISCV64"]

findings contains finding if {
	some pair in lib.go_pairs
	plugin := lib.binary(pair.plugin)
	stated(pair, plugin)
	differing := sort(differences(pair.host.settings, plugin.go.settings))
	count(differing) > 0
	finding := {
		"path": pair.plugin,
		"message": sprintf("plugin and host were built with other settings (%s); %s", [
			concat(", ", differing),
			consequence(pair, differing),
		]),
		"severity": severity(pair, differing),
		"evidence": [item | some name in differing; some item in evidence(pair, plugin, name)],
		"help": pair.rebuild,
	}
}

findings contains lib.unknown(pair.plugin, "host or plugin does not state its build settings") if {
	some pair in lib.go_pairs
	not stated(pair, lib.binary(pair.plugin))
}

findings contains lib.unknown(plugin.path, "no host is known: name it with --host") if {
	some plugin in lib.plugins_without_host
}

# Toolchains before 1.18 state modules only.
stated(pair, plugin) if {
	count(pair.host.settings) > 0
	count(plugin.go.settings) > 0
}

# A flag that was not given is not recorded.
differences(host, plugin) := [name |
	some names in [hashed, levels]
	some name in names
	object.get(host, name, "") != object.get(plugin, name, "")
]

evidence(pair, plugin, name) := [
	{"at": place(plugin), "label": "plugin", "value": shown(plugin.go.settings, name), "path": plugin.path},
	{
		"at": object.get(pair.host, "goVersionAt", ".go.buildinfo"),
		"label": "host",
		"value": shown(pair.host.settings, name),
		"path": pair.host.path,
		"target": pair.host.target,
	},
]

place(plugin) := plugin.go.versionAt

shown(settings, name) := sprintf("%s=%s", [name, settings[name]]) if settings[name]

shown(settings, name) := sprintf("%s not set", [name]) if not settings[name]

breaks(pair, differing) if {
	some name in differing
	name in hashed
	not hashes_agree(pair)
}

hashes_agree(pair) if pair.packages.differing == 0

severity(pair, differing) := "error" if {
	breaks(pair, differing)
} else := "warning"

consequence(pair, differing) := "plugin.Open refuses such a plugin" if {
	breaks(pair, differing)
} else := "the plugin may run into instructions that the host was not built for" if {
	every name in differing {
		name in levels
	}
} else := "their packages agree all the same"
