# METADATA
# title: the root holds the loader that a program names
# description: |
#   Detects a dynamically linked program whose loader (PT_INTERP) is not in its root file system: a glibc program in a
#   musl or empty image, the reverse, or one for another architecture.
#
#   The kernel answers execve with ENOENT, which shells print as "not found" although the program itself is there.
#
#   Use a base image with the C library that the program was linked for, link it statically, or build it in the image
#   that it runs in.
# related_resources:
#   - ref: https://man7.org/linux/man-pages/man2/execve.2.html
#     description: execve(2), ENOENT for an ELF interpreter
# custom:
#   severity: error
#   facts: [elf.interpreter, elf.interpreterInRoot, root.libc]
#   sets: [recommended, strict, marketplace]
package elfgate.rules.linkage.interpreter

import data.elfgate.lib

findings contains finding if {
	some program in input.binaries
	program.elf.interpreterInRoot == "absent"
	program.elf.program
	finding := {
		"path": program.path,
		"message": sprintf("loader %s is not in the root%s; starting the program fails with \"no such file or directory\"", [
			program.elf.interpreter,
			other_libc(program),
		]),
		"evidence": array.concat(
			[{"at": "PT_INTERP", "label": "wants", "value": program.elf.interpreter}],
			root_libc,
		),
		"help": sprintf("add the package that owns %s, or link the program statically", [program.elf.interpreter]),
	}
}

findings contains finding if {
	some program in input.binaries
	program.elf.interpreterInRoot == "other-machine"
	program.elf.program
	finding := {
		"path": program.path,
		"message": sprintf("loader %s of the root is for another machine than the program", [program.elf.interpreter]),
		"evidence": [{"at": "PT_INTERP", "label": "wants", "value": program.elf.interpreter}],
		"help": "put the program of the root's platform into the image",
	}
}

findings contains lib.unknown(program.path, "no root file system is given: check the directory or image it runs in") if {
	not lib.has_root
	some program in input.binaries
	program.elf.program
	program.elf.interpreter != null
}

root_libc := [{"at": input.root.libc.path, "label": "root", "value": input.root.libc.kind}] if {
	input.root.libc != null
} else := [{"at": "/", "label": "root", "value": "no C library"}]

other_libc(program) := sprintf(", whose C library is %s and not %s", [input.root.libc.kind, program.libc.kind]) if {
	input.root.libc != null
	program.libc.kind in ["glibc", "musl"]
	program.libc.kind != input.root.libc.kind
} else := ""
