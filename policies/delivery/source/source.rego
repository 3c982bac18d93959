# METADATA
# title: what a controller installs is pinned and signed
# description: |
#   Detects sources of a Flux HelmRelease or OCIRepository, of an Argo CD Application, or of the plugins in a ConfigMap that
#   do not name one content for ever (a range of versions, a branch, a tag), or whose signature the controller does not
#   verify.
#
#   A controller installs what the source names at that moment, long after somebody has looked at it: whoever can move the
#   tag decides what runs.
#
#   Name a whole version of a chart, a full commit, or a digest, and switch verification on.
# related_resources:
#   - ref: https://fluxcd.io/flux/components/source/ocirepositories/#verification
#     description: Flux, verification of OCI artifacts
#   - ref: https://argo-cd.readthedocs.io/en/stable/user-guide/tracking_strategies/
#     description: Argo CD, tracking and pinning
# custom:
#   severity: error
#   facts: [workload.sources]
#   sets: [strict, marketplace]
package elfgate.rules.delivery.source

import data.elfgate.lib

findings contains finding if {
	some source in input.workload.sources
	source.pinned == false
	finding := {
		"path": source.at,
		"message": sprintf("%s is not pinned: %s can be something else tomorrow", [source.reference, revision(source)]),
		"evidence": [{"at": source.at, "label": source.kind, "value": revision(source)}],
		"notes": [],
		"help": pin[source.kind],
	}
}

findings contains finding if {
	some source in input.workload.sources
	source.verified == false
	finding := {
		"path": source.at,
		"message": sprintf("the signature of %s is not verified", [source.reference]),
		"severity": "warning",
		"evidence": [{"at": sprintf("%s.verify", [parent(source)]), "label": source.kind, "value": "not set"}],
		"notes": [],
		"help": "verify: { provider: cosign }",
	}
}

findings contains lib.unknown(source.at, "another object says what is fetched") if {
	some source in input.workload.sources
	source.pinned == null
}

pin := {
	"chart": "name one version in full, as 1.4.2",
	"git": "name a commit in full, by its 40 hexadecimal digits",
	"oci": "name the digest, as @sha256:…",
}

revision(source) := source.revision if {
	source.revision != null
} else := "the newest"

# An OCIRepository verifies next to its reference and not below it.
parent(source) := "spec" if {
	source.at == "spec.ref"
} else := source.at
