#include "my-api.h"

int my_api_open(const char *name) {
	int handle = name == 0 ? -1 : my_api_internal_count();
	my_api_internal_note(handle);
	return handle;
}

int my_api_close(int handle) {
	my_api_internal_note(-handle);
	return my_api_internal_state;
}
