package elfgate.rules.linkage.interpreter_test

import data.elfgate.recorded.linkage.interpreter as recorded
import data.elfgate.rules.linkage.interpreter as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_dynamic_program_in_an_empty_image_does_not_start if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["hello", "loader /lib64/ld-linux-x86-64.so.2 is not in the root; starting the program fails with \"no such file or directory\""],
	}
}

test_a_root_with_the_loader_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_program_without_a_root_cannot_be_judged if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because no root file system is given: check the directory or image it runs in"] in messages
}
