package elfgate.rules.libc["static-nss_test"]

import data.elfgate.recorded.libc["static-nss"] as recorded
import data.elfgate.rules.libc["static-nss"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_module_with_thread_local_storage_crashes_static_programs if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["usr/bin/go-resolver-static-cgo", "static glibc program looks names up and will load libnss_lab of the root (glibc 2.36); the module has thread-local storage, so it crashes with SIGSEGV"],
		["usr/bin/resolver-static", "static glibc program looks names up and will load libnss_lab of the root (glibc 2.36); the module has thread-local storage, so it crashes with SIGSEGV"],
	}
}

test_a_static_program_that_looks_nothing_up_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_static_program_without_marks_cannot_be_judged if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because which C library is linked in statically leaves no mark"] in messages
}
