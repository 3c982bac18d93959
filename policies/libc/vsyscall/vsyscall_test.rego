package elfgate.rules.libc.vsyscall_test

import data.elfgate.recorded.libc.vsyscall as recorded
import data.elfgate.rules.libc.vsyscall as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_calls_into_the_vsyscall_page_are_found if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/c/vsyscall", "calls getcpu, gettimeofday, time through the fixed vsyscall page; on nodes booted with vsyscall=none it dies with SIGSEGV when it gets there"],
	}
}

test_code_without_them_is_fine if {
	count(found(recorded.passing)) == 0
}
