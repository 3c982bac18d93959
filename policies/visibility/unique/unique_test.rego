package elfgate.rules.visibility.unique_test

import data.elfgate.recorded.visibility.unique as recorded
import data.elfgate.rules.visibility.unique as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_unique_symbols_pin_their_object if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {
		["lab/c/unique", "_ZN8RegistryIiE5countE, _ZZ14inline_countervE7counter of unique binding: once loaded, it can never be unloaded"],
	}
}

test_the_same_source_without_them_is_fine if {
	count(found(recorded.passing)) == 0
}
