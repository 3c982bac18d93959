# METADATA
# title: lib
# description: What rules share.
package elfgate.lib

# METADATA
# description: |
#   The finding of a rule that would need a fact which the binary does not state. A rule never passes silently and
#   never guesses. The reason completes the sentence "cannot tell because …".
# scope: document
unknown(path, reason) := {
	"path": path,
	"message": concat(" ", ["cannot tell because", reason]),
	"severity": "info",
	"evidence": [],
	"help": null,
}
