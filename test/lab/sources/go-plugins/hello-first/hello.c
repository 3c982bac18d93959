#include "hello.h"

const char *hello_impl(void) {
	return "hello from the first plugin";
}
