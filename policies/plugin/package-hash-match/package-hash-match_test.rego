package elfgate.rules.plugin["package-hash-match_test"]

import data.elfgate.recorded.plugin["package-hash-match"] as recorded
import data.elfgate.rules.plugin["package-hash-match"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_dependency_at_another_version_is_named if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/go/plugin-dependency-1.1.0", "1 of 63 packages shared with the host differ; plugin.Open will refuse the plugin"],
	}
}

test_equal_packages_are_fine if {
	count(found(recorded.passing)) == 0
}

test_a_plugin_without_a_host_cannot_be_judged if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because no host is known: name it with --host"] in messages
}
