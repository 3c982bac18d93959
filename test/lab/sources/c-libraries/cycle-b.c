int cycle_a(int depth);

static int initialised;

__attribute__((constructor)) static void initialise(void) {
	initialised = 1;
}

/* Whether this library was initialised when the other one called it. */
int cycle_b(int depth) {
	return depth == 0 ? initialised : cycle_a(depth - 1);
}
