# METADATA
# title: Go binaries come from an approved toolchain
# description: |
#   Detects Go programs and plugins that were built by a toolchain which is not approved.
#
#   Releases that are no longer supported get no security fixes, neither the compiler nor the standard library in the
#   binary.
#
#   Build with an approved toolchain: `GOTOOLCHAIN=go1.26.8 go build …`. The parameter `approved` lists them.
# related_resources:
#   - ref: https://go.dev/doc/devel/release#policy
#     description: Go release policy
# custom:
#   severity: error
#   facts: [go.version]
#   sets: [recommended, strict, marketplace]
#   params:
#     approved:
#       description: patterns of toolchains (* stands for any characters)
#       type: array
#       items:
#         type: string
#       default: ["go1.26.*"]
package elfgate.rules.house["go-toolchain"]

import data.elfgate.lib

approved := data.elfgate.parameters.house["go-toolchain"].approved

findings contains finding if {
	some candidate in input.binaries
	version := candidate.go.version
	version != null
	not is_approved(version)
	finding := {
		"path": candidate.path,
		"message": sprintf("built by %s, which is not approved", [version]),
		"evidence": [{"at": candidate.go.versionAt, "label": "toolchain", "value": version}],
		"help": "GOTOOLCHAIN=go1.26.8 go build …",
	}
}

# A rule that lacks a fact says so.
findings contains lib.unknown(candidate.path, "it does not state its Go toolchain") if {
	some candidate in input.binaries
	candidate.go != null
	candidate.go.version == null
}

is_approved(version) if {
	some pattern in approved
	glob.match(pattern, [], version)
}
