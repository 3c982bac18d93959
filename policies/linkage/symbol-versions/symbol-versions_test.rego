package elfgate.rules.linkage["symbol-versions_test"]

import data.elfgate.recorded.linkage["symbol-versions"] as recorded
import data.elfgate.rules.linkage["symbol-versions"] as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_version_that_the_library_lacks_stops_the_loader if {
	found(recorded.violating) == {[
		"usr/lib/x86_64-linux-gnu/libneeds-future.so",
		"usr/lib/x86_64-linux-gnu/libc.so.6 lacks GLIBC_2.99; loading the library fails",
	]}
}

test_versions_that_are_all_there_are_fine if {
	count(found(recorded.passing)) == 0
}

test_a_library_that_cannot_be_read_leaves_it_open if {
	some finding in found(recorded.unknown)
	startswith(finding[1], "cannot tell because ")
}
