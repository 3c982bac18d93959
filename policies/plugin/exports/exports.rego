# METADATA
# title: the plugin exports what the host looks up
# description: |
#   Detects a plugin that lacks one of the names which the parameter `symbols` lists: those that the host passes to
#   plugin.Lookup.
#
#   plugin.Open succeeds, and plugin.Lookup returns `plugin: symbol … not found in plugin …` afterwards, often only when
#   the feature is used for the first time.
#
#   Declare each name in the plugin's package main, with an upper-case first letter and outside of any function.
# related_resources:
#   - ref: https://pkg.go.dev/plugin#Plugin.Lookup
#     description: plugin.Lookup
# custom:
#   severity: error
#   facts: [go.plugin]
#   sets: [recommended, strict, marketplace]
#   params:
#     symbols:
#       description: names that the host looks up in every plugin, as NewHandler
#       type: array
#       items:
#         type: string
#       default: []
package elfgate.rules.plugin.exports

import data.elfgate.lib

symbols := data.elfgate.parameters.plugin.exports.symbols

findings contains finding if {
	some candidate in input.binaries
	candidate.role == "plugin"
	candidate.go.plugin != null
	missing := [name | some name in symbols; not name in candidate.go.plugin.exports]
	count(missing) > 0
	finding := {
		"path": candidate.path,
		"message": sprintf("plugin does not export %s; plugin.Lookup will fail", [concat(", ", missing)]),
		"evidence": [{"at": ".dynsym", "label": "plugin", "value": sprintf("no %s.%s", [candidate.go.plugin.path, name])} |
			some name in missing
		],
		"notes": [sprintf("exported: %s", [listed(candidate.go.plugin.exports)])],
		"help": sprintf("declare %s in package main of the plugin", [concat(", ", missing)]),
	}
}

findings contains lib.unknown(candidate.path, "the exported names of the plugin cannot be read") if {
	count(symbols) > 0
	some candidate in input.binaries
	candidate.role == "plugin"
	not is_go_plugin(candidate)
}

is_go_plugin(candidate) if candidate.go.plugin != null

listed(names) := "nothing" if {
	count(names) == 0
} else := concat(", ", array.slice(names, 0, 16))
