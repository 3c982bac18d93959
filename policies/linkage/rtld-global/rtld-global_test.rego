package elfgate.rules.linkage["rtld-global_test"]

import data.elfgate.recorded.linkage["rtld-global"] as recorded
import data.elfgate.rules.linkage["rtld-global"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_library_that_does_not_need_its_provider_needs_the_global_scope if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/c/needy", "provider_fn comes only from lab/c/provider, which it does not need; it loads only after that was opened with RTLD_GLOBAL"],
	}
}

test_a_library_that_needs_its_provider_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_symbol_that_nothing_given_defines_cannot_be_judged if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	["info", "cannot tell because nothing that was given or is needed defines provider_fn: name the objects that are loaded before it"] in messages
}
