# METADATA
# title: images are named by their digest
# description: |
#   Detects an image of a registry that is named by a tag alone.
#
#   A tag can be moved at any time: what was checked and signed need not be what is pulled tomorrow, or by another node.
#
#   Name the image with its digest, `app:1.2@sha256:…`. The mutating webhook of `elfgate serve` can do that by itself.
# related_resources:
#   - ref: https://kubernetes.io/docs/concepts/containers/images/#image-names
#     description: image digests in Kubernetes
# custom:
#   severity: error
#   facts: [trust]
#   sets: [strict, marketplace]
package elfgate.rules.trust["digest-pinned"]

import data.elfgate.lib

findings contains finding if {
	input.trust.pinned == false
	finding := {
		"path": input.subject.name,
		"message": "image is named by a tag, which can be moved to other content",
		"evidence": [{"at": "reference", "label": "image", "value": input.subject.name}],
		"help": sprintf("name it by its digest: %s@%s", [input.subject.name, digest]),
	}
}

findings contains lib.unknown(input.subject.name, "nobody asked how the image is named") if {
	input.subject.kind == "image"
	input.trust == null
}

# Of several platforms, the index is what a reference names.
digest := input.image.indexDigest if {
	input.image.indexDigest != null
} else := input.subject.digest
