#include "my-api.h"

int my_api_internal_state = 7;

int my_api_internal_count(void) {
	return my_api_internal_state + 1;
}

void my_api_internal_note(int handle) {
	my_api_internal_state += handle;
}
