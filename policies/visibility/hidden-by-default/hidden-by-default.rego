# METADATA
# title: only the declared interface is exported
# description: |
#   Detects exported names beyond the interface: those that the parameter `allow` does not declare, or, where nothing
#   is declared, an object that hides none of its names.
#
#   Every exported name can be replaced by one of the same name in another object of the process, and replaces others:
#   two plugins that export `hello_impl` silently call each other's code.
#
#   Compile with `-fvisibility=hidden` and mark the interface with `__attribute__((visibility("default")))`, or link
#   with a version script. For cgo: `#cgo CFLAGS: -fvisibility=hidden`.
# related_resources:
#   - ref: https://gcc.gnu.org/wiki/Visibility
#     description: "GCC: visibility"
#   - ref: https://github.com/golang/go/issues/42854
#     description: C symbols of two cgo plugins clash
# custom:
#   severity: warning
#   facts: [elf.surface]
#   sets: [recommended, strict, marketplace]
#   params:
#     allow:
#       description: patterns of names that belong to the interface (* stands for any characters)
#       type: array
#       items:
#         type: string
#       default: []
package elfgate.rules.visibility["hidden-by-default"]

import data.elfgate.lib

allow := data.elfgate.parameters.visibility["hidden-by-default"].allow

findings contains finding if {
	some candidate in input.binaries
	candidate.elf.surface != null
	undeclared := [name | some name in candidate.elf.surface.names; not declared(name)]
	count(undeclared) > 0
	reason := reason_of(candidate)
	finding := {
		"path": candidate.path,
		"message": sprintf("exports %s %s; another object's name can replace each", [
			lib.counted(count(undeclared) + unlisted(candidate), "name"),
			reason,
		]),
		"evidence": [{"at": ".dynsym", "label": "exports", "value": name} | some name in array.slice(undeclared, 0, 8)],
		"notes": lib.rest(count(undeclared) + unlisted(candidate), 8),
		"help": help(candidate),
	}
}

findings contains lib.unknown(candidate.path, reason) if {
	count(allow) == 0
	some candidate in input.binaries
	candidate.elf.surface.count > 1
	candidate.elf.surface.hiddenCount == null
	not is_go_plugin(candidate)
	reason := "it is stripped and no interface is declared: set the parameter allow"
}

declared(name) if {
	some pattern in allow
	glob.match(pattern, [], name)
}

reason_of(_) := "beyond the declared interface" if count(allow) > 0

reason_of(candidate) := "of its C code beside what plugin.Lookup finds" if {
	count(allow) == 0
	is_go_plugin(candidate)
}

reason_of(candidate) := "and hides none: it was built without -fvisibility=hidden" if {
	count(allow) == 0
	not is_go_plugin(candidate)
	candidate.elf.surface.hiddenCount == 0

	# One exported name may well be all that there is.
	candidate.elf.surface.count > 1
}

is_go_plugin(candidate) if candidate.go.plugin != null

unlisted(candidate) := candidate.elf.surface.count - count(candidate.elf.surface.names)

help(candidate) := "#cgo CFLAGS: -fvisibility=hidden" if {
	is_go_plugin(candidate)
} else := "cc -fvisibility=hidden …   (and mark the interface with visibility(\"default\"))"
