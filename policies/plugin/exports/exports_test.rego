package elfgate.rules.plugin.exports_test

import data.elfgate.recorded.plugin.exports as recorded
import data.elfgate.rules.plugin.exports as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_plugin_without_the_function_is_found if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating) with data.elfgate.parameters.plugin.exports.symbols as ["Greet", "Version"]}
	messages == {["lab/go/plugin-without-greet", "plugin does not export Greet; plugin.Lookup will fail"]}
}

test_a_plugin_with_all_of_them_is_fine if {
	count(found(recorded.passing)) == 0 with data.elfgate.parameters.plugin.exports.symbols as ["Greet", "Version"]
}

test_a_host_that_looks_nothing_up_misses_nothing if {
	count(found(recorded.violating)) == 0 with data.elfgate.parameters.plugin.exports.symbols as []
}

test_a_c_library_does_not_tell if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown) with data.elfgate.parameters.plugin.exports.symbols as ["Greet"]}
	messages == {["info", "cannot tell because the exported names of the plugin cannot be read"]}
}
