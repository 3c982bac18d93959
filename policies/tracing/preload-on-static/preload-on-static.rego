# METADATA
# title: preloaded libraries reach the program
# description: |
#   Detects LD_PRELOAD, set by an image or a container, for a program that is statically linked.
#
#   A static program is started without the dynamic loader, which alone reads LD_PRELOAD: the tracer, allocator or shim
#   that it names is not loaded, and nothing says so.
#
#   Link the program dynamically, build the library into it, or trace it from outside with eBPF.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man8/ld.so.8.html
#     description: ld.so(8), LD_PRELOAD
# custom:
#   severity: warning
#   facts: [launch.preload, launch.executable, elf.interpreter]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.tracing["preload-on-static"]

import data.elfgate.lib

findings contains finding if {
	count(input.launch.preload) > 0
	program := lib.binary(input.launch.executable)
	is_static(program)
	finding := {
		"path": program.path,
		"message": sprintf("is static, so that LD_PRELOAD has no effect on it: %s is never loaded", [
			lib.summary(input.launch.preload, 3),
		]),
		"evidence": [
			{"at": "LD_PRELOAD", "label": "asked for", "value": concat(":", input.launch.preload)},
			{"at": "program headers", "label": "program", "value": "no PT_INTERP"},
		],
		"help": "link the program dynamically, or trace it from outside",
	}
}

findings contains lib.unknown(started, reason) if {
	count(input.launch.preload) > 0
	not starts_binary
	reason := "LD_PRELOAD is set, and what the process starts is no binary of the image: a script, a link, or nothing"
}

starts_binary if lib.binary(input.launch.executable)

default started := "/"

started := input.launch.executable if {
	input.launch.executable != null
} else := input.launch.entrypoint[0]

is_static(program) if {
	program.format == "elf"
	program.elf.program
	program.elf.interpreter == null
}
