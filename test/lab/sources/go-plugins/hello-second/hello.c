#include "hello.h"

const char *hello_impl(void) {
	return "hello from the second plugin";
}
