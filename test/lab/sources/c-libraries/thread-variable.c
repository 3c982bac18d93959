/* A library with thread-local storage. */
static __thread int calls;

int count_in_thread(void) {
	return calls++;
}
