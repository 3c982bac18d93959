/* An absolute address inside of code: the loader must write to the text segment. */
	.text
	.globl textrel_address
	.type textrel_address, @function
textrel_address:
	movabsq $textrel_data, %rax
	ret
	.size textrel_address, . - textrel_address

	.data
	.globl textrel_data
	.type textrel_data, @object
textrel_data:
	.long 42
	.size textrel_data, . - textrel_data

	.section .note.GNU-stack, "", @progbits
