# METADATA
# title: a trusted inspector signed the facts
# description: |
#   Detects an image that is judged by facts which no trusted inspector signed: this elfgate read its layers itself.
#
#   Where inspecting and admitting are separated, what the admission sees is to be what the inspector saw, and no layer is
#   to be read at the time of the admission.
#
#   Inspect the image once and attest what was found, `elfgate attest --key inspector.pem IMAGE`, and trust that key in
#   `trust.images[].inspectors`.
# related_resources:
#   - ref: https://github.com/in-toto/attestation/blob/main/spec/README.md
#     description: in-toto attestations
# custom:
#   severity: error
#   facts: [trust]
#   sets: []
package elfgate.rules.trust["facts-attested"]

import data.elfgate.lib

findings contains finding if {
	input.subject.kind == "image"
	lib.trust_known
	input.trust.factsSignedBy == null
	finding := {
		"path": input.subject.name,
		"message": "no trusted inspector signed the facts about this image; its layers were read to find them",
		"evidence": lib.rejected_attestations("^https://elfgate\\.dev/attestation/facts/"),
		"help": "elfgate attest --key inspector.pem IMAGE, and trust.images[].inspectors in elfgate.yaml",
	}
}

findings contains finding if {
	not input.subject.kind == "file"
	some finding in lib.trust_unknown
}
