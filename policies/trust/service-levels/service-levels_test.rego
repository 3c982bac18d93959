package elfgate.rules.trust["service-levels_test"]

import data.elfgate.recorded.trust["service-levels"] as recorded
import data.elfgate.rules.trust["service-levels"] as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

parameters := {"records": 3, "latencyP99Milliseconds": 1000, "errorRate": 0.001, "resourceSpikes": 0}

test_an_image_without_records_is_found if {
	found(recorded.violating) == {["lab/image:1", "0 trusted service level records are within the limits, and 3 required"]} with data.elfgate.parameters.trust["service-levels"] as parameters
}

test_enough_records_are_fine if {
	count(found(recorded.passing)) == 0 with data.elfgate.parameters.trust["service-levels"] as parameters
}

test_records_above_the_limits_do_not_count if {
	mine := object.union(parameters, {"latencyP99Milliseconds": 118})
	found(recorded.passing) == {["lab/image:1", "1 trusted service level record is within the limits, and 3 required"]} with data.elfgate.parameters.trust["service-levels"] as mine
}

test_what_cannot_be_looked_for_is_not_missing if {
	count(found(recorded.unknown)) == 1 with data.elfgate.parameters.trust["service-levels"] as parameters
}
