package elfgate.rules.linkage["search-path_test"]

import data.elfgate.recorded.linkage["search-path"] as recorded
import data.elfgate.rules.linkage["search-path"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_runpath_below_tmp_is_writable_for_everyone if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/c/runpath-world-writable", "libraries are searched in a directory that everyone may write to"],
	}
}

test_no_search_path_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_directory_beside_the_object_is_only_known_in_a_root if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because who may write to $ORIGIN/../lib is only known in a root file system"] in messages
}
