package elfgate.rules.trust.fips_test

import data.elfgate.recorded.trust.fips as recorded
import data.elfgate.rules.trust.fips as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

parameters := {"report": true, "standards": ["FIPS 140-2", "FIPS 140-3"]}

test_an_image_without_a_report_is_found if {
	found(recorded.violating) == {["lab/image:1", "image has no trusted FIPS 140 audit report"]} with data.elfgate.parameters.trust.fips as parameters
}

test_a_report_that_holds_is_fine if {
	count(found(recorded.passing)) == 0 with data.elfgate.parameters.trust.fips as parameters
}

test_a_report_about_another_standard_does_not_count if {
	mine := object.union(parameters, {"standards": ["FIPS 140-2"]})
	found(recorded.passing) == {["lab/image:1", "no FIPS 140 audit report holds any more, or is about a standard that counts"]} with data.elfgate.parameters.trust.fips as mine
}

test_what_cannot_be_looked_for_is_not_missing if {
	count(found(recorded.unknown)) == 1 with data.elfgate.parameters.trust.fips as parameters
}
