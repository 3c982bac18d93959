package elfgate.rules.trust.vulnerabilities_test

import data.elfgate.recorded.trust.vulnerabilities as recorded
import data.elfgate.rules.trust.vulnerabilities as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

parameters := {"maximum": 0, "severities": ["critical", "high"]}

test_grave_vulnerabilities_are_found if {
	found(recorded.violating) == {["lab/image:1", "2 vulnerabilities of severity critical or high, above the limit of 0"]} with data.elfgate.parameters.trust.vulnerabilities as parameters
}

test_a_limit_above_them_lets_them_pass if {
	count(found(recorded.violating)) == 0 with data.elfgate.parameters.trust.vulnerabilities as object.union(parameters, {"maximum": 2})
}

test_lesser_ones_do_not_count if {
	count(found(recorded.passing)) == 0 with data.elfgate.parameters.trust.vulnerabilities as parameters
}

test_what_cannot_be_looked_for_is_not_missing if {
	count(found(recorded.unknown)) == 1 with data.elfgate.parameters.trust.vulnerabilities as parameters
}
