# METADATA
# title: somebody who is trusted signed it
# description: |
#   Detects an image or plugin file that nobody signed whom the configuration trusts: by a public key, by an identity that
#   Sigstore vouches for, by a certificate of an own authority, or by the Notary Project's trust policy. Attestations that
#   the configuration requires count as well.
#
#   Whoever can write to a registry or a directory can put any code there. A signature says that this very digest was
#   released by a person or a build that was decided upon before.
#
#   Sign the image by its digest and give the public key or identity in `trust.images` of elfgate.yaml; `elfgate verify
#   --explain` shows which part of it decides.
# related_resources:
#   - ref: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
#     description: cosign signature specification
# custom:
#   severity: error
#   facts: [trust]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.trust.signed

import data.elfgate.lib

findings contains finding if {
	input.trust.decidedBy != null
	input.trust.verified == false
	finding := {
		"path": input.subject.name,
		"message": sprintf("%s is not signed by anybody who is trusted: %s", [input.subject.kind, lack]),
		"evidence": array.slice(evidence, 0, 8),
		"notes": [sprintf("decided by trust.images, pattern %s", [input.trust.decidedBy])],
		"help": sprintf("cosign sign --key cosign.key %s", [input.subject.name]),
	}
}

findings contains finding if {
	some type in input.trust.missingAttestations
	lib.trust_known
	finding := {
		"path": input.subject.name,
		"message": sprintf("%s lacks a trusted attestation of type %s", [input.subject.kind, type]),
		"evidence": lib.rejected_attestations(sprintf("^\\Q%s\\E$", [type])),
		"notes": [sprintf("required by trust.images, pattern %s", [input.trust.decidedBy])],
	}
}

findings contains finding if {
	input.subject.kind == "image"
	lib.trust_known
	input.trust.decidedBy == null
	finding := {
		"path": input.subject.name,
		"severity": "warning",
		"message": "nobody is trusted to sign this image, so that whoever made it passes",
		"evidence": [{"at": "trust.images", "label": "patterns", "value": "none matches"}],
		"help": "name who may sign it in trust.images of elfgate.yaml; elfgate verify --explain shows what matches",
	}
}

findings contains lib.unknown(input.subject.name, "the configuration names nobody who may sign this file") if {
	input.subject.kind == "file"
	lib.trust_known
	input.trust.decidedBy == null
}

# In the sets that everybody uses, silence means that no trust is configured.
findings contains finding if {
	input.trust != null
	some finding in lib.trust_unknown
}

rejected := [{"at": signature.at, "label": signature.kind, "value": signature.reason} |
	some signature in input.trust.signatures
	not signature.verified
]

evidence := rejected if {
	count(rejected) > 0
} else := [{"at": "referrers and tags", "label": "signatures", "value": "none"}]

lack := "there is no signature" if {
	count(rejected) == 0
} else := sprintf("%s, none of them accepted", [lib.counted(count(rejected), "signature")])
