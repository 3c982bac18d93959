# METADATA
# title: older
# description: Built-in functions that Rego has no more, for policies that were imported from its version 0.
package elfgate.lib.older

# METADATA
# description: Whether one of several values is true.
# scope: document
default any_true(_) := false

any_true(values) if true in values

# METADATA
# description: Whether all of several values are true.
# scope: document
default all_true(_) := false

all_true(values) if {
	every value in values {
		value == true
	}
}

# METADATA
# description: What is in one set and not in another.
# scope: document
difference(set, other) := set - other
