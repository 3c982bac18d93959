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

# Of each rule that is on, by `rule/FAMILY/NAME`. The same text, traced, tells the engine which rule begins: a rule that
# never ends cannot say so itself. Findings are handed on as they are, for to step through a set, or to add to one, is to
# compare all that its items hold.
findings[traced] := found if {
	some family, name
	data.elfgate.parameters[family][name]
	traced := concat("/", ["rule", family, name])
	trace(traced)
	found := data.elfgate.rules[family][name].findings
	count(found) > 0
}
