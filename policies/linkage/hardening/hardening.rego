# METADATA
# title: binaries carry the protections of their toolchain
# description: |
#   Detects an executable stack, text relocations, missing RELRO, lazy binding, programs at fixed addresses and missing
#   stack canaries.
#
#   None of them breaks a program; each makes a memory error in it easier to exploit. An executable stack and text
#   relocations are also refused outright by hardened kernels and by SELinux.
#
#   Build with `-fPIE -pie -fstack-protector-strong -Wl,-z,relro,-z,now,-z,noexecstack`; Go: `-buildmode=pie`.
# related_resources:
#   - ref: https://best.openssf.org/Compiler-Hardening-Guides/Compiler-Options-Hardening-Guide-for-C-and-C++.html
#     description: OpenSSF compiler options hardening guide
# custom:
#   severity: warning
#   facts: [elf.relro, elf.executableStack, elf.flags, elf.positionIndependent, elf.stackProtector]
#   sets: [recommended, strict, marketplace]
#   params:
#     require:
#       description: protections that a binary must have
#       type: array
#       items:
#         enum: [noexecstack, notextrel, relro, bind-now, pie, stack-protector]
#       default: [noexecstack, notextrel, relro, bind-now, pie, stack-protector]
package elfgate.rules.linkage.hardening

import data.elfgate.lib

required contains name if some name in data.elfgate.parameters.linkage.hardening.require

findings contains finding if {
	some candidate in input.binaries
	candidate.format == "elf"
	candidate.elf.type in ["exec", "dyn"]
	missing := [fault | some name in required; fault := lacks(candidate, name)]
	count(missing) > 0
	finding := {
		"path": candidate.path,
		"message": sprintf("lacks protections: %s", [concat(", ", sort([fault.text | some fault in missing]))]),
		"severity": severity(missing),
		"evidence": [{"at": fault.at, "label": fault.name, "value": fault.value} | some fault in missing],
		"help": help(candidate),
	}
}

findings contains lib.unknown(candidate.path, "a stripped static binary does not show whether it has stack canaries") if {
	"stack-protector" in required
	some candidate in input.binaries
	candidate.elf.type in ["exec", "dyn"]
	candidate.format == "elf"
	candidate.named
	candidate.go == null
	candidate.elf.stackProtector == null
}

# What a hardened kernel refuses is worth a warning; what only costs a layer of defence is worth knowing.
severity(missing) := "warning" if {
	some fault in missing
	fault.name in ["noexecstack", "notextrel"]
} else := "warning" if {
	some fault in missing
	fault.name == "relro"
} else := "info"

lacks(candidate, "noexecstack") := {
	"name": "noexecstack",
	"text": "executable stack",
	"at": "PT_GNU_STACK",
	"value": "the stack is executable",
} if {
	candidate.elf.executableStack
	candidate.elf.machine in ["x86_64", "386", "arm", "s390", "ppc"]
}

lacks(candidate, "notextrel") := {
	"name": "notextrel",
	"text": "text relocations",
	"at": "DT_TEXTREL",
	"value": "code is patched at load time",
} if {
	"TEXTREL" in candidate.elf.flags
}

lacks(candidate, "relro") := {
	"name": "relro",
	"text": "no RELRO",
	"at": "PT_GNU_RELRO",
	"value": "absent",
} if {
	candidate.elf.relro == "none"
	not go_static(candidate)
}

lacks(candidate, "bind-now") := {
	"name": "bind-now",
	"text": "lazy binding",
	"at": "DT_FLAGS",
	"value": "no BIND_NOW: the table of called functions stays writable",
} if {
	candidate.elf.relro == "partial"
}

lacks(candidate, "pie") := {
	"name": "pie",
	"text": "fixed addresses",
	"at": "ELF header",
	"value": "type exec: not position-independent",
} if {
	candidate.elf.positionIndependent == false
}

lacks(candidate, "stack-protector") := {
	"name": "stack-protector",
	"text": "no stack canaries",
	"at": "symbols",
	"value": "no __stack_chk_fail",
} if {
	candidate.elf.stackProtector == false
	candidate.go == null
	candidate.elf.program
}

# Go's own linker writes no RELRO segment into static programs; they have no table that it would protect.
go_static(candidate) if {
	candidate.go != null
	candidate.elf.interpreter == null
	count(candidate.elf.needed) == 0
}

help(candidate) := "go build -buildmode=pie -ldflags=-extldflags=-Wl,-z,relro,-z,now …" if {
	candidate.go != null
} else := "cc -O2 -fPIE -pie -fstack-protector-strong -Wl,-z,relro,-z,now,-z,noexecstack …"
