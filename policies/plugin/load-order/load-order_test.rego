package elfgate.rules.plugin["load-order_test"]

import data.elfgate.recorded.plugin["load-order"] as recorded
import data.elfgate.rules.plugin["load-order"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_another_build_of_a_package_that_only_plugins_hold_is_found if {
	messages := {[finding.severity, finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {[
		"error",
		"lab/go/plugin-billing-other-ledger",
		"plugin loads alone, and is refused after lab/go/plugin-auditor; they are opened in the order that was given",
	]}
}

test_plugins_of_the_same_build_are_fine if {
	count(found(recorded.passing)) == 0
}

test_a_plugin_behind_one_that_cannot_be_told_cannot_be_judged if {
	messages := {[finding.severity, finding.path, finding.message] | some finding in found(recorded.unknown)}
	messages == {[
		"info",
		"lab/go/plugin",
		"cannot tell because what the plugins before it do to the process is not known: lab/go/plugin-missing-library",
	]}
}
