/* Says that it was loaded: a static program never does. */
#include <stdio.h>

__attribute__((constructor)) static void announce(void) {
	fputs("preloaded\n", stderr);
}
