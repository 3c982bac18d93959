# METADATA
# title: conftest
# description: |
#   Runs policies that were written for Conftest: rules named deny, violation or warn, with or without a suffix, whose
#   values are texts, or objects with a msg.
package elfgate.lib.conftest

# METADATA
# description: What such policies take for input, a Kubernetes object as it was written or else the facts.
# scope: document
default document := {}

document := input.workload.review.object if input.workload.review != null

document := input if not has_workload

has_workload if input.workload != null

# METADATA
# description: |
#   The values of a rule. What is neither a set nor a list is no message, and goes on to be refused, so that a rule of
#   another kind is not taken for one that found nothing.
# scope: document
messages(values) := values if is_array(values)

messages(values) := values if is_set(values)

messages(value) := [value] if {
	not is_array(value)
	not is_set(value)
	value != false
}

# METADATA
# description: The finding that a value of a rule stands for.
# scope: document
finding(rule, value, severity) := {
	"path": text(value, "path"),
	"message": message(value),
	"severity": severity,
	"evidence": [{"at": rule, "label": label, "value": shown(content)} |
		is_object(value)
		some label, content in value
		not label in {"msg", "path"}
	],
	"help": null,
}

message(value) := value if is_string(value)

message(value) := text(value, "msg") if not is_string(value)

default text(_, _) := ""

text(value, key) := value[key] if is_string(value[key])

shown(content) := content if is_string(content)

shown(content) := json.marshal(content) if not is_string(content)
