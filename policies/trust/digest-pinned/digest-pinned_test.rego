package elfgate.rules.trust["digest-pinned_test"]

import data.elfgate.recorded.trust["digest-pinned"] as recorded
import data.elfgate.rules.trust["digest-pinned"] as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_tag_can_be_moved if {
	found(recorded.violating) == {["registry.example.com/team/plugin:1.2", "image is named by a tag, which can be moved to other content"]}
}

test_a_digest_cannot if {
	count(found(recorded.passing)) == 0
}

test_an_image_about_which_nobody_asked_does_not_pass_in_silence if {
	some document in recorded.violating
	findings := rule.findings with input as object.union(document, {"trust": null})
	{finding.severity | some finding in findings} == {"info"}
}
