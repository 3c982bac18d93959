# METADATA
# title: verdict
# description: |
#   Gathers the findings of every rule that is on. A rule is any package elfgate.rules.FAMILY.NAME with a set named
#   findings; it is on when its parameters, possibly none, are in the base data.
package elfgate

# METADATA
# description: |
#   The one entrypoint. It is undefined without an input object, so that an input which was lost on the way can never
#   look like an input without findings.
# entrypoint: true
verdict := {"findings": findings} if is_object(input)

# trace() tells the engine which rule begins, for a rule that never ends cannot say so itself.
findings contains object.union(finding, {"rule": concat("/", [family, name])}) if {
	some family, name
	data.elfgate.parameters[family][name]
	trace(concat("/", ["rule", family, name]))
	some finding in data.elfgate.rules[family][name].findings
}
