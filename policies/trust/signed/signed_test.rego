package elfgate.rules.trust.signed_test

import data.elfgate.recorded.trust.signed as recorded
import data.elfgate.rules.trust.signed as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_an_image_without_a_signature_is_found if {
	found(recorded.violating) == {["lab/image:1", "image is not signed by anybody who is trusted: there is no signature"]}
}

test_an_image_of_a_trusted_signer_passes if {
	count(found(recorded.passing)) == 0
}

test_signatures_that_cannot_be_looked_for_are_neither_there_nor_missing if {
	every finding in found(recorded.unknown) {
		startswith(finding[1], "cannot tell because who made it could not be found out: ")
	}
	count(found(recorded.unknown)) == 1
}

test_an_image_that_no_pattern_is_about_is_a_warning if {
	some document in recorded.violating
	trust := object.union(document.trust, {"decidedBy": null, "verified": null})
	findings := rule.findings with input as object.union(document, {"trust": trust})
	{finding.severity | some finding in findings} == {"warning"}
}

test_nothing_is_said_where_no_trust_is_configured if {
	some document in recorded.violating
	count(rule.findings) == 0 with input as object.union(document, {"trust": null})
}

test_a_required_attestation_that_is_missing_is_found if {
	some document in recorded.passing
	trust := object.union(document.trust, {"missingAttestations": ["https://spdx.dev/Document"]})
	findings := rule.findings with input as object.union(document, {"trust": trust})
	{finding.message | some finding in findings} == {"image lacks a trusted attestation of type https://spdx.dev/Document"}
}
