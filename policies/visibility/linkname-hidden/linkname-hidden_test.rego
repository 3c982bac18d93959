package elfgate.rules.visibility["linkname-hidden_test"]

import data.elfgate.recorded.visibility["linkname-hidden"] as recorded
import data.elfgate.rules.visibility["linkname-hidden"] as rule

found(documents) := {finding |
	some document in documents
	some finding in rule.findings with input as document
}

test_a_function_that_its_library_hides_is_found if {
	messages := {[finding.path, finding.message] | some finding in found(recorded.violating)}
	messages == {[
		"lab/go/plugin-hidden-c-symbol",
		"refers to my_api_internal_count, which lab/c/my-api-hidden keeps to itself; opening it fails with \"undefined symbol\"",
	]}
}

test_a_function_that_its_library_exports_is_fine if {
	count(found(recorded.passing)) == 0
}

test_a_library_without_its_symbol_table_does_not_tell if {
	messages := {[finding.severity, finding.message] | some finding in found(recorded.unknown)}
	messages == {[
		"info",
		"cannot tell because lab/c/my-api-hidden-stripped is stripped of its symbol table, and may hide my_api_internal_count",
	]}
}
