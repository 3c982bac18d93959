package elfgate.rules.libc.mixed_test

import data.elfgate.recorded.libc.mixed as recorded
import data.elfgate.rules.libc.mixed as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_library_of_glibc_in_a_process_of_musl_is_found if {
	messages := {[finding.severity, finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["warning", "bin/calls-provider", "is linked with musl, and needs lib/libprovider.so, which is linked with glibc; musl's loader binds both to musl, which lacks functions of glibc and lays out others differently"],
	}
}

test_the_library_is_to_be_built_for_the_program if {
	helps := {finding.help | some finding in found(recorded.violating)}
	helps == {"build lib/libprovider.so for musl, the C library of its process"}
}

test_a_root_of_musl_alone_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_library_that_cannot_be_read_leaves_it_open if {
	messages := {finding.severity | some finding in found(recorded.unknown)}
	messages == {"info"}
}
