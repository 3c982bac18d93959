package elfgate.rules.plugin["build-settings-match_test"]

import data.elfgate.recorded.plugin["build-settings-match"] as recorded
import data.elfgate.rules.plugin["build-settings-match"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_plugin_built_with_trimpath_does_not_fit_a_host_built_without if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/go/plugin-trimpath", "plugin and host were built with other settings (-trimpath); plugin.Open refuses such a plugin"],
	}
}

test_equal_settings_are_fine if {
	count(found(recorded.passing)) == 0
}

test_binaries_of_go_1_19_plugins_state_no_settings if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because host or plugin does not state its build settings"] in messages
}
