# METADATA
# title: a crash in the plugin can be diagnosed
# description: |
#   Detects a plugin without the linker's symbols and without debug information: linked with `-s` or `-w`, or stripped.
#
#   The plugin loads all the same, and Go still prints stack traces. Debuggers, profilers that look at addresses, and core
#   dumps show no variables and, for C code, no names.
#
#   Build without `-ldflags=-s` and `-w`, or keep the separate debug file that `objcopy --only-keep-debug` makes.
# related_resources:
#   - ref: https://pkg.go.dev/cmd/link
#     description: "cmd/link: -s and -w"
# custom:
#   severity: info
#   facts: [elf.stripped, elf.debugInformation]
#   sets: [strict, marketplace]
package elfgate.rules.plugin["debug-info"]

findings contains finding if {
	some candidate in input.binaries
	candidate.role == "plugin"
	missing := array.concat(
		[".symtab" | candidate.elf.stripped],
		[".debug_info" | candidate.elf.debugInformation == false],
	)
	count(missing) > 0
	finding := {
		"path": candidate.path,
		"message": sprintf("plugin has no %s; a crash in it is hard to diagnose", [concat(" and no ", missing)]),
		"evidence": [{"at": "section headers", "label": "plugin", "value": sprintf("no %s", [name])} | some name in missing],
		"help": "go build -buildmode=plugin …   (without -ldflags=-s or -w, and without strip)",
	}
}
