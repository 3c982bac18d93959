# METADATA
# title: a trusted builder says how it was built
# description: |
#   Detects an artifact without SLSA provenance (versions 0.2 and 1) that somebody who is trusted signed, or with one
#   whose builder reaches less than the parameter `level`, or whose sources are none of `sources`.
#
#   Without provenance nobody can tell whether a release was built from the reviewed sources or on somebody's machine.
#
#   Build on a builder that signs provenance, and name it in the parameter `builders` with the SLSA level that it reaches.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.0/provenance
#     description: SLSA provenance
#   - ref: https://slsa.dev/spec/v1.0/levels
#     description: SLSA levels
# custom:
#   severity: error
#   facts: [trust]
#   sets: [marketplace]
#   params:
#     level:
#       description: least SLSA build level
#       type: integer
#       minimum: 1
#       maximum: 4
#       default: 3
#     builders:
#       description: builders by their id, in which * stands for anything, and the level that each reaches; the first that matches decides
#       type: array
#       items:
#         type: object
#         additionalProperties: false
#         required: [id, level]
#         properties:
#           id: { type: string }
#           level: { type: integer, minimum: 0, maximum: 4 }
#       default:
#         - id: https://github.com/slsa-framework/slsa-github-generator/.github/workflows/*@refs/tags/v*
#           level: 3
#     sources:
#       description: repositories that sources may come from, in which * stands for anything; any when empty
#       type: array
#       items:
#         type: string
#       default: []
package elfgate.rules.trust.provenance

import data.elfgate.lib

parameters := data.elfgate.parameters.trust.provenance

attested contains attestation if {
	some attestation in lib.trusted_attestations
	attestation.provenance != null
}

findings contains finding if {
	lib.trust_known
	count(attested) == 0
	finding := {
		"path": input.subject.name,
		"message": sprintf("%s has no trusted provenance; nothing tells who built it from what", [input.subject.kind]),
		"evidence": lib.rejected_attestations("^https://slsa\\.dev/provenance/"),
		"help": "build it where provenance is signed, as with slsa-github-generator, and trust that signer in trust.images",
	}
}

# One that satisfies is enough: others may be of steps before it.
findings contains finding if {
	lib.trust_known
	count(attested) > 0
	every attestation in attested {
		count(complaints(attestation.provenance)) > 0
	}
	some attestation in attested
	some complaint in complaints(attestation.provenance)
	finding := {
		"path": input.subject.name,
		"message": complaint,
		"evidence": [
			{"at": attestation.at, "label": "builder", "value": text(attestation.provenance.builder)},
			{"at": attestation.at, "label": "source", "value": text(attestation.provenance.source)},
		],
		"help": "name the builder and the level that it reaches in params.builders of trust/provenance, or build it elsewhere",
	}
}

findings contains finding if some finding in lib.trust_unknown

complaints(provenance) := array.concat(
	[sprintf("builder reaches SLSA level %d, and %d is required", [reached, parameters.level]) |
		reached := level(provenance.builder)
		reached < parameters.level
	],
	[sprintf("sources are %s, which is none of those that are allowed", [text(provenance.source)]) |
		count(parameters.sources) > 0
		not allowed_source(provenance.source)
	],
)

# A builder that nobody has named reaches nothing.
level(builder) := array.concat(levels(builder), [0])[0]

levels(builder) := [named.level |
	builder != null
	some named in parameters.builders
	glob.match(named.id, null, builder)
]

allowed_source(source) if {
	source != null
	some pattern in parameters.sources
	glob.match(pattern, null, source)
}

text(null) := "(not stated)"

text(value) := value if value != null
