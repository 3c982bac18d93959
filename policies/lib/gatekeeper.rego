# METADATA
# title: gatekeeper
# description: |
#   Runs Gatekeeper's templates: which objects a constraint covers, and what its violations are as findings. The words
#   and their meaning are those of Gatekeeper's pkg/mutation/match.
package elfgate.lib.gatekeeper

# METADATA
# description: The finding that a violation stands for. Without a msg it has no message, and is refused.
# scope: document
finding(violation, notes) := {
	"path": "",
	"message": message(violation),
	"evidence": [{"at": "details", "label": label, "value": shown(content)} |
		some label, content in object.get(violation, "details", {})
	],
	"notes": notes,
	"help": null,
}

default message(_) := ""

message(violation) := violation.msg if is_string(violation.msg)

shown(content) := content if is_string(content)

shown(content) := json.marshal(content) if not is_string(content)

# METADATA
# description: |
#   Whether the match of a constraint covers what is reviewed. Where the labels of the namespace are not known, it is
#   covered: see unsure.
# scope: document
covers(match, workload) if {
	subject := reviewed(workload.review)
	covers_kind(match, workload.review.kind)
	covers_scope(match, workload.review, subject)
	covers_namespace(match, workload.review, subject)
	not excludes_namespace(match, workload.review, subject)
	covers_labels(object.get(match, "labelSelector", {}), labels(subject))
	covers_namespace_labels(match, workload, subject)
	covers_name(match, subject)
	object.get(match, "source", "All") != "Generated"
}

# METADATA
# description: What the reader must know about a finding of a constraint whose match could not be judged in full.
# scope: document
unsure(match, workload) := [sprintf(
	"the constraint selects namespaces by label, and the labels of namespace %s are not known",
	[namespace(workload.review, reviewed(workload.review))],
)] if {
	match.namespaceSelector
	not is_namespace(workload.review.kind)
	has_namespace(workload.review, reviewed(workload.review))
	workload.namespaceLabels == null
} else := []

# What is deleted has no object any more.
reviewed(review) := review.object if is_object(review.object)

reviewed(review) := review.oldObject if {
	not is_object(review.object)
	is_object(review.oldObject)
}

covers_kind(match, _) if count(object.get(match, "kinds", [])) == 0

covers_kind(match, kind) if {
	some wanted in match.kinds
	among(kind.kind, object.get(wanted, "kinds", []))
	among(kind.group, object.get(wanted, "apiGroups", []))
}

among(_, []) := true

among(_, names) if "*" in names

among(name, names) if name in names

covers_scope(match, _, _) if not object.get(match, "scope", "*") in {"Cluster", "Namespaced"}

covers_scope(match, review, _) if {
	match.scope == "Cluster"
	is_namespace(review.kind)
}

covers_scope(match, review, subject) if {
	match.scope == "Cluster"
	not has_namespace(review, subject)
}

covers_scope(match, review, subject) if {
	match.scope == "Namespaced"
	not is_namespace(review.kind)
	has_namespace(review, subject)
}

is_namespace(kind) if {
	kind.kind == "Namespace"
	kind.group == ""
}

# A namespace is in itself. An object without one cannot be ruled out by it.
namespace(review, subject) := subject.metadata.name if is_namespace(review.kind)

namespace(review, subject) := subject.metadata.namespace if {
	not is_namespace(review.kind)
	object.get(subject.metadata, "namespace", "") != ""
}

namespace(review, subject) := review.namespace if {
	not is_namespace(review.kind)
	object.get(subject.metadata, "namespace", "") == ""
	object.get(review, "namespace", "") != ""
}

has_namespace(review, subject) if namespace(review, subject)

covers_namespace(match, _, _) if count(object.get(match, "namespaces", [])) == 0

covers_namespace(_, review, subject) if not has_namespace(review, subject)

covers_namespace(match, review, subject) if {
	some pattern in match.namespaces
	follows(namespace(review, subject), pattern)
}

excludes_namespace(match, review, subject) if {
	some pattern in match.excludedNamespaces
	follows(namespace(review, subject), pattern)
}

covers_name(match, _) if object.get(match, "name", "") == ""

covers_name(match, subject) if follows(object.get(subject.metadata, "name", ""), match.name)

# The generated part of a name can follow only what is open at its end.
covers_name(match, subject) if {
	endswith(match.name, "*")
	follows(object.get(subject.metadata, "generateName", ""), match.name)
}

# A star stands for anything, at the beginning and at the end of a pattern.
follows(name, pattern) if {
	startswith(pattern, "*")
	endswith(pattern, "*")
	contains(name, trim_prefix(trim_suffix(pattern, "*"), "*"))
}

follows(name, pattern) if {
	startswith(pattern, "*")
	not endswith(pattern, "*")
	endswith(name, trim_prefix(pattern, "*"))
}

follows(name, pattern) if {
	not startswith(pattern, "*")
	endswith(pattern, "*")
	startswith(name, trim_suffix(pattern, "*"))
}

follows(name, name) := true

covers_namespace_labels(match, _, _) if not match.namespaceSelector

covers_namespace_labels(match, workload, subject) if {
	is_namespace(workload.review.kind)
	covers_labels(match.namespaceSelector, labels(subject))
}

covers_namespace_labels(_, workload, subject) if {
	not is_namespace(workload.review.kind)
	not has_namespace(workload.review, subject)
}

covers_namespace_labels(match, workload, subject) if {
	not is_namespace(workload.review.kind)
	has_namespace(workload.review, subject)
	workload.namespaceLabels != null
	covers_labels(match.namespaceSelector, workload.namespaceLabels)
}

covers_namespace_labels(_, workload, subject) if {
	not is_namespace(workload.review.kind)
	has_namespace(workload.review, subject)
	workload.namespaceLabels == null
}

labels(subject) := found if {
	found := object.get(subject.metadata, "labels", {})
	is_object(found)
} else := {}

# A selector of labels, as Kubernetes defines it (LabelSelector of apimachinery).
covers_labels(selector, found) if {
	every key, value in object.get(selector, "matchLabels", {}) {
		found[key] == value
	}
	every expression in object.get(selector, "matchExpressions", []) {
		meets(expression, found)
	}
}

meets(expression, found) if {
	expression.operator == "In"
	found[expression.key] in expression.values
}

meets(expression, found) if {
	expression.operator == "NotIn"
	not object.get(found, expression.key, null) in expression.values
}

meets(expression, found) if {
	expression.operator == "Exists"
	expression.key in object.keys(found)
}

meets(expression, found) if {
	expression.operator == "DoesNotExist"
	not expression.key in object.keys(found)
}
