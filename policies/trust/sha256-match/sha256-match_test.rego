package elfgate.rules.trust["sha256-match_test"]

import data.elfgate.recorded.trust["sha256-match"] as recorded
import data.elfgate.rules.trust["sha256-match"] as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_file_that_was_exchanged_is_found if {
	found(recorded.violating) == {["lab/plugin.so", "file is not the one that SHA256SUMS lists"]} with data.elfgate.parameters.trust["sha256-match"].digests as {}
}

test_the_listed_file_is_fine if {
	count(found(recorded.passing)) == 0 with data.elfgate.parameters.trust["sha256-match"].digests as {}
}

test_a_digest_of_the_configuration_counts_as_well if {
	digests := {"lab/plugin.so": "a"}
	found(recorded.passing) == {["lab/plugin.so", "file is not the one whose SHA-256 the configuration declares"]} with data.elfgate.parameters.trust["sha256-match"].digests as digests
}

test_a_declared_file_that_is_not_there_is_told if {
	digests := {"plugins/audit.so": "a"}
	found(recorded.unknown) == {["plugins/audit.so", "cannot tell because no binary of this target has this path, for which a SHA-256 is declared"]} with data.elfgate.parameters.trust["sha256-match"].digests as digests
}
