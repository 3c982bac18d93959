package elfgate.rules.linkage["arch-match_test"]

import data.elfgate.recorded.linkage["arch-match"] as recorded
import data.elfgate.rules.linkage["arch-match"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_plugin_for_another_machine_than_its_host_is_refused if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/go/plugin", "plugin and host are built for different machines; the loader will refuse the plugin"],
	}
}

test_one_machine_is_fine if {
	count(found(recorded.passing)) == 0
}
