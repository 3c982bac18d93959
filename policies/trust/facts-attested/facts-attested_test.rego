package elfgate.rules.trust["facts-attested_test"]

import data.elfgate.recorded.trust["facts-attested"] as recorded
import data.elfgate.rules.trust["facts-attested"] as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_facts_that_nobody_signed_are_found if {
	found(recorded.violating) == {["lab/image:1", "no trusted inspector signed the facts about this image; its layers were read to find them"]}
}

test_facts_of_a_trusted_inspector_are_fine if {
	count(found(recorded.passing)) == 0
}

test_what_cannot_be_looked_for_is_not_missing if {
	count(found(recorded.unknown)) == 1
}
