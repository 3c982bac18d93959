/* Has a buffer on its stack, so that the compiler's protections have something to protect. */
#include <stdio.h>
#include <string.h>

int main(int count, char **values) {
	char name[64];
	strcpy(name, count > 1 ? values[1] : "nobody");
	printf("hello %s\n", name);
	return 0;
}
