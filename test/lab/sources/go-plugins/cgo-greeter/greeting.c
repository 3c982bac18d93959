#include "greeting.h"

const char *cgo_greeting(void) {
	return "greetings from C";
}
