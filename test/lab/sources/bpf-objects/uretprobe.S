/* One uretprobe program that returns 0, as bytes: r0 = 0; exit. Compiled by the same tools that compile C. */
	.section "uretprobe//usr/bin/probe-target:main.manyReturns", "ax", @progbits
	.globl on_many_returns
	.type on_many_returns, @function
on_many_returns:
	.byte 0xb7, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
	.byte 0x95, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
	.size on_many_returns, . - on_many_returns

	.section "license", "aw", @progbits
	.globl _license
	.type _license, @object
_license:
	.asciz "GPL"
	.size _license, . - _license
