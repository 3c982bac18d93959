/* A library that calls and reads its own exported symbols: may somebody else's be used instead? */
#ifndef VISIBILITY
#define VISIBILITY "default"
#endif

__attribute__((visibility(VISIBILITY))) int own_data = 1;

__attribute__((visibility(VISIBILITY), noinline)) int own_function(void) {
	return own_data;
}

int call_own(void) {
	return own_function() + own_data;
}
