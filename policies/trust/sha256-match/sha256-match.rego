# METADATA
# title: files have the SHA-256 that is declared for them
# description: |
#   Detects a file whose SHA-256 differs from the one that is declared: in a `SHA256SUMS` file next to it, or by its path
#   in the parameter `digests`.
#
#   It was changed after its digest was published, or another build of it took its place.
#
#   Take the file from where its digest was published, or publish the digest of the new build.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man1/sha256sum.1.html
#     description: sha256sum(1), the format of SHA256SUMS
# custom:
#   severity: error
#   facts: [trust.listedDigest, sha256]
#   sets: [recommended, strict, marketplace]
#   params:
#     digests:
#       description: SHA-256 by path, of files and of files in images, as plugins/audit.so and 64 hexadecimal digits
#       type: object
#       additionalProperties:
#         type: string
#         pattern: "^[0-9a-f]{64}$"
#       default: {}
package elfgate.rules.trust["sha256-match"]

import data.elfgate.lib

digests := data.elfgate.parameters.trust["sha256-match"].digests

findings contains finding if {
	listed := input.trust.listedDigest
	listed != null
	actual := trim_prefix(input.subject.digest, "sha256:")
	listed.sha256 != actual
	finding := {
		"path": input.subject.name,
		"message": "file is not the one that SHA256SUMS lists",
		"evidence": [
			{"at": "SHA-256", "label": "file", "value": actual},
			{"at": listed.file, "label": "listed", "value": listed.sha256},
		],
		"help": "take the file again from where SHA256SUMS was published",
	}
}

findings contains finding if {
	some path, declared in digests
	some binary in input.binaries
	binary.path == path
	binary.sha256 != declared
	finding := {
		"path": path,
		"message": "file is not the one whose SHA-256 the configuration declares",
		"evidence": [
			{"at": "SHA-256", "label": "file", "value": binary.sha256},
			{"at": "trust/sha256-match", "label": "declared", "value": declared},
		],
		"help": "deploy the declared build, or declare the digest of this one",
	}
}

findings contains lib.unknown(path, "no binary of this target has this path, for which a SHA-256 is declared") if {
	some path, _ in digests
	input.subject.kind in ["image", "directory"]
	not path in {binary.path | some binary in input.binaries}
}
