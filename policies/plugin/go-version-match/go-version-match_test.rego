package elfgate.rules.plugin["go-version-match_test"]

import data.elfgate.recorded.plugin["go-version-match"] as recorded
import data.elfgate.rules.plugin["go-version-match"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_plugin_of_another_toolchain_kills_the_host if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/go/plugin@1.25", "plugin and host were built by different Go toolchains; plugin.Open will kill the host"],
	}
}

test_a_plugin_of_the_same_toolchain_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_plugin_without_a_host_cannot_be_judged if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because no host is known: name it with --host"] in messages
}
