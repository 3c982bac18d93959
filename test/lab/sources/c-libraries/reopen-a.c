/* The initialiser opens the other library, whose initialiser opens this one while it is half initialised. */
#include <dlfcn.h>

int reopen_a_ready;

__attribute__((constructor)) static void initialise(void) {
	dlopen("libreopen-b.so", RTLD_NOW | RTLD_GLOBAL);
	reopen_a_ready = 1;
}
