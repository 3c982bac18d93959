package elfgate.rules.plugin["debug-info_test"]

import data.elfgate.recorded.plugin["debug-info"] as recorded
import data.elfgate.rules.plugin["debug-info"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_stripped_plugin_is_hard_to_diagnose if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {[
		"lab/go/plugin-ldflags-s-w",
		"plugin has no .symtab and no .debug_info; a crash in it is hard to diagnose",
	]}
}

test_a_plugin_with_symbols_is_not if {
	count(found(recorded.passing)) == 0
}
