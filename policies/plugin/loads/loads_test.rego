package elfgate.rules.plugin.loads_test

import data.elfgate.recorded.plugin.loads as recorded
import data.elfgate.rules.plugin.loads as rule

found(documents) := {[finding.severity, finding.path, finding.message] |
	some document in documents
	some finding in rule.findings with input as document
}

test_plugins_that_are_refused_for_no_other_rule_are_found if {
	messages := {[finding.path, finding.message, finding.evidence[0].value] |
		some finding in rule.findings with input as recorded.violating[0]
	}
	missing := "cannot open shared object file: No such file or directory"
	messages == {
		["plugins/library.so", sprintf("plugin.Open fails: libabsent.so: %s", [missing]), "library-not-found"],
		["plugins/musl.so", sprintf("plugin.Open fails: libc.so: %s", [missing]), "library-not-found"],
		["plugins/path.so", "plugin.Open fails (plugin-path-mismatch)", "plugin-path-mismatch"],
		["plugins/symbol.so", "plugin.Open fails: /plugins/symbol.so: undefined symbol: defined_nowhere", "undefined-symbol"],
	}
}

test_a_plugin_that_loads_is_fine if {
	count(found(recorded.passing)) == 0
}

test_what_depends_on_libraries_that_are_not_at_hand_cannot_be_told if {
	found(recorded.unknown) == {[
		"info",
		"lab/go/plugin-missing-library",
		"cannot tell because libraries that decide about it are not at hand: check the directory or image that the host runs in",
	]}
}
