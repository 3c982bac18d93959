package elfgate.rules.linkage.cycles_test

import data.elfgate.recorded.linkage.cycles as recorded
import data.elfgate.rules.linkage.cycles as rule

found(documents) := {[finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_libraries_that_need_each_other_and_such_that_open_each_other_are_found if {
	found(recorded.violating) == {
		["libcycle-a.so", "libcycle-a.so, libcycle-b.so need each other; one of them is initialised before what it uses"],
		[
			"libreopen-a.so",
			"libreopen-a.so, libreopen-b.so may open each other while they are initialised: they import dlopen and name each other",
		],
	}
}

test_a_root_without_circles_is_fine if {
	count(found(recorded.passing)) == 0
}
